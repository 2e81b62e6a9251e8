"""Names of folders and files from names that users give, never a way out of a path."""

from __future__ import annotations

import hashlib
import re

__all__ = ["encoder_folder", "folder_name"]

_LONGEST = 255  # bytes of a name, on every common file system
# Backslashes, control characters, and the halves of surrogate pairs that stand for undecodable bytes.
_UNUSABLE = re.compile(r"[\\\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def folder_name(name: str, longest: int = _LONGEST) -> str:
    """The name of a folder for a name.

    A slash becomes ``_``. A name that can't be a folder's otherwise (``..``, an overlong one, one with
    control characters) is cut and made plain, and ends in a part of its SHA-256, so that no two such
    names share a folder.

    Args:
        name: Any string.
        longest: The greatest number of bytes.
    """
    plain = name.replace("/", "_")
    usable = _UNUSABLE.sub("_", plain)
    if plain == usable and plain not in ("", ".", "..") and len(plain.encode()) <= longest:
        return plain
    ending = f"-{hashlib.sha256(name.encode(errors='surrogatepass')).hexdigest()[:16]}"
    start = usable.encode()[: min(longest, 100) - len(ending)].decode(errors="ignore")
    return start + ending


def encoder_folder(encoder: str) -> str:
    """The name of the folder of an encoder: without blanks, and with ``+`` for ``>``."""
    return folder_name(encoder.replace(" ", "").replace(">", "+"))
