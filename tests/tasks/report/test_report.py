"""The report of a made-up experiment: its words, its tables, its files and its page."""

from __future__ import annotations

import csv
import dataclasses
import json
import math
import re
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path
from statistics import fmean, stdev
from types import SimpleNamespace

import numpy as np
import pytest

from parsers.controls import CONTROLS
from tasks.json_records import as_record
from tasks.metrics import ACCURACY, MACRO_F1, MSE, PEARSON, Metric, mean_absolute_error
from tasks.report import browser, figures, run_report, tables, words, write_report
from tasks.report.groups import Group, groups_of
from tasks.results.condition import Condition
from tasks.results.families import comparisons_in, families_of, on_equal_terms, usual
from tasks.results.folder import Cell, FinishedRun, load_results
from tasks.results.measures import MajorityClass, ScoredCell, measure
from tasks.results.records import EncoderDescription, ExampleDescription
from tasks.results.slices import Dimension, Slice, divide
from tasks.results.statistics import mean_interval, over_seeds
from tasks.results.verdicts import Verdict
from tasks.storage import read_json_lines
from tests.tasks.made_up import make_examples, make_grid, with_phrases, write_experiment

ENCODERS = ("bag", "bilstm", "child_sum_tree_lstm", "bilstm>gat")
ERROR = Metric("error", "error", score=lambda a, b: abs(a - b), higher_is_better=False)
VOID = {"meta", "link", "input", "br", "hr", "img"}


class Page(HTMLParser):
    """What a page has: its elements by kind, and whether each is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, self.getpos()

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.found if name == tag]


@pytest.fixture(scope="module")
def folder(report_of_everything):
    return report_of_everything


@pytest.fixture(scope="module")
def page(folder):
    return (folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Two seeds of two encoders, no conditions."""
    folder = tmp_path_factory.mktemp("small")
    grid = make_grid(encoders=("bilstm", "gat"))
    write_experiment(folder, {"toys": make_examples(30)}, grid)
    run_report(folder)
    return folder


@pytest.mark.slow
class TestPage:
    def test_every_element_is_closed(self, page):
        assert Page(page).open == []

    def test_needs_no_network(self, page):
        addresses = [
            attributes[name]
            for _, attributes in Page(page).found
            for name in ("src", "href", "xlink:href", "action", "data")
            if name in attributes
        ]
        assert addresses
        assert all(address.startswith(("#", "data:")) for address in addresses)
        style = page[page.index("<style>") : page.index("</style>")]
        assert "url(" not in style
        assert "@import" not in style

    def test_has_a_section_for_everything_that_was_varied(self, page):
        anchors = [attributes["id"] for attributes in Page(page).all("section")]
        assert anchors == [
            *(
                "summary",
                "table",
                "slices",
                "accuracy",
                "pairs",
                "structures",
                "noise",
                "fractions",
            ),
            *("embeddings", "oppositions", "cost", "confusions", "training", "tuning"),
            *("examples", "reproduction"),
        ]

    def test_every_section_is_in_the_contents(self, page):
        found = Page(page)
        linked = {attributes["href"] for attributes in found.all("a")}
        assert {"#" + attributes["id"] for attributes in found.all("section")} <= linked

    def test_every_figure_says_in_words_what_it_shows(self, page):
        drawings = [a for a in Page(page).all("div") if a.get("role") == "img"]
        assert len(drawings) > 20
        assert all(len(a["aria-label"]) > 20 for a in drawings)

    def test_ids_are_unique(self, page):
        ids = [attributes["id"] for _, attributes in Page(page).found if "id" in attributes]
        assert len(ids) == len(set(ids))

    def test_texts_of_the_data_are_escaped(self, page):
        assert "<b>doctors</b>" not in page
        assert "&lt;b&gt;doctors&lt;/b&gt;" in page

    def test_tells_of_runs_that_failed_and_why(self, page):
        assert "2 runs of this experiment have no result" in page
        assert "RuntimeError: out of luck" in page

    def test_so_does_the_markdown(self, report_of_everything):
        text = (report_of_everything / "results.md").read_text(encoding="utf-8")
        *_, last = text.splitlines()
        assert last.startswith("- without a result, and not in the table: 2 of ")
        assert last.endswith("(RuntimeError: out of luck; see error.txt there)")

    def test_tells_how_to_do_it_again(self, page):
        end = page[page.index('<section id="reproduction">') :]
        for expected in ("structnn compare --data toys", "f00d" * 16, "beef" * 16, "2.13.0"):
            assert expected in end

    def test_what_cannot_be_shown_is_left_out(self, small):
        page = (small / "report.html").read_text(encoding="utf-8")
        anchors = {attributes["id"] for attributes in Page(page).all("section")}
        assert not anchors & {"structures", "noise", "fractions", "embeddings", "tuning"}
        assert "no control structures were run" in page

    def test_one_encoder_with_one_seed(self, tmp_path):
        grid = make_grid(encoders=("gat",))
        examples = [row | {"heads": None, "relations": None} for row in make_examples(12)]
        write_experiment(tmp_path, {"toys": examples}, grid, seeds=1)
        page = run_report(tmp_path).read_text(encoding="utf-8")
        anchors = {attributes["id"] for attributes in Page(page).all("section")}
        assert not anchors & {"pairs", "cost", "oppositions"}
        assert "1 encoder on toys, one seed each" in page

    def test_two_structures_of_which_none_is_a_control(self, tmp_path):
        grid = make_grid(encoders=("bilstm", "gat"), structures=("parse", "given"))
        write_experiment(tmp_path, {"toys": make_examples(20)}, grid)
        page = run_report(tmp_path).read_text(encoding="utf-8")
        assert "no control structure was run. " in page

    @pytest.mark.slow
    def test_is_the_same_when_made_again(self, small, tmp_path):
        write_report(measure(load_results(small)), tmp_path)
        for path in tmp_path.rglob("*.*"):
            assert path.read_bytes() == (small / path.relative_to(tmp_path)).read_bytes()


