"""What the commands that train have in common: data, parser, structure, model and training.

One dataclass holds the options with their defaults and help; :func:`spread` gives a command a
command-line option for each of its fields.
"""

from __future__ import annotations

import functools
import inspect
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

__all__ = ["CompareOptions", "ExperimentOptions", "ParserOptions", "names_in", "spread"]


def _option(panel: str, help_text: str, *names: str, **settings: Any) -> Any:
    return typer.Option(*names, help=help_text, rich_help_panel=panel, **settings)


@dataclass(frozen=True, kw_only=True)
class ParserOptions:
    """Which parser, and where its results are kept."""

    language: Annotated[str, _option("Parser", "The language of the text.")] = "en"
    package: Annotated[
        str | None,
        _option("Parser", "Stanza's package; by default the English one that ships with structnn."),
    ] = None
    model_dir: Annotated[Path | None, _option("Parser", "A folder of Stanza models.")] = None
    split_sentences: Annotated[
        bool,
        _option(
            "Parser",
            "Let the parser split a text; the pieces are joined under one root.",
            "--split-sentences",
        ),
    ] = False
    cache: Annotated[
        Path | None, _option("Parser", "The file that keeps parses.", show_default=False)
    ] = None

    def parser(self) -> dict[str, Any]:
        """How to make the parser: keyword arguments of :class:`parsers.StanzaParser`."""
        return {
            "language": self.language,
            "package": self.package,
            "model_dir": None if self.model_dir is None else str(self.model_dir),
            "split_sentences": self.split_sentences,
        }


