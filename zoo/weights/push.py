"""A model into a repository of the Hugging Face Hub."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.lazy import lazy_module
from zoo.weights import artefact, hub
from zoo.weights.create import save_pretrained
from zoo.weights.download import offline
from zoo.weights.hub_card import hub_card

if TYPE_CHECKING:
    import keras

huggingface_hub = lazy_module("huggingface_hub")


def push_to_hub(
    model: keras.Model, repo: str, *, licence: str | None = None, private: bool = False,
    message: str = "Upload a model of keras-reference-zoo",
) -> str:
    """Puts `model` into the repository OWNER/REPO of the Hugging Face Hub, which is made where it
    is not there: model.safetensors, which `weights="hf:OWNER/REPO"` reads, and README.md, the
    card. Returns the address of the commit.

    model, licence: as of `zoo.save_pretrained`. private: of a repository that is made.

    The token is huggingface_hub's own: `hf auth login`, or HF_TOKEN in the environment.

    Raises:
      ValueError: a model that the zoo cannot build again; another form of name.
      OSError: the server refuses or does not answer; ZOO_OFFLINE=1.
    """
    name = hub.parse(repo)
    if "@" in repo:
        raise ValueError(f"got repo={repo!r}; expected OWNER/REPO, without a revision")
    if offline():
        raise OSError(f"ZOO_OFFLINE=1: nothing is put into {repo}")
    with tempfile.TemporaryDirectory() as folder, hub.one_line(repo):
        path = Path(folder, artefact.NAME)
        save_pretrained(model, path, licence=licence)
        text = hub_card(artefact.read_card(path), name.repo)
        Path(folder, "README.md").write_text(text, encoding="utf-8")
        api = huggingface_hub.HfApi(endpoint=hub.endpoint())
        api.create_repo(name.repo, private=private, exist_ok=True)
        return str(api.upload_folder(
            repo_id=name.repo, folder_path=folder, commit_message=message
        ).commit_url)
