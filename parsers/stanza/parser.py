"""Text to dependency trees through Stanza: the pipeline that ships here, or any other model."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from parsers.stanza.documents import TOO_LONG, Annotation, BulkPipeline, DocumentPipeline
from structnn import Sentence, Tree

SHIPPED_MODELS = Path(__file__).parents[1] / "models"
"""Stanza model directory of the English pipeline that comes with this package."""

SHIPPED_LANGUAGE = "en"

JOINED = "parataxis"
JOINED_SENTENCES = "joined_sentences"
"""The key of ``Sentence.metadata`` that says of how many sentences a text was joined."""
SPLIT_AT_WHITE_SPACE = "split_at_white_space"
"""The key of ``Sentence.metadata`` that marks a text of which Stanza's tokenizer lost characters."""
"""Relation that joins the second and later sentences of a text to the root of the first."""

_PROCESSORS = ("tokenize", "mwt", "pos", "lemma", "depparse")
_CHUNK_CHARACTERS = 200_000  # bounds the memory of one call of the pipeline


class ModelNotFoundError(FileNotFoundError):
    """No model for this language and package; the message gives the command that fetches it."""


@dataclass
class ParserCounts:
    """What a parser has done so far.

    Attributes:
        texts: texts parsed.
        words: words in them.
        joined: texts of several sentences, whose trees were joined under one root.
        fallbacks: texts in which Stanza's tokenizer lost or changed characters; they were split at
            white space instead.
    """

    texts: int = 0
    words: int = 0
    joined: int = 0
    fallbacks: int = 0


