"""Operators in C++ for what is bound by many small steps.

``child_sum`` computes the child-sum and the relational Tree-LSTM, ``nary`` the N-ary one,
``downward`` the way down of the bidirectional one, and ``graph_attention`` the attention of GAT,
GATv2 and the graph Transformer; ``lstm`` reads packed sequences with an LSTM that is not trained any
more, and ``adamw`` updates the rows of a table of word vectors that a batch reads. Each is one file
of C++ beside this one. It is compiled on first use, with whatever compiler the system has, for what
the processor multiplies by fastest (``product`` is timed), and kept in the user's cache folder. Where
that cannot be done PyTorch computes the same; see :func:`structnn.fused.build.load`.
:mod:`structnn.fused.trees` says which operator computes which cell.
"""
