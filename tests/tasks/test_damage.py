"""Damaged files of run folders: each is named with its remedy, and the other runs are reported."""

from __future__ import annotations

import copy
import dataclasses
import json
import random
import shutil
import warnings
from contextlib import suppress

import pytest

from structnn import UnknownNameError
from tasks.experiments.experiment import ExperimentFailed, run_experiment
from tasks.experiments.options import CompareOptions
from tasks.models.model import load_model
from tasks.results.folder import load_results
from tasks.results.measures import measure
from tasks.results.run import READ_AGAIN, seed_of
from tasks.results.summary import summarise
from tasks.sealing import read_sealed
from tasks.storage import StorageError

FLIPS = 60  # of each file
RUN = "structure=given/bag/seed-0"
REMEDY = "delete (that folder|the folder of its run), and (this|that) run is made again"


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    """An experiment on sentences that bring their trees along."""
    rows = [
        {"text": [("good", "bad")[n % 2], f"w{n}"], "heads": [2, 0], "label": "ab"[n % 2]}
        for n in range(80)
    ]
    file = tmp_path_factory.mktemp("data") / "trees.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    sizes = {"hidden_dim": 4, "embedding_dim": 4, "learning_rate": 0.05, "epochs": 2}
    return CompareOptions(
        data=str(file),
        structure="given",
        encoders="bag,gru",
        seeds=2,
        workers=1,
        report=False,
        **sizes,
    )


@pytest.fixture(scope="module")
def made(options, tmp_path_factory):
    """The folder of the experiment, as it was made."""
    folder = tmp_path_factory.mktemp("made") / "out"
    run_experiment(options, folder)
    return folder


@pytest.fixture
def folder(made, tmp_path):
    """A copy of it."""
    return shutil.copytree(made, tmp_path / "out")


def earlier(folder):
    """Take away all checksums, as in a folder of an earlier version."""
    for file in [
        folder / "experiment.json",
        *folder.rglob("result.json"),
        *folder.rglob("m*.json"),
    ]:
        content, _ = read_sealed(file, "")
        file.write_text(json.dumps(content))
    for file in folder.rglob("run.json"):
        content, _ = read_sealed(file, "")
        file.write_text(json.dumps(content))


def everything(folder):
    """All that is read of an experiment: results, histories, predictions, examples."""
    results = load_results(folder)
    cells = [
        (cell, [run.history for run in cell.runs], cell.predictions("dev"), cell.predictions())
        for cell in results.cells
    ]
    return results.experiment, results.examples, cells


def weights_of(run):
    """All that is read of a saved run."""
    model = load_model(run)
    state = {name: value.tolist() for name, value in model.classifier.state_dict().items()}
    vocabularies = [model.classifier.embedding.vocabulary, model.relations]
    made_of = (model.options, model.structure, model.parser, model.classifier.labels)
    return state, made_of, [one.to_json() for one in vocabularies], seed_of(run)


def told(read, *arguments):
    """What is read, and None; or None, and the message of the one class of error that is allowed."""
    try:
        return read(*arguments), None
    except StorageError as fault:
        return None, str(fault)


def flipped(file, number):
    """Flip a bit of a file, another with each number."""
    generator = random.Random(f"{file.name} {number}")
    content = bytearray(file.read_bytes())
    # The first bytes are the header of weights, where a flip can do the most.
    place = number if number < 16 else generator.randrange(len(content))
    content[place] ^= 1 << generator.randrange(8)
    file.write_bytes(content)


@pytest.mark.parametrize("name", [*READ_AGAIN[1:], "result.json"])
def test_flipped_bits_of_what_a_result_is_made_of(folder, made, name):
    whole, left = everything(made), everything_without(made, RUN)
    file = folder / RUN / name
    content = file.read_bytes()
    noticed = 0
    for number in range(FLIPS):
        flipped(file, number)
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            found = everything(folder)
        if warned:
            (said,) = (str(one.message) for one in warned)
            assert said.startswith(f"a run is left out: {folder / RUN}")
            assert said.endswith("; delete that folder, and this run is made again")
            assert same(found, left, folder, made)
            noticed += 1
        else:
            assert same(found, whole, folder, made)
        file.write_bytes(content)
    assert noticed > 0.9 * FLIPS


def everything_without(folder, run):
    """What is read of an experiment if a run is left out."""
    experiment, examples, cells = everything(folder)
    kept = []
    for cell, histories, dev, test in cells:
        places = [n for n, one in enumerate(cell.runs) if one.folder != folder / run]
        few = dataclasses.replace(cell, runs=tuple(cell.runs[n] for n in places))
        kept.append((few, *([rows[n] for n in places] for rows in (histories, dev, test))))
    return experiment, examples, kept


