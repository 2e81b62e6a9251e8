"""The folder of what is kept between commands: compiled operators, parses, states."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["cache_folder"]


def cache_folder() -> Path:
    """The folder ``structnn`` in the user's cache folder: ``$XDG_CACHE_HOME``, or else ``~/.cache``.

    A relative path in the variable is ignored, as the XDG Base Directory Specification asks: it would
    be another folder wherever a command is run.

    Raises:
        RuntimeError: There is no home folder.
    """
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not base.is_absolute():
        base = Path.home() / ".cache"
    if not base.is_absolute():
        raise RuntimeError(
            f"the home directory, {Path.home()}, is not an absolute path: set HOME or XDG_CACHE_HOME to "
            "one that is"
        )
    return base / "structnn"
