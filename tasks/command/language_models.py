"""What ``structnn pretrain`` and ``structnn sample`` print."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from structnn import LanguageModel, Search
from structnn.language_models import Objective
from tasks.models.devices import Device, device_of
from tasks.models.model import model_in
from tasks.pretraining.run import Pretrained
from tasks.results.table import Column, Entry, Table
from tasks.storage import StorageError

__all__ = ["quality_table", "sampled"]


def quality_table(found: Pretrained, objective: Objective) -> Table:
    """Perplexity of each split, and bits per character where all words are predicted."""
    columns = [
        Column("text", "left"),
        Column("perplexity", meaning="the unknown word counts as one word"),
        Column(
            "words", meaning="hidden" if objective == "masked" else "with the ends of sentences"
        ),
        Column("unknown words"),
    ]
    if objective != "masked":
        columns.insert(2, Column("bits per character"))
    rows = []
    for split, measured in found.measured.items():
        row = [
            Entry(split),
            Entry(f"{measured.perplexity:.2f}"),
            Entry(f"{measured.words:,}"),
            Entry(f"{measured.unknown_share:.2%}"),
        ]
        if objective != "masked":
            row.insert(2, Entry(f"{measured.bits_per_character:.3f}"))
        rows.append(tuple(row))
    return Table("", tuple(columns), tuple(rows))


def sampled(
    run: Path,
    prompt: str,
    *,
    temperature: float,
    top_p: float,
    count: int,
    length: int,
    seed: int,
    device: Device = "cpu",
) -> Iterator[str]:
    """Texts that a causal model writes, the prompt included.

    Args:
        run: Its folder.
        prompt: The first words.
        temperature: See :class:`structnn.Search`.
        top_p: See :class:`structnn.Search`.
        count: How many texts.
        length: The largest number of words drawn.
        seed: Random seed; a GPU draws other numbers than the CPU.
        device: Where the model computes: ``"auto"``, a GPU if there is one, or ``"cpu"``.

    Raises:
        StorageError: There is no causal language model in the folder.
    """
    model = model_in(run).to(device_of(device)).classifier
    if not isinstance(model, LanguageModel) or model.objective != "causal":
        raise StorageError(
            f"{run} is no causal language model, which alone can write: train one with "
            "`structnn pretrain --objective causal`"
        )
    words = prompt.split()
    search = Search(top_p=top_p, temperature=temperature, seed=seed)
    for (found,) in model.sample(words, search, count=count, length=length):
        yield " ".join([*words, *(model.vocabulary.words[piece] for piece in found.pieces)])
