"""A language model trained on a text: a folder with the model and what is known of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import torch

from structnn import LanguageModel, language_vocabulary
from tasks.json_records import as_record
from tasks.models.building import Task, build_model
from tasks.models.model import MODEL, WEIGHTS, SavedModel, save_model
from tasks.models.preparation import check_reads, with_number_of_labels
from tasks.options import OptionError
from tasks.pretraining.loop import Measured, Reading, measure, train_language_model
from tasks.pretraining.options import PretrainOptions
from tasks.pretraining.store import stored
from tasks.pretraining.text import sources_of, structure_named
from tasks.sealing import read_sealed, write_sealed
from tasks.storage import StorageError, write_json
from tasks.training.checkpoint import CHECKPOINT
from tasks.training.epoch import Epoch

__all__ = ["PRETRAINING", "Pretrained", "pretrain"]

PRETRAINING = "pretraining.json"
"""The file that says how a language model was trained, and how well it predicts."""

AGAIN = "delete that folder, and train again"


@dataclass(frozen=True)
class Pretrained:
    """What is known of a trained language model.

    Args:
        epochs: How many there were.
        best_epoch: The epoch that was kept.
        words: The number of words of its vocabulary, the unknown one not counted.
        measured: How well it predicts dev, and test if there is one.
        notes: What must be said of how the text was read.
    """

    epochs: int
    best_epoch: int
    words: int
    measured: Mapping[str, Measured]
    notes: Sequence[str] = ()


def pretrain(
    data: str,
    options: PretrainOptions,
    out: Path,
    *,
    seed: int = 0,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> Pretrained:
    """Train a language model, or go on where training was interrupted, with the same result.

    Args:
        data: The text: see :func:`tasks.pretraining.text.sources_of`.
        options: The model, and how it is trained.
        out: Its folder.
        seed: Random seed of weights, dropout, order, and of what is hidden.
        on_epoch: Called after each epoch.

    Raises:
        ValueError: An option is wrong, or the folder holds a model of other options or of another text.
        StorageError: A file of the folder is damaged.
        FloatingPointError: Training diverged.
    """
    task = Task(objective=options.objective, tied=options.tied)
    with torch.device("meta"):  # a wrong encoder is found before the text is read
        outline = build_model(options.model, task, language_vocabulary([], options.objective))
    structure = structure_named(data, options)
    reads_structure = bool(outline.encoder.reads & {"tree", "graph"})
    check_reads(outline.encoder, options.encoder, structure)
    if reads_structure:
        options.check_prefixes(structure)
    sources, checksums = sources_of(data, options, reads_structure=reads_structure)
    description = _description(data, options, seed, checksums)
    there = _there(out, description)
    if there is not None:
        return there
    write_sealed(out / PRETRAINING, {**description, "result": None})
    vocabulary, texts = stored(
        out / "text",
        sources,
        options.objective,
        key={"checksums": checksums, "reading": description["data"]},
        min_count=options.min_count,
        lowercase=options.lowercase,
        structure=structure if reads_structure else None,
        dev_fraction=options.dev_fraction,
        seed=options.split_seed,
    )
    relations = texts["train"].relations
    chosen = with_number_of_labels(options.model, relations)
    torch.manual_seed(seed)
    model = cast(LanguageModel, build_model(chosen, task, vocabulary))
    reading = Reading(options.mask_rate, options.bptt)
    checkpoint = out / CHECKPOINT
    result = train_language_model(
        model,
        texts,
        reading,
        options.training,
        seed=seed,
        checkpoint=checkpoint,
        epoch_batches=options.epoch_batches,
        on_epoch=on_epoch,
    )
    save_model(
        out,
        SavedModel(
            model,
            chosen,
            relations,
            structure,
            options.parser_options,
            task,
        ),
    )
    write_json(out / "history.json", [asdict(epoch) for epoch in result.epochs])
    measured = {
        split: measure(model, text, reading, options.batch_size)
        for split, text in texts.items()
        if split != "train" and len(text)
    }
    found = Pretrained(
        len(result.epochs),
        result.best.number,
        len(vocabulary) - 2,
        measured,
        _notes(options, model, measured),
    )
    content = {**description, "result": asdict(found)}
    write_sealed(out / PRETRAINING, content, [MODEL, WEIGHTS, "history.json"])
    checkpoint.unlink(missing_ok=True)
    shutil.rmtree(out / "text", ignore_errors=True)
    return found


def _notes(
    options: PretrainOptions, model: LanguageModel, measured: Mapping[str, Measured]
) -> tuple[str, ...]:
    """What must be said of how the text was read, and of what was measured."""
    notes = []
    if options.bptt and not model.encoder.carries:
        notes.append(
            f"{options.encoder} carries no state: each part of {options.bptt} words began anew"
        )
    shares = ", ".join(
        f"{one.unknown_share:.1%} of {split}"
        for split, one in measured.items()
        if one.unknown_share
    )
    if shares:
        notes.append(
            f"the unknown word ({shares}) counts as one word, whose letters cost nothing: perplexity "
            "and bits per character are lower than if all words were known"
        )
    return tuple(notes)


_NOT_DECIDING = ("cache", "dev", "test")
"""Options that decide nothing of the result; of files the content does."""


def _description(
    data: str, options: PretrainOptions, seed: int, checksums: Mapping[str, str]
) -> dict[str, Any]:
    """All that decides the result, as JSON has it."""
    chosen = {n: value for n, value in asdict(options).items() if n not in _NOT_DECIDING}
    model = {field: chosen.pop(field) for field in asdict(options.model) if field in chosen}
    training = {field: chosen.pop(field) for field in asdict(options.training) if field in chosen}
    given = {
        "model": {**model, "objective": chosen.pop("objective"), "tied": chosen.pop("tied")},
        "training": {
            **training,
            "seed": seed,
            **{n: chosen.pop(n) for n in ("bptt", "epoch_batches", "mask_rate")},
        },
        "data": {**{n: str(v) if isinstance(v, Path) else v for n, v in chosen.items()}},
        "text": {"name": data, **checksums},
    }
    return cast(dict[str, Any], json.loads(json.dumps(given)))


def _there(out: Path, description: Mapping[str, Mapping[str, object]]) -> Pretrained | None:
    """The result in a folder, if it is there; None if training is still to be done."""
    file = out / PRETRAINING
    if not file.exists():
        if (out / MODEL).exists():
            raise StorageError(f"{out} holds the model of another command; give another --out")
        return None
    content, seal = read_sealed(file, AGAIN)
    if content["result"] is None and not (out / CHECKPOINT).exists():
        return None  # it ended before an epoch did, as where a text can't be read: all begins anew
    differences = []
    for section, values in description.items():
        before = content.get(section, {})
        # A text that isn't given any more is another one, too: dev is part of train without --dev.
        names = {**values, **(before if section == "text" else {})}
        differences += [
            f"{name} was {before.get(name)!r} and is now {values.get(name)!r}"
            for name in names
            # The same text may be named by another path.
            if (section, name) != ("text", "name") and before.get(name) != values.get(name)
        ]
    if differences:
        raise OptionError(
            "out",
            f"{out} holds a language model that was trained otherwise: {'; '.join(differences)}. Give "
            "another folder, or delete that one",
        )
    if content["result"] is None:
        return None
    seal.check(MODEL, WEIGHTS, "history.json")
    return as_record(Pretrained, content["result"], file, AGAIN)
