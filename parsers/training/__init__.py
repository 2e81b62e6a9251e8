"""Training of small Stanza pipelines on UD treebanks: ``python -m parsers.training --help``.

A :class:`~parsers.training.recipe.Recipe` says what to train, and :mod:`~parsers.training.stages`
runs it.
"""
