"""Options of pretraining."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from parsers.controls import CONTROLS
from tasks.data.options import ParsingOptions, SplitOptions
from tasks.data.structures import GIVEN_STRUCTURES, structure_of
from tasks.models.options import EncoderSettings, ModelOptions
from tasks.options import OptionError, Range, cli_option, part
from tasks.training.options import OptimisationOptions, TrainingOptions

__all__ = ["PretrainOptions"]


@dataclass(frozen=True, kw_only=True)
class PretrainOptions(SplitOptions, EncoderSettings, OptimisationOptions, ParsingOptions):
    """Which language model is trained, and how.

    Raises:
        OptionError: An option is out of its range, or doesn't go with the others.
    """

    encoder: Annotated[
        str,
        cli_option(
            "Model",
            "Encoder: a name, a chain as bilstm>gat, options as lstm(layers=2). A causal model takes "
            "bag, dan, rnn, lstm, gru, min_gru, fast_weights, hyper_lstm or transformer(causal=True), "
            "or a chain of these; masked and prefixes take any.",
        ),
    ]
    objective: Annotated[
        Literal["causal", "masked", "prefixes"],
        cli_option(
            "Model",
            "What is predicted: causal, each word from those before it; masked, hidden words from all "
            "others and their tree or graph; prefixes, each word from those before it and the tree "
            "between them, encoded anew for each word (with any encoder; slow).",
        ),
    ] = "causal"
    tied: Annotated[
        bool,
        cli_option(
            "Model",
            "Word vectors are also the weights of the softmax over words.",
            "--tied/--not-tied",
        ),
    ] = True
    min_count: Annotated[
        int,
        Range(least=1),
        cli_option(
            "Model", "Words that occur less often than this in the text are the unknown word."
        ),
    ] = 2
    dropout: Annotated[
        float,
        Range(least=0, below=1),
        cli_option("Model", "Dropout rate of word vectors and states."),
    ] = 0.2
    mask_rate: Annotated[
        float, Range(above=0, below=1), cli_option("Training", "Share of words that are hidden.")
    ] = 0.15
    bptt: Annotated[
        int,
        Range(least=0),
        cli_option(
            "Training",
            "Causal models: read the text in parts of so many words, through which gradients go back "
            "(truncated backpropagation through time), in as many rows as --batch-size says; "
            "rnn, lstm, gru and min_gru carry their states from part to part, others begin each part "
            "anew. By default sentences are read one by one.",
        ),
    ] = 0
    epoch_batches: Annotated[
        int,
        Range(least=0),
        cli_option(
            "Training",
            "Batches after which dev is evaluated and the state is saved; by default those of the "
            "whole text.",
        ),
    ] = 0
    patience: Annotated[
        int,
        Range(least=1),
        cli_option("Training", "Early stopping: epochs without a better perplexity on dev."),
    ] = 5
    structure: Annotated[
        str | None,
        cli_option(
            "Data",
            "What tree and graph encoders read: parse (the parser's dependencies), trees and graphs of "
            "the data: given (dependencies; the default of a .conllu file), constituency (that of .ptb "
            "and .mrg files), enhanced, graph; or a control: left_chain, right_chain, balanced, random, "
            "shuffled, flat.",
        ),
    ] = None
    pretokenized: Annotated[
        bool,
        cli_option(
            "Data", "Texts are tokenised already, with spaces between tokens.", "--pretokenized"
        ),
    ] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.structure not in (None, "parse", *GIVEN_STRUCTURES, *CONTROLS):
            known = ", ".join(("parse", *GIVEN_STRUCTURES, *CONTROLS))
            raise OptionError("structure", f"must be one of {known}, but is {self.structure!r}")
        if self.structure is not None:
            self.check_prefixes(self.structure)
        if self.bptt and self.objective != "causal":
            raise OptionError("bptt", "goes with causal models; others read sentences")

    def check_prefixes(self, structure: str) -> None:
        """Make sure that prefixes, where they are to be read, can have this structure.

        Raises:
            OptionError: They can't.
        """
        if self.objective == "prefixes" and structure_of(structure).field != "dependencies":
            raise OptionError(
                "structure",
                f"can't be {structure} with --objective prefixes: a prefix has the dependencies between "
                "its words, and no constituents or graph. Take dependencies, or --objective masked",
            )

    @property
    def model(self) -> ModelOptions:
        """What the model is made of."""
        return ModelOptions(**vars(part(EncoderSettings, self)), encoder=self.encoder)

    @property
    def training(self) -> TrainingOptions:
        """How it is trained."""
        return TrainingOptions(**vars(part(OptimisationOptions, self)))
