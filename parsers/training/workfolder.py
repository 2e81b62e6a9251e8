"""The work folder of a recipe: a file in it says which recipe its results are of."""

from __future__ import annotations

import json
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from parsers.formats.files import atomic_writer
from parsers.stanza.models import file_hash
from parsers.training.recipe import Recipe
from parsers.training.treebank import TreebankError
from structnn.errors import InputError

__all__ = ["DESCRIPTION", "WorkFolderError", "claim"]

DESCRIPTION = "recipe.json"
"""The file of a work folder that says which recipe its results are of."""

_FORMAT = 2  # of the results in a work folder; another one can't be used
_NOT_IN_RESULTS = ("output", "work", "data", "vectors_source", "notes")
_DEFAULTS = {field.name: field.default for field in fields(Recipe) if field.default is not MISSING}
_RESULTS = (".pt", ".checkpoint", ".conllu", ".json")


class WorkFolderError(InputError):
    """A work folder has results of another recipe; the message says what differs."""


def claim(recipe: Recipe) -> None:
    """Make the work folder that of a recipe, or make sure that it is.

    A new folder is made, and a folder without results is taken over. Treebanks and vectors are
    compared by their content; the output directory and what is only written into the model card may
    change.

    Args:
        recipe: The recipe whose results the folder is to hold.

    Raises:
        WorkFolderError: The folder has results of another recipe, or doesn't say of which.
        TreebankError: A file of the recipe does not exist.
    """
    settings = _settings(recipe)
    file = recipe.work / DESCRIPTION
    recipe.work.mkdir(parents=True, exist_ok=True)
    if any(path.suffix in _RESULTS and path != file for path in recipe.work.iterdir()):
        problem = _problem(file, settings)
        if problem:
            raise WorkFolderError(
                f"{recipe.work}: this work folder {problem}; give another --out (or --work), or delete "
                "the folder to train anew"
            )
    else:
        with atomic_writer(file) as writer:
            json.dump({"format": _FORMAT, "settings": settings}, writer, indent=1)


def _settings(recipe: Recipe) -> dict[str, Any]:
    """All that decides the results of the stages; for a file its name and checksum."""
    values = {
        field.name: getattr(recipe, field.name)
        for field in fields(recipe)
        if field.name not in _NOT_IN_RESULTS
    }
    for name, path in values.items():
        if isinstance(path, Path):
            if not path.is_file():
                raise TreebankError(f"{path}: no such file")
            values[name] = {"file": path.name, "sha256": file_hash(path)}
    return values


def _problem(file: Path, settings: dict[str, Any]) -> str:
    """Why results can't be used that are described by this file; empty if they can."""
    if not file.is_file():
        return f"has results, but no {DESCRIPTION} that says what was trained"
    try:
        description = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        return f"has a damaged {DESCRIPTION}"
    known = description.get("settings") if isinstance(description, dict) else None
    if not isinstance(known, dict) or description.get("format") != _FORMAT:
        return "has results of another version of this package"
    known = _DEFAULTS | known  # what came into recipes later was as it is by default
    differences = [
        _difference(name, value, known.get(name))
        for name, value in settings.items()
        if _identity(value) != _identity(known.get(name))
    ]
    return "has results of another recipe: " + ", ".join(differences) if differences else ""


def _identity(value: object) -> object:
    """What is compared of a setting: the checksum of a file, whatever its name."""
    return value.get("sha256") if isinstance(value, dict) else value


def _difference(name: str, value: object, known: object) -> str:
    option = "--" + name.replace("_", "-")
    if isinstance(value, dict) and isinstance(known, dict):
        return f"{option} {value['file']} has other content than its {known.get('file')}"
    one, other = (
        "not given" if each is None else each.get("file") if isinstance(each, dict) else each
        for each in (value, known)
    )
    return f"{option} is {one} and was {other}"