class TestFiles:
    def test_csv_has_a_line_for_each_cell_and_seed(self, folder):
        with (folder / "results.csv").open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        cells = measure(load_results(folder)).scored
        assert len(rows) == sum(len(cell.seeds) for cell in cells)
        for cell in cells:
            condition = cell.condition
            mine = [
                row
                for row in rows
                if all(
                    str(getattr(condition, n)) == row[n] for n in ("data", "encoder", "embedding")
                )
                and row["structure"] == condition.structure
                and float(row["noise"]) == condition.noise
                and float(row["fraction"]) == condition.fraction
            ]
            assert [int(row["seed"]) for row in mine] == list(cell.seeds)
            assert [float(row["test_accuracy"]) for row in mine] == pytest.approx(
                cell.scores.mean(1)
            )
            dev = [run.result.dev_score for run in cell.cell.runs]
            assert [float(row["dev_score"]) for row in mine] == pytest.approx(dev)

    def test_figures_are_png_and_svg(self, folder):
        found = sorted((folder / "figures").iterdir())
        assert {path.stem for path in found if path.suffix == ".png"} == {
            path.stem for path in found if path.suffix == ".svg"
        }
        for path in found:
            if path.suffix == ".png":
                assert path.read_bytes().startswith(b"\x89PNG")
            else:
                assert ElementTree.parse(path).getroot().tag.endswith("svg")

    def test_every_figure_of_the_page_is_a_file(self, folder, page):
        named = re.findall(r'data-figure="([^"]+)"', page)
        assert len(named) == len(set(named))
        assert set(named) == {path.stem for path in (folder / "figures").iterdir()}

    def test_markdown_and_latex_have_the_numbers(self, folder):
        markdown = (folder / "results.md").read_text(encoding="utf-8")
        latex = (folder / "results.tex").read_text(encoding="utf-8")
        group = groups_of(measure(load_results(folder)))[0]
        for member in group.members:
            score = f"{100 * member.test.mean:.1f}"
            assert re.search(rf"^\| {member.encoder} \|.* {score} ± ", markdown, re.MULTILINE)
            name = member.encoder.replace("_", r"\_").replace(">", r"\textgreater{}")
            assert re.search(rf"^{re.escape(name)} &.* {score} \$\\pm\$ ", latex, re.MULTILINE)
        assert latex.count(r"\begin{tabular}") == latex.count(r"\end{tabular}") > 0
        assert latex.count("{") == latex.count("}")


