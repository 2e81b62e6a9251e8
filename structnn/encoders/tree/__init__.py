"""Encoders that read a tree."""
