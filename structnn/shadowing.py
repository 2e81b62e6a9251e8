"""Whether ``tasks`` and ``parsers`` are this distribution's.

These are common names for modules, and one of the user's may come before them on Python's path.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

__all__ = ["ShadowedError", "require", "standing_in_the_way"]


class ShadowedError(ImportError):
    """Another module has the name of one of our packages; the message names its file."""


def require(*names: str) -> None:
    """Make sure that Python would import our packages of these names.

    Raises:
        ShadowedError: It would import something else.
    """
    for name in names:
        other = standing_in_the_way(name)
        if other is not None:
            raise ShadowedError(
                f"{other} stands in the way of structnn's package {name!r}: Python finds it first. Run "
                "from another folder, or take that folder off PYTHONPATH; with python -m structnn, add "
                "-P (python -P -m structnn)"
            )


def standing_in_the_way(name: str) -> Path | None:
    """The file that Python would import in place of our package of this name; None if it is ours.

    Nothing is imported.
    """
    ours = Path(__file__).parents[1] / name / "__init__.py"
    spec = find_spec(name)
    if spec is None:
        return None  # the import then says what is missing
    # A folder without __init__.py has no origin.
    found = Path(spec.origin or next(iter(spec.submodule_search_locations or [name])))
    return None if found.resolve() == ours.resolve() else found
