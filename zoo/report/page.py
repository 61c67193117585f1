"""Pages that are one file each: the template's, the style and the script within, no address of
another place."""

from __future__ import annotations

import base64
import functools
import hashlib
from importlib import resources

import jinja2
from markupsafe import Markup

from zoo.printable import visible
from zoo.quantities import as_flag, duration, percent, size

_TEMPLATES = "templates"


def render(template: str, **facts: object) -> str:
    """HTML of templates/`template`, to which `facts` are known by name.

    Every text is escaped, and shows control characters and marks that turn the direction of
    writing instead of obeying them. A browser that obeys the page's policy loads nothing and runs
    this package's script alone.
    """
    style, script = _file("style.css"), _file("zoom.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return _environment().get_template(template).render(
        **facts, style=Markup(style), script=Markup(script), script_digest=digest
    )


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(__package__, _TEMPLATES), autoescape=True,
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_shown,
    )
    environment.filters |= {own.__name__: own for own in (as_flag, duration, percent, size)}
    return environment


@functools.cache
def _file(name: str) -> str:
    return (resources.files(__package__) / _TEMPLATES / name).read_text(encoding="utf-8")


def _shown(value: object) -> object:
    # Markup is this package's own: the style, the script, what a macro has made.
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value
