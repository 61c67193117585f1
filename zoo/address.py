"""Parts from outside of the zoo, by address: "package.module:Name".

Wherever a recipe or a function takes a name (a model, an operation, an optimizer, a schedule, a
data source), such an address stands for the object that the user's own package has under it. What
the user types is imported. What a file says (a recipe, a model of somebody else) is imported only
where the user has named the package as trusted: `require_trust`.
"""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Collection

_ADDRESS = re.compile(r"([A-Za-z_]\w*)((?:\.[A-Za-z_]\w*)*):([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)")


def is_address(name: str) -> bool:
    """True for a text of the form package.module:Name."""
    return _ADDRESS.fullmatch(name) is not None


def load(address: str, kind: str) -> object:
    """Imports the object at `address`. kind: what it should be, for the message.

    Raises:
      ValueError: there is no such module or name, or importing it fails.
    """
    try:
        return pkgutil.resolve_name(address)
    # Whatever a module of the user's does when it is imported, it is about that address.
    except Exception as error:
        raise ValueError(
            f"got {kind} {address!r}, which cannot be imported ({type(error).__name__}: "
            f"{' '.join(str(error).split())}); expected package.module:Name of a package that "
            "Python finds, in the folder of the command or installed"
        ) from error


def require_trust(addresses: Collection[str], trust: Collection[str], origin: str) -> None:
    """Raises ValueError unless the package of each address is in `trust`.

    origin: the file that names them, for the message.
    """
    for address in addresses:
        package = _ADDRESS.fullmatch(address)[1]
        if package not in trust:
            raise ValueError(
                f"{origin} names {address!r}, code from outside of the zoo that would run here; "
                f"expected --trust={package} (in Python: trust=({package!r},)) if you trust it"
            )
