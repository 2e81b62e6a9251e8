"""The command ``structnn``, as ``python -m structnn`` too.

It makes sure first that ``tasks`` and ``parsers`` are this distribution's: these are common names for
modules, and one of the user's may come before them on Python's path.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

__all__ = ["main", "standing_in_the_way"]


def main() -> None:
    """Run the command; where another module has the name of a package, say so and exit with 2."""
    for name in ("tasks", "parsers"):
        other = standing_in_the_way(name)
        if other is not None:
            sys.exit(_refusal(name, other))
    from tasks.command.cli import main as run

    run()


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


def _refusal(name: str, other: Path) -> int:
    print(
        f"error: {other} stands in the way of structnn's package {name!r}: Python finds it first. Run "
        "structnn from another folder, or take that folder off PYTHONPATH; with python -m structnn, "
        "add -P (python -P -m structnn)",
        file=sys.stderr,
    )
    return 2


if __name__ == "__main__":
    main()