class StanzaParser:
    """Parses texts with a Stanza pipeline: one :class:`~structnn.Sentence` for each text.

    A text stays one example.  By default it isn't split into sentences at all; with
    ``split_sentences=True`` Stanza splits it, and the trees are joined: the root of the first is the
    root, the roots of the others become its children with relation ``parataxis``.

    Models load when the first text is parsed, and nothing is ever downloaded: files that are absent
    are reported when the parser is made.

    Args:
        language: language code, as Stanza names them.
        package: Stanza package; None is the pipeline that ships with this library for English, and
            the default package for other languages or with ``model_dir``.
        model_dir: a directory with Stanza's ``resources.json`` and models; None is this library's
            own for ``("en", None)`` and Stanza's own folder for all else.
        pretokenized: texts given as strings are already split into tokens by white space.  Texts given
            as sequences of tokens always keep their tokens one for one.
        split_sentences: let Stanza split a text into sentences before parsing it.
        batch_size: texts given to the pipeline at once.
        fast: run the models through :mod:`parsers.stanza.fast_pipeline` and
            :mod:`parsers.stanza.fast_depparse` where they support them; the trees are the same.
        progress: show a progress bar on a terminal.
        **stanza_options: anything else that ``stanza.Pipeline`` takes, such as ``device`` or
            ``pos_model_path``.

    Raises:
        ModelNotFoundError: if the model isn't there.

    Example:
        >>> sentence = StanzaParser("en").parse(["Dogs chase cats."])[0]
        >>> sentence.tokens
        ('Dogs', 'chase', 'cats', '.')
    """

    worth_a_worker = 500
    """Texts to parse for which another process pays."""

    def __init__(
        self,
        language: str = SHIPPED_LANGUAGE,
        *,
        package: str | None = None,
        model_dir: str | Path | None = None,
        pretokenized: bool = False,
        split_sentences: bool = False,
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
            self.model_dir = SHIPPED_MODELS if shipped else _stanza_folder()
        self._models = _find_models(
            self.model_dir, language, self.package, model_dir is not None, stanza_options
        )

    @cached_property
    def fingerprint(self) -> str:
        """A hash of all that decides the output: Stanza's version, model files, options.

        Two parsers with one fingerprint give the same trees for the same text.
        """
        settings = {
            "parser": "stanza",
            "revision": 2,  # of what this class does with the texts and trees
            "stanza": version("stanza"),
            "language": self.language,
            "pretokenized": self.pretokenized,
            "split_sentences": self.split_sentences,
            "options": {name: repr(value) for name, value in self.stanza_options.items()},
            "models": {
                name: _file_hash(path, path.stat().st_size, path.stat().st_mtime_ns)
                for name, path in sorted(self._models.files.items())
            },
        }
        return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()

    def __getstate__(self) -> dict[str, Any]:
        """A parser goes to another process without its models, which are loaded there."""
        return {name: vars(self)[name] for name in vars(self) if name not in ("pipeline", "bulk")}

    @cached_property
    def pipeline(self) -> Any:
        """The ``stanza.Pipeline``; loaded when first asked for."""
        import stanza

        from parsers.stanza.fast_depparse import accelerate

        options: dict[str, Any] = {
            "processors": dict(self._models.processors),
            "package": None,
            "tokenize_no_ssplit": not self.split_sentences,
            "logging_level": "ERROR",
            "verbose": False,
        }
        if "lemma" not in self._models.processors:
            options["depparse_pretagged"] = True  # else Stanza refuses to parse without lemmas
        pipeline = stanza.Pipeline(
            self.language,
            model_dir=str(self.model_dir),
            download_method=None,
            **options | self.stanza_options,
        )
        if self.fast:
            accelerate(pipeline)
        return pipeline

    @cached_property
    def bulk(self) -> BulkPipeline:
        """The pipeline as it is used here."""
        from parsers.stanza.fast_pipeline import FastPipeline, is_supported

        if self.fast and is_supported(self.pipeline):
            return FastPipeline(self.pipeline)
        return DocumentPipeline(self.pipeline)

    def load(self) -> None:
        """Load the models now, not with the first text."""
        _ = self.bulk

    def parse(self, texts: Iterable[str] | Iterable[Sequence[str]]) -> list[Sentence]:
        """Parse many texts at once; result *i* belongs to text *i*.

        Args:
            texts: strings, or sequences of tokens.

        Raises:
            ValueError: if a text is empty or only white space, or a token is empty; names its index.
            TypeError: if ``texts`` is one string, or a text is neither string nor tokens.
        """
        if isinstance(texts, str | bytes):
            raise TypeError("parse takes many texts: give a list of strings, not one string")
        items = [self._check(index, text) for index, text in enumerate(texts)]
        # like lengths together: recurrent layers take as many steps as the longest text of a batch
        order = sorted(range(len(items)), key=lambda index: len(items[index]))
        sentences: list[Sentence | None] = [None] * len(items)
        with _progress_bar(len(items), self.progress) as advance:
            for chunk in _chunks(order, items, self.batch_size):
                for index, sentence in zip(
                    chunk, self._parse_chunk([items[index] for index in chunk]), strict=True
                ):
                    sentences[index] = sentence
                advance(len(chunk))
        parsed = [sentence for sentence in sentences if sentence is not None]
        assert len(parsed) == len(items)
        return parsed

    def _check(self, index: int, text: Any) -> str | tuple[str, ...]:
        if isinstance(text, str):
            if not _cleaned(text).strip():
                raise ValueError(f"text {index} is empty: there is nothing to parse in {text!r}")
            return tuple(_cleaned(text).split()) if self.pretokenized else text
        if not isinstance(text, Sequence) or not all(isinstance(token, str) for token in text):
            raise TypeError(f"text {index} is neither a string nor a sequence of tokens: {text!r}")
        if not text:
            raise ValueError(f"text {index} has no tokens")
        for position, token in enumerate(text):
            if not _cleaned(token).strip():
                raise ValueError(f"text {index}: token {position} is empty: {token!r}")
        return tuple(text)

    def _parse_chunk(self, items: list[str | tuple[str, ...]]) -> list[Sentence]:
        split = self._split(items)
        annotations = iter(
            self.bulk.annotate([sentence for each in split for sentence in each.read])
        )
        result = []
        for item, each in zip(items, split, strict=True):
            sentence = _joined(item, each, [next(annotations) for _ in each.read])
            self.counts.texts += 1
            self.counts.words += len(sentence)
            self.counts.joined += len(each.sentences) > 1
            self.counts.fallbacks += each.lost
            result.append(sentence)
        return result

    def _split(self, items: list[str | tuple[str, ...]]) -> list[_Split]:
        """The sentences of each text, as tokens; given tokens are kept."""
        keep = "\n" if self.split_sentences else ""
        texts = [_cleaned(item, keep) for item in items if isinstance(item, str)]
        tokenized = zip(texts, self.bulk.tokenize(texts) if texts else [], strict=True)
        result = []
        for item in items:
            if not isinstance(item, str):
                result.append(_Split([item], [item]))
                continue
            text, sentences = next(tokenized)
            if sentences is None:
                result.append(_Split([text.split()], [text.split()], lost=True))
                continue
            read = [
                [token if len(token) <= self.bulk.longest_token else TOO_LONG for token in sentence]
                for sentence in sentences
            ]
            result.append(_Split(sentences, read))
        return result


class _Split(NamedTuple):
    """The sentences of a text, as tokens.

    Attributes:
        sentences: with the tokens of the text.
        read: with what tagger and parser are shown of them.
        lost: the tokenizer lost characters, and the text was split at white space instead.
    """

    sentences: Sequence[Sequence[str]]
    read: Sequence[Sequence[str]]
    lost: bool = False


@dataclass(frozen=True)
class _Models:
    processors: dict[str, str]
    files: dict[str, Path]


def _find_models(
    folder: Path, language: str, package: str, given_folder: bool, options: dict[str, Any]
) -> _Models:
    """The processors of a package and their files, from Stanza's ``resources.json``."""
    given = {
        name.removesuffix("_model_path"): Path(value)
        for name, value in options.items()
        if name.endswith("_model_path")
    }
    resources_file = folder / "resources.json"
    command = (
        f"python -c \"import stanza; stanza.download('{language}'"
        + (f", package='{package}'" if package != "default" else "")
        + (f", model_dir='{folder}'" if given_folder else "")
        + ')"'
    )
    if not resources_file.is_file():
        raise ModelNotFoundError(
            f"no Stanza models in {folder} (there is no resources.json). "
            f"Where there is a network, this fetches them: {command}"
        )
    resources = json.loads(resources_file.read_text(encoding="utf-8"))
    language = resources.get(language, {}).get("alias", language)
    entry = resources.get(language, {})
    if not entry:
        raise ModelNotFoundError(
            f"{resources_file} knows no language {language!r}; it has: {', '.join(resources)}"
        )
    packages = entry.get("packages", {})
    if package in packages:
        known = packages[package]
        processors = {name: known[name] for name in _PROCESSORS if name in known}
    else:
        processors = {name: package for name in _PROCESSORS if package in entry.get(name, {})}
    if "depparse" not in processors:
        raise ModelNotFoundError(
            f"{resources_file} has no parser for {language!r} in package {package!r}; "
            f"packages: {', '.join(packages) or 'none'}"
        )
    files = {}
    for name, model in processors.items():
        if name in given:
            files[name] = given[name]
            continue
        files[name] = folder / language / name / f"{model}.pt"
        for needed in entry.get(name, {}).get(model, {}).get("dependencies", []):
            files[f"{name}.{needed['model']}"] = (
                folder / language / needed["model"] / f"{needed['package']}.pt"
            )
    missing = [path for name, path in files.items() if not path.is_file()]
    if missing:
        raise ModelNotFoundError(
            f"model file {missing[0]} is missing. Where there is a network, this fetches it: "
            + command
        )
    return _Models(processors, files)


def _stanza_folder() -> Path:
    from stanza.resources.common import DEFAULT_MODEL_DIR

    return Path(DEFAULT_MODEL_DIR)


@lru_cache(maxsize=64)
def _file_hash(path: Path, size: int, modified: int) -> str:
    """SHA-256 of a file; size and time make the cache notice a file that was replaced."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


_BLANK = re.compile("[\\s\ufeff\x00-\x1f\x7f-\x9f]")
_BLANK_BUT_NEWLINE = re.compile("[^\\S\n]|[\ufeff\x00-\x09\x0b-\x1f\x7f-\x9f]")


def _cleaned(text: str, keep: str = "") -> str:
    """The text with every white space, control character and byte order mark as one space."""
    return (_BLANK_BUT_NEWLINE if keep else _BLANK).sub(" ", text)


def _joined(
    item: str | tuple[str, ...], split: _Split, annotations: Sequence[Annotation]
) -> Sentence:
    """One sentence from the parsed pieces of a text; its metadata say what was done to it."""
    metadata = {}
    if len(split.sentences) > 1:
        metadata[JOINED_SENTENCES] = str(len(split.sentences))
    if split.lost:
        metadata[SPLIT_AT_WHITE_SPACE] = "yes"
    tokens: list[str] = []
    tags: list[str] = []
    lemmas: list[str] = []
    parents: list[int] = []
    labels: list[str] = []
    first_root = None
    for sentence, found in zip(split.sentences, annotations, strict=True):
        offset = len(tokens)
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
        tokens += sentence
        tags += [tag or "X" for tag in found.tags]
        lemmas += found.lemmas or ()
    return Sentence(
        item if isinstance(item, tuple) else tokens,
        dependencies=Tree(parents, labels=labels),
        tags=tags,
        lemmas=lemmas if len(lemmas) == len(tokens) else None,
        text=item if isinstance(item, str) else " ".join(item),
        metadata=metadata,
    )


@contextmanager
def _progress_bar(total: int, wanted: bool) -> Iterator[Callable[[int], None]]:
    """A function to call with the number of texts done; draws a bar where one is wanted."""
    if not wanted:
        yield lambda _: None
        return
    from rich.progress import Progress

    with Progress() as bar:
        task = bar.add_task("parsing", total=total)
        yield lambda count: bar.update(task, advance=count)


def _chunks(order: Sequence[int], items: Sequence[Sequence[str]], size: int) -> Iterator[list[int]]:
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
