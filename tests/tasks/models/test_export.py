"""A program in a file, with what its numbers stand for."""

from __future__ import annotations

import json

import numpy as np
import torch

from tasks import StructuredClassifier
from tasks.models.export import EXTRA, write_program


def test_a_program_that_is_used_without_structnn(parsed, tmp_path):
    texts, labels = list(parsed.sentences["train"]), parsed.dataset.answers("train")
    made = StructuredClassifier("bag", hidden_dim=4, embedding_dim=6, epochs=2).fit(texts, labels)
    write_program(made.model_, tmp_path / "bag.pt2")
    files = {EXTRA: ""}
    program = torch.export.load(tmp_path / "bag.pt2", extra_files=files).module()
    known = json.loads(files[EXTRA])
    assert known["labels"] == ["no", "yes"]
    assert known["question"] == {"reads": "sentence", "answer": "label"}
    number = {word: place for place, word in enumerate(known["words"])}
    rows = [[number.get(token.lower(), 0) for token in text.tokens] for text in texts]
    longest = max(map(len, rows))
    ids = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
    with torch.no_grad():
        scores = program(ids, torch.tensor(list(map(len, rows))))
    np.testing.assert_allclose(scores.softmax(1), made.predict_proba(texts), atol=1e-5)
