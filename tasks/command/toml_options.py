"""A command's options from a TOML file."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Any

from tasks.data.examples import DataError

__all__ = ["read_options"]


def read_options(file: Path, known: Collection[str], repeated: Collection[str]) -> dict[str, Any]:
    """Read options from a file, as the defaults of a command.

    Args:
        file: TOML file with an option on each line: ``seeds = 5``, ``encoders = ["bag", "gat"]``.
        known: The names of the command's options.
        repeated: Those of them that may be given several times; lists of others are joined with
            commas.

    Raises:
        DataError: The file can't be read, or names an unknown option.
    """
    try:
        with file.open("rb") as content:
            given = tomllib.load(content)
    except OSError as fault:
        raise DataError(f"{file}: can't be read: {fault.strerror}") from None
    except (ValueError, RecursionError) as fault:  # nested too deeply, or a number too long to read
        raise DataError(f"{file}: is not TOML that can be read: {fault}") from None
    options = {}
    for name, value in given.items():
        option = name.replace("-", "_")
        if option not in known:
            close = difflib.get_close_matches(option, known, n=1)
            hint = f" (did you mean {close[0]!r}?)" if close else ""
            raise DataError(
                f"{file}: there is no option {name!r}{hint}; there are: {', '.join(sorted(known))}"
            )
        if isinstance(value, dict):
            raise DataError(
                f"{file}: {name!r} is a table; give its options a line each, at the top"
            )
        if isinstance(value, list) and option not in repeated:
            value = ",".join(map(str, value))
        options[option] = value
    return options
