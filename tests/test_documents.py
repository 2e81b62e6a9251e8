"""What the documents for contributors say is so."""

from __future__ import annotations

import re
from inspect import getsource, isfunction, signature
from pathlib import Path

import pytest
import torch

import structnn
import tasks
from parsers.drawing import picture
from structnn import Batch, Sentence, Tree, build_encoder
from structnn.options import options_of
from tasks.data.setting import Setting
from tasks.experiments.plugins import load_plugins
from tasks.models.options import ModelOptions
from tasks.results.run import Run
from tasks.training.options import TrainingOptions
from tests.structnn.encoders import test_every_encoder as every_encoder
from tests.tasks.command.test_cli import here

__all__ = ["here"]  # a fixture

ROOT = Path(__file__).parents[1]
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", CONTRIBUTING, flags=re.DOTALL)


@pytest.fixture
def _scratch(tmp_path, monkeypatch):
    """A folder to write to, and layouts that are gone after the test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(picture, "LAYOUTS", dict(picture.LAYOUTS))


def block_with(text: str) -> str:
    (block,) = (block for block in BLOCKS if text in block)
    return block


def run(block: str) -> dict[str, object]:
    names: dict[str, object] = {"__name__": "block"}
    exec(compile(block, "CONTRIBUTING.md", "exec"), names)
    return names


@pytest.mark.usefixtures("_scratch")
@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: re.findall(r"\w+", block)[-1])
def test_each_block_of_the_guide_runs_alone(block):
    run(block)


@pytest.mark.parametrize("name", ["decoders", "language-models", "reliability"])
def test_the_blocks_of_other_pages_run(name):
    page = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    for block in re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL):
        run(block)


def test_the_encoder_of_the_how_to_is_a_plugin(tmp_path):
    page = (ROOT / "docs/how-to.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    plugin = tmp_path / "heads.py"
    plugin.write_text(next(one for one in blocks if "register_encoder" in one), encoding="utf-8")
    load_plugins([str(plugin)])
    encoder = build_encoder("bilstm>heads", 3, 8, readout="mean+max")
    sentence = Sentence(["dogs", "bark"], dependencies=Tree([1, -1]))
    encoding = encoder(torch.randn(2, 3), Batch.from_sentences([sentence]))
    assert tuple(encoding.sentence.shape) == (1, 16)
    assert list(options_of(type(encoder.stages[-1]))) == ["readout"]


@pytest.mark.parametrize("name", ["windows", "gated_sum"])
def test_encoders_of_the_guide_are_like_any_other(name, tmp_path):
    """As a file each is a plugin, and what holds of every encoder holds of it."""
    file = tmp_path / f"{name}.py"
    file.write_text(block_with(f'register_encoder("{name}"'), encoding="utf-8")
    load_plugins([str(file)])
    variant = (name, {})
    for holds in (
        every_encoder.test_shapes,
        every_encoder.test_batch_equals_one_by_one,
        every_encoder.test_sentences_do_not_leak_into_each_other,
        every_encoder.test_order_of_sentences_is_immaterial,
        every_encoder.test_one_token_sentences,
        every_encoder.test_gradients_reach_every_parameter,
        every_encoder.test_a_missing_tree_is_told,
        every_encoder.test_phrase_trees,
        every_encoder.test_order_of_siblings_matters_only_where_the_class_says_so,
        every_encoder.test_word_order_matters_only_where_the_class_says_so,
    ):
        holds(variant)
    sentence = Sentence(["dogs", "chase", "cats"], dependencies=Tree([1, -1, 1]))
    assert build_encoder(name, 3, 4).steps(Batch.from_sentences([sentence])).shape == (3, 3)


def test_the_readout_of_the_guide_is_like_any_other():
    run(block_with("register_readout"))
    variant = ("bilstm", {"readout": "range+mean"})
    every_encoder.test_batch_equals_one_by_one(variant)
    every_encoder.test_gradients_reach_every_parameter(variant)


@pytest.mark.usefixtures("_scratch")
def test_the_layout_of_the_guide_draws(tmp_path):
    run(block_with("LAYOUTS"))
    assert "dogs" in (tmp_path / "outline.svg").read_text(encoding="utf-8")


def test_a_fault_in_the_format_of_the_guide_is_told_with_its_line():
    names = run(block_with("HeadsError"))
    with pytest.raises(names["HeadsError"], match=r"<input>:2: .*word/head"):
        list(names["iter_heads"](["dogs/2 bark/0", "cats"]))


@pytest.mark.parametrize("document", [CONTRIBUTING, ARCHITECTURE], ids=["guide", "architecture"])
def test_named_files_exist(document):
    named = set(re.findall(r"`((?:structnn|parsers|tasks|tests)/[\w/.]*)`", document))
    assert named
    for path in named:
        assert (ROOT / path).exists(), path


def test_every_room_is_named():
    """Every folder that has modules, and that of the models."""
    for package in ("structnn", "parsers", "tasks"):
        folders = {path.parent.relative_to(ROOT) for path in (ROOT / package).rglob("*.py")}
        for folder in sorted(folders - {Path(package)} | {Path("parsers/models")}):
            assert f"`{folder.as_posix()}/`" in ARCHITECTURE, folder


def test_every_module_outside_of_rooms_is_named():
    for package in ("structnn", "parsers", "tasks"):
        for module in sorted((ROOT / package).glob("[!_]*.py")):
            assert f"`{package}/{module.name}`" in ARCHITECTURE, module


def test_functions_named_exist():
    for dotted in re.findall(r"`((?:structnn|parsers|tasks)\.[\w.]+)`", ARCHITECTURE):
        module, _, name = dotted.rpartition(".")
        assert _found(module, name), dotted


def _found(module: str, name: str) -> bool:
    from importlib import import_module

    try:
        return hasattr(import_module(module), name)
    except ModuleNotFoundError:  # a method: the class is the last part of the module's name
        outer, _, cls = module.rpartition(".")
        return hasattr(getattr(import_module(outer), cls), name)


@pytest.mark.slow
def test_the_experiment_of_the_page_can_be_planned(tmp_path, here):
    """On the file of reviews that the README and the how-to read."""
    page = (ROOT / "docs" / "experiments.md").read_text(encoding="utf-8")
    (options,) = re.findall(r"```toml\n(.*?)```", page, flags=re.DOTALL)
    (tmp_path / "experiment.toml").write_text(options, encoding="utf-8")
    rows = (f"A good film number {n}.,{n % 2}\n" for n in range(40))
    (tmp_path / "reviews.csv").write_text("review,stars\n" + "".join(rows), encoding="utf-8")
    said = here("compare", "experiment.toml", "--dry-run", "--out", "runs/reviews")
    assert "180 runs of 5 encoders" in said.err


def test_one_version():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"version: {structnn.__version__}\n" in citation
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## {structnn.__version__} " in changelog


def test_the_page_on_decoders_has_all_their_options():
    page = (ROOT / "docs" / "decoders.md").read_text(encoding="utf-8")
    for name in structnn.DECODERS:
        (row,) = (
            line for line in page.splitlines() if line.startswith("|") and f"`{name}`" in line
        )
        for option in structnn.DECODERS.options(name).values():
            assert f"`{option.name}={option.default!r}`" in row


@pytest.mark.slow
@pytest.mark.usefixtures("_scratch")
def test_the_blocks_of_the_page_on_python_run_in_order(capsys):
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    names: dict[str, object] = {"__name__": "block"}
    for block in re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL):
        exec(compile(block, "python.md", "exec"), names)
    assert names["classifier"].predict(["Who wrote Faust?"]).shape == (1,)
    assert "bag and bilstm" in capsys.readouterr().out
    assert {path.name for path in Path().iterdir()} == {"questions", "parser", "report.html"}


def test_the_page_on_python_says_which_estimators_weigh_no_examples():
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    (said,) = re.findall(r"weigh examples \(except `(\w+)`\)", page)
    estimators = [getattr(tasks, name) for name in tasks.__all__ if name.startswith("Structured")]
    fits = {made.__name__: signature(made.fit) for made in estimators if hasattr(made, "fit")}
    without = {name for name, fit in fits.items() if "sample_weight" not in fit.parameters}
    assert len(fits) == 7  # with the base of the six
    assert without == {said}


def test_a_decoder_of_ones_own_has_the_methods_that_are_named():
    methods = vars(structnn.Decoder)
    needed = {name for name in methods if "raise NotImplementedError" in source_of(methods[name])}
    page = (ROOT / "docs" / "decoders.md").read_text(encoding="utf-8")
    (own,) = re.findall(r"with four methods: (.*?)`register_decoder`", page, flags=re.DOTALL)
    assert set(re.findall(r"`(\w+)`\s\(", own)) == needed
    (defined,) = re.findall(r"and defines (.*?)\.", structnn.Decoder.__doc__ or "", flags=re.DOTALL)
    assert set(re.findall(r":meth:`(\w+)`", defined)) == needed


def source_of(member: object) -> str:
    return getsource(member) if isfunction(member) else ""


COMMANDS_ON_RUNS = r'^\$ structnn (?:predict|explain|serve|push|export) (?:"([^"]+)"|(\S+))'


def test_commands_name_the_folders_that_runs_have():
    """``train --out runs/one`` makes ``runs/one/gat/seed-0``, with folders for all but the defaults."""
    pages = [*(ROOT / "docs").glob("**/*.md"), *ROOT.glob("README*.md")]
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    asked = re.findall(COMMANDS_ON_RUNS, text, flags=re.MULTILINE)
    runs = {quoted or plain for quoted, plain in asked if not plain.startswith(("hf:", "RUN"))}
    assert "runs/en-de/bilstm(layers=2)/seed-0" in runs
    assert "runs/trec/gat/seed-0" in runs
    for run in runs:
        out, *inside = Path(run).parts[1:]
        assert out
        assert Path(*inside) == (folder_of(inside) if inside else Path()), run


def folder_of(parts: list[str]) -> Path:
    """The folder of the run that these folders describe."""
    *varied, encoder, seed = parts
    values = dict(name.split("=", 1) for name in varied)
    embedding = values.pop("embedding", "learned")
    model = ModelOptions(encoder=encoder.replace("+", ">"), embedding=embedding)
    number = int(seed.removeprefix("seed-"))
    return Run(model, TrainingOptions(), number, Setting(**values)).folder
