"""The lab: how gradients flow through encoders, how long their paths are, and how far they see.

Three experiments on any sentences and any encoders, untrained or from a saved run:

- :mod:`~tasks.lab.gradients`: the gradient of a sentence vector with respect to each word, and of a
  word's state with respect to each other word.
- :mod:`structnn.ops.paths`: the number of steps between a word and the sentence vector, which
  follows from an encoder's structure alone.
- :mod:`~tasks.lab.curves`: these by distance, over sentences and seeds.

And three on what is learned: :mod:`~tasks.lab.alignment` and :mod:`~tasks.lab.decoding` of decoders,
:mod:`~tasks.lab.backpropagation` of gradients that are clipped and truncated.

:mod:`~tasks.command.lab` is ``structnn lab``.
"""
