"""Data sets by name, and how examples are divided."""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import zipfile
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.data.datasets import DATASETS, DataError, Dataset, Example, folds, load_dataset
from tasks.data.options import DataOptions
from tasks.data.splits import hold_out
from tasks.data.suites import dyck
from tasks.options import OptionError

SHARED = Path(__file__).parents[3].parent / "shared"
needs_sst = pytest.mark.skipif(
    not (SHARED / "sst" / "trees").is_dir(), reason="the Stanford Sentiment Treebank isn't here"
)


def has_corpus(name: str) -> bool:
    import nltk

    try:
        nltk.data.find(f"corpora/{name}.zip")
    except LookupError:
        try:
            nltk.data.find(f"corpora/{name}")
        except LookupError:
            return False
    return True


needs_trec = pytest.mark.skipif(not has_corpus("qc"), reason="NLTK's qc isn't on NLTK_DATA")
needs_mr = pytest.mark.skipif(
    not has_corpus("sentence_polarity"), reason="NLTK's sentence_polarity isn't on NLTK_DATA"
)


def examples(*labels: str) -> tuple[Example, ...]:
    return tuple(Example(f"text {i}", label, f"made:{i}") for i, label in enumerate(labels))


class TestExample:
    @pytest.mark.parametrize("text", ["", "  \t", "\u200b", (), ("a", "")])
    def test_needs_a_text(self, text):
        with pytest.raises(DataError, match=r"file.csv:3: .*is empty"):
            Example(text, "yes", "file.csv:3")

    def test_needs_a_label(self):
        with pytest.raises(DataError, match=r"file.csv:3: the label is empty"):
            Example("a text", "", "file.csv:3")

    def test_tokens_make_a_plain_text(self):
        assert Example(("Stop", "!"), "yes", "made:1").plain_text == "Stop !"


class TestDataset:
    def test_a_label_unseen_in_train_is_named(self):
        with pytest.raises(
            DataError, match=r"made:1: the label 'c' doesn't occur in train.*'a', 'b'"
        ):
            Dataset("made", examples("a", "b"), examples("a", "c"), (), ("a", "b", "c"))

    def test_one_label_is_an_error(self):
        with pytest.raises(DataError, match="all 2 training examples have the label 'a'"):
            Dataset("made", examples("a", "a"), examples("a"), (), ("a",))

    @pytest.mark.parametrize("split", ["train", "dev"])
    def test_needs_train_and_dev(self, split):
        parts = {"train": examples("a", "b"), "dev": examples("a")} | {split: ()}
        with pytest.raises(DataError, match=f"no {split} examples"):
            Dataset("made", **parts, test=(), labels=("a", "b"))

    def test_without_test_hides_the_test_set_alone(self):
        whole = Dataset("made", examples("a", "b"), examples("a"), examples("b"), ("a", "b"))
        part = whole.without_test()
        assert (part.train, part.dev, part.test) == (whole.train, whole.dev, ())

    def test_fingerprint_follows_the_data_and_not_its_place(self):
        def made(text: str = "x", source: str = "a:1") -> str:
            train = (Example(text, "a", source), Example("y", "b", "a:2"))
            return Dataset("made", train, examples("a"), (), ("a", "b")).fingerprint

        assert made() == made(source="elsewhere:1") != made(text="z")


class TestHoldOut:
    @given(
        st.lists(st.sampled_from("aaaaaaaabbbc"), min_size=10, max_size=120),
        st.floats(0.05, 0.5),
        st.integers(0, 5),
    )
    def test_is_stratified_and_keeps_each_label(self, labels, fraction, seed):
        data = examples(*labels)
        count = round(fraction * len(data))
        spare = len(labels) - len(set(labels))
        if min(count, spare) < 1:
            return
        rest, held = hold_out(data, count, seed)
        assert sorted((*rest, *held), key=data.index) == list(data)
        assert len(held) == min(count, spare)
        assert {example.label for example in rest} == set(labels)
        for label, number in Counter(example.label for example in held).items():
            share = count * labels.count(label) / len(labels)
            assert abs(number - share) < 1 + count / spare * len(set(labels))

    def test_repeated_texts_stay_together_in_any_order_and_case(self):
        texts = [f"word{i} and more" for i in range(40)]
        data = [
            Example(text, "ab"[i % 2], f"made:{i}")
            for i, text in enumerate(
                [*texts, *(" ".join(reversed(t.upper().split())) for t in texts)]
            )
        ]
        rest, held = hold_out(data, 16)
        words = [{e.plain_text.lower().split()[0] for e in part} for part in (rest, held)]
        words += [{e.plain_text.lower().split()[-1] for e in part} for part in (rest, held)]
        assert len(held) == 16
        assert not (words[0] | words[2]) & (words[1] | words[3]) - {"and", "more"}

    def test_the_seed_decides(self):
        data = examples(*"ab" * 50)
        assert hold_out(data, 10, 1) == hold_out(data, 10, 1) != hold_out(data, 10, 2)

    def test_too_few_is_an_error(self):
        with pytest.raises(DataError, match="too few to hold 1 out"):
            hold_out(examples("a", "b"), 1)
        with pytest.raises(DataError, match=r"^1 example of 1 label is too few to hold 1 out"):
            hold_out(examples("a"), 1)


