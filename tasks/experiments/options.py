"""Options of the commands that train."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from tasks.data.options import DataOptions, ParserOptions, ParsingOptions
from tasks.models.options import ModelOptions, ModelSettings
from tasks.options import Bounds, OptionError, Options, cli_option, names_in, part
from tasks.training.options import TrainingOptions

if TYPE_CHECKING:
    from tasks.data.examples import Dataset

__all__ = ["CompareOptions", "ExecutionOptions", "ExperimentOptions"]


@dataclass(frozen=True, kw_only=True)
class ExperimentOptions(TrainingOptions, ModelSettings, DataOptions, ParsingOptions):
    """All that runs of one experiment share."""

    data: Annotated[
        str,
        cli_option(
            "Data",
            "trec, trec50, mr, subj, sst5, sst2, structure-test, listops, logic, arithmetic, dyck, "
            "minimal-pairs, or a .csv, .tsv or .jsonl file; compare takes several, with commas "
            "between them.",
        ),
    ]
    structure: Annotated[
        str,
        cli_option(
            "Structure",
            "parse (dependencies), given or constituency (trees that come with the data), or a "
            "control in their place: left_chain, right_chain, balanced, random, shuffled, flat; "
            "compare takes several.",
        ),
    ] = "parse"
    embedding: Annotated[
        str | None,
        cli_option(
            "Model",
            "learned (the default), vectors, or wordllama (an extra); compare takes several.",
        ),
    ] = None
    option: Annotated[
        list[str] | None,
        cli_option(
            "Model", "Option of an encoder, as gat.heads=8; may be repeated.", show_default=False
        ),
    ] = None
    plugin: Annotated[
        list[str] | None,
        cli_option(
            "Model",
            "Module or .py file of yours that registers encoders; may be repeated.",
            show_default=False,
        ),
    ] = None

    @property
    def parser(self) -> ParserOptions:
        """Which parser."""
        return part(ParserOptions, self)

    @property
    def training(self) -> TrainingOptions:
        """How runs are trained."""
        return part(TrainingOptions, self)

    def check_encoders(self, encoders: Sequence[str]) -> None:
        """Refuse an ``--option`` for an encoder that is not among these, or that is misspelt."""
        for target in self._encoder_options():
            if target not in encoders:
                raise OptionError(
                    "option",
                    f"names the encoder {target!r}, which is not trained here; these are: "
                    f"{', '.join(encoders)}",
                )

    def model(self, encoder: str, embedding: str | None = None) -> ModelOptions:
        """The options of a model with this encoder.

        The encoder is built once, without weights, so that a wrong name or option is found before
        any work.

        Args:
            encoder: Its name.
            embedding: Its embedding; by default what the options say.
        """
        from tasks.experiments.grid import encoder_of
        from tasks.experiments.plugins import load_plugins

        load_plugins(self.plugin or ())
        embedding = embedding or self.embedding or ("vectors" if self.vectors else "learned")
        settings = vars(part(ModelSettings, self))
        settings["vectors"] = self.vectors if embedding == "vectors" else None
        own = self._encoder_options().get(encoder, {})
        model = ModelOptions(**settings, encoder=encoder, encoder_options=own, embedding=embedding)
        encoder_of(model)
        return model

    def dataset(self, name: str | None = None) -> Dataset:
        """The data set, loaded; of several, the one of this name."""
        from tasks.data.datasets import load_dataset

        return load_dataset(self.data if name is None else name, **vars(part(DataOptions, self)))

    def _encoder_options(self) -> dict[str, dict[str, Any]]:
        own: dict[str, dict[str, Any]] = {}
        for assignment in self.option or []:
            parts = re.fullmatch(r"(.+)\.(\w+)=(.*)", assignment)
            if parts is None:
                raise OptionError(
                    "option", f"is written encoder.option=value, as gat.heads=8, not {assignment!r}"
                )
            encoder, name, value = parts.groups()
            own.setdefault(encoder, {})[name] = _value(value)
        return own


@dataclass(frozen=True, kw_only=True)
class ExecutionOptions(Options):
    """Where runs are executed; see :func:`tasks.experiments.backends.in_parallel`."""

    workers: Annotated[
        int | None,
        Bounds(least=1),
        cli_option(
            "Execution",
            "Number of processes; by default one for each processor core.",
            show_default=False,
        ),
    ] = None
    backend: Annotated[str, cli_option("Execution", "local, ray or dask (extras).")] = "local"
    address: Annotated[
        str | None,
        cli_option(
            "Execution",
            "Address of the cluster; without one, a cluster is started here.",
            show_default=False,
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class CompareOptions(ExecutionOptions, ExperimentOptions):
    """What an experiment varies, and how its runs are executed."""

    encoders: Annotated[
        str, cli_option("Experiment", "Names with commas between them; each may have its options.")
    ]
    seeds: Annotated[
        int, Bounds(least=1), cli_option("Experiment", "Number of seeds: runs of each encoder.")
    ] = 3
    parse_noise: Annotated[
        str,
        cli_option(
            "Experiment",
            "Shares of heads to replace at random, as 0.1,0.3: how much parse quality matters.",
            show_default=False,
        ),
    ] = ""
    fractions: Annotated[
        str, cli_option("Experiment", "Shares of train, as 0.1,0.25,0.5,1: learning curves.")
    ] = "1"
    folds: Annotated[
        int,
        Bounds(least=0),
        cli_option("Experiment", "Number of cross-validation folds; 0 for the split of the data."),
    ] = 0
    match_params: Annotated[
        str | None,
        cli_option(
            "Budget",
            "Number of parameters of each encoder, as 300k: its width is solved for.",
            show_default=False,
        ),
    ] = None
    match_time: Annotated[
        float | None,
        Bounds(above=0),
        cli_option(
            "Budget",
            "Seconds of training for each run, in place of epochs and patience.",
            show_default=False,
        ),
    ] = None
    tune: Annotated[
        int,
        Bounds(least=0),
        cli_option("Budget", "Trials of random search for each encoder, selected on dev."),
    ] = 0
    space: Annotated[
        list[str] | None,
        cli_option(
            "Budget",
            "Option to search, as learning_rate=1e-4..3e-3 or gat.heads=2|4|8; may be repeated. By "
            "default learning rate, dropout and weight decay.",
            show_default=False,
        ),
    ] = None

    @property
    def execution(self) -> ExecutionOptions:
        """Where runs are executed."""
        return part(ExecutionOptions, self)

    @property
    def encoder_names(self) -> list[str]:
        """The encoders; commas inside parentheses belong to options: bilstm(layers=2,dropout=0.1)."""
        names = re.split(r",(?![^()]*\))", self.encoders)
        return [name.strip() for name in names if name.strip()]

    @property
    def noises(self) -> list[float]:
        """The shares of heads to replace."""
        return _numbers("parse_noise", self.parse_noise)

    @property
    def train_fractions(self) -> list[float]:
        """The shares of train."""
        return _numbers("fractions", self.fractions)

    @property
    def parameters(self) -> int | None:
        """The number of parameters of each encoder; None if it isn't fixed."""
        if self.match_params is None:
            return None
        found = re.fullmatch(r"(\d+(?:\.\d+)?)([kKmM]?)", self.match_params)
        if not found or not float(found[1]):
            raise OptionError(
                "match_params",
                f"takes a number as 300000, 300k or 1.5M, not {self.match_params!r}",
            )
        return round(float(found[1]) * {"": 1, "k": 1000, "m": 1_000_000}[found[2].lower()])


def _numbers(name: str, text: str) -> list[float]:
    try:
        return [float(number) for number in names_in(text)]
    except ValueError:
        raise OptionError(
            name, f"takes numbers with commas between them, as 0.1,0.3, not {text!r}"
        ) from None


def _value(text: str) -> Any:
    """A number, a truth value or a list as in JSON; anything else is a string."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return tuple(value) if isinstance(value, list) else value