class TestMeasures:
    def test_against_the_predictions(self, small):
        results = load_results(small)
        (group,) = groups_of(measure(results))
        for cell, member in zip(results.cells, group.members, strict=True):
            rows = [list(read_json_lines(run.folder / "test.jsonl")) for run in cell.runs]
            right = [[row["label"] == row["prediction"] for row in some] for some in rows]
            assert member.test.mean == pytest.approx(fmean(map(fmean, right)))
            assert member.test.sd == pytest.approx(stdev(map(fmean, right)))
            assert member.low < member.test.mean < member.high
            assert member.predictions[0] == tuple(row["prediction"] for row in rows[0])
        assert [member.kind for member in group.members] == ["sequence", "graph"]
        assert [member.structured for member in group.members] == [False, True]

    def test_folds_follow_each_other(self, tmp_path):
        examples = make_examples(31)
        grid = make_grid(encoders=("bilstm", "gat"))
        write_experiment(tmp_path, {"toys": examples}, grid, folds=3)
        (group,) = groups_of(measure(load_results(tmp_path)))
        assert group.gold == tuple(row["label"] for row in examples)
        for member in group.members:
            assert member.scores.shape == (2, 31)
        lines = tables.results_table([group]).to_csv().splitlines()
        assert len(lines) == 1 + 2 * 2
        assert {line.split(",")[7] for line in lines[1:]} == {"3"}

    def test_several_embeddings_are_groups_of_their_own(self, folder):
        assert [group.name for group in groups_of(measure(load_results(folder)))] == [
            "toys, learned",
            "toys, wordllama",
        ]

    def test_members_are_on_the_parse_and_all_of_train(self, folder):
        group = groups_of(measure(load_results(folder)))[0]
        assert tuple(member.encoder for member in group.members) == ENCODERS
        for member in group.members:
            assert member.condition == Condition("toys", member.encoder)

    def test_without_predictions(self, small, tmp_path):
        results = dataclasses.replace(load_results(small), cells=())
        with pytest.raises(ValueError, match="nothing to report"):
            write_report(measure(results), tmp_path)

    def test_predictions_on_other_examples(self, tmp_path):
        grid = make_grid(encoders=("gat",))
        write_experiment(tmp_path, {"toys": make_examples(20)}, grid)
        lines = (tmp_path / "examples" / "toys.jsonl").read_text(encoding="utf-8").splitlines()
        (tmp_path / "examples" / "toys.jsonl").write_text("\n".join(lines[:-1]), encoding="utf-8")
        with pytest.raises(ValueError, match=r"toys\.jsonl has 19 examples, and not the 20 of"):
            run_report(tmp_path)


def measured(encoder: str, scores, structure: str = "parse", metric=ACCURACY, **condition):
    """A cell with these scores of examples, and nothing else to tell."""
    reads = {"bilstm": "sequence", "cnn": "sequence"}.get(encoder, "tree")
    matrix = np.asarray(scores, dtype=float)
    test = over_seeds([float(mean) for mean in matrix.mean(1)])
    low, high = mean_interval(matrix)
    runs = [FinishedRun(seed, None, Path(), None) for seed in range(len(matrix))]
    return ScoredCell(
        dev_metric=ACCURACY,
        selecting=ACCURACY,
        cell=Cell(Condition("toys", encoder, structure, **condition), tuple(runs)),
        description=EncoderDescription(reads=frozenset({reads})),
        parameters=1,
        dev=test,
        train_speed=1.0,
        inference_speed=1.0,
        metric=metric,
        scores=matrix,
        own_scores=matrix,
        predictions=(),
        test=test,
        low=low,
        high=high,
        values={"macro_f1": (0.5,), "accuracy": (0.5,), "error": (0.5,)},
        calibration_error=(0.1,),
    )


