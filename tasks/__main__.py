"""``python -m tasks`` is the ``structnn`` command."""

from tasks.cli import main

main()
