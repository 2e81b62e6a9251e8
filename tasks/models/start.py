"""A model that begins from a language model: its word vectors and the weights of its encoder."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from structnn import ENCODERS, LanguageModel, StructuredModel, Vocabulary, WordEmbedding
from structnn.data.vocabulary import UNKNOWN
from structnn.language_models import END, MASK
from tasks.data.structures import structure_of
from tasks.models.model import MODEL, SavedModel, load_model, options_in
from tasks.models.options import ModelOptions
from tasks.options import OptionError

__all__ = ["Start", "check_start", "find_start", "fingerprint_of_start"]

FREE = ("readout", "dropout", "causal")
"""Options of an encoder that may be others than in pretraining: weights mean the same with them."""


@dataclass(frozen=True)
class Start:
    """A language model that others begin from.

    Args:
        folder: Its folder.
        saved: What the folder holds.
    """

    folder: Path
    saved: SavedModel

    @property
    def model(self) -> LanguageModel:
        """The language model."""
        model = self.saved.classifier
        assert isinstance(model, LanguageModel)
        return model

    def vocabulary(self, counted: Vocabulary) -> Vocabulary:
        """The words of the language model, and behind them those of train that it lacks.

        Args:
            counted: The words of train, with their counts.
        """
        known = [word for word in self.model.vocabulary.words if word not in (UNKNOWN, END, MASK)]
        have = set(known)
        new = [word for word in counted.words[1:] if word not in have]
        counts = dict(zip(counted.words, counted.counts, strict=True))
        return Vocabulary([*known, *new], counts, lowercase=counted.lowercase)

    def relations(self, structure: str) -> Vocabulary | None:
        """The labels of the data's own that its encoder has weights for; None if there are none.

        Args:
            structure: The structure that the new model reads.

        Raises:
            OptionError: The language model has weights for labels of another kind.
        """
        found = self.saved
        if not found.classifier.encoder.num_labels:
            return None
        theirs, ours = (structure_of(name) for name in (found.structure, structure))
        if theirs.label_kind != ours.label_kind:
            raise OptionError(
                "init",
                f"{self.folder} has weights for the labels of --structure {found.structure}, and this "
                f"model reads --structure {structure}: take the same, or an encoder without labels",
            )
        return None if theirs.label_kind == "relations" else found.relations

    @torch.no_grad()
    def begin(self, classifier: StructuredModel, words: Iterable[str]) -> float:
        """Give a new model the weights of the language model.

        Words that it lacks keep their new vectors, as do weights that it has no place for: those of a
        readout.

        Args:
            classifier: The model, changed in place, whose words are those of :meth:`vocabulary`.
            words: The words of the data.

        Returns:
            The share of these that the language model knows, from 0 to 1.
        """
        model = self.model
        embedding = classifier.embedding
        assert isinstance(embedding, WordEmbedding)
        places = [model.vocabulary[word] for word in embedding.vocabulary.words]
        places[0] = 0
        known = torch.tensor([place == 0 or bool(number) for place, number in enumerate(places)])
        table = model.embedding.table.weight
        embedding.table.weight[known] = table[torch.tensor(places)[known]]
        # Options are the same, so that the two differ in what makes sentence vectors alone.
        weights = {
            name: value
            for name, value in model.encoder.state_dict().items()
            if "readout" not in name.split(".")
        }
        classifier.encoder.load_state_dict(weights, strict=False)
        asked = {word.lower() if embedding.vocabulary.lowercase else word for word in words}
        return sum(word in model.vocabulary for word in asked) / max(1, len(asked))


def check_start(options: ModelOptions) -> None:
    """Make sure that there is a language model that a model can begin from, if its options name one.

    Its weights aren't read.

    Raises:
        OptionError: See :func:`find_start`.
        StorageError: There is no model in the folder, or its description is damaged.
    """
    if options.init is not None:
        _folder(options)


def find_start(options: ModelOptions) -> Start | None:
    """The language model that a model begins from, if its options name one.

    Raises:
        OptionError: It has another encoder, other widths or other words, or it isn't one.
        StorageError: There is no model in the folder, or a file is damaged.
    """
    if options.init is None:
        return None
    folder = _folder(options)
    return Start(folder, load_model(folder))


def fingerprint_of_start(options: ModelOptions) -> str:
    """The checksum of the language model's file, which has that of its weights."""
    return hashlib.sha256((_folder(options) / MODEL).read_bytes()).hexdigest()


