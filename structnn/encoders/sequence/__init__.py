"""Encoders that read the words in their order."""