def group_of(*cells: ScoredCell) -> Group:
    metric = cells[0].metric
    plain = usual([cell.condition for cell in cells])
    structured = {cell.encoder for cell in cells if cell.structured}
    families = families_of(
        {cell.condition: cell.scores for cell in cells},
        {cell.encoder: cell.kind for cell in cells},
        metric,
    )
    return Group(
        data="toys",
        embedding="learned",
        name="toys",
        usual=plain,
        members=tuple(c for c in cells if on_equal_terms(c.condition, plain, structured)),
        varied=cells,
        comparisons=comparisons_in(families),
        labels=("a", "b"),
        gold=("a",) * cells[0].scores.shape[1],
        metrics=(metric, MACRO_F1),
    )


def equal(*names: str) -> list[ScoredCell]:
    """Cells that differ in too few of very many examples to be more than 1 point apart."""
    common = right(0.9, 0, examples=20_000)
    flips = [right(0.01, seed, examples=20_000) for seed in range(1, 1 + len(names))]
    return [measured(name, common ^ flipped) for name, flipped in zip(names, flips, strict=True)]


def right(share: float, seed: int, seeds: int = 4, examples: int = 400):
    return np.random.default_rng(seed).random((seeds, examples)) < share


class TestWords:
    def test_copies_cannot_be_told_apart(self):
        correct = right(0.8, 0)
        group = group_of(measured("bilstm", correct), measured("tree", correct))
        assert "It is undecided against tree." in words.ranking(group)
        verdict, grounds = words.structure_verdict(group, words.structure_findings(group))
        assert verdict == "Can't tell: no control structures were run."
        assert grounds[0] == (
            "Best with structure: tree; best of sequences: bilstm. tree minus bilstm: +0.0 points (95 % "
            "interval -2.9 to +2.9), undecided."
        )

    def test_shuffled_labels_are_worse(self):
        group = group_of(measured("bilstm", right(0.8, 0)), measured("tree", right(0.2, 1)))
        assert "It is better than tree." in words.ranking(group)
        assert words.standing(group, group.members[1]) == "worse"

    def test_equal_encoders(self):
        group = group_of(*equal("bilstm", "tree"))
        assert {words.standing(group, member) for member in group.members} == {"best", "equal"}
        other = next(member for member in group.members if member is not group.best)
        assert f"It is equal to {other.encoder} to within 1.0 points." in words.ranking(group)

    def test_of_several_pairs_the_verdicts_are_counted(self):
        shares = (0.9, 0.5, 0.5)
        group = group_of(*(measured(name, right(shares[i], i)) for i, name in enumerate("abc")))
        assert words.ranking(group)[-1] == (
            "Of 3 pairs of encoders, 2 are told apart and 1 is undecided."
        )

    @pytest.mark.parametrize(
        ("shares", "verdict", "finding"),
        [
            (
                (0.9, 0.6, 0.5),
                "It helps: the parses beat every control (left_chain and random) by at least ",
                "are better than left_chain (",
            ),
            (
                (0.8, 0.8, 0.8),
                "Can't tell: this experiment would have missed ",
                "undecided against",
            ),
            (
                (0.8, 0.8, 0.4),
                "Can't tell: the parses beat random. But beside left_chain, this experiment would have ",
                "; undecided against left_chain (",
            ),
            (
                (0.4, 0.8, 0.8),
                "It does not help by more than 1.0 points: ",
                "worse than left_chain",
            ),
        ],
    )
    def test_the_parse_against_controls(self, shares, verdict, finding):
        structures = ("parse", "left_chain", "random")
        cells = [
            measured("tree", right(share, seed), structure)
            for seed, (share, structure) in enumerate(zip(shares, structures, strict=True))
        ]
        group = group_of(*cells, measured("bilstm", right(0.7, 9)))
        findings = words.structure_findings(group)
        answer, grounds = words.structure_verdict(group, findings)
        assert answer.startswith(verdict)
        assert finding in str(findings[0])
        assert str(findings[0]) in grounds

    def test_what_would_tell_is_said(self):
        cells = [measured("tree", right(0.8, 0)), measured("tree", right(0.8, 1), "random")]
        group = group_of(*cells)
        answer, _ = words.structure_verdict(group, words.structure_findings(group))
        missed, more = map(float, re.findall(r"(\d+\.\d) points", answer))
        assert more < missed
        assert "8 seeds would show" in answer

    def test_a_control_that_is_equal_is_no_sign_of_structure(self):
        parse, control = equal("tree", "other")
        group = group_of(parse, measured("tree", control.scores, "random"))
        answer, _ = words.structure_verdict(group, words.structure_findings(group))
        assert (
            answer
            == "It does not help by more than 1.0 points: some control is as good, with tree."
        )

    def test_one_of_two_encoders_gains_from_the_parse(self):
        cells = [
            measured("tree", right(0.9, 0)),
            measured("tree", right(0.5, 1), "random"),
            measured("other", right(0.7, 2)),
            measured("other", right(0.7, 3), "random"),
        ]
        group = group_of(*cells)
        answer, _ = words.structure_verdict(group, words.structure_findings(group))
        assert answer == (
            "In part: the parses beat every control with tree; it is undecided with other."
        )

    def test_constituency_is_no_control(self):
        cells = [measured("tree", right(0.8, 0)), measured("tree", right(0.8, 1), "constituency")]
        group = group_of(*cells)
        (finding,) = words.structure_findings(group)
        assert finding.controls == {}
        assert not finding.helps
        assert words.structure_verdict(group, [finding])[0].startswith("Can't tell")
        (pair,) = finding.comparisons.values()
        assert str(finding) == (
            "tree: no control structure was run. tree on parse minus tree on constituency: "
            f"{pair.metric.unit.signed(pair.difference)} points (95 % interval "
            f"{pair.metric.unit.signed(pair.low)} to {pair.metric.unit.signed(pair.high)}), undecided."
        )

    def test_controls_alone_are_not_said_to_be_missing(self):
        cells = [measured("tree", right(0.8, 0), "random"), measured("tree", right(0.8, 1), "flat")]
        group = group_of(*cells)
        answer, grounds = words.structure_verdict(group, words.structure_findings(group))
        assert answer == "Can't tell: control structures alone were run."
        assert grounds[-1].endswith("--structure parse,random.")

    def test_without_a_structured_encoder(self):
        group = group_of(measured("bilstm", right(0.8, 0)), measured("cnn", right(0.8, 1)))
        assert words.structure_verdict(group, [])[0].startswith("No encoder here reads")

    def test_noise_and_parts_of_train(self):
        cells = [
            measured("tree", right(0.9, 0)),
            measured("tree", right(0.6, 1), noise=0.3),
            measured("tree", right(0.4, 2), fraction=0.1),
            measured("bilstm", right(0.85, 3)),
            measured("bilstm", right(0.2, 4), fraction=0.1),
        ]
        group = group_of(*cells)
        (noise,) = words.noisy_parses(group)
        assert noise.startswith("With 30 % of heads reattached at random, tree changes by -")
        assert noise.endswith("), worse.")
        scarce, whole = words.enough_train(group)
        assert scarce.startswith("With 10 % of train, tree minus bilstm is +")
        assert scarce.endswith("), better.")
        assert whole.startswith("With all of train")

    def test_more_seeds_would_find_less(self):
        cells = [measured(name, right(0.8, i)) for i, name in enumerate(("a", "b", "bilstm"))]
        text = words.sensitivity(group_of(*cells))
        found = [float(size) for size in re.findall(r"(\d+\.\d) points", text)]
        assert found == sorted(found, reverse=True)
        assert "(corrected for 3 pairs)" in text
        assert "With 8 seeds" in text

    def test_with_two_seeds_there_is_no_verdict(self):
        cells = [measured(name, right(0.8, i, seeds=2)) for i, name in enumerate(("a", "bilstm"))]
        cells.append(measured("a", right(0.3, 5, seeds=2), "random"))
        group = group_of(*cells)
        assert (
            "There is no verdict: 2 seeds are too few. Run at least 3, better 5."
            in words.ranking(group)
        )
        answer, _ = words.structure_verdict(group, words.structure_findings(group))
        assert answer == "Can't tell: 2 seeds are too few. Run at least 3, better 5."
        assert words.standing(group, group.members[1]) in ("best", "-")

    def test_where_nothing_was_learned_that_is_said_first(self):
        coin = [measured("tree", right(0.5, 0)), measured("tree", right(0.5, 1), "random")]
        constant = MajorityClass("no", 0.5, {"accuracy": 0.5})
        group = group_of(*coin, measured("bilstm", right(0.5, 2)))
        group = dataclasses.replace(group, majority=constant)
        answer, _ = words.structure_verdict(group, words.structure_findings(group))
        assert answer == (
            'Can\'t tell: no encoder is shown to beat always answering "no" (50.0 %). Train longer or '
            "on more data."
        )
        better = group_of(*coin, measured("bilstm", right(0.7, 2)))
        assert words.nothing_learned(dataclasses.replace(better, majority=constant)) == ""
        assert words.nothing_learned(better) == ""  # the label isn't known

    def test_many_encoders_are_counted(self):
        names = [f"encoder{number}" for number in range(6)]
        group = group_of(*(measured(name, right(0.8, i)) for i, name in enumerate(names)))
        assert words.ranking(group)[1:] == [
            "It is undecided against 5 others.",
            "All 15 pairs of encoders are undecided.",
        ]

    def test_every_control_is_explained(self):
        (line,) = words.meanings(["parse", *CONTROLS])
        assert all(f"{name} (" in line for name in CONTROLS)
        assert words.meanings(["given"]) == []

    def test_the_slice_that_changes_differences_is_telling(self):
        # Both are right on the first half; on the second one the tree alone is.
        both, half = np.ones((3, 200)), np.repeat([1.0, 0.0], 100)
        group = group_of(measured("tree", both), measured("bilstm", both * half))
        halves = Dimension("half", (Slice("first", range(100)), Slice("second", range(100, 200))))
        mixed = Dimension(
            "mixed", (Slice("odd", range(1, 200, 2)), Slice("even", range(0, 200, 2)))
        )
        labels = dataclasses.replace(halves, name=words.BY_LABEL)
        assert words.spread(group, halves) > words.spread(group, mixed) > -math.inf
        assert words.spread(group, labels) == -math.inf
        assert words.telling_slice(group, [mixed, labels, halves]) == (
            'On "first" (half, 100 examples) tree has 100.0 %, on all examples 100.0 %; bilstm has '
            "100.0 % and 50.0 %."
        )
        assert words.telling_slice(group, [mixed, labels]) == ""

    def test_lists(self):
        assert words.listed(["a"]) == "a"
        assert words.listed(["a", "b", "c"]) == "a, b and c"


