"""The command ``structnn``, as ``python -m structnn`` too."""

from __future__ import annotations

import sys

from structnn.shadowing import ShadowedError, require

__all__ = ["main"]


def main() -> None:
    """Run the command; where another module has the name of a package, say so and exit with 2.

    Ctrl-C while the command is loaded ends it with 130, as it does later.
    """
    try:
        require("tasks", "parsers")
    except ShadowedError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    try:
        from tasks.command.cli import main as run
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
