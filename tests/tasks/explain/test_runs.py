"""Which runs explain a text: those that are named, and those of an experiment."""

from __future__ import annotations

import pytest

from tasks.explain import choose_runs, known_label
from tasks.results.folder import load_results
from tasks.storage import StorageError
from tests.tasks.command.test_cli import QUICK, here, questions

__all__ = ["here", "questions"]  # fixtures


@pytest.fixture
def experiment(tmp_path, questions, here):
    """Two encoders, two seeds, and for the one that reads trees two structures."""
    given = ("--data", questions, "--encoders", "bag,gcn", "--structure", "parse,flat")
    here(
        "compare",
        *given,
        "--seeds",
        2,
        "--workers",
        1,
        "--no-report",
        *QUICK,
        "--epochs",
        1,
        "--out",
        "grid",
    )
    return tmp_path / "grid"


def test_one_run_of_each_cell_of_an_experiment(experiment, here, tmp_path):
    runs = [run.folder for cell in load_results(experiment).cells for run in cell.runs]
    assert len(runs) == 6
    chosen = choose_runs([experiment])
    assert chosen.notes == ()
    assert sorted(chosen.folders) == sorted(run for run in runs if run.name == "seed-0")
    # A run that is named twice is explained once, and one without a model is passed over.
    assert choose_runs([chosen.folders[0], experiment]).folders == chosen.folders
    for seed in ("seed-0", "seed-1"):
        (chosen.folders[-1].parent / seed / "model.json").unlink()
    fewer = choose_runs([experiment])
    assert fewer.folders == chosen.folders[:-1]
    assert fewer.notes == ("Left out, as there is no saved model yet: gcn on flat.",)

    example = load_results(experiment).examples
    (examples,) = example.values()
    text, label = examples[0].text, examples[0].label
    assert known_label(chosen.folders[0], text) == label
    assert known_label(chosen.folders[0], "never seen") is None
    assert known_label(tmp_path, text) is None

    said = here("explain", "grid", text, "-o", "why")
    assert "no saved model yet: gcn on flat" in " ".join(said.err.split())
    page = (tmp_path / "why" / "explanation.html").read_text()
    assert "What 2 encoders say of it" in page
    assert "no saved model yet: gcn on flat" in page
    assert f'{label} <span class="gold">right</span>' in page
    one, other = chosen.folders[:2]
    here("explain", one, other, text, "-o", "two", "--gold", label)
    assert (tmp_path / "two" / "gcn" / "explanation.json").exists()
    assert "nothing" in here("explain", one, text, "-o", "x", "--gold", "nothing", status=1).err

    for run in runs:
        (run / "model.json").unlink(missing_ok=True)
    with pytest.raises(StorageError, match=r"no run of the experiment in .* can explain a text"):
        choose_runs([experiment])


def test_folders_that_are_none(tmp_path, here):
    with pytest.raises(
        StorageError, match=r"no folder .*nowhere: give folders of runs or of an exp"
    ):
        choose_runs([tmp_path / "nowhere"])
    assert choose_runs([tmp_path]).folders == (tmp_path,)  # its model is asked for later
    assert "there is no saved model in ." in here("explain", ".", "a b", "-o", "why", status=1).err
