"""CoNLL-U, the format of Universal Dependencies: https://universaldependencies.org/format.html."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence

from parsers.formats.files import FormatError, Source, atomic_writer, name_of, numbered_lines
from structnn.sentence import Sentence, StructureError, Tree

__all__ = ["ConlluError", "format_conllu", "iter_conllu", "read_conllu", "write_conllu"]

MULTIWORD = "multiword_tokens"
"""The key of ``Sentence.metadata`` that holds multiword tokens: JSON, ``{"1-2": "don't"}``."""

_COLUMNS = "ID FORM LEMMA UPOS XPOS FEATS HEAD DEPREL DEPS MISC"
_WORD = re.compile(r"[1-9][0-9]*", re.ASCII)
_RANGE = re.compile(r"([1-9][0-9]*)-([1-9][0-9]*)", re.ASCII)
_EMPTY_NODE = re.compile(r"[0-9]+\.[1-9][0-9]*", re.ASCII)
_UNSAFE = re.compile(r"^$|^\s|\s$|[\t\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_ESCAPES = {"\\": "\\\\", "\t": r"\t", "\n": r"\n", "\r": r"\r", " ": r"\s", "|": r"\p"}
_UNESCAPES = {escape[1]: plain for plain, escape in _ESCAPES.items()}
_KEPT_IN_MISC = ("ExactForm", "ExactLemma", "ExactTag", "ExactRelation")


class ConlluError(FormatError):
    """A file is not CoNLL-U; the message gives file and line."""


def read_conllu(source: Source) -> list[Sentence]:
    r"""Read all sentences of a CoNLL-U file; :func:`iter_conllu` says what becomes of each column.

    Args:
        source: The path of a file (``.gz`` too), an open file or lines. A byte order mark and CRLF are
            allowed.

    Returns:
        The sentences, in order.

    Raises:
        ConlluError: A line does not follow the format, the heads of a sentence are not a tree, or
            there is no sentence.

    Example:
        >>> lines = ["1 dogs _ _ _ _ 2 nsubj _ _", "2 bark _ _ _ _ 0 root _ _"]
        >>> (sentence,) = read_conllu(line.replace(" ", "\t") for line in lines)
        >>> sentence.dependencies.parents
        (1, -1)
    """
    return list(iter_conllu(source))


def iter_conllu(source: Source) -> Iterator[Sentence]:
    """Read the sentences of a CoNLL-U file one by one.

    - FORM becomes ``tokens``, LEMMA ``lemmas``, UPOS ``tags``, HEAD and DEPREL ``dependencies``. A
      column with ``_`` for every word becomes None; in other columns ``_`` is kept.
    - XPOS, FEATS, DEPS and empty nodes (``8.1``) are left out.
    - Comments ``# key = value`` become ``metadata``; values of the same key are joined by line
      feeds, and a comment without ``=`` has the value ``""``. But ``# text`` becomes ``text``, and
      ``# constituency``, a bracketed tree as Stanza writes it, ``constituency``.
    - Multiword tokens (``1-2 don't``) become ``metadata["multiword_tokens"]``, as JSON.

    Args:
        source: The path of a file (``.gz`` too), an open file or lines. A byte order mark and CRLF are
            allowed.

    Yields:
        The sentences, in order.

    Raises:
        ConlluError: A line does not follow the format, the heads of a sentence are not a tree, or
            there is no sentence.
    """
    file, empty = name_of(source), True
    for block in _blocks(source):
        yield _sentence(file, block)
        empty = False
    if empty:
        raise ConlluError(file, 0, "there is no sentence in it; is it the right file?")


def write_conllu(sentences: Iterable[Sentence], path: str | os.PathLike[str]) -> None:
    """Write sentences as CoNLL-U; the file is replaced only when all is written.

    Args:
        sentences: The sentences, with or without trees.
        path: The file to write; ``.gz`` is compressed.

    Raises:
        StructureError: A sentence can't be written (see :func:`format_conllu`), or is not valid Unicode.
    """
    with atomic_writer(path) as file:
        for sentence in sentences:
            try:
                file.write(format_conllu(sentence) + "\n")
            except UnicodeEncodeError as fault:
                raise StructureError(
                    f"the sentence {' '.join(sentence.tokens)[:60]!r} can't be written as UTF-8: "
                    f"{fault.object[fault.start]!r} is half a character; correct the text it comes from"
                ) from None


def format_conllu(sentence: Sentence) -> str:
    r"""Convert a sentence to the lines of CoNLL-U.

    All fields of the sentence are written so that :func:`read_conllu` gives them back (except that ``_``
    for all lemmas, tags or relations is read as None). A form, lemma, tag or relation that a column
    can't contain (with a tab or a line feed, with space at an end, or empty) is written there with
    spaces, and exactly in MISC: ``ExactForm=a\tb``.

    Args:
        sentence: The sentence.

    Returns:
        The lines, each with a line feed, without the empty line that ends a sentence.

    Raises:
        StructureError: The constituency tree can't be written in brackets, a key of the metadata
            can't be that of a comment, or ``multiword_tokens`` is not a JSON object of ranges.
    """
    tree = sentence.dependencies
    heads = ["_"] * len(sentence) if tree is None else [str(head + 1) for head in tree.parents]
    ranges = _ranges(sentence)
    lines = list(_comments(sentence))
    unknown = ("_",) * len(sentence)
    lemmas, tags = sentence.lemmas or unknown, sentence.tags or unknown
    relations = (tree.labels if tree else None) or unknown
    for position, token in enumerate(sentence.tokens):
        if position + 1 in ranges:
            span, surface = ranges[position + 1]
            (form,), misc = _columns([surface])
            lines.append("\t".join([span, form, *"_______", misc]))
        values = [token, lemmas[position], tags[position], relations[position]]
        (form, lemma, tag, relation), misc = _columns(values)
        number, head = str(position + 1), heads[position]
        lines.append("\t".join([number, form, lemma, tag, "_", "_", head, relation, "_", misc]))
    return "\n".join(lines) + "\n"


# Reading. A block is the numbered lines of one sentence.

Block = list[tuple[int, str]]


def _blocks(source: Source) -> Iterator[Block]:
    block: Block = []
    for number, line in numbered_lines(source, ConlluError):
        if line and not line.isspace():
            block.append((number, line))
        elif block:
            yield block
            block = []
    if block:
        yield block


def _sentence(file: str, block: Block) -> Sentence:
    comments: dict[str, str] = {}
    ranges: dict[str, str] = {}
    words: list[list[str]] = []
    lines: list[int] = []  # of each word
    range_end = 0
    for number, line in block:
        if line.startswith("#") and not words:
            key, equals, value = line[1:].partition("=")
            key, value = key.strip(), value.removeprefix(" ") if equals else ""
            comments[key] = f"{comments[key]}\n{value}" if key in comments else value
            continue
        columns = line.split("\t")
        if len(columns) != 10:
            raise ConlluError(
                file,
                number,
                f"there are {len(columns)} columns separated by tabs, but a word has 10 "
                f"({_COLUMNS}); give `_` for what is unknown, and separate columns by one tab and "
                "sentences by an empty line",
            )
        ident = columns[0]
        if _WORD.fullmatch(ident):
            if int(ident) != len(words) + 1:
                raise ConlluError(
                    file,
                    number,
                    f"the ID is {ident} where {len(words) + 1} is due; words are numbered from 1 "
                    "in each sentence, and an empty line separates sentences",
                )
            words.append(columns)
            lines.append(number)
        elif match := _RANGE.fullmatch(ident):
            first, last = int(match[1]), int(match[2])
            if first != len(words) + 1 or last < first or first <= range_end:
                raise ConlluError(
                    file,
                    number,
                    f"the range {ident} must come before word {first}, end at or after it, and "
                    "not overlap the range before",
                )
            range_end = last
            ranges[ident] = _uncolumn(columns, 1)
        elif not _EMPTY_NODE.fullmatch(ident):
            raise ConlluError(
                file,
                number,
                f"the ID {ident!r} is none of a word (3), a range (3-4) and an empty node (3.1)",
            )
    if not words:
        raise ConlluError(
            file, block[0][0], "this sentence has no word; remove its lines or add its words"
        )
    if range_end > len(words):
        raise ConlluError(
            file, lines[-1], f"a range ends at word {range_end}, but the sentence at {len(words)}"
        )
    if ranges:
        comments[MULTIWORD] = json.dumps(ranges, ensure_ascii=False)
    tokens = [_uncolumn(columns, 1) for columns in words]
    text = comments.pop("text", None)
    brackets = comments.pop("constituency", None)
    return Sentence(
        tokens,
        dependencies=_dependencies(file, words, lines),
        constituency=_constituency(file, block, tokens, brackets) if brackets is not None else None,
        tags=_unless_unknown([_uncolumn(columns, 3) for columns in words]),
        lemmas=_unless_unknown([_uncolumn(columns, 2) for columns in words]),
        text=text,
        metadata=comments,
    )


def _dependencies(file: str, words: list[list[str]], lines: list[int]) -> Tree | None:
    if all(columns[6] == "_" for columns in words):
        return None
    heads = []
    for columns, number in zip(words, lines, strict=True):
        if not columns[6].isdecimal() or int(columns[6]) > len(words):
            raise ConlluError(
                file,
                number,
                f"the HEAD of {columns[1]!r} is {columns[6]!r}, but must be 0 (the root) to "
                f"{len(words)}; or give `_` to every word of a sentence that has no tree",
            )
        heads.append(int(columns[6]) - 1)
    roots = [number for head, number in zip(heads, lines, strict=True) if head == -1]
    if len(roots) > 1:
        raise ConlluError(
            file,
            roots[1],
            f"this is a second root (HEAD 0) of one sentence, the first is at line {roots[0]}; "
            "attach it to another word, or put an empty line between two sentences",
        )
    labels = _unless_unknown([_uncolumn(columns, 7) for columns in words])
    try:
        return Tree(heads, labels=labels)
    except StructureError:
        word = _on_cycle(heads)
        raise ConlluError(
            file,
            lines[word],
            f"the heads make a cycle: {words[word][1]!r} (word {word + 1}) is its own ancestor; "
            + ("give one of them another HEAD" if roots else "give one of them HEAD 0, the root"),
        ) from None


def _on_cycle(heads: list[int]) -> int:
    """The first word of a cycle in ``heads``, of which there is one."""
    clear = {-1}
    for word in range(len(heads)):
        path: dict[int, None] = {}
        while word not in clear and word not in path:
            path[word] = None
            word = heads[word]
        if word in path:
            return word
        clear.update(path)
    raise AssertionError("no cycle")


def _constituency(file: str, block: Block, tokens: list[str], brackets: str) -> Tree:
    from parsers.formats.brackets import BracketsError, iter_brackets

    line = next(n for n, text in block if text[1:].strip().startswith("constituency"))
    try:
        trees = list(iter_brackets([brackets]))
    except BracketsError as fault:
        raise ConlluError(
            file, line, f"in # constituency: {str(fault).split(': ', 1)[1]}"
        ) from None
    if len(trees) != 1 or len(trees[0]) != len(tokens):
        raise ConlluError(
            file,
            line,
            f"# constituency has {sum(map(len, trees))} words, but the sentence has {len(tokens)}",
        )
    assert trees[0].constituency is not None
    return trees[0].constituency


def _uncolumn(columns: Sequence[str], column: int) -> str:
    """The value of a column of a line; from MISC if the column can't contain it."""
    misc = columns[9]
    if misc != "_" and "=" in misc:
        name = _KEPT_IN_MISC[{1: 0, 2: 1, 3: 2, 7: 3}[column]] + "="
        for item in misc.split("|"):
            if item.startswith(name):
                escaped = item.removeprefix(name)
                return re.sub(r"\\(.)", lambda match: _UNESCAPES.get(match[1], match[0]), escaped)
    return columns[column]


def _unless_unknown(values: list[str]) -> list[str] | None:
    return None if all(value == "_" for value in values) else values


# Writing.


def _columns(values: Sequence[str]) -> tuple[list[str], str]:
    """What the columns contain for form, lemma, tag and relation, and the column MISC."""
    if not any(map(_UNSAFE.search, values)):
        return list(values), "_"
    columns, misc = [], []
    for name, value in zip(_KEPT_IN_MISC, values, strict=False):
        if _UNSAFE.search(value):
            escaped = "".join(_ESCAPES.get(character, character) for character in value)
            misc.append(f"{name}={escaped}")
            value = " ".join(value.split()) or "_"
        columns.append(value)
    return columns, "|".join(misc)


def _comments(sentence: Sentence) -> Iterator[str]:
    comments = dict(sentence.metadata)
    comments.pop(MULTIWORD, None)
    if sentence.text is not None:
        comments["text"] = sentence.text
    if sentence.constituency is not None:
        from parsers.formats.brackets import bracket_tree, check_expressible, escape

        check_expressible(sentence)
        # The words are in FORM; here they are changed to what brackets can contain.
        words = ["_".join(escape(token).split()) or "_" for token in sentence.tokens]
        comments["constituency"] = bracket_tree(sentence.constituency, words)
    for key, value in comments.items():
        if key != key.strip() or "=" in key or len(key.splitlines()) != 1:
            raise StructureError(
                f"the metadata key {key!r} can't be the name of a CoNLL-U comment; use a name with "
                "no `=`, no line feed and no space at its ends"
            )
        if value or key == "text":
            lines = value.replace("\r\n", "\n").replace("\r", "\n").split("\n")
            yield from (f"# {key} = {line}" for line in lines)
        else:
            yield f"# {key}"


def _ranges(sentence: Sentence) -> dict[int, tuple[str, str]]:
    """The multiword tokens of a sentence by the number of their first word."""
    try:
        ranges = json.loads(sentence.metadata.get(MULTIWORD, "{}"))
        return {int(span.split("-")[0]): (span, str(surface)) for span, surface in ranges.items()}
    except (ValueError, AttributeError):
        raise StructureError(
            f'metadata[{MULTIWORD!r}] must be JSON such as {{"1-2": "don\'t"}}, but is '
            f"{sentence.metadata[MULTIWORD]!r}"
        ) from None
