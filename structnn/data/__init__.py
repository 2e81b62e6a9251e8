"""Sentences as tensors: corpora, batches, schedules of trees, graphs and vocabularies."""
