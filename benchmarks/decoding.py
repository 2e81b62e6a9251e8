"""Beam search by cached steps, and from the beginning: ``python -m benchmarks.decoding --help``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.table import Table
from torch import Tensor

from benchmarks.report import console, write_json
from benchmarks.timing import Quartiles, use_one_thread
from structnn import (
    Batch,
    Memory,
    Search,
    Sentence,
    SequenceHead,
    TargetVocabulary,
    build_decoder,
    build_encoder,
)
from structnn.decoders.base import State
from structnn.decoders.search import Found

DIM = 256
SOURCE = 20  # words


def main(
    decoder: Annotated[str, typer.Option(help="The decoder.")] = "transformer(layers=2)",
    sentences: Annotated[int, typer.Option(min=1, help="Sentences of a batch.")] = 64,
    beam: Annotated[int, typer.Option(min=2, help="Hypotheses of each.")] = 5,
    words: Annotated[int, typer.Option(min=1, help="Words of each sequence written.")] = 50,
    vocabulary: Annotated[int, typer.Option(min=1, help="Words to choose from.")] = 1000,
    repeats: Annotated[int, typer.Option(min=1, help="Searches of each kind, by turns.")] = 5,
    out: Annotated[Path, typer.Option(help="Folder for decoding.json.")] = Path("runs/bench"),
) -> None:
    """Time the same search twice, on one thread: cached steps, and all steps anew for each word.

    Weights are random, which takes the time that trained ones take, and no sequence ends before it has
    all its words. Both searches have to find the same.
    """
    use_one_thread()
    torch.manual_seed(0)
    head, memory = _prepared(decoder, sentences, vocabulary)
    search = Search(beam=beam, min_length=words, max_length=words)
    times: dict[str, list[float]] = {"cached": [], "from the beginning": []}
    for number in range(repeats + 1):
        found = {}
        for name, run in (("cached", cached), ("from the beginning", uncached)):
            begin = time.process_time()
            found[name] = run(head, memory, search)
            if number:  # the first warms up
                times[name].append(time.process_time() - begin)
        both = [[[one.pieces for one in own] for own in every] for every in found.values()]
        if both[0] != both[1]:
            raise SystemExit("the two searches found different sequences")
    ratios = [slow / fast for fast, slow in zip(*times.values(), strict=True)]
    table = Table("", "median", "quartiles", title="Processor seconds for a search")
    results = {name: Quartiles.of(values) for name, values in times.items()}
    results["ratio"] = Quartiles.of(ratios)
    for name, one in results.items():
        table.add_row(name, f"{one.median:.2f}", f"{one.lower:.2f} to {one.upper:.2f}")
    console.print(table)
    write_json(out / "decoding.json", {name: vars(one) for name, one in results.items()})


def _prepared(decoder: str, sentences: int, vocabulary: int) -> tuple[SequenceHead, Memory]:
    encoder = build_encoder("gru", DIM, DIM)
    target = TargetVocabulary.from_texts([" ".join(f"w{place}" for place in range(vocabulary))])
    head = SequenceHead(build_decoder(decoder, encoder, DIM, DIM), target).eval()
    batch = Batch.from_sentences([Sentence(["w"] * SOURCE)] * sentences)
    with torch.no_grad():
        reading = head(encoder(torch.randn(batch.num_tokens, DIM), batch), batch)
    return head, reading.memory


@torch.no_grad()
def cached(head: SequenceHead, memory: Memory, search: Search) -> list[list[Found]]:
    """Each step from what the one before remembered."""
    decoder = head.decoder

    def step(last: Tensor, state: State) -> tuple[Tensor, State]:
        made = decoder.step(head.embedding(last), state, memory)
        return torch.log_softmax(head.output.scores(made.output), dim=2), made.state

    limits = memory.mask.sum(1)
    return search(step, decoder.start(memory), head.target.end, limits, select=decoder.select)


@torch.no_grad()
def uncached(head: SequenceHead, memory: Memory, search: Search) -> list[list[Found]]:
    """Each step with all those before it; what is remembered are the pieces."""
    decoder = head.decoder
    sentences = len(memory.mask)
    repeated = Memory(
        *(
            part.repeat_interleave(search.beam, dim=0)
            for part in (memory.states, memory.mask, memory.sentence)
        )
    )
    prepared = decoder.prepare(repeated)

    def step(last: Tensor, state: State) -> tuple[Tensor, State]:
        pieces = torch.cat([state[0], last[:, :, None]], dim=2)
        made = decoder.run(head.embedding(pieces.flatten(0, 1)), prepared)
        output = made.output[:, -1].unflatten(0, (sentences, search.beam))
        return torch.log_softmax(head.output.scores(output), dim=2), (pieces,)

    nothing = memory.mask.new_zeros(sentences, 1, 0, dtype=torch.long)
    return search(step, (nothing,), head.target.end, memory.mask.sum(1))


if __name__ == "__main__":
    typer.run(main)
