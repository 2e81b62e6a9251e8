"""Models as programs of ``torch.export``, in a file with their words and labels."""

from __future__ import annotations

import io
import json
from dataclasses import asdict
from pathlib import Path

import torch

import structnn
from structnn.embeddings.words import WordEmbedding
from structnn.export import export_model
from tasks.models.model import SavedModel
from tasks.storage import write_bytes

__all__ = ["EXTRA", "write_program"]

EXTRA = "structnn.json"
"""The file, within that of the program, of what its numbers stand for."""


def write_program(model: SavedModel, path: Path) -> None:
    """Write a model as a program: see :func:`structnn.export.export_model`.

    The file is read by ``torch.export.load``, which gives ``structnn.json`` as an extra file: ``words``
    in the order of their numbers (the first stands for unknown words), whether they are in
    ``lowercase``, the ``labels`` in the order of the scores, and the ``question``.

    Args:
        model: The model.
        path: The file, ``.pt2``.

    Raises:
        ExportError: The model can't be exported; the message says why.
        StorageError: The file can't be written.
    """
    program = export_model(model.classifier)
    embedding = model.classifier.embedding
    assert isinstance(embedding, WordEmbedding)  # else it can't be exported
    words = embedding.vocabulary
    known = {
        "words": list(words.words),
        "lowercase": words.lowercase,
        "labels": list(model.classifier.labels),
        "question": asdict(model.task.question),
        "structnn": structnn.__version__,
    }
    file = io.BytesIO()
    torch.export.save(program, file, extra_files={EXTRA: json.dumps(known, ensure_ascii=False)})
    write_bytes(path, file.getvalue())
