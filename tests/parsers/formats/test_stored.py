from __future__ import annotations

import json
import pickle
import signal
import tempfile

import joblib
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from parsers import StoredSentences, on_disk
from parsers.formats import stored as module
from structnn import (
    UNIVERSAL_RELATIONS,
    Batch,
    Corpus,
    InputError,
    Sentence,
    StructureError,
    Tree,
    Vocabulary,
    build_encoder,
)
from structnn.data import columns


def tree(parents, labels=None):
    return Tree(parents, labels=labels)


SENTENCES = [
    Sentence(["dogs", "chase", "cats"], dependencies=tree([1, -1, 1], ["nsubj", "root", "obj"])),
    Sentence(["Stop"], dependencies=tree([-1])),
    Sentence(
        ["cats", "stop"],
        dependencies=tree([1, -1], ["nsubj:pass", "root"]),
        tags=["NOUN", "VERB"],
    ),
    Sentence(["no", "tree", "é"]),
    Sentence(
        ["dogs", "stop", "and", "go"], dependencies=tree([1, -1, 3, 1], ["x", "root", "", ""])
    ),
]
WITH_TREES = [0, 1, 2, 4]


@pytest.fixture
def stored(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_AT_ONCE", 2)  # so that there are several parts
    monkeypatch.setattr(columns, "_COUNTED", 2)
    return StoredSentences.write(tmp_path / "stored", iter(SENTENCES))


def test_what_is_written_is_read(stored):
    assert list(stored) == SENTENCES
    assert list(StoredSentences(stored.folder)) == SENTENCES
    assert stored[-1] == SENTENCES[-1]
    assert list(stored[1:4][::-1]) == SENTENCES[3:0:-1]
    assert list(pickle.loads(pickle.dumps(stored[2:]))) == SENTENCES[2:]
    with pytest.raises(IndexError):
        stored[5]
    assert len(StoredSentences.write(stored.folder, [])) == 0


def test_files_without_names_hold_the_same(stored):
    made = on_disk(iter(SENTENCES))
    assert list(made) == SENTENCES
    assert list(pickle.loads(pickle.dumps(made[1:]))) == SENTENCES[1:]
    assert list(made.token_lists()) == [one.tokens for one in SENTENCES]
    assert list(made[3:].followed_by(made[:2])) == SENTENCES[3:] + SENTENCES[:2]
    assert len(on_disk([])) == 0
    with pytest.raises(ValueError, match="other columns"):
        made.followed_by(stored)


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="no limits on the size of files")
def test_a_full_disk_is_named(tmp_path, monkeypatch):
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(OSError, match=f"into {tmp_path}; make room there, or .* in TMPDIR"):
            on_disk(SENTENCES * 2000)
        with pytest.raises(OSError, match=f"into {tmp_path / 'a'}; make room there$"):
            StoredSentences.write(tmp_path / "a", SENTENCES * 2000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_parts_are_of_the_same_columns_in_another_process(tmp_path):
    """As first and second texts of pairs are: joblib gives each array anew."""
    made = on_disk(iter(SENTENCES))
    joblib.dump({"first": made[:2], "second": made[2:]}, tmp_path / "data")
    parts = joblib.load(tmp_path / "data", mmap_mode="r")
    assert list(parts["first"].followed_by(parts["second"])) == SENTENCES


def test_a_folder_of_an_earlier_version_has_no_tags(stored):
    file = stored.folder / "sentences.json"
    content = json.loads(file.read_text())
    del content["tagset"], content["rows"]["tags"]
    file.write_text(json.dumps(content))
    assert list(StoredSentences(stored.folder)) == [one.replace(tags=None) for one in SENTENCES]


@pytest.mark.parametrize("options", [{}, {"min_count": 2}, {"lowercase": True}])
def test_its_vocabulary_is_that_of_its_tokens(stored, options):
    for part, sentences in ((stored, SENTENCES), (stored[1:4], SENTENCES[1:4])):
        expected = Vocabulary.from_tokens((one.tokens for one in sentences), **options)
        assert part.vocabulary(**options).to_json() == expected.to_json()


@pytest.mark.parametrize("part", [slice(None), slice(1, None), slice(None, None, -1)])
def test_batches_are_those_of_sentences_in_memory(stored, part):
    vocabulary = Vocabulary(["dogs", "stop"], lowercase=True)
    files = Corpus(stored[part], vocabulary=vocabulary)
    memory = Corpus(SENTENCES[part], vocabulary=vocabulary)
    assert repr(files) == repr(memory)
    assert files.lengths.tolist() == memory.lengths.tolist()
    assert files.node_counts.tolist() == memory.node_counts.tolist()
    chosen = [place for place, one in enumerate(SENTENCES[part]) if one.dependencies][::-1]
    found, expected = files.batch(chosen), memory.batch(chosen)
    assert tuple(found.sentences) == expected.sentences
    for name in ("token_ids", "parents", "node_labels", "roots", "token_ptr", "node_batch"):
        assert torch.equal(getattr(found, name), getattr(expected, name)), name
    for name in ("heights", "labels"):
        assert np.array_equal(getattr(found.trees, name), getattr(expected.trees, name))
    with pytest.raises(StructureError, match="'no tree é'"):
        files.batch().parents  # noqa: B018


def test_encoders_and_data_loaders_read_them(stored):
    torch.manual_seed(0)
    encoder = build_encoder("child_sum_tree_lstm", input_dim=4, hidden_dim=4)
    corpus = Corpus(stored.at(WITH_TREES))
    (batch,) = DataLoader(corpus, batch_size=4, collate_fn=corpus.collate_fn)
    x = torch.randn(batch.num_tokens, 4)
    expected = encoder(x, Batch.from_sentences([SENTENCES[place] for place in WITH_TREES]))
    assert torch.equal(encoder(x, batch).sentence, expected.sentence)
    assert corpus.batch([3]).node_labels.tolist()[1] == UNIVERSAL_RELATIONS["root"]


def test_what_cannot_be_kept_is_refused(stored, tmp_path):
    with pytest.raises(ValueError, match="dependencies alone"):
        Corpus(stored, structure="constituency")
    phrases = Tree([-1, 0, 0], tokens=[-1, 0, 1])
    with pytest.raises(StructureError, match="'a b' has a structure, but no dependencies"):
        StoredSentences.write(tmp_path / "other", [Sentence(["a", "b"], constituency=phrases)])
    with pytest.raises(InputError, match="write them again"):
        StoredSentences(tmp_path / "other")  # it was not finished


@pytest.mark.parametrize("name", ["lengths", "words", "heads", "sentences.json"])
def test_a_damaged_folder_is_told(stored, name):
    file = stored.folder / name
    file.write_bytes(file.read_bytes()[:-4])
    with pytest.raises(InputError, match="write"):
        StoredSentences(stored.folder)


def test_sentences_are_replaced_by_what_is_made_of_them(tmp_path):
    def half(sentences):
        yield sentences[0]
        raise KeyError("the disk is gone")

    many = [Sentence([f"w{n}", "barks"]) for n in range(20_000)]  # more than a page of memory
    stored = StoredSentences.write(tmp_path, many)
    with pytest.raises(KeyError):
        StoredSentences.write(tmp_path, half(stored))
    assert list(StoredSentences(tmp_path)[:3]) == many[:3]  # they are still there
    tagged = StoredSentences.write(tmp_path, (one.replace(tags=["N", "V"]) for one in stored))
    assert tagged[-1] == many[-1].replace(tags=["N", "V"])
    assert stored[-1] == many[-1]
    assert len(list(tmp_path.iterdir())) == 7
