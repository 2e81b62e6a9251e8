"""Classifiers from options, saved, loaded and used on new text."""
