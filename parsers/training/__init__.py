"""Training of small Stanza pipelines on UD treebanks: ``python -m parsers.training --help``.

:mod:`~parsers.training.recipe` strings the stages together; each other module does one thing.
"""