class TestFolds:
    def dataset(self, *labels: str) -> Dataset:
        data = examples(*labels)
        return Dataset("made", data[:-4], data[-4:-2], data[-2:], tuple(sorted(set(labels))))

    def test_each_example_is_tested_once_and_labels_are_balanced(self):
        data = self.dataset(*"aaab" * 25)
        made = list(folds(data, 5))
        tested = [example for fold in made for example in fold.test]
        everything = (*data.train, *data.dev, *data.test)
        assert sorted(e.source for e in tested) == sorted(e.source for e in everything)
        for fold in made:
            assert len(fold.train) + len(fold.dev) + len(fold.test) == 100
            assert len(fold.dev) == 10
            assert Counter(e.label for e in fold.test) == {"a": 15, "b": 5}
            assert not {*fold.train} & {*fold.test}
            assert not {*fold.dev} & {*fold.test}
        assert [fold.name for fold in made] == [f"made/{i}" for i in range(1, 6)]
        assert "fold 1 of 5" in made[0].notes[-1]

    def test_a_rare_label_is_always_trained(self):
        for fold in folds(self.dataset(*"ab" * 20, "c", "c", "a", "b", "a", "b"), 4):
            assert {e.label for e in fold.train} == {"a", "b", "c"}

    def test_a_label_with_one_text_is_named(self):
        data = self.dataset(*"ab" * 10, "c", "a", "b", "a", "b")
        with pytest.raises(DataError, match="label 'c' has only one text"):
            list(folds(data, 2))

    @pytest.mark.parametrize("k", [0, 1, 100])
    def test_impossible_numbers_of_folds(self, k):
        with pytest.raises(DataError, match=f"{k} folds of 24 different texts"):
            list(folds(self.dataset(*"ab" * 12), k))


