"""Encoders that read a graph."""
