"""Labels for new text, from a saved run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

from parsers import Parser
from parsers.formats.brackets import BracketsError, read_brackets
from structnn import Hypothesis, Search, Sentence, SequenceHead
from structnn.fields import shorten_text
from tasks.data.examples import DataError, check_spans, counted, is_visible, marked_spans
from tasks.data.nodes import phrases_of
from tasks.data.parsing import in_tokens
from tasks.data.questions import Question, Span, in_one_string, with_marks
from tasks.data.setting import each_for_spans
from tasks.data.structures import structure_of
from tasks.folders import encoder_folder
from tasks.models.devices import Device, device_of
from tasks.models.model import SavedModel, model_in
from tasks.models.parser import make_parser
from tasks.storage import StorageError
from tasks.training.evaluation import evaluate, write_sequences

__all__ = ["Asked", "Prediction", "Predictor", "Written", "bracketed"]


@dataclass(frozen=True)
class Written:
    """A sequence that a search found.

    Attributes:
        text: The sequence.
        log_probability: The logarithm of its probability, the end included if it has one.
        score: That, divided by a power of the length: what sequences are ordered by.
    """

    text: str
    log_probability: float
    score: float


@dataclass(frozen=True)
class Prediction:
    """The answer that a model gives.

    Attributes:
        text: The text; tokens are joined by spaces. Spans stand between ``[[`` and ``]]``, and a second
            text behind ``||``.
        label: The most probable label; where the question has other answers, several labels with ``|``
            between them, a number, or an answer for each token with a space between them.
        probabilities: The probability of each label; empty where the answer is a number, or there are
            several.
        tokens: The tokens, where each has an answer, or the words of each node of a tree; else None.
        written: What a search that was asked for found, best first; else None.
    """

    text: str
    label: str
    probabilities: dict[str, float]
    tokens: tuple[str, ...] | None = None
    written: tuple[Written, ...] | None = None


class Asked(NamedTuple):
    """Texts as a model reads them.

    Attributes:
        texts: The texts, to be shown.
        sentences: The sentence of each, with the structure that is read.
        second: The second sentence of each, where the question is about pairs.
        spans: The spans of each, in tokens, where it is about spans.
    """

    texts: list[str]
    sentences: list[Sentence]
    second: list[Sentence]
    spans: list[tuple[Span, ...]]


class Predictor:
    """A trained classifier, and the parser of its training data.

    Args:
        run: The folder of a run, or a model that is not in one.
        parser: A parser to use in place of that one.
        device: Where the model computes: ``"auto"``, a GPU if there is one, or ``"cpu"``. By default
            that of a folder computes on the CPU, and another one where it is; a model that is given is
            moved.

    Attributes:
        run: The folder; for a model that is not in one, the name of its encoder.
        model: The classifier, with its options and vocabularies.
        parser: The parser.

    Raises:
        StorageError: There is no saved model in the folder; the message names those in folders below.
        OptionError: There is no such choice of a device.
    """

    def __init__(
        self,
        run: str | Path | SavedModel,
        parser: Parser | None = None,
        *,
        device: Device | None = None,
    ) -> None:
        where = None if device is None else device_of(device)  # before anything is read
        if isinstance(run, SavedModel):
            self.run, self.model = Path(encoder_folder(run.options.encoder)), run
        else:
            self.run, self.model = Path(run), model_in(Path(run))
        if self.model.task.objective:
            raise StorageError(
                f"{self.run} is a language model, which answers no question: `structnn sample` writes "
                "with a causal one, and --init of `structnn train` begins from it"
            )
        self.parser = parser if parser is not None else make_parser(self.model.parser)
        self._is_given = parser is not None
        if where is not None:
            self.model.to(where)

    def __repr__(self) -> str:
        return f"Predictor({str(self.run)!r}: {self.model!r})"

    @cached_property
    def _tokenizer(self) -> Parser:
        """The parser without trees, unless it is one that was given."""
        return self.parser if self._is_given else make_parser(self.model.parser, trees=False)

    @property
    def question(self) -> Question:
        """What the run was trained to answer."""
        return self.model.task.question

    @property
    def reads_brackets(self) -> bool:
        """Whether texts are trees in brackets, which no parser here makes."""
        return (
            structure_of(self.model.structure).field == "constituency" and not self.question.spans
        )

    @property
    def search(self) -> Search | None:
        """How sequences are searched for where nothing else is asked for; None if none are written."""
        head = self.model.classifier.head
        return head.search if isinstance(head, SequenceHead) else None

    def predict(
        self,
        texts: Sequence[str | Sequence[str]],
        second: Sequence[str | Sequence[str]] = (),
        *,
        spans: Sequence[Sequence[Span]] | None = None,
        search: Search | None = None,
    ) -> list[Prediction]:
        """The answer for each text, in order.

        Args:
            texts: Texts, or lists of tokens, which are kept one for one. Where the question is about
                spans, they stand between ``[[`` and ``]]``: ``"The [[food]] was good."``
            second: The second text of each, where the question is about pairs.
            spans: The spans of each, in characters (in tokens, where a text is tokens), if they are not
                marked: they may then overlap, and the subject may stand behind the object.
            search: How sequences are searched for; by default as the run was trained to.

        Raises:
            ValueError: A text is empty, the run can't be used on raw text, second texts or spans are
                missing, or given and not asked about; or there is a search, and the run writes no
                sequences.
        """
        asked = self.read_asked(texts, second, spans, trees=False)
        return self.predict_sentences(*asked, search=search)

    def read_asked(
        self,
        texts: Sequence[str | Sequence[str]],
        second: Sequence[str | Sequence[str]] = (),
        spans: Sequence[Sequence[Span]] | None = None,
        *,
        trees: bool = True,
    ) -> Asked:
        """What :meth:`predict` asks of the model; takes the same, and refuses the same.

        Args:
            texts: As there.
            second: As there.
            spans: As there.
            trees: As for :meth:`read`.

        Raises:
            ValueError: As :meth:`predict`.
        """
        question = self.question
        texts, second = _listed(texts), _listed(second, "second text")
        if len(second) != (len(texts) if question.reads == "pair" else 0):
            raise ValueError(
                f"this run answers questions about a {question.reads}, but it was given "
                f"{counted(len(texts), 'text')} and {counted(len(second), 'second text')}; "
                + ("give each text a second one" if question.reads == "pair" else "give none")
            )
        plain, found = self._with_spans(texts, spans)
        sentences = self.read(plain, trees=trees)
        in_sentences = [
            tuple(span for span, _ in in_tokens(text, own, sentence))
            for text, own, sentence in zip(plain, found, sentences, strict=bool(found))
        ]
        structure = structure_of(self.model.structure)
        if structure.spans:
            sentences = each_for_spans(structure, sentences, in_sentences)
        marked = texts if spans is None else map(with_marks, plain, found)
        shown = [
            " || ".join(map(in_one_string, filter(None, both)))
            for both in zip_longest(marked, second)
        ]
        others = self.read(second, "second text", trees=trees) if second else []
        return Asked(shown, sentences, others, in_sentences)

    def _with_spans(
        self, texts: Sequence[str | Sequence[str]], given: Sequence[Sequence[Span]] | None
    ) -> tuple[list[str | Sequence[str]], list[tuple[Span, ...]]]:
        """The texts without marks, and the spans of each, where the question is about some."""
        about = self.question.spans
        if given is None:
            if not about:
                return list(texts), []
            named = ((text, f"text {number}") for number, text in enumerate(texts, start=1))
            both = [marked_spans(text, self.question, where) for text, where in named]
            return [text for text, _ in both], [spans for _, spans in both]
        if not about:
            raise ValueError(
                f"this run answers questions about a {self.question.reads}, not about spans: give none"
            )
        if len(given) != len(texts):
            raise ValueError(
                f"given were {counted(len(texts), 'text')}, but spans of {len(given)}; give each text "
                "its spans"
            )
        spans = [tuple((begin, end) for begin, end in own) for own in given]
        for number, (text, own) in enumerate(zip(texts, spans, strict=True), start=1):
            if len(own) != about:
                raise ValueError(
                    f"text {number} has {counted(len(own), 'span')}, but this run answers questions "
                    f"about {about}"
                )
            check_spans(own, text, f"text {number}")
        return list(texts), spans

    def read(
        self, texts: Sequence[str | Sequence[str]], what: str = "text", *, trees: bool = True
    ) -> list[Sentence]:
        """The sentence of each text, with the structure that the run reads.

        Args:
            texts: Texts, or lists of tokens, which are kept one for one.
            what: What to call them in messages.
            trees: Without them texts are parsed only if the model reads trees: others need the tokens
                alone, for a quarter of the time.

        Raises:
            ValueError: A text is empty, or the run can't be used on it: one that was trained on
                constituency trees reads them in brackets, ``(S (NP Dogs) (VP bark))``.
        """
        texts = _listed(texts, what)
        for number, text in enumerate(texts):
            if not any(map(is_visible, text)):  # its characters, or its tokens
                raise ValueError(
                    f"{what} {number + 1} is empty; give it some words or leave it out"
                )
        structure = structure_of(self.model.structure)
        if self.reads_brackets:
            return [
                bracketed(text, f"{what} {number}") for number, text in enumerate(texts, start=1)
            ]
        if not structure.of_new_text:
            raise ValueError(
                f"this run was trained on {structure.plural} (--structure {structure.name}), which no "
                "parser here makes: it can't be used on raw text"
            )
        if not (trees or self.model.reads_trees):
            return self._tokenizer.parse(texts)
        # New text has no given trees, so it is parsed.
        return self.model.structured(self.parser.parse(texts))

    def _parts(self, sentence: Sentence) -> tuple[str, ...] | None:
        """What has an answer, where the whole sentence has none."""
        if self.question.part == "node":
            assert sentence.constituency is not None
            return phrases_of(sentence.constituency, sentence.tokens)
        return tuple(sentence.tokens) if self.question.has_parts else None

    def predict_sentences(
        self,
        texts: Sequence[str | Sequence[str]],
        sentences: Sequence[Sentence],
        second: Sequence[Sentence] = (),
        spans: Sequence[tuple[Span, ...]] = (),
        *,
        search: Search | None = None,
    ) -> list[Prediction]:
        """The same, for texts and the sentences that :meth:`read` made of them.

        Args:
            texts: The texts, to be shown.
            sentences: The sentence of each.
            second: The second sentence of each, where the question is about pairs.
            spans: The spans of each, in tokens, where it is about spans.
            search: As for :meth:`predict`.

        Raises:
            ValueError: A search is given, and the run writes no sequences.
        """
        if search is not None and self.search is None:
            raise ValueError("this run writes no sequences: there is nothing to search for")
        if not texts:
            return []
        if search is not None:
            made = write_sequences(self.model.classifier, self.model.inputs(sentences), search)
            return [_of_search(text, own) for text, own in zip(texts, made, strict=True)]
        found = evaluate(self.model.classifier, self.model.inputs(sentences, second, spans))
        return [
            Prediction(
                in_one_string(text),
                label,
                probabilities,
                self._parts(sentence),
            )
            for text, sentence, label, probabilities in zip(
                texts, sentences, found.answers, found.probabilities, strict=True
            )
        ]


def _listed(texts: Iterable[object], what: str = "text") -> list[str | Sequence[str]]:
    """Texts, which may come one by one, as they are gone through more than once.

    Args:
        texts: Texts, or lists of tokens.
        what: What to call one in messages.

    Raises:
        DataError: It is one text, or something in it is none.
    """
    if isinstance(texts, str):
        raise DataError(f"given is one {what}: give a list of them, with this one in it perhaps")
    found: list[str | Sequence[str]] = []
    for number, text in enumerate(texts, start=1):
        if isinstance(text, str) or (
            isinstance(text, Sequence) and all(isinstance(token, str) for token in text)
        ):
            found.append(text)
            continue
        raise DataError(
            f"{what} {number} must be a text or a list of tokens, but is "
            f"{shorten_text(str(text))} (of type {type(text).__name__})"
        )
    return found


def _of_search(text: str | Sequence[str], found: Sequence[Hypothesis]) -> Prediction:
    written = tuple(Written(one.text, one.log_probability, one.score) for one in found)
    return Prediction(in_one_string(text), written[0].text, {}, written=written)


def bracketed(text: str | Sequence[str], where: str) -> Sentence:
    """The sentence of a text that is a tree in brackets.

    Args:
        text: The text.
        where: What to call it in messages, such as its file and line.

    Raises:
        DataError: It is none.
    """
    fault = "it is no tree in brackets"
    if isinstance(text, str) and text.lstrip().startswith("("):
        try:
            (sentence,) = read_brackets([" ".join(text.split())])
        except (BracketsError, ValueError) as found:
            fault = getattr(found, "message", str(found))
        else:
            return sentence
    raise DataError(
        f"{where}: {fault}. This run was trained on constituency trees, which no parser here "
        "makes: it can't be used on raw text; give the tree, as (S (NP (DT The) (NN dog)) (VP barks))"
    )
