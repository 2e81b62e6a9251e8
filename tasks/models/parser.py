"""The parser that options choose: Stanza's, or a run that was trained to parse."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parsers import CachedParser, Parser, with_structure
from parsers.stanza.texts import JOINED_SENTENCES
from structnn import Sentence
from structnn.arcs import tree_of
from structnn.folders import cache_folder
from tasks.data.options import ParserOptions, ParsingOptions
from tasks.data.questions import ROW_SEPARATOR
from tasks.options import OptionError

# Only a run needs models, and torch with them: a parse in the cache is there without.
if TYPE_CHECKING:
    from tasks.models.building import Task
    from tasks.models.model import SavedModel

__all__ = ["RunParser", "cached_parser", "make_parser"]


class RunParser:
    """A run that was asked for arcs, as a parser: see :class:`parsers.Parser`.

    The tokens are those of another parser, by default the one that the run was trained with, as are tags
    and all else that it says but the tree. The run's encoder reads them with the structure that it was
    trained on.

    Args:
        run: The folder of the run.
        tokenizer: The other parser.

    Attributes:
        run: The folder.
        model: The model.
        tokenizer: The other parser.

    Raises:
        OptionError: The run answers another question.
        StorageError: There is no saved model in the folder, or it is damaged.
    """

    def __init__(self, run: str | Path, tokenizer: Parser | None = None) -> None:
        from tasks.models.model import model_in

        self.run = Path(run)
        self.model: SavedModel = model_in(self.run)
        _check_parses(run, self.model.task)
        self.tokenizer = make_parser(self.model.parser) if tokenizer is None else tokenizer

    def __repr__(self) -> str:
        return f"RunParser({str(self.run)!r}: {self.model!r})"

    @property
    def fingerprint(self) -> str:
        """The checksum of the model, whose file has that of its weights; and the other parser's."""
        from tasks.models.model import MODEL

        model = hashlib.sha256((self.run / MODEL).read_bytes()).hexdigest()
        return f"run {model}, tokens of {self.tokenizer.fingerprint}"

    def parse(self, texts: list[Any], /) -> list[Sentence]:
        """Parse in bulk.

        Args:
            texts: Texts, or lists of tokens, which are kept one for one.

        Returns:
            A sentence for each text, in order.
        """
        from tasks.training.evaluation import evaluate

        if not texts:
            return []
        tokenised = self.tokenizer.parse(texts)
        read = with_structure(tokenised, self.model.structure)
        found = evaluate(self.model.classifier, self.model.inputs(read))
        return [
            sentence.replace(
                dependencies=tree_of(answer.split(ROW_SEPARATOR)),
                # Where a text was split into sentences, their trees were joined; this is one tree.
                metadata={k: v for k, v in sentence.metadata.items() if k != JOINED_SENTENCES},
            )
            for sentence, answer in zip(tokenised, found.answers, strict=True)
        ]


def _check_parses(run: str | Path, task: Task) -> None:
    """Make sure that a run answers with trees.

    Raises:
        OptionError: It answers another question.
    """
    if task.question.reads != "arcs":
        raise OptionError(
            "parser",
            f"must be a run that parses (--reads arcs), but {run} answers other questions: "
            f"{task.question.in_words(task.labels)}",
        )


def make_parser(options: ParserOptions, *, trees: bool = True) -> Parser:
    """The parser with these options.

    Args:
        options: Which parser.
        trees: Whether its trees are read: without them it takes a quarter of the time.
    """
    if options.parser is not None:
        if trees:
            return RunParser(options.parser)
        from tasks.models.model import parser_in

        of_run, task = parser_in(Path(options.parser))
        _check_parses(options.parser, task)
        return make_parser(of_run, trees=False)
    from parsers import StanzaParser

    return StanzaParser(
        options.language,
        package=options.package,
        model_dir=options.model_dir,
        split_sentences=options.split_sentences,
        trees=trees,
    )


def cached_parser(
    options: ParsingOptions, progress: Callable[[int, int], None] | None = None
) -> CachedParser:
    """The same, and the file that keeps its parses: by default one in the user's cache folder.

    Args:
        options: Which parser, and which file.
        progress: Called with the number of texts done and of all.
    """
    file = options.cache or cache_folder() / "parses.sqlite"
    return CachedParser(make_parser(options), file, progress=progress)
