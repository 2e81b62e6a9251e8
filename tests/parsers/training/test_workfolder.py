"""A work folder belongs to one recipe; scores are printed at the end. Nothing is trained here."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from parsers.training import stages
from parsers.training.__main__ import main
from parsers.training.score import METRICS, Scores
from parsers.training.treebank import read_treebank
from parsers.training.workfolder import DESCRIPTION


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The models that were "trained": names of empty files in the place of weights."""
    made: list[str] = []

    def trains(place: int) -> Callable[..., dict[str, float]]:
        def train(*arguments: object, **options: object) -> dict[str, float]:
            output = arguments[place]
            assert isinstance(output, Path)
            output.write_text(str(options["lang"]))
            made.append(output.name)
            return {"steps": 1.0, "seconds": 60.0}

        return train

    def tag_blocks(blocks: list[list[str]], _model: Path, _table: object, output: Path) -> None:
        stages.write_blocks(blocks, output)

    def pack(models: dict[str, Path], output: Path, *, lang: str, package: str) -> int:
        for processor, source in models.items():
            target = output / lang / processor / f"{package}.pt"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(source.read_text())
        return 1

    def score(_output: Path, _lang: str, _package: str, files: list[Path]) -> Scores:
        values = dict.fromkeys(METRICS, 87.5)
        inputs: dict[str, dict[str, float]]
        inputs = {"raw text": values, "gold tokens": values | {"words/s": 1000.0}, "fast": {}}
        return {path.stem: inputs for path in files}

    for name in ("train_tokenizer", "train_tagger", "train_parser"):
        monkeypatch.setattr(stages, name, trains(2))
    monkeypatch.setattr(stages, "prepare_tokenizer_files", lambda *_: {})
    monkeypatch.setattr(stages, "train_multiword", lambda *_, **__: False)
    monkeypatch.setattr(stages, "build_table", lambda *arguments: arguments[-1].write_text("v"))
    monkeypatch.setattr(stages, "tag_blocks", tag_blocks)
    monkeypatch.setattr(stages, "pack", pack)
    monkeypatch.setattr(stages, "score_directory", score)
    return made


def treebank(path: Path, word: str) -> Path:
    path.write_text(f"1\t{word}\t_\tNOUN\tX\t_\t0\troot\t_\t_\n\n" * 4, encoding="utf-8")
    return path


def command(tmp_path: Path, word: str = "Hund", lang: str = "de", *more: str) -> list[str]:
    files = [
        item
        for part in ("train", "dev", "test")
        for item in (f"--{part}", str(treebank(tmp_path / f"{lang}-{part}.conllu", word)))
    ]
    names = ["--lang", lang, "--package", "p", "--out", str(tmp_path / "models"), "--folds", "2"]
    return [*files, *names, *more]


def test_scores_are_printed_and_a_second_run_trains_nothing(
    tmp_path: Path, trained: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command(tmp_path)) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("| file | input | Tokens |")
    assert "| de-test | raw text | 87.50 |" in shown
    assert "- de-dev: 1000 words/s" in shown
    assert {"tokenizer.unfinished.pt", "tagger.pt", "parser.pt"} < {*trained}
    scores = json.loads((tmp_path / "models.work" / "scores.json").read_text())
    assert scores["de-test"]["raw text"]["LAS"] == 87.5

    trained.clear()
    # The output, the words of the card and the names of files may change.
    renamed = (tmp_path / "de-train.conllu").rename(tmp_path / "renamed.conllu")
    again = command(tmp_path, "Hund", "de", "--data", "Four dogs.", "--train", str(renamed))
    work = ["--work", str(tmp_path / "models.work"), "--out", str(tmp_path / "other")]
    assert main([*again, *work]) == 0
    assert trained == []
    assert (tmp_path / "other" / "de" / "pos" / "p.pt").read_text() == "de"


def test_a_second_language_in_the_same_folder_is_an_error(
    tmp_path: Path, trained: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command(tmp_path)) == 0
    trained.clear()
    assert main(command(tmp_path, "chien", "fr")) == 2
    message = capsys.readouterr().err
    assert f"{tmp_path / 'models.work'}: this work folder has results of another recipe" in message
    assert "--lang is fr and was de" in message
    assert "--train fr-train.conllu has other content than its de-train.conllu" in message
    assert "give another --out (or --work), or delete the folder" in message
    assert trained == []
    assert not (tmp_path / "models" / "fr").exists()

    assert main([*command(tmp_path, "chien", "fr"), "--work", str(tmp_path / "fr.work")]) == 0
    assert (tmp_path / "models" / "fr" / "depparse" / "p.pt").read_text() == "fr"
    card = (tmp_path / "models" / "MODEL_CARD.md").read_text()
    assert "fr/depparse/p.pt" in card
    assert "de/depparse" not in card