def described(row) -> ExampleDescription:
    return as_record(ExampleDescription, row, "here", "mend it")


class TestOtherMetrics:
    """Words, tables and figures of an error, which is no share and better where it is lower."""

    @pytest.fixture
    def group(self):
        rng = np.random.default_rng(0)
        cells = [
            measured(name, rng.gamma(size, size=(4, 300)), structure, metric=ERROR, **more)
            for name, size, structure, more in (
                ("tree", 1.0, "parse", {}),
                ("tree", 2.0, "random", {}),
                ("tree", 3.0, "parse", {"noise": 0.3}),
                ("bilstm", 2.0, "parse", {}),
            )
        ]
        return group_of(*cells)

    def test_lower_is_better(self, group):
        assert group.best.encoder == "tree"
        text = " ".join(words.ranking(group))
        assert f"tree has the best mean error on toys: {group.best.test.mean:.3f} (" in text
        assert "It is better than bilstm." in text
        (finding,) = words.structure_findings(group)
        assert finding.helps
        assert words.structure_verdict(group, [finding])[0].startswith("It helps: the parses beat ")
        (noise,) = words.noisy_parses(group)
        assert noise.endswith("), worse.")
        assert not any(
            word in " ".join([text, noise, words.sensitivity(group)]) for word in ("point", "%)")
        )

    def test_tests_of_right_and_wrong_are_left_out(self, group):
        ((_, _, pair),) = group.pairs
        assert pair.p_mcnemar is None is pair.effect
        assert pair.verdict is Verdict.BETTER
        assert pair.difference < 0
        table = tables.pair_table(group)
        assert not {"p, McNemar", "Cohen's h"} & set(table.header)
        (row,) = table.to_json()
        assert (row["p"], row["verdict"]) == (pair.p, "better")
        assert tables.encoder_table(group).header[1] == "test"

    def test_figures_are_drawn(self, group):
        axis = "test error<"
        assert axis in figures.accuracy(group).svg
        assert "Better are tree than bilstm" in figures.pairs(group).text
        assert "faster: tree" in figures.trade_off(group, "speed").text

    def test_there_are_no_oppositions(self, group):
        assert browser.oppositions(group, []) == []


