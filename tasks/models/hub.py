"""Models on the hub of Hugging Face: fetched by their names, and uploaded."""

from __future__ import annotations

import os
from pathlib import Path

from tasks.storage import StorageError

__all__ = ["CARD", "FILES", "HUB", "fetched", "upload"]

HUB = "hf:"
"""Stands before the name of a model of the hub; behind the name may stand ``@`` and a revision."""

CARD = "README.md"
FILES = (
    CARD,
    *("model.json", "weights.safetensors", "estimator.json"),
    *("run.json", "result.json", "history.json", "reading.json"),
)
"""What is uploaded of a folder: not the predictions of a run, in which the texts of its data stand."""


def fetched(name: str | os.PathLike[str]) -> Path:
    """The folder of a model; one of the hub is downloaded, or taken from the cache of downloads.

    Args:
        name: A folder, or ``hf:OWNER/NAME`` or ``hf:OWNER/NAME@REVISION``.

    Raises:
        StorageError: The model can't be had from the hub.
    """
    spec = os.fspath(name)
    if not spec.startswith(HUB):
        return Path(spec)
    import huggingface_hub

    repository, _, revision = spec.removeprefix(HUB).partition("@")
    try:
        return Path(
            huggingface_hub.snapshot_download(
                repository, revision=revision or None, allow_patterns=list(FILES)
            )
        )
    except Exception as fault:  # of many kinds: of names, of the hub, of the network
        raise StorageError(
            f"{spec} can't be had from the hub ({_first_line(fault)}); is the name right, is there a "
            "network, and is the model one that you may read? A folder works without a network"
        ) from None


def upload(folder: Path, repository: str, *, private: bool | None = None) -> str:
    """Upload a model with its card; files of an earlier upload are replaced.

    Args:
        folder: The folder of the model.
        repository: ``OWNER/NAME``; it is made if it isn't there.
        private: Whether others may not see a repository that is made; None for what is usual there.

    Returns:
        The address of the model.

    Raises:
        StorageError: There is no login or no network, or the hub refuses it.
    """
    import huggingface_hub

    hub = huggingface_hub.HfApi()
    try:
        made = hub.create_repo(repository, private=private, exist_ok=True)
        hub.upload_folder(
            repo_id=repository,
            folder_path=folder,
            allow_patterns=list(FILES),
            commit_message="Model of structnn",
        )
    except Exception as fault:  # of many kinds: of names, of the hub, of the network
        raise StorageError(
            f"the model can't be uploaded to {repository} ({_first_line(fault)}); it takes a network, "
            "and a login: hf auth login"
        ) from None
    return str(made)


def _first_line(fault: Exception) -> str:
    return f"{type(fault).__name__}: {next(iter(str(fault).splitlines()), '')}"
