"""That the benchmark for GPUs runs from end to end where there is none."""

from __future__ import annotations

import json

import pytest
import torch

from benchmarks.gpu import main, of_parses
from parsers import write_conllu
from tests.structnn.examples import random_sentences


@pytest.mark.slow
@pytest.mark.usefixtures("untimed")
def test_runs_without_a_gpu(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    conllu = tmp_path / "trees.conllu"
    write_conllu(random_sentences(0, [2, 5, 9, 14, 6, 7]), conllu)
    main(conllu, hidden=8, batch="2", minutes=0.001, checks=False, out=tmp_path)
    results = json.loads((tmp_path / "gpu.json").read_text())
    assert {(row["batch"], row["pass"]) for row in results["times"]} == {
        (size, which) for size in (2,) for which in ("forward", "forward + backward")
    }
    named = {row["contender"] for row in results["launches"]}
    assert {"nn.LSTM, packed", "child-sum", "bidirectional", "binary", "gat", "gcn"} <= named
    assert all(row["launches"] > 10 for row in results["launches"])
    assert not torch.backends.cudnn.allow_tf32  # the LSTM computes as exactly as the others


@pytest.mark.slow
@pytest.mark.usefixtures("untimed")
def test_what_was_timed_is_kept_where_it_ends_early(tmp_path, monkeypatch):
    def lost(*_):
        raise RuntimeError("the GPU is gone")

    monkeypatch.setattr("benchmarks.gpu.count_launches", lost)
    conllu = tmp_path / "trees.conllu"
    write_conllu(random_sentences(0, [2, 5, 9]), conllu)
    with pytest.raises(RuntimeError, match="gone"):
        main(conllu, hidden=8, batch="2", minutes=0.001, checks=False, out=tmp_path)
    assert len(json.loads((tmp_path / "gpu.json").read_text())["times"]) == 4


def test_peers_that_are_not_installed_are_left_out(monkeypatch, capsys):
    monkeypatch.setattr("benchmarks.gpu.installed", lambda module: False)
    names = [contender.name for contender in of_parses(random_sentences(0, [2, 5]), 8)]
    assert names == ["nn.LSTM, packed", "child-sum", "bidirectional", "gat", "gcn"]
    assert "PyG is not installed" in capsys.readouterr().out