def same(found, other, folder, made):
    """Whether two of what :func:`everything` gives are equal, but for the folder that they are in."""

    def text(read):
        experiment, examples, cells = read
        plain = [(cell, *map(list, rest)) for cell, *rest in cells]
        return repr((experiment, examples, plain)).replace(str(made), str(folder))

    return text(found) == text(other)


@pytest.mark.parametrize("name", ["model.json", "weights.safetensors", "run.json"])
def test_flipped_bits_of_a_saved_model(folder, name):
    run = folder / RUN
    whole = weights_of(run)
    content = (run / name).read_bytes()
    noticed = 0
    for number in range(2 * FLIPS):
        flipped(run / name, number)
        found, fault = told(weights_of, run)
        assert found == whole if fault is None else str(run / name) in fault
        noticed += fault is not None
        (run / name).write_bytes(content)
    assert noticed > 1.8 * FLIPS


@pytest.mark.parametrize("name", ["experiment.json", "examples"])
def test_flipped_bits_of_what_the_runs_share(folder, made, name):
    whole = everything(made)
    (file,) = [folder / name] if "." in name else (folder / name).iterdir()
    content = file.read_bytes()
    for number in range(2 * FLIPS):
        flipped(file, number)
        found, fault = told(everything, folder)
        if fault is None:
            assert same(found, whole, folder, made)
        else:
            assert str(file) in fault
            assert "the command that made the experiment, given again, writes" in fault
        file.write_bytes(content)


def rows_of(change):
    """A change of the rows of ``test.jsonl``."""

    def changed(run):
        file = run / "test.jsonl"
        lines = file.read_text().splitlines(keepends=True)
        file.write_text("".join(change(lines)))

    return changed


def edit(**values):
    """A change of ``result.json``."""

    def changed(run):
        file = run / "result.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), **values}))

    return changed


DAMAGES = {
    "rotated": rows_of(lambda rows: rows[1:] + rows[:1]),
    "reversed": rows_of(lambda rows: rows[::-1]),
    "shortened": rows_of(lambda rows: rows[:-1]),
    "without the first row": rows_of(lambda rows: rows[1:]),
    "lengthened": rows_of(lambda rows: rows + rows[-1:]),
    "emptied": rows_of(lambda rows: []),
    "a row cut": rows_of(lambda rows: [*rows[:-1], rows[-1][:9]]),
    "a list": rows_of(lambda rows: ["[]\n"]),
    "nested": rows_of(lambda rows: ["[" * 100_000]),
    "not UTF-8": lambda run: (run / "test.jsonl").write_bytes(b"\xff\xfe{}\n"),
    "predictions missing": lambda run: (run / "test.jsonl").unlink(),
    "history missing": lambda run: (run / "history.json").unlink(),
    "history nested": lambda run: (run / "history.json").write_text("[" * 100_000),
    "history of numbers": lambda run: (run / "history.json").write_text("[1, 2]"),
    "history a number": lambda run: (run / "history.json").write_text("1"),
    "a better test score": edit(test_score=1.0),
    "a better dev score": edit(dev_score=1.0),
    "a score of text": edit(test_score="good"),
    "a score out of range": edit(dev_score=2),
    "parameters a list": edit(parameters=[]),
    "parameters without the encoder": edit(parameters={}),
    "result a list": lambda run: (run / "result.json").write_text("[]"),
    "result empty": lambda run: (run / "result.json").write_text(""),
    "predictions a folder": lambda run: [
        (run / "test.jsonl").unlink(),
        (run / "test.jsonl").mkdir(),
    ],
}


