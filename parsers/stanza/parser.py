"""Text to dependency trees with Stanza: the pipeline that ships with this package, or any other."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from parsers.stanza.documents import TOO_LONG, BulkPipeline, BulkTokenizer, DocumentPipeline
from parsers.stanza.models import (
    SHIPPED_LANGUAGE,
    SHIPPED_MODELS,
    file_hash,
    find_models,
    stanza_folder,
)
from parsers.stanza.texts import SplitText, cleaned, in_chunks, join_sentences
from structnn.sentence import Sentence

__all__ = ["ParserCounts", "StanzaParser"]

_LOADED = ("pipeline", "bulk", "tokenizer")  # properties that hold models


@dataclass
class ParserCounts:
    """How much a parser has parsed.

    Attributes:
        texts: The number of texts.
        words: The number of words in them.
        joined: The number of texts of several sentences, whose trees were joined under one root.
        fallbacks: The number of texts in which Stanza's tokenizer lost or changed characters, and which
            were split at white space instead.
    """

    texts: int = 0
    words: int = 0
    joined: int = 0
    fallbacks: int = 0


class StanzaParser:
    """Parses texts with a Stanza pipeline: one :class:`~structnn.Sentence` for each text.

    By default a text is not split into sentences. With ``split_sentences=True`` Stanza splits it,
    and the trees are joined: the root of the first sentence is the root, and the roots of the others
    become its children with the relation ``parataxis``.

    The tokens of a sentence are syntactic words: *de* and *le* for French *du*. How the text writes
    them is kept where :func:`~parsers.read_conllu` puts it, and so is in CoNLL-U too: multiword tokens
    in ``metadata["multiword_tokens"]``, and ``SpaceAfter=No`` in ``columns["misc"]`` (in
    ``metadata["multiword_columns"]`` for a multiword token) where no white space comes before the
    next token.

    Models are loaded when the first text is parsed. Nothing is downloaded; missing files are reported
    when the parser is made.

    Args:
        language: The language code that Stanza uses, such as ``"en"``.
        package: The name of a Stanza package. By default the pipeline that ships with this library for
            English, and Stanza's default package for other languages or with ``model_dir``.
        model_dir: A directory with Stanza's ``resources.json`` and models. By default that of the
            shipped pipeline, or Stanza's own directory.
        pretokenized: Split texts that are strings at white space alone. The tokens of a text that is a
            sequence of tokens are always kept one for one.
        split_sentences: Let Stanza split a text into sentences before parsing.
        trees: Without them sentences have their tokens alone, no trees and no tags: enough for encoders
            that read words, in a quarter of the time. Tagger and parser are then not loaded.
        batch_size: The largest number of texts that the pipeline is given at once.
        fast: Run the models by :mod:`parsers.stanza.fast_pipeline` and
            :mod:`parsers.stanza.fast_depparse` where these support them. The trees are the same.
        progress: Show a progress bar in the terminal.
        **stanza_options: Other options of ``stanza.Pipeline``, such as ``use_gpu`` or
            ``pos_model_path``.

    Attributes:
        counts: How much this parser has parsed, a :class:`ParserCounts`.

    Raises:
        ModelNotFoundError: There is no such model; the message has the command that downloads it.
        ValueError: ``batch_size`` is less than 1.

    Example:
        >>> sentence = StanzaParser("en").parse(["Dogs chase cats."])[0]
        >>> sentence.tokens
        ('Dogs', 'chase', 'cats', '.')
    """

    worth_a_worker = 500
    """The number of texts for which :class:`~parsers.CachedParser` starts another process."""

    def __init__(
        self,
        language: str = SHIPPED_LANGUAGE,
        *,
        package: str | None = None,
        model_dir: str | Path | None = None,
        pretokenized: bool = False,
        split_sentences: bool = False,
        trees: bool = True,
        batch_size: int = 1000,
        fast: bool = True,
        progress: bool = False,
        **stanza_options: Any,
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, not {batch_size}")
        self.language = language
        self.pretokenized = pretokenized
        self.split_sentences = split_sentences
        self.trees = trees
        self.batch_size = batch_size
        self.fast = fast
        self.progress = progress
        self.stanza_options = stanza_options
        self.counts = ParserCounts()
        shipped = model_dir is None and package is None and language == SHIPPED_LANGUAGE
        self.package = package or "default"
        if model_dir is not None:
            self.model_dir = Path(model_dir)
        else:
            self.model_dir = SHIPPED_MODELS if shipped else stanza_folder()
        self._folder_given = model_dir is not None
        self._models = find_models(
            self.model_dir,
            language,
            self.package,
            folder_given=self._folder_given,
            options=stanza_options,
        )

    def __repr__(self) -> str:
        models = set(self._models.processors.values())
        package = models.pop() if len(models) == 1 else self.package
        fields = [repr(self.language), f"package={package!r}"]
        if self._folder_given:
            fields.append(f"model_dir={str(self.model_dir)!r}")
        fields += [
            f"{name}=True" for name in ("pretokenized", "split_sentences") if vars(self)[name]
        ]
        if not self.trees:
            fields.append("trees=False")
        fields += [f"{name}={value!r}" for name, value in self.stanza_options.items()]
        return f"StanzaParser({', '.join(fields)})"

    @cached_property
    def fingerprint(self) -> str:
        """A hash of all that decides the trees: Stanza's version, the model files, the options.

        Two parsers with the same fingerprint give the same trees for the same text.
        """
        settings = {
            "parser": "stanza",
            "revision": 3,  # of what this class does with the texts and trees
            "stanza": version("stanza"),
            "language": self.language,
            "pretokenized": self.pretokenized,
            "split_sentences": self.split_sentences,
            "options": {name: repr(value) for name, value in self.stanza_options.items()},
            "models": {name: file_hash(path) for name, path in sorted(self._models.files.items())},
        }
        if not self.trees:
            settings["trees"] = False
        return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()

    def __getstate__(self) -> dict[str, Any]:
        """A parser goes to another process without its models, which are loaded there."""
        return {name: vars(self)[name] for name in vars(self) if name not in _LOADED}

    @cached_property
    def pipeline(self) -> Any:
        """The ``stanza.Pipeline``; loaded when first asked for."""
        from parsers.stanza.fast_depparse import accelerate
        from parsers.stanza.loading import (
            import_stanza,
            quiet_if_interrupted,
            shared_vectors,
            without_optimisers,
        )

        stanza = import_stanza()

        processors = {
            name: model
            for name, model in self._models.processors.items()
            if self.trees or name in ("tokenize", "mwt")
        }
        options: dict[str, Any] = {
            "processors": processors,
            "package": None,
            "tokenize_no_ssplit": not self.split_sentences,
            "logging_level": "ERROR",
            "verbose": False,
        }
        if self.trees and "lemma" not in processors:
            options["depparse_pretagged"] = True  # else Stanza refuses to parse without lemmas
        shipped = self.model_dir == SHIPPED_MODELS and not self.stanza_options
        if shipped and self.trees:
            options["foundation_cache"] = shared_vectors(self._models.files["pos.pretrain"])
        with quiet_if_interrupted(), without_optimisers() if shipped else nullcontext():
            pipeline = stanza.Pipeline(
                self.language,
                model_dir=str(self.model_dir),
                download_method=None,
                **options | self.stanza_options,
            )
        if self.fast and self.trees:
            accelerate(pipeline)
        return pipeline

    @cached_property
    def bulk(self) -> BulkPipeline:
        """The pipeline for many texts at once, fast where its models are supported."""
        from parsers.stanza.fast_pipeline import FastPipeline, is_supported

        if self.fast and is_supported(self.pipeline):
            return FastPipeline(self.pipeline)
        return DocumentPipeline(self.pipeline)

    @cached_property
    def tokenizer(self) -> BulkTokenizer:
        """What splits many texts at once into words: a part of :attr:`bulk` where there are trees."""
        from parsers.stanza.fast_tokenizer import FastTokenizer, is_supported

        if self.trees:
            return self.bulk
        processors = self.pipeline.processors
        if self.fast and "tokenize" in processors and is_supported(processors["tokenize"]):
            return FastTokenizer(processors["tokenize"], processors.get("mwt"))
        return DocumentPipeline(self.pipeline)

    def load(self) -> None:
        """Load the models now instead of with the first text."""
        _ = self.tokenizer

    def parse(self, texts: Iterable[str] | Iterable[Sequence[str]]) -> list[Sentence]:
        """Parse texts in bulk.

        Args:
            texts: Strings, or sequences of tokens.

        Returns:
            A sentence for each text, in order.

        Raises:
            ValueError: A text or a token is empty or only white space; the message has its index.
            TypeError: ``texts`` is one string, or a text is neither a string nor a sequence of tokens.
        """
        if isinstance(texts, str | bytes):
            raise TypeError("parse takes many texts: give a list of strings, not one string")
        items = [self._check(index, text) for index, text in enumerate(texts)]
        # Like lengths together: recurrent layers take as many steps as the longest text of a batch has.
        order = sorted(range(len(items)), key=lambda index: len(items[index]))
        sentences: list[Sentence | None] = [None] * len(items)
        with _progress_bar(len(items), self.progress) as advance:
            for chunk in in_chunks(order, items, self.batch_size):
                for index, sentence in zip(
                    chunk, self._parse_chunk([items[index] for index in chunk]), strict=True
                ):
                    sentences[index] = sentence
                advance(len(chunk))
        parsed = [sentence for sentence in sentences if sentence is not None]
        assert len(parsed) == len(items)
        return parsed

    def check_texts(self, texts: Sequence[Any], first: int = 0) -> None:
        """Check texts as :meth:`parse` does, without parsing them.

        Args:
            texts: Strings, or sequences of tokens.
            first: The number of the first of them, for messages.

        Raises:
            ValueError: A text or a token is empty or only white space; the message has its number.
            TypeError: A text is neither a string nor a sequence of tokens.
        """
        for index, text in enumerate(texts, start=first):
            self._check(index, text)

    def _check(self, index: int, text: Any) -> str | tuple[str, ...]:
        if isinstance(text, str):
            if not cleaned(text).strip():
                raise ValueError(f"text {index} is empty: there is nothing to parse in {text!r}")
            return tuple(cleaned(text).split()) if self.pretokenized else text
        if not isinstance(text, Sequence) or not all(isinstance(token, str) for token in text):
            raise TypeError(f"text {index} is neither a string nor a sequence of tokens: {text!r}")
        if not text:
            raise ValueError(f"text {index} has no tokens")
        for position, token in enumerate(text):
            if not cleaned(token).strip():
                raise ValueError(f"text {index}: token {position} is empty: {token!r}")
        return tuple(text)

    def _parse_chunk(self, items: list[str | tuple[str, ...]]) -> list[Sentence]:
        split = self._split(items)
        sentences = [sentence for each in split for sentence in each.read]
        found = iter(self.bulk.annotate(sentences) if self.trees else ())
        result = []
        for item, each in zip(items, split, strict=True):
            annotations = [next(found) for _ in each.read] if self.trees else None
            sentence = join_sentences(item, each, annotations)
            self.counts.texts += 1
            self.counts.words += len(sentence)
            self.counts.joined += len(each.sentences) > 1
            self.counts.fallbacks += each.lost
            result.append(sentence)
        return result

    def _split(self, items: list[str | tuple[str, ...]]) -> list[SplitText]:
        """Split texts into sentences and tokens; texts that are tokens keep them."""
        texts = [
            cleaned(item, keep_newlines=self.split_sentences)
            for item in items
            if isinstance(item, str)
        ]
        tokenized = zip(texts, self.tokenizer.tokenize(texts) if texts else [], strict=True)
        result = []
        for item in items:
            if not isinstance(item, str):
                result.append(SplitText([item], [item]))
                continue
            text, sentences = next(tokenized)
            if sentences is None:
                result.append(SplitText([text.split()], [text.split()], lost=True))
                continue
            words = [[word for token in each for word in token.words] for each in sentences]
            read = [
                [
                    word if len(word) <= self.tokenizer.longest_token else TOO_LONG
                    for word in sentence
                ]
                for sentence in words
            ]
            tokens = [token for sentence in sentences for token in sentence]
            result.append(SplitText(words, read, tokens))
        return result


@contextmanager
def _progress_bar(total: int, wanted: bool) -> Iterator[Callable[[int], None]]:
    """A progress bar where one is wanted; gives a function to call with the number of texts done."""
    if not wanted:
        yield lambda _: None
        return
    from rich.progress import Progress

    with Progress() as bar:
        task = bar.add_task("parsing", total=total)
        yield lambda count: bar.update(task, advance=count)
