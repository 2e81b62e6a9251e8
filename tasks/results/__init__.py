"""What an experiment found: its folder read back, statistics, tables."""
