"""JSON files that hold the SHA-256 of their own content, and of other files in their folder.

A folder is sealed by the file that is written last. Who reads it opens the seal, and checks by it each
file that is read. Files of earlier versions have no seal, and are read as they are.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.storage import StorageError, read_json, write_json

__all__ = ["Seal", "read_sealed", "write_sealed"]

KEY = "sha256"
"""The key, in a sealed file, of the checksums by the names of the files, its own among them."""


@dataclass(frozen=True)
class Seal:
    """The checksums that a sealed file holds.

    Args:
        file: The sealed file.
        checksums: The SHA-256 of each file, by its path below the folder of the sealed file; None if
            an earlier version wrote it, which made no seals.
        remedy: What the user can do about a damaged file; for messages.
    """

    file: Path
    checksums: Mapping[str, str] | None
    remedy: str

    def check(self, *names: str) -> None:
        """Make sure that files are what they were when the folder was sealed, or, then as now, absent.

        Args:
            names: The paths of the files below the folder.

        Raises:
            StorageError: One is changed, missing, or new.
        """
        if self.checksums is None:
            return
        for name in names:
            path = self.file.parent / name
            sealed, found = self.checksums.get(name), _sha256(path)
            if sealed == found:
                continue
            if found is None:
                problem = f"is missing, though {self.file.name} lists it"
            elif sealed is None:
                problem = f"is not one of the files that {self.file.name} lists"
            else:
                problem = f"is damaged: its SHA-256 is not the one in {self.file.name}"
            raise StorageError(f"{path} {problem}; {self.remedy}")


def write_sealed(path: Path, content: Mapping[str, object], files: Iterable[str] = ()) -> None:
    """Write a JSON object with checksums, atomically.

    Args:
        path: The file.
        content: The object.
        files: Paths below the folder of ``path``, of files that belong to it; those that are there are
            listed.
    """
    found = {name: _sha256(path.parent / name) for name in sorted(files)}
    checksums = {name: checksum for name, checksum in found.items() if checksum is not None}
    own = _own_checksum({**content, KEY: checksums})
    write_json(path, {**content, KEY: {**checksums, path.name: own}})


def read_sealed(path: Path, remedy: str) -> tuple[Any, Seal]:
    """Read what :func:`write_sealed` wrote, or a JSON file without checksums.

    Args:
        path: The file.
        remedy: What the user can do about a damaged file; for messages.

    Returns:
        The content without the checksums, and these; the other files are not looked at.

    Raises:
        StorageError: The file can't be read, or its content is not what was written.
    """
    content = read_json(path, remedy)
    if not isinstance(content, dict) or KEY not in content:
        return content, Seal(path, None, remedy)
    checksums = content.pop(KEY)
    if not isinstance(checksums, dict):
        raise StorageError(f"{path} is damaged: its checksums can't be read; {remedy}")
    own = checksums.pop(path.name, None)
    try:
        whole = own == _own_checksum({**content, KEY: checksums})
    except RecursionError:  # nested as deeply as can just be read
        whole = False
    if not whole:
        raise StorageError(f"{path} is damaged: its content is not what was written; {remedy}")
    return content, Seal(path, checksums, remedy)


def _sha256(path: Path) -> str | None:
    """The SHA-256 of a file; None if it is not there."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(f"{path} can't be read: {error.strerror or error}") from None


def _own_checksum(content: Mapping[str, object]) -> str:
    """The SHA-256 of values: the same after they were written, read, or laid out otherwise."""
    plain = json.loads(json.dumps(content))  # JSON has no tuples, and strings alone for keys
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()
