"""The files of Stanza's models: those that ship with this package, and those that were downloaded."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

__all__ = [
    "SHIPPED_LANGUAGE",
    "SHIPPED_MODELS",
    "ModelNotFoundError",
    "StanzaModels",
    "file_hash",
    "find_models",
    "stanza_folder",
]

SHIPPED_MODELS = Path(__file__).parents[1] / "models"
"""The Stanza model directory of the English pipeline that ships with this package."""

SHIPPED_LANGUAGE = "en"
"""The language of the pipeline that ships with this package."""

_PROCESSORS = ("tokenize", "mwt", "pos", "lemma", "depparse")


class ModelNotFoundError(FileNotFoundError):
    """There is no model for a language and package; the message has the command that downloads it."""


@dataclass(frozen=True)
class StanzaModels:
    """The models of a pipeline.

    Attributes:
        processors: The name of the model of each processor.
        files: The file of each model, and of the models that it needs.
    """

    processors: dict[str, str]
    files: dict[str, Path]


def find_models(
    folder: Path, language: str, package: str, *, folder_given: bool, options: Mapping[str, Any]
) -> StanzaModels:
    """Find the models of a package in a Stanza model directory.

    Args:
        folder: The directory, with a ``resources.json``.
        language: The language code.
        package: The name of a package, or of the models of single processors.
        folder_given: Whether the command that downloads models needs the directory.
        options: Options of ``stanza.Pipeline``; those such as ``pos_model_path`` replace files.

    Raises:
        ModelNotFoundError: The directory, the language, the package or a file is missing.
    """
    given = {
        name.removesuffix("_model_path"): Path(value)
        for name, value in options.items()
        if name.endswith("_model_path")
    }
    resources_file = folder / "resources.json"
    command = (
        f"python -c \"import stanza; stanza.download('{language}'"
        + (f", package='{package}'" if package != "default" else "")
        + (f", model_dir='{folder}'" if folder_given else "")
        + ')"'
    )
    if not resources_file.is_file():
        raise ModelNotFoundError(
            f"no Stanza models in {folder} (there is no resources.json). "
            f"With a network connection, this downloads them: {command}"
        )
    resources = json.loads(resources_file.read_text(encoding="utf-8"))
    language = resources.get(language, {}).get("alias", language)
    entry = resources.get(language, {})
    if not entry:
        raise ModelNotFoundError(
            f"{resources_file} knows no language {language!r}; it has: {', '.join(resources)}"
        )
    packages = entry.get("packages", {})
    if package in packages:
        known = packages[package]
        processors = {name: known[name] for name in _PROCESSORS if name in known}
    else:
        processors = {name: package for name in _PROCESSORS if package in entry.get(name, {})}
    if "depparse" not in processors:
        raise ModelNotFoundError(
            f"{resources_file} has no parser for {language!r} in package {package!r}; "
            f"packages: {', '.join(packages) or 'none'}"
        )
    files = {}
    for name, model in processors.items():
        if name in given:
            files[name] = given[name]
            continue
        files[name] = folder / language / name / f"{model}.pt"
        for needed in entry.get(name, {}).get(model, {}).get("dependencies", []):
            files[f"{name}.{needed['model']}"] = (
                folder / language / needed["model"] / f"{needed['package']}.pt"
            )
    missing = [path for name, path in files.items() if not path.is_file()]
    if missing:
        raise ModelNotFoundError(
            f"the model file {missing[0]} is missing. With a network connection, this downloads it: "
            + command
        )
    return StanzaModels(processors, files)


def stanza_folder() -> Path:
    """The directory in which Stanza keeps the models that it downloads."""
    from parsers.stanza.loading import import_stanza

    import_stanza()
    from stanza.resources.common import DEFAULT_MODEL_DIR

    return Path(DEFAULT_MODEL_DIR)


def file_hash(path: Path) -> str:
    """The SHA-256 of a file, computed again only if its size or time of modification changes."""
    status = path.stat()
    return _file_hash(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=64)
def _file_hash(path: Path, size: int, modified: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