def _folder(options: ModelOptions) -> Path:
    """The folder named, or the one below it that has the encoder."""
    assert options.init is not None
    named = Path(options.init)
    if (named / MODEL).exists():
        if fault := _fault(options, named):
            raise OptionError("init", f"{named} {fault}")
        return named
    below = sorted(file.parent for file in named.glob(f"*/{MODEL}"))
    faults = {folder: _fault(options, folder) for folder in below}
    fitting = [folder for folder, fault in faults.items() if not fault]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise OptionError(
            "init",
            f"{named} has several language models for {options.encoder}: "
            f"{', '.join(map(str, fitting))}; name one",
        )
    why = "".join(f"; {folder} {fault}" for folder, fault in faults.items())
    raise OptionError(
        "init",
        f"{named} has no language model for {options.encoder}, neither in it nor in a folder below it "
        f"(structnn pretrain makes one){why}",
    )


def _fault(options: ModelOptions, folder: Path) -> str:
    """Why a model can't begin from the model in a folder; empty if it can."""
    found, task = options_in(folder)
    if not task.objective:
        return (
            "is no language model, but a run that answers a question; structnn pretrain makes one"
        )
    if (theirs := _stages(found)) != (ours := _stages(_counting(options, found))):
        return (
            f"has the encoder {found.encoder}, which differs from {options.encoder} in "
            f"{_difference(theirs, ours)}: both must have the same, but for "
            f"{', '.join(FREE[:-1])} and {FREE[-1]}"
        )
    for name in ("hidden_dim", "embedding_dim", "lowercase"):
        old, new = getattr(found, name), getattr(options, name)
        if old != new:
            flag = name.replace("_", "-")
            way = f"--{flag} {old}" if name != "lowercase" else f"--{'' if old else 'no-'}lowercase"
            return f"has {name} {old}, but here it is {new}: give {way}"
    return ""


def _counting(options: ModelOptions, found: ModelOptions) -> ModelOptions:
    """The same, with the number of labels that a language model counted, unless one is given."""
    *_, (name, given) = ENCODERS.parse(options.encoder, ">")
    declared = ENCODERS.options(name)
    counted = {
        key: value
        for key, value in found.encoder_options.items()
        if key in declared and declared[key].counts_labels and key not in given
    }
    return replace(options, encoder_options={**counted, **options.encoder_options})


def _stages(options: ModelOptions) -> list[tuple[str, dict[str, object]]]:
    """Each encoder of a chain, with all options that its weights depend on."""
    parts = ENCODERS.parse(options.encoder, ">")
    parts[-1][1].update(options.encoder_options)
    stages = []
    for name, given in parts:
        cls, preset = ENCODERS[name]
        defaults = {option.name: option.default for option in ENCODERS.options(name).values()}
        chosen = {**defaults, **preset, **given}
        own = {key: value for key, value in chosen.items() if key not in FREE}
        stages.append((cls.__qualname__, own))
    return stages


def _difference(
    theirs: list[tuple[str, dict[str, object]]], ours: list[tuple[str, dict[str, object]]]
) -> str:
    if [name for name, _ in theirs] != [name for name, _ in ours]:
        return "its kind"
    return ", ".join(
        f"{key} ({old.get(key)!r}, here {new.get(key)!r})"
        for (_, old), (_, new) in zip(theirs, ours, strict=True)
        for key in dict.fromkeys([*old, *new])
        if old.get(key) != new.get(key)
    )