@pytest.mark.parametrize(
    ("more", "difference"),
    [
        (["--seed", "2"], "--seed is 2 and was 1"),
        (["--parser-steps", "7"], "--parser-steps is 7 and was 9000"),
        (["--tagger-minutes", "3"], "--tagger-minutes is 3.0 and was not given"),
        (["--folds", "3"], "--folds is 3 and was 2"),
        (["--vectors", "VECTORS"], "--vectors is vectors.txt and was not given"),
        (["--package", "q"], "--package is q and was p"),
    ],
)
@pytest.mark.parametrize("stage", ["prepare", "tagger", "pack", "score"])
def test_each_stage_names_what_differs(
    tmp_path: Path,
    trained: list[str],
    capsys: pytest.CaptureFixture[str],
    more: list[str],
    difference: str,
    stage: str,
) -> None:
    (tmp_path / "vectors.txt").write_text("1 1\nHund 1\n")
    more = [str(tmp_path / "vectors.txt") if item == "VECTORS" else item for item in more]
    assert main([*command(tmp_path), "--stages", "jackknife"]) == 0
    trained.clear()
    assert main([*command(tmp_path), *more, "--stages", stage]) == 2
    assert f"another recipe: {difference};" in capsys.readouterr().err
    assert trained == []


def test_a_changed_treebank_is_an_error(
    tmp_path: Path, trained: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command(tmp_path), "--stages", "tokenizer"]) == 0
    assert main([*command(tmp_path, "Katze"), "--stages", "tokenizer"]) == 2
    assert "--dev de-dev.conllu has other content than its de-dev.conllu" in capsys.readouterr().err
    assert trained == ["tokenizer.unfinished.pt"]


def test_results_of_which_nothing_is_known_are_an_error(
    tmp_path: Path, trained: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    work = tmp_path / "models.work"
    work.mkdir()
    (work / "tagger.pt").write_text("?")
    for content, message in (
        (None, f"has results, but no {DESCRIPTION} that says what was trained"),
        ("{", f"has a damaged {DESCRIPTION}"),
        ("[]", "has results of another version"),
        ('{"settings": {"lang": "de"}, "scores": {}}', "has results of another version"),
        ('{"format": 0, "settings": {}}', "has results of another version"),
    ):
        if content is not None:
            (work / DESCRIPTION).write_text(content)
        assert main(command(tmp_path)) == 2
        assert f"{work}: this work folder {message}" in capsys.readouterr().err
    assert trained == []


def test_a_folder_without_results_is_taken_over(tmp_path: Path, trained: list[str]) -> None:
    broken = tmp_path / "de-train.conllu"
    arguments = command(tmp_path)
    (tmp_path / "models.work").mkdir()
    (tmp_path / "models.work" / "log.txt").write_text("a log may be there before the first run")
    broken.write_text("no treebank\n\n")
    assert main(arguments) == 2
    assert main(command(tmp_path)) == 0  # the treebank is mended
    assert len(read_treebank(broken)) == 4
    assert main(["--stages", "score", *command(tmp_path)]) == 0


def test_a_missing_treebank_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = command(tmp_path)
    (tmp_path / "de-dev.conllu").unlink()
    assert main(arguments) == 2
    assert "de-dev.conllu: no such file" in capsys.readouterr().err
    assert not (tmp_path / "models.work").exists()


def test_plain_sentences_are_mixed_into_train(
    tmp_path: Path, trained: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [*command(tmp_path, "Dogs", "en"), "--plain-sentences", "6"]
    assert main(arguments) == 0
    for name in ("tagger.train.conllu", "train.tagged.conllu"):
        blocks = read_treebank(tmp_path / "models.work" / name).blocks
        assert [len(block) == 1 for block in blocks].count(True) == 4
        assert len(blocks) == 10
    card = (tmp_path / "models" / "MODEL_CARD.md").read_text()
    assert "learned from 6 generated sentences of `parsers/training/plain`" in card
    trained.clear()
    assert main([*arguments[:-1], "7"]) == 2
    assert "--plain-sentences is 7 and was 6" in capsys.readouterr().err
    assert main([*command(tmp_path), "--plain-sentences", "6"]) == 2
    assert "--plain-sentences are English, and --lang is 'de'" in capsys.readouterr().err
    assert main([*arguments[:-1], "-1"]) == 2
    assert "plain_sentences must be at least 0, not -1" in capsys.readouterr().err
    assert trained == []


def test_a_folder_from_before_an_option_is_continued(tmp_path: Path, trained: list[str]) -> None:
    assert main(command(tmp_path)) == 0
    trained.clear()
    path = tmp_path / "models.work" / DESCRIPTION
    description = json.loads(path.read_text())
    assert description["settings"].pop("plain_sentences") == 0
    path.write_text(json.dumps(description))
    assert main(command(tmp_path)) == 0
    assert trained == []
