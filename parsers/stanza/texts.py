"""Texts before and after the pipeline: cleaned, cut into chunks, and joined to one sentence each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import accumulate, chain
from typing import Any, NamedTuple

from parsers.formats.conllu import multiword_metadata
from parsers.stanza.documents import Annotation, Token
from structnn.sentence import Sentence, Tree

__all__ = [
    "JOINED",
    "JOINED_SENTENCES",
    "SPLIT_AT_WHITE_SPACE",
    "SplitText",
    "cleaned",
    "in_chunks",
    "join_sentences",
]

JOINED = "parataxis"
"""The relation of the second and later sentences of a text to the root of the first."""

JOINED_SENTENCES = "joined_sentences"
"""The key of ``Sentence.metadata`` with the number of sentences of which a text was joined."""

SPLIT_AT_WHITE_SPACE = "split_at_white_space"
"""The key of ``Sentence.metadata`` that marks a text of which Stanza's tokenizer lost characters."""

_CHUNK_CHARACTERS = 200_000  # limits the memory of one call of the pipeline
_BLANK = re.compile("[\\s\ufeff\x00-\x1f\x7f-\x9f]")
_BLANK_BUT_NEWLINE = re.compile("[^\\S\n]|[\ufeff\x00-\x09\x0b-\x1f\x7f-\x9f]")


class SplitText(NamedTuple):
    """The sentences of a text, as words.

    Attributes:
        sentences: The words of each sentence.
        read: The same, with a placeholder for each word that is too long for tagger and parser.
        tokens: The tokens of all sentences, in which multiword tokens are whole; none if the text is
            given as tokens or was split at white space.
        lost: Whether the tokenizer lost characters, so that the text was split at white space instead.
    """

    sentences: Sequence[Sequence[str]]
    read: Sequence[Sequence[str]]
    tokens: Sequence[Token] = ()
    lost: bool = False


def cleaned(text: str, *, keep_newlines: bool = False) -> str:
    """Replace each white space, control character and byte order mark by a space.

    Args:
        text: The text.
        keep_newlines: Keep line feeds, at which Stanza may split sentences.
    """
    return (_BLANK_BUT_NEWLINE if keep_newlines else _BLANK).sub(" ", text)


def in_chunks(
    order: Sequence[int], items: Sequence[Sequence[str]], size: int
) -> Iterator[list[int]]:
    """Cut a list into chunks of a limited number of items and of characters.

    Args:
        order: Indices into ``items``.
        items: Texts, or lists of tokens.
        size: The largest number of items of a chunk.

    Yields:
        The indices of each chunk.
    """
    chunk: list[int] = []
    characters = 0
    for index in order:
        item = items[index]
        length = len(item) if isinstance(item, str) else sum(map(len, item))
        if chunk and (len(chunk) == size or characters + length > _CHUNK_CHARACTERS):
            yield chunk
            chunk, characters = [], 0
        chunk.append(index)
        characters += length
    if chunk:
        yield chunk


def join_sentences(
    item: str | tuple[str, ...], split: SplitText, annotations: Sequence[Annotation] | None
) -> Sentence:
    """Join the sentences of a text to one sentence.

    The root of the first sentence is the root; the roots of the others become its children with the
    relation :data:`JOINED`.

    Args:
        item: The text, or its tokens.
        split: The sentences of the text.
        annotations: The annotation of each sentence; None where they are not parsed.

    Returns:
        The sentence; its metadata have :data:`JOINED_SENTENCES` and :data:`SPLIT_AT_WHITE_SPACE` where
        they apply. Multiword tokens and ``SpaceAfter=No`` are where the reader of CoNLL-U puts them.
    """
    text = item if isinstance(item, str) else " ".join(item)
    metadata, misc = _spelling(text, split.tokens)
    if len(split.sentences) > 1:
        metadata[JOINED_SENTENCES] = str(len(split.sentences))
    if split.lost:
        metadata[SPLIT_AT_WHITE_SPACE] = "yes"
    tokens = item if isinstance(item, tuple) else [*chain.from_iterable(split.sentences)]
    return Sentence(
        tokens,
        **({} if annotations is None else _parse(annotations)),
        text=text,
        metadata=metadata,
        columns={"misc": misc} if any(item != "_" for item in misc) else {},
    )


def _parse(annotations: Sequence[Annotation]) -> dict[str, Any]:
    """The tree, the tags and the lemmas of a sentence, joined from those of some sentences."""
    tags: list[str] = []
    lemmas: list[str] = []
    parents: list[int] = []
    labels: list[str] = []
    first_root = None
    for found in annotations:
        offset = len(tags)
        for position, (head, relation) in enumerate(zip(found.heads, found.relations, strict=True)):
            if head:
                parents.append(offset + head - 1)
                labels.append(relation)
            elif first_root is None:
                first_root = offset + position
                parents.append(-1)
                labels.append(relation)
            else:
                parents.append(first_root)
                labels.append(JOINED)
        tags += [tag or "X" for tag in found.tags]
        lemmas += found.lemmas or ()
    return {
        "dependencies": Tree(parents, labels=labels),
        "tags": tags,
        "lemmas": lemmas if len(lemmas) == len(tags) else None,
    }


def _spelling(text: str, tokens: Sequence[Token]) -> tuple[dict[str, str], list[str]]:
    """How the words of a text are written in it: metadata with its multiword tokens, and MISC."""
    multiword: dict[str, dict[str, str]] = {}
    misc: list[str] = []
    for token, followed in zip(tokens, _space_after(text, tokens), strict=True):
        note = "_" if followed else "SpaceAfter=No"
        if len(token.words) == 1:
            misc.append(note)
            continue
        columns = {"form": token.form} if followed else {"form": token.form, "misc": note}
        multiword[f"{len(misc) + 1}-{len(misc) + len(token.words)}"] = columns
        misc += ["_"] * len(token.words)  # the space is one after the whole token
    return multiword_metadata(multiword), misc


def _space_after(text: str, tokens: Sequence[Token]) -> list[bool]:
    """Whether white space or the end of the text follows each token.

    True for all if the tokenizer changed characters, so that their places in the text are unknown.
    """
    pieces = cleaned(text).split()
    forms = ["".join(token.form.split()) for token in tokens]
    if "".join(forms) != "".join(pieces):
        return [True] * len(tokens)
    ends = set(accumulate(map(len, pieces)))  # in characters that are no white space
    return [end in ends for end in accumulate(map(len, forms))]
