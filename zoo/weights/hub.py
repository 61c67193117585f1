"""Weights in repositories of the Hugging Face Hub: "hf:OWNER/REPO", or "hf:OWNER/REPO@REVISION".

A repository has model.safetensors, as `zoo.push_to_hub` puts it there, or with timm's config.json
beside it (zoo/weights/timm_config.py). What was downloaded first is what it has to be from then
on: the commit that a branch was at, and the SHA-256 of each file, are kept as a pin in the cache,
$ZOO_CACHE/hub; deleting the pin lets the newest in. HF_ENDPOINT names another server,
ZOO_OFFLINE=1 keeps the network untouched; huggingface_hub (the extra "hub") downloads.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from zoo.cache_folder import cache_folder
from zoo.files import write_text
from zoo.lazy import lazy_module
from zoo.weights import artefact, timm_config
from zoo.weights.download import locked, offline

huggingface_hub = lazy_module("huggingface_hub")
errors = lazy_module("huggingface_hub.errors")

PREFIX = "hf:"
_NAME = re.compile(r"(?P<repo>[\w.-]+/[\w.-]+)(@(?P<revision>[\w.-]+(/[\w.-]+)*))?", re.ASCII)


class Name(NamedTuple):
    """repo: OWNER/REPO. revision: a branch, a tag or a commit."""

    repo: str
    revision: str


def parse(text: str) -> Name:
    """Raises ValueError, in one line, for another form than hf:OWNER/REPO[@REVISION]."""
    match = _NAME.fullmatch(text.removeprefix(PREFIX))
    if match is None or ".." in text:
        raise ValueError(f"got weights={text!r}; expected hf:OWNER/REPO or hf:OWNER/REPO@REVISION")
    return Name(match["repo"], match["revision"] or "main")


def fetch(text: str) -> Path:
    """model.safetensors of the repository that `text` names, as it was when it was first fetched,
    with config.json beside it where the repository has one.

    Raises:
      ValueError: another form of text; a file of another hash than the first time.
      OSError: no such repository, revision or file; no answer; ZOO_OFFLINE=1 and no file;
        huggingface_hub is not installed.
    """
    name = parse(text)
    pin = cache_folder() / "hub" / f"{name.repo.replace('/', '--')}@{_plain(name.revision)}.json"
    with locked(pin):
        known = json.loads(pin.read_text()) if pin.exists() else None
        revision = known["commit"] if known else name.revision
        with one_line(text):
            weights = _download(name.repo, artefact.NAME, revision)
            commit = weights.parent.name  # the folder of a snapshot is called by its commit
            files = {artefact.NAME: _sha256(weights)}
            if artefact.read_card(weights) is None:
                files[timm_config.NAME] = _sha256(_download(name.repo, timm_config.NAME, commit))
        if known is None:
            write_text(pin, json.dumps({"commit": commit, "files": files}, indent=1) + "\n")
        elif files != known["files"]:
            raise ValueError(
                f"got sha256 {files} of {text} at {weights.parent}; expected {known['files']}: "
                f"delete that folder to download again, or {pin} to accept it"
            )
    return weights


def _download(repo: str, file: str, revision: str) -> Path:
    return Path(huggingface_hub.hf_hub_download(
        repo, file, revision=revision, cache_dir=cache_folder() / "hub",
        local_files_only=offline(), endpoint=endpoint(),
    ))


def endpoint() -> str | None:
    """The server's address; None for huggingface_hub's own."""
    # Not what huggingface_hub has read at its import: it may have been set since.
    return os.environ.get("HF_ENDPOINT")


def _plain(revision: str) -> str:
    return revision.replace("/", "--")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def one_line(what: str) -> Iterator[None]:
    """Turns what huggingface_hub raises into an OSError of one line."""
    if importlib.util.find_spec("huggingface_hub") is None:
        raise OSError(f"{what}: got no package huggingface_hub; expected it: pip install "
                      "'keras-reference-zoo[hub]'")
    try:
        yield
    except errors.LocalEntryNotFoundError as error:
        if offline():
            raise OSError(f"ZOO_OFFLINE=1, and {what} is not in {cache_folder() / 'hub'}: fetch it "
                          "once with a network") from None
        raise OSError(f"{what}: the server does not answer: {_first_words(error)}") from error
    except errors.RepositoryNotFoundError as error:
        raise OSError(f"{what}: no such repository, or a private one that the token of "
                      "huggingface_hub does not open") from error
    except errors.RevisionNotFoundError as error:
        raise OSError(f"{what}: no such revision") from error
    except errors.EntryNotFoundError as error:
        raise OSError(f"{what}: it has no {artefact.NAME}, or no {timm_config.NAME} "
                      "beside one that is not of this zoo") from error
    except (errors.HfHubHTTPError, errors.FileMetadataError) as error:
        raise OSError(f"{what}: {_first_words(error)}") from error


def _first_words(error: Exception) -> str:
    return f"{' '.join(str(error).split()):.300}"