@dataclass(frozen=True, kw_only=True)
class ExperimentOptions(ParserOptions):
    """All that runs of one comparison share."""

    data: Annotated[
        str,
        _option(
            "Data",
            "trec, trec50, mr, subj, sst5, sst2, structure-test, listops, logic, arithmetic, dyck, "
            "minimal-pairs, or a .csv, .tsv or .jsonl file; compare takes several, with commas "
            "between them.",
        ),
    ]
    dev: Annotated[Path | None, _option("Data", "A file of dev examples.")] = None
    test: Annotated[Path | None, _option("Data", "A file of test examples.")] = None
    dev_fraction: Annotated[
        float, _option("Data", "Share of train held out as dev where there is none.")
    ] = 0.1
    test_fraction: Annotated[
        float, _option("Data", "Share held out as test where there is none.")
    ] = 0.1
    text_column: Annotated[str, _option("Data", "The column of the text.")] = "text"
    label_column: Annotated[str, _option("Data", "The column of the label.")] = "label"
    encoding: Annotated[str, _option("Data", "How the characters of a file are written.")] = "utf-8"
    data_dir: Annotated[
        Path | None, _option("Data", "Where named data is: SST's trees, or NLTK's corpora.")
    ] = None
    download: Annotated[
        bool, _option("Data", "Fetch an NLTK corpus that isn't there.", "--download")
    ] = False

    structure: Annotated[
        str,
        _option(
            "Structure",
            "parse (dependencies), given or constituency (trees that come with the data), or a "
            "control in their place: left_chain, right_chain, balanced, random, shuffled, flat; "
            "compare takes several.",
        ),
    ] = "parse"

    hidden_dim: Annotated[int, _option("Model", "Width of the states.")] = 128
    embedding: Annotated[
        str | None,
        _option(
            "Model",
            "learned (the default), vectors, or wordllama (an extra); compare takes several.",
        ),
    ] = None
    vectors: Annotated[str | None, _option("Model", "A GloVe, word2vec or fastText text file.")] = (
        None
    )
    freeze: Annotated[bool, _option("Model", "Don't train given vectors.", "--freeze")] = False
    embedding_dim: Annotated[int, _option("Model", "Width of learned word vectors.")] = 300
    dropout: Annotated[float, _option("Model", "Of word vectors and sentence vectors.")] = 0.5
    option: Annotated[
        list[str] | None,
        _option(
            "Model", "An encoder's option, as gat.heads=8; may be repeated.", show_default=False
        ),
    ] = None
    plugin: Annotated[
        list[str] | None,
        _option(
            "Model",
            "A module or .py file of yours that registers encoders; may be repeated.",
            show_default=False,
        ),
    ] = None

    epochs: Annotated[int, _option("Training", "At most this many.")] = 30
    patience: Annotated[int, _option("Training", "Epochs without a better dev accuracy.")] = 5
    batch_size: Annotated[int, _option("Training", "Sentences.")] = 50
    learning_rate: Annotated[float, _option("Training", "Of AdamW.")] = 5e-4
    weight_decay: Annotated[float, _option("Training", "Of AdamW.")] = 1e-2
    gradient_clip: Annotated[float, _option("Training", "Largest norm of the gradient.")] = 5.0
    supervise: Annotated[
        str, _option("Training", "sentence, or nodes where trees are labelled throughout.")
    ] = "sentence"
    device: Annotated[str, _option("Training", "auto or cpu.")] = "auto"
    mixed_precision: Annotated[str, _option("Training", "no, bf16 or fp16.")] = "no"

    def check_encoders(self, encoders: Sequence[str]) -> None:
        """Refuse an ``--option`` for an encoder that is not among these, or that is misspelt."""
        for target in self._own_options():
            if target not in encoders:
                raise ValueError(
                    f"--option names the encoder {target!r}, which is not trained here; "
                    f"these are: {', '.join(encoders)}"
                )

    def model(self, encoder: str, embedding: str | None = None) -> Any:
        """The :class:`~tasks.models.model.ModelOptions` of one encoder.

        The encoder is built once, so that a wrong name or option is found before any work.
        """
        from structnn import build_encoder
        from tasks.experiments.plugins import load_plugins
        from tasks.models.model import ModelOptions

        load_plugins(self.plugin or ())
        own = self._own_options().get(encoder, {})
        embedding = embedding or self.embedding or ("vectors" if self.vectors else "learned")
        model = ModelOptions(
            encoder=encoder,
            encoder_options=own,
            hidden_dim=self.hidden_dim,
            embedding=embedding,
            vectors=self.vectors if embedding == "vectors" else None,
            freeze=self.freeze,
            embedding_dim=self.embedding_dim,
            dropout=self.dropout,
        )
        build_encoder(encoder, model.embedding_dim, model.hidden_dim, **own)
        return model

    def training(self) -> Any:
        """The :class:`~tasks.training.loop.TrainingOptions`."""
        from tasks.training.loop import TrainingOptions

        names = {field.name for field in fields(TrainingOptions)} - {"seconds"}
        return TrainingOptions(**{name: getattr(self, name) for name in names})

    def dataset(self, name: str | None = None) -> Any:
        """The :class:`~tasks.data.examples.Dataset`, loaded; of several, the one of this name."""
        from tasks.data.datasets import load_dataset

        return load_dataset(
            self.data if name is None else name,
            dev=self.dev,
            test=self.test,
            dev_fraction=self.dev_fraction,
            test_fraction=self.test_fraction,
            text_column=self.text_column,
            label_column=self.label_column,
            encoding=self.encoding,
            data_dir=self.data_dir,
            download=self.download,
        )

    def _own_options(self) -> dict[str, dict[str, Any]]:
        own: dict[str, dict[str, Any]] = {}
        for assignment in self.option or []:
            parts = re.fullmatch(r"(.+)\.(\w+)=(.*)", assignment)
            if parts is None:
                raise ValueError(
                    f"write --option as encoder.option=value, gat.heads=8 say, not {assignment!r}"
                )
            encoder, name, value = parts.groups()
            own.setdefault(encoder, {})[name] = _value(value)
        return own


