"""Stanza without what only its training needs."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

import pytest
import torch

from parsers import StanzaParser
from parsers.stanza.loading import import_stanza, shared_vectors, without_optimisers


@pytest.mark.slow
def test_what_is_left_out_is_there_afterwards() -> None:
    code = """
import sys
from parsers import StanzaParser
from parsers.stanza.loading import import_stanza
stanza = import_stanza()
assert stanza is sys.modules["stanza"] and "transformers" not in sys.modules
assert not {"emoji", "networkx", "requests"} & set(sys.modules)
from stanza.models.common import doc
from stanza.pipeline import langid_processor
from stanza.resources import common
assert langid_processor.emoji.emojize(":dog_face:") == "\\N{DOG FACE}"  # loaded by Stanza
assert "emoji.core" in sys.modules
import networkx, requests.adapters  # and by others
assert doc.nx.MultiDiGraph is networkx.MultiDiGraph
assert issubclass(common.requests.HTTPError, OSError)
import transformers
assert transformers.AutoModel and import_stanza() is stanza
assert "transformers" in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3])


def test_optimisers_are_left_out_only_within() -> None:
    import_stanza()
    from stanza.models.common import utils

    before = utils.get_optimizer, utils.get_split_optimizer
    with without_optimisers():
        assert utils.get_optimizer("adam", None, lr=1) is None
        assert utils.get_split_optimizer("adam", None, 1) == {}
    assert (utils.get_optimizer, utils.get_split_optimizer) == before
    with pytest.raises(FileNotFoundError), without_optimisers():
        raise FileNotFoundError
    assert (utils.get_optimizer, utils.get_split_optimizer) == before


def test_the_shipped_pipeline_reads_its_vectors_once_and_as_stanza_does() -> None:
    parser = StanzaParser("en")
    processors = parser.pipeline.processors
    ours = processors["pos"].pretrain
    assert processors["depparse"].pretrain is ours
    assert not processors["pos"].trainer.optimizers
    assert not processors["depparse"].trainer.optimizer
    assert processors["tokenize"].trainer.optimizer is None

    from stanza.models.common.pretrain import Pretrain

    file = parser._models.files["pos.pretrain"]
    theirs = Pretrain(str(file))
    assert torch.equal(ours.emb, theirs.emb)
    assert ours.vocab.state_dict() == theirs.vocab.state_dict()
    again = shared_vectors(file).load_pretrain(str(file))
    assert torch.equal(again.emb, theirs.emb)


@pytest.mark.parametrize("fault", [KeyboardInterrupt, MemoryError])
def test_an_interrupt_is_no_error_of_the_model(fault) -> None:
    parser, load = StanzaParser("en"), torch.load

    def stop(file: object, *given: object, **options: object) -> object:
        if "tokenize" in str(file):
            raise fault
        return load(file, *given, **options)

    with (
        patch("torch.load", stop),
        patch.object(logging.getLogger("stanza"), "callHandlers") as told,
        pytest.raises(fault),
    ):
        parser.load()
    assert told.called == (fault is MemoryError)
