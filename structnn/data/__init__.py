"""Many sentences as tensors: batches, the order in which trees are visited, graphs, vocabularies."""
