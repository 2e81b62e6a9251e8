"""``python -m tasks`` is the ``structnn`` command."""

from tasks.command.cli import main

main()
