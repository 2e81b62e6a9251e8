"""A command's options from a TOML file."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Any

from structnn.fields import shorten_text
from tasks.data.examples import DataError
from tasks.options import names_in

__all__ = ["read_options"]


def read_options(
    file: Path, known: Collection[str], repeated: Collection[str], flags: Collection[str] = ()
) -> dict[str, Any]:
    """Read options from a file, as the defaults of a command.

    Args:
        file: TOML file with an option on each line: ``seeds = 5``, ``encoders = ["bag", "gat"]``.
        known: The names of the command's options.
        repeated: Those of them that may be given several times; lists of others are joined with
            commas.
        flags: Those of them that are on or off.

    Returns:
        The options as the command line has them: numbers are strings, and checked as those given there.

    Raises:
        DataError: The file can't be read, names an unknown option or one twice, or gives an option what
            it can't be.
    """
    try:
        # Editors under Windows begin a file with a mark, which TOML doesn't know.
        given = tomllib.loads(file.read_bytes().decode("utf-8-sig"))
    except OSError as fault:
        raise DataError(f"{file}: can't be read: {fault.strerror}") from None
    except (ValueError, RecursionError) as fault:  # nested too deeply, or a number too long to read
        raise DataError(f"{file}: is not TOML that can be read: {fault}") from None
    options: dict[str, Any] = {}
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
        if option in options:
            raise DataError(f"{file}: {name!r} is there twice, with - and with _; give it once")
        options[option] = _as_given(
            f"{file}: {name!r}", value, several=option in repeated, flag=option in flags
        )
    return options


def _as_given(what: str, value: object, *, several: bool, flag: bool) -> bool | str | list[str]:
    """A value as the command line has it."""
    if flag:
        if isinstance(value, bool):
            return value
        raise DataError(f"{what} must be true or false, but is {value!r}")
    listed = value if isinstance(value, list) else [value]
    for one in listed:
        if isinstance(one, bool) or not isinstance(one, str | int | float):
            shown = str(one).lower() if isinstance(one, bool) else shorten_text(repr(one))
            raise DataError(
                f"{what} must be a string or a number, or a list of such, but holds {shown}"
            )
    if several:
        return [str(one) for one in listed]
    if isinstance(value, list):
        for one in listed:
            if isinstance(one, str) and names_in(one) != [one.strip()]:
                raise DataError(
                    f"{what}: {one!r} is not one name; names have no commas outside of parentheses"
                )
        return ",".join(map(str, value))
    return str(value)
