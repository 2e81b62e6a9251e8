"""Options of the commands that train."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, cast

from tasks.data.options import DataOptions, ParsingOptions
from tasks.data.questions import Question, Reads
from tasks.experiments.backends import Backend
from tasks.models.options import ModelOptions, ModelSettings, with_vectors
from tasks.options import OptionError, Options, Range, cli_option, names_in, part, value_in
from tasks.results.options import VerdictOptions
from tasks.training.options import TrainingOptions

if TYPE_CHECKING:
    from tasks.data.examples import Dataset

__all__ = ["CompareOptions", "ExecutionOptions", "ExperimentOptions"]


@dataclass(frozen=True, kw_only=True)
class ExperimentOptions(DataOptions, ModelSettings, TrainingOptions, ParsingOptions):
    """What all runs of an experiment share."""

    data: Annotated[
        str,
        cli_option(
            "Data",
            "Data set: trec, trec50, mr, subj, sst5, sst2, structure-test, listops, logic, logic-pairs, "
            "arithmetic, dyck, minimal-pairs, copy, reversal, scan, postfix, passive; a .csv, .tsv, "
            ".jsonl, .conllu, .ptb, .mrg, .ft, .parquet, .arrow or .feather file; two files of lines, "
            "the second the targets of the first, as source.txt+target.txt; a folder of texts by class "
            "(pos/1.txt), or that datasets saved; or hf:NAME. compare takes several, separated by "
            "commas.",
        ),
    ]
    structure: Annotated[
        str | None,
        cli_option(
            "Data",
            "What tree and graph encoders read: parse (the parser's dependencies); given or "
            "constituency (trees in the data); or a control in place of the parse: left_chain, "
            "right_chain, balanced, random, shuffled, flat; for spans also rerooted (the "
            "parse as it hangs from the span); for two spans path, path1, path2, ... path_inf (the part "
            "of the parse between them, and what hangs from it by so many edges); enhanced (of CoNLL-U) "
            "or graph (graphs in the data). Only graph encoders read paths, enhanced and graph. By "
            "default parse; where nodes are asked about, constituency, and where arcs are, left_chain. "
            "compare takes several.",
        ),
    ] = None
    embedding: Annotated[
        str | None,
        cli_option(
            "Model",
            "Word vectors: learned, vectors:FILE (or vectors, those of the file --vectors), wordllama "
            "(an extra), hf:NAME (a contextual model of Hugging Face, by its name or folder; an extra); "
            "or several side by side, as learned+hf:NAME. By default vectors if there is such a file, "
            "else learned. compare takes several.",
        ),
    ] = None
    init: Annotated[
        str | None,
        cli_option(
            "Model",
            "Folder of a language model (structnn pretrain) from which word vectors and encoder begin, "
            "or a folder with one for each encoder; none to draw all weights. compare takes several, "
            "as none,runs/lm: with and without.",
        ),
    ] = None
    option: Annotated[
        list[str] | None,
        cli_option(
            "Model",
            "Option of an encoder, as gat.heads=8 (structnn encoders NAME lists them); may be "
            "repeated.",
        ),
    ] = None
    plugin: Annotated[
        list[str] | None,
        cli_option(
            "Model", "Module or .py file of yours that registers encoders; may be repeated."
        ),
    ] = None

    track: Annotated[
        str | None,
        cli_option(
            "Execution",
            "Log the options, each epoch and the test scores of every run to tensorboard (in the folder "
            "tensorboard), wandb or mlflow (extras of structnn).",
        ),
    ] = None

    @property
    def read_structure(self) -> str:
        """What tree and graph encoders read: :attr:`structure`, or the default of the question."""
        return self.structure or Question(cast(Reads, self.reads or "sentence")).usual_structure

    @property
    def training(self) -> TrainingOptions:
        """The options of training."""
        return part(TrainingOptions, self)

    def check_encoders(self, encoders: Sequence[str]) -> None:
        """Make sure that each ``--option`` is of one of these encoders.

        Raises:
            OptionError: One is not, or is not written as an option is.
        """
        for target in self._encoder_options():
            if target not in encoders:
                raise OptionError(
                    "option",
                    f"names the encoder {target!r}, which is not trained here; there are: "
                    f"{', '.join(encoders)}",
                )

    def model(
        self, encoder: str, embedding: str | None = None, init: str | None = None
    ) -> ModelOptions:
        """The options of a classifier with this encoder.

        The encoder is built once, without weights, so that a wrong name or option is found before
        any work.

        Args:
            encoder: The name of the encoder.
            embedding: Its word vectors; by default those that the options name.
            init: What it begins from; by default as the options say. ``"none"`` is nothing.
        """
        from tasks.experiments.grid import encoder_of
        from tasks.experiments.plugins import load_plugins

        load_plugins(self.plugin or ())
        embedding = embedding or self.embedding
        own_file = embedding is None or "vectors" in embedding.split("+")
        embedding, vectors = with_vectors(embedding, self.vectors if own_file else None)
        settings = {**vars(part(ModelSettings, self)), "vectors": vectors}
        own = self._encoder_options().get(encoder, {})
        init = init or self.init
        model = ModelOptions(
            **settings,
            encoder=encoder,
            encoder_options=own,
            embedding=embedding,
            init=None if init == "none" else init,
        )
        encoder_of(model)
        if model.init is not None:
            from tasks.models.start import check_start

            check_start(model)
        return model

    def dataset(self, name: str | None = None) -> Dataset:
        """Load the data set of this name; by default the only one."""
        from tasks.data.datasets import load_dataset

        return load_dataset(self.data if name is None else name, part(DataOptions, self))

    def _encoder_options(self) -> dict[str, dict[str, object]]:
        own: dict[str, dict[str, object]] = {}
        for assignment in self.option or []:
            parts = re.fullmatch(r"(.+)\.(\w+)=(.*)", assignment)
            if parts is None:
                raise OptionError(
                    "option", f"is written encoder.option=value, as gat.heads=8, not {assignment!r}"
                )
            encoder, name, value = parts.groups()
            own.setdefault(encoder, {})[name] = value_in(value)
        return own


@dataclass(frozen=True, kw_only=True)
class ExecutionOptions(Options):
    """Where runs are executed; see :func:`tasks.experiments.backends.in_parallel`."""

    workers: Annotated[
        int | None,
        Range(least=1),
        cli_option(
            "Execution",
            "Number of processes on this machine; by default one for each CPU core. A cluster at "
            "--address has a number of its own.",
        ),
    ] = None
    backend: Annotated[
        Backend,
        cli_option("Execution", "local (processes), ray or dask (clusters; extras of structnn)."),
    ] = "local"
    address: Annotated[
        str | None,
        cli_option(
            "Execution",
            "Address of the cluster; without one, a cluster is started on this machine.",
        ),
    ] = None
    report: Annotated[
        bool,
        cli_option(
            "Execution",
            "Write report.html and its figures, which takes seconds; structnn report does so later.",
            "--report/--no-report",
        ),
    ] = True


@dataclass(frozen=True, kw_only=True)
class CompareOptions(ExperimentOptions, VerdictOptions, ExecutionOptions):
    """What an experiment varies, and how its runs are executed.

    Raises:
        OptionError: An option is out of its range, or doesn't go with the others.
    """

    encoders: Annotated[
        str,
        cli_option(
            "Experiment",
            "Encoders, separated by commas: names, chains as bilstm>gat, options as gat(heads=8). "
            "structnn encoders lists them.",
        ),
    ]
    seeds: Annotated[
        int,
        Range(least=1),
        cli_option("Experiment", "Number of runs of each encoder, with random seeds 0, 1, 2, ..."),
    ] = 3
    parse_noise: Annotated[
        str,
        cli_option(
            "Experiment",
            "Run also on parses in which these fractions of tokens get a random head, as 0.1,0.3: how "
            "much the quality of parses matters.",
        ),
    ] = ""
    fractions: Annotated[
        str,
        cli_option(
            "Experiment",
            "Fractions of the training set to train on, as 0.1,0.25,0.5,1: learning curves.",
        ),
    ] = "1"
    folds: Annotated[
        int,
        Range(least=0),
        cli_option(
            "Experiment",
            "Number of cross-validation folds of all examples (a tenth of them is dev); 0 for the split "
            "of the data.",
        ),
    ] = 0
    match_params: Annotated[
        str | None,
        cli_option(
            "Budget",
            "Number of parameters of every encoder, as 300k: --hidden-dim is then chosen for each.",
        ),
    ] = None
    match_time: Annotated[
        float | None,
        Range(above=0),
        cli_option(
            "Budget", "Seconds of training of every run, in place of --epochs and --patience."
        ),
    ] = None
    tune: Annotated[
        int,
        Range(least=0),
        cli_option(
            "Budget",
            "Random search: number of trials for each encoder; the first metric of the question selects "
            "(on dev), whatever --select says.",
        ),
    ] = 0
    space: Annotated[
        list[str] | None,
        cli_option(
            "Budget",
            "Option for --tune to search, as learning_rate=1e-4..3e-3 or gat.heads=2|4|8; may be "
            "repeated. By default learning rate, dropout and weight decay.",
        ),
    ] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.folds == 1:
            raise OptionError("folds", "must be 0 or at least 2, but is 1")
        encoders = names_in(self.encoders)
        if self.reference is not None and self.reference not in encoders:
            raise OptionError(
                "reference",
                f"must be one of the encoders compared ({', '.join(encoders)}), but is "
                f"{self.reference!r}",
            )

    @property
    def execution(self) -> ExecutionOptions:
        """Where runs are executed."""
        return part(ExecutionOptions, self)

    @property
    def noises(self) -> list[float]:
        """The fractions of tokens that get a random head, each in further runs."""
        return _numbers("parse_noise", self.parse_noise, Range(least=0, below=1))

    @property
    def train_fractions(self) -> list[float]:
        """The fractions of the training set."""
        return _numbers("fractions", self.fractions, Range(above=0, most=1))

    @property
    def parameters(self) -> int | None:
        """The number of parameters of every encoder; None if ``hidden_dim`` decides it.

        Raises:
            OptionError: ``match_params`` is no such number.
        """
        if self.match_params is None:
            return None
        found = re.fullmatch(r"(\d+(?:\.\d+)?)([kKmM]?)", self.match_params)
        if not found or not float(found[1]):
            raise OptionError(
                "match_params",
                f"takes a number as 300000, 300k or 1.5M, not {self.match_params!r}",
            )
        return round(float(found[1]) * {"": 1, "k": 1000, "m": 1_000_000}[found[2].lower()])


def _numbers(name: str, text: str, bounds: Range) -> list[float]:
    """The numbers of an option that takes several."""
    try:
        numbers = [float(number) for number in names_in(text)]
    except ValueError:
        raise OptionError(
            name, f"takes numbers separated by commas, as 0.1,0.3, not {text!r}"
        ) from None
    for number in numbers:
        if number not in bounds:
            raise OptionError(name, f"takes numbers {bounds}, not {number:g}")
    return numbers
