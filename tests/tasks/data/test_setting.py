"""What a run sees of its data: structure, noise, part of train, fold."""

from __future__ import annotations

from dataclasses import replace

import pytest

from parsers import with_structure
from tasks.data.examples import DataError
from tasks.data.setting import Setting, view
from tasks.models.options import ModelOptions
from tasks.options import OptionError
from tasks.results.run import Run, describe
from tasks.training.options import TrainingOptions


def test_a_view_restructures_every_split(parsed):
    seen = view(parsed, Setting(structure="balanced"))
    for split, sentences in parsed.sentences.items():
        assert seen.sentences[split] == tuple(with_structure(sentences, "balanced"))
    noisy = view(parsed, Setting(noise=0.5))
    assert noisy.sentences["test"] != parsed.sentences["test"]
    assert view(parsed, Setting()) == parsed
    with pytest.raises(DataError, match="no constituency tree"):
        view(parsed, Setting(structure="constituency"))


def test_parts_of_train_are_nested_stratified_and_differ_by_seed(parsed):
    half = view(parsed, Setting(fraction=0.5), seed=1)
    quarter = view(parsed, Setting(fraction=0.25), seed=1)
    assert len(half.dataset.train) == len(half.sentences["train"]) == 30
    assert set(quarter.dataset.train) < set(half.dataset.train)
    assert sum(example.label == "yes" for example in quarter.dataset.train) in (7, 8)
    assert view(parsed, Setting(fraction=0.5), seed=2).dataset.train != half.dataset.train
    assert half.dataset.test == parsed.dataset.test
    for example, sentence in zip(half.dataset.train, half.sentences["train"], strict=True):
        assert sentence.tokens == example.text
    with pytest.raises(DataError, match="larger fraction"):
        view(parsed, Setting(fraction=0.01))


def test_folds_test_every_example_once(parsed):
    tested = []
    for number in (1, 2, 3):
        seen = view(parsed, Setting(fold=(number, 3)))
        assert seen.dataset.name == "toy"
        for split in ("train", "dev", "test"):
            for example, sentence in zip(
                getattr(seen.dataset, split), seen.sentences[split], strict=True
            ):
                assert sentence.tokens == example.text
        tested += [example.source for example in seen.dataset.test]
    assert len(tested) == len(set(tested)) == 100


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"structure": "spiral"}, "structure must be one of parse, left_chain"),
        ({"noise": 1.0}, "noise must be at least 0 and below 1"),
        ({"structure": "random", "noise": 0.1}, "noise goes with the structure 'parse'"),
        ({"fraction": 0.0}, "fraction must be above 0 and at most 1"),
    ],
)
def test_wrong_settings_are_told(given, message):
    with pytest.raises(OptionError, match=message):
        Setting(**given)


def test_folds_keep_clusters_together_and_a_run_says_so(parsed):
    """A run on folds of one column doesn't pass for one on other folds."""
    groups = {
        split: tuple(
            replace(example, columns={"pair": f"{split}-{number // 4}"})
            for number, example in enumerate(getattr(parsed.dataset, split))
        )
        for split in parsed.sentences
    }
    paired = replace(parsed, dataset=replace(parsed.dataset, **groups))
    for number in (1, 2, 3):
        seen = view(paired, Setting(fold=(number, 3))).dataset
        clusters = [{e.cluster for e in part} for part in (seen.train, seen.dev, seen.test)]
        assert sum(map(len, clusters)) == len(set.union(*clusters))
    model = ModelOptions(encoder="bag", hidden_dim=8, embedding_dim=8)
    for fold, column in ((None, None), ((1, 3), "pair")):
        run = Run(model, TrainingOptions(), 0, Setting(fold=fold))
        assert describe(run, paired)["data"]["cluster"] == column
        assert describe(run, parsed)["data"]["cluster"] is None


def test_what_is_parsed_says_what_it_is(parsed):
    assert repr(parsed) == (
        "ParsedDataset(Dataset('toy': 60 train, 20 dev, 20 test; 2 labels), structure='parse')"
    )
    assert repr(parsed.without_test().dataset).endswith("20 dev, 0 test; 2 labels)")
