"""Language models trained on plain or parsed text."""