def with_answers(folder: Path, metric: Metric, answers: dict[str, tuple[str, ...]]) -> Group:
    """A group of some encoders and one example, with the answer ``low``."""
    group = groups_of(measure(load_results(folder)))[0]
    members = tuple(
        dataclasses.replace(
            member,
            metric=metric,
            predictions=tuple((answer,) for answer in answers[member.encoder]),
            own_scores=np.array([metric.scores(["low"], [one]) for one in answers[member.encoder]]),
        )
        for member in group.members
        if member.encoder in answers
    )
    return dataclasses.replace(group, members=members, gold=("low",), metrics=(metric,))


class TestBrowser:
    def test_every_tree_of_an_example_is_drawn(self):
        parsed = make_examples(1)[0]
        both = with_phrases(parsed)
        unparsed = {**both, "heads": None, "relations": None, "tags": None}
        given = {
            **parsed,
            "trees": {"given": {"parents": [1, -1], "tokens": [0, 1], "labels": None}},
        }
        given |= {
            "tokens": ["go", "on"],
            "heads": [0, 1],
            "relations": ["root", "dep"],
            "tags": None,
        }
        assert browser.tree_of(described({**unparsed, "trees": {}})) == ""
        for row, count, phrases in ((parsed, 1, 0), (both, 2, 1), (unparsed, 1, 1), (given, 2, 0)):
            drawn = browser.tree_of(described(row))
            assert drawn.count("<svg") == count
            assert drawn.count("sentiment, from very negative") == phrases
            assert all(f">{token}<" in drawn for token in row["tokens"] if "<" not in token)
        assert ">given<" in browser.tree_of(described(given))

    def test_what_is_too_much_is_left_out_and_said(self, small, monkeypatch):
        monkeypatch.setattr(browser, "EXAMPLES", 20)
        monkeypatch.setattr(browser, "TREES", 5)
        results = load_results(small)
        groups = groups_of(measure(results))
        rows = results.examples["toys"]
        found = browser.browser(groups, results.examples, {"toys": divide(rows)})
        assert found.notes == (
            "An encoder counts as right where more than half of its seeds are.",
            "toys: this page has the first 20 of 30 examples.",
            "toys: this page has 5 trees, of the examples on which encoders differ most.",
        )

    def test_oppositions_are_those_of_the_saved_predictions(self, folder):
        results = load_results(folder)
        group = groups_of(measure(results))[0]
        structure, sequence = browser.oppositions(group, results.examples["toys"])
        share = {member.encoder: member.scores.mean(0) for member in group.members}
        structured = (share["child_sum_tree_lstm"] > 0.5) & (share["bilstm>gat"] > 0.5)
        neither = (share["child_sum_tree_lstm"] <= 0.5) & (share["bilstm>gat"] <= 0.5)
        assert structure.count == int((structured & (share["bilstm"] <= 0.5)).sum())
        assert sequence.count == int((neither & (share["bilstm"] > 0.5)).sum())
        assert structure.shown[0].svg.startswith("<svg")

    @pytest.mark.parametrize("metric", [ACCURACY, mean_absolute_error(["low", "high"])])
    def test_examples_of_an_opposition_are_right_and_wrong_as_it_says(self, folder, metric):
        """Of an error too, of which a score of 1 is what is wrong."""
        # In one of the two seeds it is right, which is no majority.
        seeds = {"bilstm": ("low", "high"), "child_sum_tree_lstm": ("low", "low")}
        group = with_answers(folder, metric, seeds)
        example = dataclasses.replace(load_results(folder).examples["toys"][0], label="low")
        structure, _ = browser.oppositions(group, [example])
        assert structure.count == 1
        assert structure.shown[0].predictions == (
            ("bilstm", "low \u00d71, high \u00d71", False),
            ("child_sum_tree_lstm", "low", True),
        )

    def test_errors_of_numbers_are_no_oppositions(self, folder):
        metric = dataclasses.replace(MSE, score=lambda gold, found: float(gold != found))
        seeds = {"bilstm": ("high", "high"), "child_sum_tree_lstm": ("low", "low")}
        assert browser.oppositions(with_answers(folder, metric, seeds), []) == []


