"""Texts in bulk through the processors of any Stanza pipeline."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

__all__ = ["TOO_LONG", "Annotation", "BulkPipeline", "BulkTokenizer", "DocumentPipeline", "Token"]

TOO_LONG = "<UNK>"
"""The placeholder that a tagger reads for a token that is too long for it."""


class Token(NamedTuple):
    """A token of a text, and the words of which it consists.

    Attributes:
        form: The token as it is written: French *du*.
        words: Its words: *de* and *le* for the multiword token *du*, and for others the form alone.
    """

    form: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Annotation:
    """The annotation of a sentence, an entry for each word.

    Attributes:
        tags: Universal parts of speech; None for a word without one.
        heads: The number of each word's head; words count from 1, and 0 is the root.
        relations: The relation of each word to its head.
        lemmas: The lemma of each word; None if the pipeline has no lemmatizer.
    """

    tags: list[str | None]
    heads: list[int]
    relations: list[str]
    lemmas: list[str] | None = None


class BulkTokenizer(Protocol):
    """A tokenizer that takes many texts at once.

    Attributes:
        longest_token: The number of characters of the longest token that the tagger reads; longer
            ones are replaced by :data:`TOO_LONG`.
    """

    longest_token: int

    def tokenize(self, texts: Sequence[str]) -> list[list[list[Token]] | None]:
        """The sentences of each text; None where characters got lost."""
        ...


class BulkPipeline(BulkTokenizer, Protocol):
    """A tokenizer, a tagger and a parser that take many texts at once."""

    def annotate(self, sentences: Sequence[Sequence[str]]) -> list[Annotation]:
        """Tag and parse sentences."""
        ...


class DocumentPipeline:
    """Any ``stanza.Pipeline``, which annotates all sentences as one document.

    Args:
        pipeline: A ``stanza.Pipeline``.
    """

    def __init__(self, pipeline: Any) -> None:
        self.processors = pipeline.processors
        tokenizer = self.processors.get("tokenize")
        self.longest_token = 1000 if tokenizer is None else tokenizer.config.get("max_seqlen", 1000)

    def tokenize(self, texts: Sequence[str]) -> list[list[list[Token]] | None]:
        """The sentences of each text; None where characters got lost."""
        from stanza.models.common.doc import Document

        documents = [Document([], text=text) for text in texts]
        for name in ("tokenize", "mwt"):
            if name in self.processors:
                documents = self.processors[name].bulk_process(documents)
        return [
            [[_token(token, text) for token in sentence.tokens] for sentence in document.sentences]
            if _squeezed(_surface(document.sentences, text)) == _squeezed(text)
            else None
            for text, document in zip(texts, documents, strict=True)
        ]

    def annotate(self, sentences: Sequence[Sequence[str]]) -> list[Annotation]:
        """Tag and parse sentences, all as one document."""
        document = _document(sentences)
        for name, processor in self.processors.items():
            if name not in ("tokenize", "mwt"):
                processor.process(document)
        annotations = []
        for sentence in document.sentences:
            words = sentence.words
            lemmas = [word.lemma for word in words]
            annotations.append(
                Annotation(
                    [word.upos for word in words],
                    [int(word.head) for word in words],
                    [word.deprel for word in words],
                    None if None in lemmas else lemmas,
                )
            )
        return annotations


def _document(sentences: Iterable[Sequence[str]]) -> Any:
    """A Stanza document of these sentences."""
    from stanza.models.common.doc import ID, TEXT, Document

    return Document(
        [
            [{ID: (position,), TEXT: token} for position, token in enumerate(tokens, start=1)]
            for tokens in sentences
        ]
    )


def _surface(sentences: Iterable[Any], text: str) -> str:
    """The characters of a text that its tokens cover; the tokens themselves may be placeholders."""
    return "".join(
        text[token.start_char : token.end_char]
        for sentence in sentences
        for token in sentence.tokens
    )


def _token(token: Any, text: str) -> Token:
    """A token of a Stanza document, with its words."""
    words = tuple(_original(word, text) for word in token.words)
    return Token(words[0] if len(words) == 1 else _original(token, text), words)


def _original(word: Any, text: str) -> str:
    """The form of a word or token; for the placeholder of a long token its characters in the text."""
    if word.text == TOO_LONG and word.start_char is not None and word.end_char is not None:
        return text[word.start_char : word.end_char]
    return str(word.text)


def _squeezed(text: str) -> str:
    return "".join(text.split())
