"""Files and other libraries: CoNLL-U, brackets, networkx."""