def test_confusions_of_many_labels_are_in_percent_of_the_joined_ones():
    labels = tuple("abcdefghijklm")
    gold = labels * 4
    predictions = tuple("b" if label == "a" else "a" for label in gold)  # all wrong
    group = SimpleNamespace(labels=labels, gold=gold, name="toys", labels_of=list)
    member = SimpleNamespace(predictions=(predictions, predictions), encoder="bag")
    text = figures.confusions(group, member).text
    assert "others taken for a, 100 %" in text
    assert "a taken for b, 100 %" in text


def test_a_label_may_be_called_as_the_joined_ones_are():
    labels = ("others", *"abcdefghijkl")
    gold = labels * 4
    predictions = tuple("others" if label == "a" else "a" for label in gold)
    group = SimpleNamespace(labels=labels, gold=gold, name="toys", labels_of=list)
    text = figures.confusions(
        group, SimpleNamespace(predictions=(predictions,), encoder="bag")
    ).text
    assert "a taken for others, 100 %" in text
    assert "all others taken for a, 100 %" in text


def test_labels_that_begin_alike_are_told_apart():
    labels = tuple(f"Component-Whole({order})" for order in ("e1,e2", "e2,e1"))
    group = SimpleNamespace(labels=labels, gold=labels, name="toys", labels_of=list)
    svg = figures.confusions(group, SimpleNamespace(predictions=(labels,), encoder="bag")).svg
    assert set(re.findall(r">(Compo[^<]*)</text>", svg)) == {"Compon…1,e2)", "Compon…2,e1)"}