@pytest.mark.parametrize("version", ["this", "earlier"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_run_is_named_and_the_others_are_reported(folder, made, damage, version):
    if version == "earlier":
        earlier(folder)
    DAMAGES[damage](folder / RUN)
    with pytest.warns(UserWarning, match="a run is left out") as warned:
        results = load_results(folder)
    (said,) = (str(one.message) for one in warned)
    assert str(folder / RUN) in said
    assert "delete that folder, and this run is made again" in said or "can't be read" in said
    assert results.unfinished == (folder / RUN,) == tuple(results.damaged)
    assert results.error(folder / RUN) in said
    assert [cell.seeds for cell in results.cells] == [(1,), (0, 1)]
    rows = summarise(measure(results)).rows
    before = measure(load_results(made)).cells
    assert rows[1].test == before[1].test


def test_files_of_other_runs_are_noticed(folder):
    other = folder / "structure=given/bag/seed-1"
    for name in ("test.jsonl", "dev.jsonl", "history.json"):
        file = folder / RUN / name
        own = file.read_bytes()
        shutil.copy(other / name, file)
        if file.read_bytes() != own:
            with pytest.warns(UserWarning, match=f"{name} is damaged"):
                load_results(folder)
        file.write_bytes(own)
    shutil.copy(other / "weights.safetensors", folder / RUN)
    with pytest.raises(StorageError, match=f"weights.safetensors is damaged.*{REMEDY}"):
        load_model(folder / RUN)


def test_weights_may_be_deleted_and_results_stay(folder, made):
    for file in folder.rglob("weights.safetensors"):
        file.unlink()
    assert same(everything(folder), everything(made), folder, made)
    with pytest.raises(StorageError, match=r"weights\.safetensors is missing"):
        load_model(folder / RUN)


@pytest.mark.slow
def test_the_command_again_tells_the_damage_and_makes_the_run_again(options, folder, made, capsys):
    DAMAGES["rotated"](folder / RUN)
    stale = folder / RUN / "error.txt"
    with pytest.warns(UserWarning, match="left out"), pytest.raises(ExperimentFailed):
        run_experiment(options, folder)
    said = capsys.readouterr()
    assert f"failed: StorageError: {folder / RUN / 'test.jsonl'} is damaged" in said.err
    assert stale.exists()
    earlier(folder)
    stale.unlink()
    with (
        pytest.warns(UserWarning, match="left out"),
        pytest.raises(ExperimentFailed, match=f"left out, since damaged: {folder / RUN}$"),
    ):
        run_experiment(options, folder)
    shutil.rmtree(folder / RUN)
    run_experiment(options, folder)
    assert not stale.exists()
    for name in ("test.jsonl", "dev.jsonl", "weights.safetensors", "model.json", "run.json"):
        assert (folder / RUN / name).read_bytes() == (made / RUN / name).read_bytes()


OTHERS = (None, True, -1, 10**400, 1e308, "x", "", [], {}, [[]], [None], {"x": None})


def changed_shapes(content, generator):
    """JSON with one value replaced by one of another shape, or taken away."""
    content = copy.deepcopy(content)
    places = []

    def visit(value):
        for key in value if isinstance(value, dict) else range(len(value)):
            places.append((value, key))
            if isinstance(value[key], dict | list):
                visit(value[key])

    visit(content)
    holder, key = generator.choice(places)
    if generator.random() < 0.2:
        del holder[key]
    else:
        holder[key] = copy.deepcopy(generator.choice(OTHERS))
    return content


@pytest.mark.parametrize("lines", ["test.jsonl", "examples"])
@pytest.mark.filterwarnings("ignore:a run is left out")
def test_rows_of_another_shape_raise_one_class_of_error(folder, lines):
    earlier(folder)
    file = next((folder / lines).iterdir()) if lines == "examples" else folder / RUN / lines
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    for number in range(150):
        generator = random.Random(number)
        place = generator.randrange(len(rows))
        wrong = [*rows[:place], changed_shapes(rows[place], generator), *rows[place + 1 :]]
        file.write_text("".join(json.dumps(row) + "\n" for row in wrong))
        results, fault = told(load_results, folder)
        assert fault is None or str(file) in fault
        if results and not results.damaged and number < 50:  # what is left is measured above
            measure(results)


@pytest.mark.parametrize("name", ["experiment.json", "result.json", "history.json"])
@pytest.mark.filterwarnings("ignore:a run is left out")
def test_json_of_another_shape_raises_one_class_of_error(folder, name):
    earlier(folder)
    file = folder / name if name == "experiment.json" else folder / RUN / name
    content = json.loads(file.read_text())
    for number in range(200):
        file.write_text(json.dumps(changed_shapes(content, random.Random(number))))
        results, fault = told(load_results, folder)
        assert fault is None or name == "experiment.json"  # a damaged run is left out
        if results and results.cells and not results.damaged and number < 60:
            summarise(measure(results))


def test_a_model_of_another_shape_raises_one_class_of_error(folder):
    earlier(folder)
    file = folder / RUN / "model.json"
    content = json.loads(file.read_text())
    for number in range(300):
        file.write_text(json.dumps(changed_shapes(content, random.Random(number))))
        with suppress(UnknownNameError):  # an encoder of a plugin, as far as can be known
            model, fault = told(load_model, folder / RUN)
            assert model.classifier.labels if fault is None else str(file) in fault
    for text in ("[]", "3", "[" * 100_000, ""):
        file.write_text(text)
        with pytest.raises(StorageError, match=r"model\.json"):
            load_model(folder / RUN)
        (folder / RUN / "run.json").write_text(text)
        with pytest.raises(StorageError, match=r"run\.json"):
            seed_of(folder / RUN)
