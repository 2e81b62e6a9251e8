"""The training recipe: its pieces, and the whole of it on a tiny handmade treebank."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import pack_sequence

from parsers.training.__main__ import main
from parsers.training.contextual import _States
from parsers.training.loop import Budget, WeightAverage, make_cheaper
from parsers.training.pack import halved
from parsers.training.spacy_vectors import murmur_hash_64a, read_msgpack_int_map
from parsers.training.treebank import (
    TreebankError,
    folds,
    raw_text,
    read_treebank,
    word_forms,
)
from parsers.training.vectors import VectorsError, read_vectors, reduce_dimensions
from structnn.ops.dropout import Dropout
from tests.structnn.embeddings.tiny import make_model, make_tokenizer, save_tiny

pytestmark = pytest.mark.slow

SENTENCES = [
    ("Der Hund schläft .", "DET NOUN VERB PUNCT", "2 3 0 3", "det nsubj root punct"),
    ("Die Katze sieht den Hund .", "DET NOUN VERB DET NOUN PUNCT", "2 3 0 5 3 3",
     "det nsubj root det obj punct"),
    ("Wer kommt ?", "PRON VERB PUNCT", "2 0 2", "nsubj root punct"),
    ("Sie kommt nicht .", "PRON VERB PART PUNCT", "2 0 2 2", "nsubj root advmod punct"),
]  # fmt: skip


def conllu(repeats: int) -> str:
    """A treebank of German sentences, each fourth of them with the multiword token "im"."""
    lines = []
    for number in range(repeats):
        for words, tags, heads, relations in SENTENCES:
            lines.append(f"# sent_id = {number}")
            rows = zip(words.split(), tags.split(), heads.split(), relations.split(), strict=True)
            for index, (word, tag, head, relation) in enumerate(rows, start=1):
                space = (
                    "SpaceAfter=No" if relation != "punct" and index == words.count(" ") else "_"
                )
                lines.append(
                    f"{index}\t{word}\t{word.lower()}\t{tag}\tX{tag[0]}\tA={tag[0]}\t{head}\t"
                    f"{relation}\t_\t{space}"
                )
            lines.append("")
        lines += [
            "1\tEr\ter\tPRON\tX\t_\t2\tnsubj\t_\t_",
            "2\tsitzt\tsitzen\tVERB\tX\t_\t0\troot\t_\t_",
            "3-4\tim\t_\t_\t_\t_\t_\t_\t_\t_",
            "3\tin\tin\tADP\tX\t_\t5\tcase\t_\t_",
            "4\tdem\tder\tDET\tX\t_\t5\tdet\t_\t_",
            "5\tHaus\tHaus\tNOUN\tX\t_\t2\tobl\t_\tSpaceAfter=No",
            "6\t.\t.\tPUNCT\tX\t_\t2\tpunct\t_\t_",
            "",
        ]
    return "\n".join(lines) + "\n"


@pytest.fixture
def treebank(tmp_path: Path) -> Path:
    path = tmp_path / "de.conllu"
    path.write_text(conllu(6), encoding="utf-8")
    return path


def test_the_whole_recipe_on_another_language(treebank: Path, tmp_path: Path) -> None:
    vectors = tmp_path / "vectors.txt"
    words = ["der", "hund", "katze", "Haus", "."]
    vectors.write_text(
        "5 6\n" + "\n".join(f"{w} " + " ".join([f"{i}.5"] * 5 + ["1"]) for i, w in enumerate(words))
    )
    output = tmp_path / "models"
    arguments = [
        *("--train", str(treebank), "--dev", str(treebank), "--test", str(treebank)),
        *("--lang", "de", "--package", "tiny", "--out", str(output)),
        *("--vectors", str(vectors), "--vector-dimensions", "4", "--data", "Eight sentences."),
        *("--folds", "2", "--fold-steps", "8", "--tagger-steps", "12", "--parser-steps", "12"),
        *("--tokenizer-steps", "10", "--multiword-epochs", "1", "--seed", "3"),
    ]
    assert main(arguments) == 0
    assert main(arguments) == 0  # every stage is there: nothing is trained again

    resources = json.loads((output / "resources.json").read_text())
    assert resources["de"]["packages"]["tiny"]["mwt"] == "tiny"
    card = (output / "MODEL_CARD.md").read_text()
    for expected in ("Eight sentences.", "Seed 3", "raw text", "gold tokens", "MB", "words/s"):
        assert expected in card
    for path in [*output.rglob("*.pt"), output / "resources.json"]:
        assert str(tmp_path).encode() not in path.read_bytes(), path

    from parsers.stanza.parser import StanzaParser

    parser = StanzaParser("de", model_dir=output, package="tiny")
    raw, split = parser.parse(["Der Hund sieht die Katze.", ["Wer", "schläft", "?"]])
    assert raw.dependencies is not None
    assert split.tokens == ("Wer", "schläft", "?")
    weights = torch.load(output / "de" / "pos" / "tiny.pt", weights_only=True)
    assert all(v.dtype == torch.float16 for v in weights["model"].values())


def test_without_vectors_and_multiword_tokens(tmp_path: Path) -> None:
    lines = [line for line in conllu(4).split("\n") if not line.startswith("3-4")]
    path = tmp_path / "xx.conllu"
    path.write_text("\n".join(lines), encoding="utf-8")
    output = tmp_path / "models"
    assert main(
        [
            *("--train", str(path), "--dev", str(path), "--test", str(path)),
            *("--lang", "xx", "--package", "p", "--out", str(output), "--folds", "2"),
            *("--fold-steps", "3", "--tagger-steps", "3", "--parser-steps", "3"),
            *("--tokenizer-steps", "5"),
        ]
    ) == 0  # fmt: skip
    entry = json.loads((output / "resources.json").read_text())["xx"]
    assert sorted(entry) == ["depparse", "packages", "pos", "tokenize"]


def test_a_teacher_gives_a_text_its_trees(treebank: Path, tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    text = tmp_path / "text.conllu"
    text.write_text(conllu(3), encoding="utf-8")
    output = tmp_path / "models"
    arguments = [
        *("--train", str(treebank), "--dev", str(treebank), "--test", str(treebank)),
        *("--lang", "de", "--package", "taught", "--out", str(output), "--folds", "2"),
        *("--contextual", str(save_tiny(tmp_path / "tiny")), "--text", str(text)),
        *("--teacher-tagger-steps", "3", "--teacher-parser-steps", "3", "--fold-steps", "3"),
        *("--tagger-steps", "3", "--parser-steps", "3", "--tokenizer-steps", "5"),
    ]
    assert main(arguments) == 0
    card = (output / "MODEL_CARD.md").read_text()
    assert "from 15 further sentences (69 words)" in card
    assert "`tiny` in front" in card
    work = tmp_path / "models.work"
    silver = read_treebank(work / "silver.conllu")
    assert word_forms(silver.blocks) == word_forms(read_treebank(text).blocks)
    for name in ("tagger", "parser"):
        learned = read_treebank(work / f"{name}.train.conllu")
        assert len(learned) == 2 * len(read_treebank(treebank)) + len(silver)
    layers = torch.load(work / "parser.pt", weights_only=True)["config"]["num_layers"]
    assert layers == 3  # more to learn, and a larger parser for it


def test_states_of_a_contextual_model_are_means_of_pieces(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    model, tokenizer = make_model().eval(), make_tokenizer()
    mix = torch.nn.Linear(4, 1, bias=False)
    torch.nn.init.zeros_(mix.weight)
    long = ["dogs"] * 20  # 40 pieces, and the model has 12 positions
    found = _States()("tiny", tokenizer, model, [["a", "dogs"], long], "cpu", True, True, mix)
    assert [part.shape for part in found] == [(4, 8), (22, 8)]
    with torch.no_grad():
        layers = model(torch.tensor([[2, 4, 5, 6, 3]]), output_hidden_states=True).hidden_states
    expected = torch.stack(layers).mean(0)[0]
    torch.testing.assert_close(found[0][2], expected[2:4].mean(0), atol=0.05, rtol=0.05)
    torch.testing.assert_close(found[0][3], expected[4], atol=0.05, rtol=0.05)
    assert found[1][1].any()
    assert not found[1][10:21].any()


def test_a_text_needs_a_teacher(
    treebank: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [item for part in ("train", "dev", "test") for item in (f"--{part}", str(treebank))]
    names = ["--lang", "de", "--package", "p", "--out", str(tmp_path / "o")]
    assert main([*files, *names, "--text", str(treebank)]) == 2
    assert "--text needs --contextual" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1\ta\tb\n\n", "line 1: 3 columns"),
        ("# c\n1\ta\t_\t_\t_\t_\t0\troot\t_\t_\n\n", "line 2: no UPOS"),
        ("1\ta\t_\tX\t_\t_\t_\troot\t_\t_\n\n", "line 1: no head"),
        ("1\ta\t_\tX\t_\t_\t0\t_\t_\t_\n\n", "line 1: no relation"),
        ("# only a comment\n\n", "no sentence"),
        ("", "no sentence"),
    ],
)
def test_bad_treebanks(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.conllu"
    path.write_text(text)
    with pytest.raises(TreebankError, match=message):
        read_treebank(path)


def test_a_bad_file_stops_the_command_before_training(
    treebank: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = ["--train", str(treebank), "--dev", str(tmp_path / "absent"), "--test", str(treebank)]
    assert main([*files, "--lang", "de", "--package", "p", "--out", str(tmp_path / "o")]) == 2
    assert "absent: no such file" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*files, "--lang", "de", "--package", "p", "--out", "o", "--stages", "bake"])


def test_raw_text_and_folds(treebank: Path) -> None:
    blocks = read_treebank(treebank).blocks
    assert raw_text(blocks).startswith("Der Hund schläft. Die Katze sieht den Hund. Wer kommt?")
    assert "sitzt im Haus." in raw_text(blocks)
    assert word_forms(blocks[4:5]) == ["Er", "sitzt", "in", "dem", "Haus", "."]
    parts = folds(blocks, 4)
    assert [block for _, part in parts for block in part] == blocks
    assert all(len(rest) + len(part) == len(blocks) for rest, part in parts)


def test_lemmas_and_empty_nodes_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "t.conllu"
    path.write_text(
        "\ufeff1\tA\tlemma\tX\t_\t_\t0\troot\t0:root\t_\r\n1.1\tB\t_\t_\t_\t_\t_\t_\t_\t_\r\n\r\n"
    )
    assert read_treebank(path).blocks == [["1\tA\t_\tX\t_\t_\t0\troot\t_\t_"]]


def test_vectors_keep_wanted_words_first(tmp_path: Path) -> None:
    path = tmp_path / "v.txt"
    path.write_text("the 1 0\nof 0 1\nThe 5 5\nrare 1 1\n")
    kept = read_vectors(path, {"rare"}, limit=2)
    assert list(kept) == ["rare", "the"]
    assert kept["the"].tolist() == [1, 0]
    path.write_text("the 1 0\nof 0\n")
    with pytest.raises(VectorsError, match="line 2: 1 numbers instead of 2"):
        read_vectors(path, set(), limit=2)
    with pytest.raises(VectorsError, match="no such file"):
        read_vectors(tmp_path / "absent", set(), limit=2)


def test_reduced_vectors_keep_the_directions_that_vary() -> None:
    rng = np.random.default_rng(0)
    plane = rng.normal(size=(200, 2)) @ rng.normal(size=(2, 10))
    reduced = reduce_dimensions(plane.astype(np.float32), 4)
    assert reduced.shape == (200, 4)
    assert reduced.std() == pytest.approx(0.5, rel=1e-3)


def test_murmur_hash_and_msgpack() -> None:
    # spaCy's StringStore gives these for the two words
    assert murmur_hash_64a(b"coffee") == 3197928453018144401
    assert murmur_hash_64a(b"apple") == 8566208034543834098
    packed = bytes([0x82, 0x05, 0xCC, 0xC8, 0xCF, *(1).to_bytes(8, "big"), 0xCD, 1, 0])
    assert read_msgpack_int_map(packed) == {5: 200, 1: 256}
    with pytest.raises(ValueError, match="not a msgpack map"):
        read_msgpack_int_map(b"\x93\x01\x02\x03")


def test_dropout_is_the_fast_one() -> None:
    layers = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Sequential(torch.nn.Dropout(0.25)))
    make_cheaper(layers.eval())
    dropout = layers[1][0]
    assert type(dropout) is Dropout
    assert (dropout.p, dropout.training) == (0.25, False)


def test_lstms_are_those_of_pytorch() -> None:
    from stanza.models.common.hlstm import HighwayLSTM

    torch.manual_seed(0)
    model = HighwayLSTM(3, 4, num_layers=2, bidirectional=True, highway_func=torch.tanh).double()
    lengths = [5, 3, 1]
    x = torch.randn(9, 3, dtype=torch.float64, requires_grad=True)
    wanted = [x, *model.parameters()]

    def outcome(start: torch.Tensor) -> list[torch.Tensor]:
        packed = pack_sequence(x.split(lengths))
        states = model(packed, lengths, hx=(start, start))[0].data
        return [states, *torch.autograd.grad(states.square().sum(), wanted)]

    starts = torch.zeros(4, 3, 4, dtype=torch.float64), torch.randn(4, 3, 4, dtype=torch.float64)
    before = [outcome(start) for start in starts]
    make_cheaper(model)
    assert "forward" in vars(model.lstm[0])
    for start, expected in zip(starts, before, strict=True):
        torch.testing.assert_close(outcome(start), expected)


def test_first_states_of_zeros_are_not_trained() -> None:
    layers = torch.nn.Module()
    layers.parserlstm_h_init = torch.nn.Parameter(torch.zeros(2))
    layers.parserlstm_c_init = torch.nn.Parameter(torch.ones(2))
    make_cheaper(layers)
    assert [weight.requires_grad for weight in layers.parameters()] == [False, True]


def test_average_and_budget() -> None:
    module = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(module.weight)
    average = WeightAverage(module, 0.5)
    for _ in range(3):
        torch.nn.init.constant_(module.weight, module.weight.item() + 1)
        average.update()
    average.swap()
    # decays 2/11, 3/12, 4/13
    assert module.weight.item() == pytest.approx(
        (((0 * 2 + 1 * 9) / 11) * 3 / 12 + 2 * 9 / 12) * 4 / 13 + 3 * 9 / 13
    )
    average.swap()
    assert module.weight.item() == 3
    assert Budget(10).progress(5, 1e9) == 0.5
    assert Budget(10, minutes=1).progress(0, 30) == 0.5
    assert Budget(10, minutes=1).progress(20, 0) == 1


def test_halved_leaves_integers_alone() -> None:
    result = halved({"a": torch.ones(2), "b": [torch.ones(1, dtype=torch.long)], "c": "text"})
    assert result["a"].dtype == torch.float16
    assert result["b"][0].dtype == torch.long
    assert result["c"] == "text"
