"""The vectors of sentences."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from structnn import StructuredModel
from tasks.training.inputs import Inputs

__all__ = ["sentence_vectors"]

BATCH = 256


@torch.inference_mode()
def sentence_vectors(model: StructuredModel, inputs: Inputs) -> NDArray[np.float32]:
    """What the head of a model reads of each example, ``(examples, width)``."""
    model.eval()
    device = next(model.parameters()).device
    reader = model.head.reader
    vectors = np.zeros((len(inputs), reader.output_dim), dtype=np.float32)
    by_length = np.argsort(inputs.lengths, kind="stable")
    for begin in range(0, len(inputs), BATCH):
        indices = by_length[begin : begin + BATCH]
        batch, spans = inputs.batch(indices)
        batch = batch.to(device)
        spans = None if spans is None else spans.to(device)
        read = reader(model.encode(batch), batch, spans)
        vectors[indices] = read.float().cpu().numpy()
    return vectors
