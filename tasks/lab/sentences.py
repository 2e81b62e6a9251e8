"""The sentences of the lab: of all lengths, so that there is a distance to lose a gradient over."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from structnn import Sentence
from tasks.console import status
from tasks.data.examples import DataError
from tasks.data.options import ParsingOptions, TextOptions

__all__ = ["BUILT_IN", "STRUCTURE_TEST", "read_sentences", "spread_out"]

BUILT_IN = "built-in"
STRUCTURE_TEST = "structure-test"

TEXTS = """
The old mill stands empty.
Nobody answered the telephone.
Snow had fallen during the night.
She keeps bees behind the school.
The ferry to the island was late again.
My neighbour paints the boats that his father built.
Three of the windows in the tower had been left open.
The letter that the captain wrote never reached the harbour.
We could hear the river long before we saw the bridge.
What the teacher remembered best was the silence after the storm.
The cat that the dog that the boy fed chased slept under the stairs.
Although the road was closed, two buses and a milk van came through.
He gave the woman who had found his coat a basket of yellow apples.
The committee that met on Monday decided that the market should move to the square.
A man in a green hat, whom nobody had seen before, asked for the keys to the chapel.
The children counted the ships from the wall until the fog hid everything but the lights.
It was not the price of the house that troubled them, but the noise of the trains at night.
The bread, which had been in the oven since five, smelled so good that even the baker's cat came in.
When the snow melted, the farmers found that the wolves had taken fewer sheep than the winter before.
The doctor said that the girl who fell from the horse would walk again before the leaves turned red.
Every spring the old gardener, who trusted neither the forecast nor his sons, covered the young trees with sacks.
The lawyer whom the owner of the factory had hired read the contract twice and then asked who had signed the last page.
On the morning of the election the clerk discovered that somebody had locked the ballot boxes in a cupboard that had no key.
The museum bought a painting of a fishing village by an artist whose other works had been lost when the flood destroyed his studio.
Because the bridge near the station was being repaired, the driver took the narrow road along the canal, where a herd of cows stood in his way.
The engineer who designed the pump insisted that the pipes which the city had laid in the fifties would not survive another winter as cold as this one.
After the concert the musicians, tired but content, carried their instruments through the rain to a small hotel near the port, where the cook had kept some soup for them.
The report that the inspectors sent to the ministry in June describes a school in which the roof leaks, the heating fails whenever it freezes, and the teachers buy the chalk themselves.
In the years before the railway came, whoever wanted to cross the mountains with a cart had to wait in the valley until the shepherds brought word that the pass was free of snow.
My grandmother used to say that the people who lived on the far side of the lake could tell from the colour of the evening sky whether the wind would turn before the boats came home.
The historian argues that the merchants who financed the expedition knew from letters which their agents had written in the spring that the harbour the captain was looking for had silted up long ago.
If the committee that the council appointed last autumn publishes what it found in the archives of the company, the families who were told that nothing could be done will learn that someone had known of the danger for years.
The two sisters, one of whom had studied the stars while the other ran the farm that their parents left them, agreed on nothing except that the lamp in the kitchen window should burn until the last of the guests had found the way home.
She remembered that on the day when the news arrived her uncle, who had never been known to leave his workshop before dark, put down the clock he was mending, walked to the end of the pier without his coat, and stood there until the tide came in.
Once the water had gone down, the men who had spent the night on the roof of the barn climbed into the boat that the fishermen had rowed across the meadow, and nobody spoke until they reached the church, where the bell was still ringing because the sexton had tied the rope to the mill wheel.
The clerk who kept the register of the ships that entered the bay, and who was proud that in thirty years he had not missed a single one, could not explain to the officers from the capital how a vessel with three masts and a crew of forty had come in on a clear afternoon and left again without anybody having written down its name.
""".strip().splitlines()  # noqa: E501


def read_sentences(source: str, parser: ParsingOptions, files: TextOptions) -> list[Sentence]:
    """The sentences of a source, parsed.

    Args:
        source: ``built-in``; ``structure-test``, for those of
            :func:`tasks.data.structure_test.generate`; a ``.conllu`` file, whose trees are kept; or any
            file that :func:`tasks.data.texts.read_texts` reads, of which empty texts are left out
            and counted on standard error.
        parser: Which parser, and the file that keeps its parses.
        files: How a file of texts is read.

    Raises:
        DataError: The file can't be read, or has a sentence without a tree.
    """
    from parsers import read_conllu
    from tasks.data.structure_test import generate
    from tasks.data.texts import empty_note, read_texts
    from tasks.models.parser import cached_parser

    texts: Sequence[str | tuple[str, ...]]
    if Path(source).suffix == ".conllu":
        sentences = read_conllu(source)
        for number, sentence in enumerate(sentences):
            if sentence.dependencies is None:
                raise DataError(
                    f"{source}: sentence {number + 1} has no heads; parse the text first, with "
                    "structnn parse"
                )
        return sentences
    if source == BUILT_IN:
        texts = TEXTS
    elif source == STRUCTURE_TEST:
        texts = [tuple(example.text) for example in generate().test]
    else:
        records = read_texts(source, files)
        if note := empty_note(records, "they are left out"):
            status.print(note)
        texts = [record.text for record in records if record.text]
        if not texts:
            raise DataError(f"{source}: all its texts are empty")
    return list(cached_parser(parser).parse(texts))


def spread_out(sentences: Sequence[Sentence], count: int) -> list[Sentence]:
    """At most so many sentences, evenly spaced, first and last among them."""
    if len(sentences) <= count:
        return list(sentences)
    if count == 1:
        return [sentences[0]]
    step = (len(sentences) - 1) / (count - 1)
    return [sentences[round(place * step)] for place in range(count)]