def rows(count: int, groups: int, column: str = "pair") -> tuple[Example, ...]:
    """Examples of two labels in groups of both, whose words differ."""
    return tuple(
        Example(f"text {i}", "ab"[i // groups % 2], f"made:{i}", columns={column: str(i % groups)})
        for i in range(count)
    )


def sides(*parts: tuple[Example, ...]) -> list[set[str]]:
    return [{example.cluster for example in part} for part in parts]


class TestClusters:
    def test_a_cluster_is_the_column_chosen_or_the_pair_or_the_words(self):
        example = Example("So Good", "a", "made:1", columns={"pair": "7", "template": " x "})
        assert example.cluster == "pair=7"
        assert replace(example, cluster_column="template").cluster == "template=x"
        assert replace(example, cluster_column="text").cluster == "words=good so"
        assert replace(example, columns={"pair": " "}).cluster == "words=good so"
        assert replace(example, columns={}, text=("good", "SO")).cluster == "words=good so"

    @settings(deadline=None)  # the first imports networkx
    @given(st.integers(24, 60), st.integers(6, 12), st.integers(0, 5))
    def test_no_group_is_on_both_sides(self, count, groups, seed):
        data = rows(count, groups)
        rest, held = hold_out(data, count // 3, seed)
        assert 0 < len(held) <= count // 3
        assert not set.intersection(*sides(rest, held))
        assert sorted((*rest, *held), key=data.index) == list(data)
        whole = Dataset("made", data, data[:1], (), ("a", "b"))
        for fold in folds(replace(whole, dev=whole.train[:2], train=whole.train[2:]), 3, seed):
            train, dev, test = sides(fold.train, fold.dev, fold.test)
            assert not train & dev | train & test | dev & test
            assert "rows with one 'pair' kept together" in fold.notes[-1]

    def test_a_text_in_two_pairs_joins_them(self):
        data = list(rows(40, 20))
        data[3] = replace(data[3], text="text 7")  # pairs 3 and 7
        for seed in range(10):
            rest, held = hold_out(data, 10, seed)
            for part in sides(rest, held):
                assert ("pair=3" in part) == ("pair=7" in part)

    @pytest.mark.parametrize("columns", [{}, {"length": "3"}, {"pair": ""}])
    def test_without_clusters_splits_are_those_of_earlier_versions(self, columns):
        generator = random.Random(7)
        data: list[Example] = []
        for i in range(400):
            text = " ".join(
                generator.choices([f"w{j}" for j in range(40)], k=generator.randrange(1, 4))
            )
            if i % 9 == 0 and data:
                text = " ".join(reversed(generator.choice(data).plain_text.upper().split()))
            data.append(Example(text, generator.choice("aaabbc"), f"made:{i}", columns=columns))
        digest = hashlib.sha256()
        for seed in range(3):
            for count in (1, 40, 133):
                parts = hold_out(data, count, seed)
                digest.update(json.dumps([[e.source for e in part] for part in parts]).encode())
        assert digest.hexdigest()[:16] == "51c5b29042e37fd4"
        made = Dataset("made", *map(tuple, (data[:300], data[300:350], data[350:])), (*"abc",))
        digest = hashlib.sha256()
        for fold in folds(made, 5, 3):
            parts = [[e.source for e in part] for part in (fold.train, fold.dev, fold.test)]
            digest.update(json.dumps([fold.name, fold.notes, *parts]).encode())
        assert digest.hexdigest()[:16] == "dc2cd360048097fc"
        assert made.kept_together_by is None

    @pytest.fixture
    def small_dyck(self, monkeypatch):
        """The suite in a tenth of its usual size."""
        small = partial(dyck.generate, train=100, dev=40, test=60)
        monkeypatch.setattr(dyck, "generate", small)

    @pytest.mark.usefixtures("small_dyck")
    def test_a_column_is_chosen_for_files_and_for_data_sets_of_their_own(self, tmp_path):
        lines = [f"text {i},{'ab'[i % 2]},{i // 4}" for i in range(40)]
        file = tmp_path / "data.csv"
        file.write_text("text,label,story\n" + "\n".join(lines))
        data = load_dataset(file, DataOptions(cluster="story", test_fraction=0.2))
        train, dev, test = sides(data.train, data.dev, data.test)
        assert not train & dev | train & test | dev & test
        assert "rows with one 'story' kept together" in data.notes[0]
        assert load_dataset(file, DataOptions()).kept_together_by is None
        made = load_dataset("dyck", DataOptions(cluster="split"))
        assert {example.clustered_by for example in made.test} == {"split"}
        assert made.fingerprint == load_dataset("dyck").fingerprint

    def test_the_text_column_undoes_a_pair(self, tmp_path):
        file = tmp_path / "data.csv"
        lines = [f"text {i},{'ab'[i % 2]},{'yes no'.split()[i % 2]}" for i in range(40)]
        file.write_text("review,label,pair\n" + "\n".join(lines))
        with pytest.raises(
            DataError,
            match=r"40 examples of 2 labels are only 2 groups of rows with one 'pair' or text, the "
            "largest of 20: .* Choose another column with --cluster",
        ):
            load_dataset(file, DataOptions(text_column="review"))
        data = load_dataset(file, DataOptions(text_column="review", cluster="review"))
        assert (len(data.train), len(data.dev), len(data.test)) == (32, 4, 4)

    @pytest.mark.usefixtures("small_dyck")
    def test_a_column_that_is_not_there(self, tmp_path):
        file = tmp_path / "data.jsonl"
        file.write_text('{"text": "a", "label": "b", "pair": 1, "length": 2}\n' * 3)
        with pytest.raises(
            DataError,
            match=r"data.jsonl:1: there is no column 'story' .*; the columns are 'text', 'pair', "
            r"'length'. Choose one with cluster \(--cluster\)",
        ):
            load_dataset(file, DataOptions(cluster="story"))
        with pytest.raises(DataError, match=r"no column 'story' .*'split'"):
            load_dataset("dyck", DataOptions(cluster="story"))

    def test_test_rows_whose_pair_is_in_train_are_counted(self, tmp_path):
        for name, first in (("train", 0), ("dev", 30), ("test", 18)):
            lines = [f"{name} {i},{'ab'[i % 2]},{i}" for i in range(first, first + 20)]
            (tmp_path / f"{name}.csv").write_text("text,label,pair\n" + "\n".join(lines * 2))
        options = DataOptions(dev=tmp_path / "dev.csv", test=tmp_path / "test.csv")
        data = load_dataset(tmp_path / "train.csv", options)
        assert data.kept_together_by == "pair"
        assert (
            "20 of 40 test rows have a 'pair' that also occurs in train or dev (left as they are)"
            in data.notes
        )

    def test_one_text_repeated_is_said(self):
        data = [Example("the same", "ab"[i % 2], f"made:{i}") for i in range(40)]
        with pytest.raises(
            DataError, match="40 examples of 2 labels are only 1 different text, too few to hold 4"
        ):
            hold_out(data, 4)


class TestNames:
    def test_unknown_name_lists_those_that_exist(self):
        with pytest.raises(DataError, match=r"no data set 'trek'.*" + ", ".join(DATASETS)):
            load_dataset("trek")

    def test_a_named_set_takes_no_files(self):
        with pytest.raises(DataError, match="trec has its own split"):
            load_dataset("trec", DataOptions(dev=Path("dev.csv")))

    @pytest.mark.parametrize("fraction", [0.0, 1.0, -1.0, float("nan")])
    def test_fractions_are_checked(self, fraction):
        with pytest.raises(OptionError, match="dev_fraction must be above 0 and below 1"):
            DataOptions(dev_fraction=fraction)


class TestNltkCorpora:
    @pytest.fixture
    def nothing_installed(self, monkeypatch):
        import nltk

        monkeypatch.setattr(nltk.data, "path", [])

    def test_missing_corpus_gives_both_commands(self, nothing_installed, tmp_path):
        with pytest.raises(DataError) as caught:
            load_dataset("trec", DataOptions(data_dir=tmp_path))
        assert "--download" in str(caught.value)
        assert f"python -m nltk.downloader -d {tmp_path} qc" in str(caught.value)

    def test_refused_network_says_what_to_do(self, nothing_installed, tmp_path, monkeypatch):
        import nltk

        def refuse(*args: object, **options: object) -> bool:
            raise ValueError("no route to host")

        monkeypatch.setattr(nltk, "download", refuse)
        with pytest.raises(DataError, match=r"can't be downloaded .no route to host"):
            load_dataset("subj", DataOptions(data_dir=tmp_path, download=True))

    def test_download_when_asked(self, nothing_installed, tmp_path, monkeypatch):
        import nltk

        def download(corpus: str, *, download_dir: str, **options: object) -> bool:
            folder = Path(download_dir) / "corpora" / corpus
            folder.mkdir(parents=True)
            (folder / "train.txt").write_text(
                "".join(f"NUM:date When {i} ?\nHUM:ind Who {i} ?\n" for i in range(20))
            )
            (folder / "test.txt").write_text("HUM:ind Who else ?\n")
            return True

        monkeypatch.setattr(nltk, "download", download)
        assert len(load_dataset("trec", DataOptions(data_dir=tmp_path, download=True)).test) == 1

    def test_a_damaged_archive_is_an_error_of_the_data(self, nothing_installed, tmp_path):
        (tmp_path / "corpora").mkdir()
        path = tmp_path / "corpora" / "qc.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in ("train", "test"):
                archive.writestr(f"qc/{name}.txt", "NUM:date When ?\nHUM:ind Who ?\n" * 20)
        whole = path.read_bytes()
        path.write_bytes(whole[:-30])
        options = DataOptions(data_dir=tmp_path)
        with pytest.raises(DataError, match=r"corpus 'qc' can't be read \(File is not"):
            load_dataset("trec", options)
        right = None
        for place in range(len(whole)):
            for flip in (1, 8):
                path.write_bytes(whole[:place] + bytes([whole[place] ^ flip]) + whole[place + 1 :])
                with contextlib.suppress(DataError):
                    data = load_dataset("trec", options)
                    right = right or data.fingerprint
                    assert data.fingerprint == right

    def test_subj_and_its_encoding(self, tmp_path):
        folder = tmp_path / "corpora" / "subjectivity"
        folder.mkdir(parents=True)
        plot = "".join(f"he walks home {i} \n" for i in range(20))
        quote = "".join(f"the film's caf\xe9 \x96 doesn't {i} \n" for i in range(20))
        (folder / "plot.tok.gt9.5000").write_bytes(plot.encode("latin-1"))
        (folder / "quote.tok.gt9.5000").write_bytes(quote.encode("latin-1"))
        data = load_dataset("subj", DataOptions(data_dir=tmp_path))
        assert data.labels == ("objective", "subjective")
        assert (len(data.train), len(data.dev), len(data.test)) == (32, 4, 4)
        text = next(e.text for e in data.train if e.label == "subjective")
        assert text[:-1] == ("the", "film", "'s", "caf\xe9", "\u2013", "does", "n't")

    @needs_trec
    def test_trec(self):
        data = load_dataset("trec")
        assert (len(data.train), len(data.dev), len(data.test)) == (4907, 545, 500)
        assert data.labels == ("ABBR", "DESC", "ENTY", "HUM", "LOC", "NUM")
        assert data.test[0].text == tuple("How far is it from Denver to Aspen ?".split())
        assert data.test[0].source == "qc/test.txt:1"
        assert "11 of 500 test texts also occur in train or dev (left as they are)" in data.notes
        assert data.fingerprint == load_dataset("trec").fingerprint

    @needs_trec
    def test_trec_with_fine_labels(self):
        data = load_dataset("trec50")
        assert len(data.labels) == 50
        assert {e.label for e in data.train} == set(data.labels)

    @needs_mr
    def test_mr(self):
        data = load_dataset("mr")
        assert (len(data.train), len(data.dev), len(data.test)) == (8530, 1066, 1066)
        for part in (data.train, data.dev, data.test):
            assert len(set(Counter(e.label for e in part).values())) == 1
        words = {token for e in data.train for token in e.text}
        assert {"n't", "'s", "\u2014", "clich\xe9s"} <= words
        assert "doesn't" not in words


class TestTreebank:
    def write(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        rng = random.Random(0)
        for split in ("train", "dev", "test"):
            lines = [
                f"({label} (2 -LRB-) ({label} w{rng.random()}))" for label in (0, 1, 2, 3, 4) * 2
            ]
            (folder / f"{split}.txt").write_text("\n".join(lines) + "\n")

    def test_five_labels_are_ordered_and_keep_their_trees(self, tmp_path):
        self.write(tmp_path / "trees")
        data = load_dataset("sst5", DataOptions(data_dir=tmp_path))
        assert data.ordered
        assert data.labels[0] == "very negative"
        assert len(data.labels) == 5
        example = data.train[0]
        assert example.text[0] == "("
        assert example.label == "very negative"
        assert example.sentence is not None
        assert example.sentence.tokens == example.text
        assert example.sentence.constituency.labels == ("0", "2", "0")

    def test_two_labels_leave_out_the_neutral(self, tmp_path):
        self.write(tmp_path)
        data = load_dataset("sst2", DataOptions(data_dir=tmp_path))
        assert data.labels == ("negative", "positive")
        assert not data.ordered
        assert len(data.train) == 8

    @pytest.mark.parametrize("folder", [None, Path("nowhere")])
    def test_says_where_to_get_it(self, folder):
        with pytest.raises(DataError, match=r"trainDevTestTrees_PTB.zip.*--data-dir"):
            load_dataset("sst5", DataOptions(data_dir=folder))

    def test_faults_in_a_tree(self, tmp_path):
        self.write(tmp_path)
        (tmp_path / "dev.txt").write_text("(2 (2 a) (2 b))\n(7 (2 a) (2 b))\n")
        with pytest.raises(DataError, match=r"dev.txt: tree 2 has the label '7'"):
            load_dataset("sst5", DataOptions(data_dir=tmp_path))
        (tmp_path / "dev.txt").write_text("(2 (2 a) (2 b))\n(2 (2 a)\n")
        with pytest.raises(DataError, match=r"dev.txt:2"):
            load_dataset("sst5", DataOptions(data_dir=tmp_path))
        (tmp_path / "dev.txt").unlink()
        with pytest.raises(DataError, match=r"dev.txt: can't be read"):
            load_dataset("sst5", DataOptions(data_dir=tmp_path))

    @pytest.mark.slow
    @needs_sst
    def test_counts(self):
        data = load_dataset("sst2", DataOptions(data_dir=SHARED / "sst"))
        assert (len(data.train), len(data.dev), len(data.test)) == (6920, 872, 1821)
