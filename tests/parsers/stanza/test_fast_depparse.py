"""The faster decoder against Stanza's own, on sentences."""

from __future__ import annotations

import pytest
import torch

from parsers.stanza import fast_depparse
from parsers.stanza.documents import DocumentPipeline
from parsers.stanza.models import SHIPPED_MODELS
from parsers.stanza.parser import StanzaParser
from structnn.fused.build import load
from structnn.fused.lstm import InferenceLSTM

shipped = pytest.mark.skipif(
    not (SHIPPED_MODELS / "resources.json").is_file(), reason="the shipped models are not here"
)


def test_an_unknown_version_keeps_stanzas_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast_depparse, "CHECKED_VERSIONS", ("0.0.",))

    class Pipeline:
        def __init__(self) -> None:
            self.processors: dict[str, object] = {}

    assert not fast_depparse.accelerate(Pipeline())


@pytest.mark.slow
@shipped
def test_stanzas_documents_go_through_the_decoder() -> None:
    sentences = [
        "The dogs that the cat the mouse feared chased bark , he he said said .".split(),
        "I gave I gave the the book book him him yesterday tomorrow".split(),
        "who who who what what sees sees sees".split(),
        ["Stop"],
        "a list : one ; two ; three ( four ) and , well , five".split(),
    ]
    stock = StanzaParser("en", fast=False).pipeline
    fast = StanzaParser("en").pipeline
    assert "predict" in vars(fast.processors["depparse"].trainer.model)
    assert "predict" not in vars(stock.processors["depparse"].trainer.model)
    for name in ("pos", "depparse"):
        lstms = {type(each) for each in fast.processors[name].trainer.model.modules()}
        assert (InferenceLSTM in lstms) == (load("lstm", torch.float32) is not None)
    assert DocumentPipeline(fast).annotate(sentences) == DocumentPipeline(stock).annotate(sentences)