def test_training_is_shown_by_the_metric_that_selected(tmp_path):
    grid = make_grid(encoders=("gat",))
    folder = write_experiment(tmp_path, {"toys": make_examples(12)}, grid, ordered=True)
    file = folder / "experiment.json"
    experiment = json.loads(file.read_text(encoding="utf-8"))
    experiment["options"]["select"] = "mean_absolute_error"
    file.write_text(json.dumps(experiment), encoding="utf-8")
    (group,) = groups_of(measure(load_results(folder)))
    runs = group.members[0].cell.runs
    # Lower is better: what is saved has its sign changed.
    kept = -fmean(max(epoch.dev_score for epoch in run.history) for run in runs)
    text = figures.training(group).text
    assert text.startswith("Dev abs. error by epoch")
    assert f"gat {kept:.3f}, kept after" in text


def test_tuning_is_shown_by_the_first_metric_of_the_question():
    trials, kinds = {"gat": [0.25, 0.75]}, {"gat": "graph"}
    assert "Expected best dev Pearson" in figures.tuning("toys", trials, kinds, PEARSON).text
    assert "gat: 0.500 with one trial, 0.625" in figures.tuning("toys", trials, kinds, PEARSON).text
    assert "gat: 50.0 with one trial, 62.5" in figures.tuning("toys", trials, kinds, ACCURACY).text


@pytest.mark.parametrize("epochs", [1, 2, 30])
def test_epochs_are_whole_numbers(monkeypatch, tmp_path, epochs):
    folder = write_experiment(
        tmp_path, {"toys": make_examples(12)}, make_grid(encoders=("gat",)), ordered=True
    )
    (group,) = groups_of(measure(load_results(folder)))
    for run in group.members[0].cell.runs:
        kept = [dataclasses.replace(run.history[0], number=k + 1) for k in range(epochs)]
        monkeypatch.setitem(vars(run), "history", kept)
    svg = figures.losses(group).svg
    ticks = [float(one) for one in re.findall(r"text-anchor: middle[^>]*>([\d.]+)</text>", svg)]
    assert ticks
    assert all(tick.is_integer() for tick in ticks), ticks
