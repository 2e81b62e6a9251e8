"""The command ``structnn``, as ``python -m structnn`` too."""

from __future__ import annotations

import sys

from structnn.shadowing import ShadowedError, require

__all__ = ["main"]


def main() -> None:
    """Run the command; where another module has the name of a package, say so and exit with 2."""
    try:
        require("tasks", "parsers")
    except ShadowedError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    from tasks.command.cli import main as run

    run()


if __name__ == "__main__":
    main()