@dataclass(frozen=True, kw_only=True)
class CompareOptions(ExperimentOptions):
    """What an experiment varies, and how its runs are executed."""

    encoders: Annotated[
        str, _option("Experiment", "Names with commas between them; each may have its options.")
    ]
    seeds: Annotated[int, _option("Experiment", "Runs of each encoder.")] = 3
    parse_noise: Annotated[
        str,
        _option(
            "Experiment",
            "Shares of heads to reattach at random, as 0.1,0.3: how much parse quality matters.",
            show_default=False,
        ),
    ] = ""
    fractions: Annotated[
        str, _option("Experiment", "Shares of train, as 0.1,0.25,0.5,1: learning curves.")
    ] = "1"
    folds: Annotated[
        int, _option("Experiment", "Cross-validation with so many folds; 0 for the data's split.")
    ] = 0
    match_params: Annotated[
        str | None,
        _option(
            "Budget",
            "Parameters of each encoder, as 300k: its width is solved for.",
            show_default=False,
        ),
    ] = None
    match_time: Annotated[
        float | None,
        _option(
            "Budget",
            "Seconds of training for each run, in place of epochs and patience.",
            show_default=False,
        ),
    ] = None
    tune: Annotated[
        int, _option("Budget", "Trials of random search for each encoder, judged on dev alone.")
    ] = 0
    space: Annotated[
        list[str] | None,
        _option(
            "Budget",
            "What to search, as learning_rate=1e-4..3e-3 or gat.heads=2|4|8; may be repeated. By "
            "default learning rate, dropout and weight decay.",
            show_default=False,
        ),
    ] = None

    workers: Annotated[
        int | None,
        _option("Execution", "Processes; by default one for each core.", show_default=False),
    ] = None
    backend: Annotated[str, _option("Execution", "local, ray or dask (extras).")] = "local"
    address: Annotated[
        str | None,
        _option("Execution", "Of a cluster; without one, one is started here.", show_default=False),
    ] = None

    @property
    def encoder_names(self) -> list[str]:
        """The encoders; commas inside parentheses belong to options: bilstm(layers=2,dropout=0.1)."""
        names = re.split(r",(?![^()]*\))", self.encoders)
        return [name.strip() for name in names if name.strip()]

    def numbers(self, option: str) -> list[float]:
        """The numbers of an option that holds several."""
        texts = names_in(getattr(self, option))
        try:
            return [float(text) for text in texts]
        except ValueError:
            raise ValueError(
                f"--{option.replace('_', '-')} takes numbers with commas between them, as 0.1,0.3, "
                f"not {getattr(self, option)!r}"
            ) from None

    @property
    def parameters(self) -> int | None:
        """How many parameters each encoder shall have."""
        if self.match_params is None:
            return None
        found = re.fullmatch(r"(\d+(?:\.\d+)?)([kKmM]?)", self.match_params)
        if not found or not float(found[1]):
            raise ValueError(
                f"--match-params takes a number as 300000, 300k or 1.5M, not {self.match_params!r}"
            )
        return round(float(found[1]) * {"": 1, "k": 1000, "m": 1_000_000}[found[2].lower()])


def names_in(text: str) -> list[str]:
    """The parts of a list with commas, blanks around them removed."""
    return [name.strip() for name in text.split(",") if name.strip()]


def spread(options: type[ParserOptions]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command an option for each field of a dataclass, handed to it as ``options``."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        hints = get_type_hints(options, include_extras=True)
        shared = [
            inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=inspect.Parameter.empty if field.default is MISSING else field.default,
                annotation=hints[field.name],
            )
            for field in fields(options)
        ]
        signature = inspect.signature(command, eval_str=True)
        own = [
            parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for parameter in signature.parameters.values()
            if parameter.name != "options"
        ]

        @functools.wraps(command)
        def run(**arguments: Any) -> None:
            values = {parameter.name: arguments.pop(parameter.name) for parameter in shared}
            command(options=options(**values), **arguments)

        run.__signature__ = inspect.Signature([*own, *shared])  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in (*own, *shared)}
        del run.__dict__["__wrapped__"]  # else its signature would be taken for this one's
        return run

    return decorate


def _value(text: str) -> Any:
    """A number, a truth value or a list as in JSON; anything else is a string."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return tuple(value) if isinstance(value, list) else value
