"""CoNLL-U, the format of Universal Dependencies: https://universaldependencies.org/format.html."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from parsers.formats.files import (
    FormatError,
    OnError,
    Records,
    Source,
    decoded_lines,
    name_of,
    shown,
    write_sentences,
)
from parsers.formats.json import graph_fields
from structnn.sentence import Sentence, StructureError, Tree
from structnn.sentence_graph import SentenceGraph

__all__ = [
    "LINES_OF_THEIR_OWN",
    "ConlluError",
    "empty_nodes_of",
    "format_conllu",
    "is_comment_name",
    "items_of",
    "iter_conllu",
    "multiword_metadata",
    "read_conllu",
    "write_conllu",
]

MULTIWORD = "multiword_tokens"
"""The key of ``Sentence.metadata`` that holds multiword tokens: JSON, ``{"1-2": "don't"}``."""

MULTIWORD_COLUMNS = "multiword_columns"
"""The key with what their other columns hold: JSON, ``{"1-2": {"misc": "SpaceAfter=No"}}``."""

EMPTY_NODES = "empty_nodes"
"""The key that holds empty nodes: JSON, ``{"8.1": {"form": "go", "upos": "VERB"}}``."""

LINES_OF_THEIR_OWN = (MULTIWORD, MULTIWORD_COLUMNS, EMPTY_NODES)
"""The keys of ``Sentence.metadata`` that are lines of a file, and no comments."""

_NAMES = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")
_FORM, _LEMMA, _UPOS, _HEAD, _DEPREL, _MISC = 1, 2, 3, 6, 7, 9
_OTHERS = {name: _NAMES.index(name) for name in ("xpos", "feats", "deps", "misc")}
_NUMBER = "[1-9][0-9]{0,8}"  # more words than this are a fault of the file
_WORD = re.compile(_NUMBER, re.ASCII)
_RANGE = re.compile(f"({_NUMBER})-({_NUMBER})", re.ASCII)
_EMPTY_NODE = re.compile(rf"(0|{_NUMBER})\.({_NUMBER})", re.ASCII)
_HEAD_NUMBER = re.compile(f"0|{_NUMBER}", re.ASCII)
_LINE_ENDS = r"\n\r\v\f\x1c-\x1e\x85\u2028\u2029"
_UNSAFE = re.compile(rf"^$|^\s|\s$|[\t{_LINE_ENDS}]")
_UNSAFE_IN_ROW = re.compile(rf"^\s|\s$|\t\s|\s\t|[{_LINE_ENDS}]")
_ESCAPES = {"\\": "\\\\", "\t": r"\t", "\n": r"\n", "\r": r"\r", " ": r"\s", "|": r"\p"}
_UNESCAPES = {escape[1]: plain for plain, escape in _ESCAPES.items()}
# The items of MISC that hold, escaped, what a column can't.
_EXACT = {
    "ExactForm": _FORM,
    "ExactLemma": _LEMMA,
    "ExactTag": _UPOS,
    "ExactXpos": 4,
    "ExactFeats": 5,
    "ExactRelation": _DEPREL,
    "ExactDeps": 8,
    "ExactMisc": _MISC,
}
_EXACT_VALUES = "exact_values"
_GRAPH = "sentence_graph"
# Comments that are no metadata, and metadata that are no comments. A key or comment that happens to
# have such a name has a `#` before it in the other place.
_COMMENTS = re.compile(rf"(#*)(text|constituency|{_GRAPH}|{_EXACT_VALUES})")
_KEYS = re.compile(f"(#*)({'|'.join(LINES_OF_THEIR_OWN)})")


class ConlluError(FormatError):
    """A file is not CoNLL-U; the message gives file and line."""


def read_conllu(source: Source, *, on_error: OnError[ConlluError] = "raise") -> list[Sentence]:
    r"""Read all sentences of a CoNLL-U file; :func:`iter_conllu` says what becomes of each column.

    Args:
        source: The path of a file (``.gz`` too), an open file or lines. A byte order mark and CRLF are
            allowed.
        on_error: What becomes of a faulty sentence: ``"raise"``, ``"skip"``, or a function that is
            called with the error.

    Returns:
        The sentences, in order.

    Raises:
        ConlluError: The file can't be read, a line does not follow the format, the heads of a sentence
            are not a tree, or there is no usable sentence.
        ValueError: ``on_error`` is not one of these.

    Example:
        >>> lines = ["1 dogs _ _ _ _ 2 nsubj _ _", "2 bark _ _ _ _ 0 root _ _"]
        >>> (sentence,) = read_conllu(line.replace(" ", "\t") for line in lines)
        >>> sentence.dependencies.parents
        (1, -1)
    """
    return list(iter_conllu(source, on_error=on_error))


def iter_conllu(source: Source, *, on_error: OnError[ConlluError] = "raise") -> Records[Sentence]:
    r"""Read the sentences of a CoNLL-U file one by one.

    - FORM becomes ``tokens``, LEMMA ``lemmas``, UPOS ``tags``, HEAD and DEPREL ``dependencies``; XPOS,
      FEATS, DEPS and MISC become ``columns["xpos"]`` and so on. A column with ``_`` for every word
      becomes None, or is left out of ``columns``; in other columns ``_`` is kept.
    - Comments ``# key = value`` become ``metadata``; values of the same key are joined by line
      feeds, and a comment without ``=`` has the value ``""``. But ``# text`` becomes ``text``, and
      ``# constituency``, a bracketed tree as Stanza writes it, ``constituency``, and
      ``# sentence_graph``, JSON with the fields of a :class:`~structnn.SentenceGraph`, ``graph``.
      Comments alone, between empty lines, are passed over.
    - Multiword tokens (``1-2 don't``) become ``metadata["multiword_tokens"]``, as JSON; what their
      other columns hold is in ``metadata["multiword_columns"]``. Empty nodes (``8.1``) become
      ``metadata["empty_nodes"]``. :func:`parsers.enhanced_graph` makes a graph of these and DEPS.

    Args:
        source: The path of a file (``.gz`` too), an open file or lines. A byte order mark and CRLF are
            allowed.
        on_error: What becomes of a faulty sentence: ``"raise"``, ``"skip"``, or a function that is
            called with the error. The iterator goes on after an error; its ``read`` and ``faults``
            count.

    Returns:
        An iterator over the sentences, in order.

    Raises:
        ConlluError: The file can't be read, a line does not follow the format, the heads of a sentence
            are not a tree, or there is no usable sentence.
        ValueError: ``on_error`` is not one of these.

    Example:
        >>> faults = []
        >>> lines = ["1 dogs _ _ _ _ 0 root _ _", "", "1 bark _ _ _ _ 7 root _ _", ""]
        >>> lines = (line.replace(" ", "\t") for line in lines)
        >>> [sentence.tokens for sentence in iter_conllu(lines, on_error=faults.append)], faults[0].line
        ([('dogs',)], 3)
    """
    file = name_of(source)

    def sentence(block: Block) -> Sentence | ConlluError:
        try:
            return _sentence(file, block)
        except ConlluError as fault:
            return fault

    return Records(
        map(sentence, _blocks(source)),
        on_error,
        lambda problem: ConlluError(file, 0, problem),
        "there is no sentence in it; is it the right file?",
    )


def write_conllu(sentences: Iterable[Sentence], path: str | os.PathLike[str]) -> None:
    """Write sentences as CoNLL-U; the file is replaced only when all is written.

    Args:
        sentences: The sentences, with or without trees.
        path: The file to write; ``.gz`` is compressed.

    Raises:
        StructureError: A sentence can't be written (see :func:`format_conllu`), or is not valid Unicode.
    """
    write_sentences(sentences, path, lambda sentence: format_conllu(sentence) + "\n")


def format_conllu(sentence: Sentence) -> str:
    r"""Convert a sentence to the lines of CoNLL-U.

    All fields of the sentence are written so that :func:`read_conllu` gives them back (except that a
    column of nothing but ``_`` is read as None, and the nodes of a constituency tree are numbered in
    preorder). A value that a column can't contain (with a tab or a line feed, with space at an end, or
    empty) is written there with spaces, and exactly in MISC: ``ExactForm=a\tb``. A text or value with
    carriage returns is written with line feeds, and exactly in the comment ``# exact_values``.

    Args:
        sentence: The sentence.

    Returns:
        The lines, each with a line feed, without the empty line that ends a sentence.

    Raises:
        StructureError: The constituency tree can't be written in brackets, a key of the metadata
            can't be that of a comment, or ``multiword_tokens``, ``multiword_columns`` or
            ``empty_nodes`` is not JSON that fits the sentence.
    """
    tree = sentence.dependencies
    unknown = ("_",) * len(sentence)
    columns: list[Sequence[str]] = [unknown] * len(_NAMES)
    columns[_FORM] = sentence.tokens
    columns[_LEMMA], columns[_UPOS] = sentence.lemmas or unknown, sentence.tags or unknown
    if tree is not None:
        columns[_HEAD] = [str(head + 1) for head in tree.parents]
        columns[_DEPREL] = tree.labels or unknown
    for name, values in sentence.columns.items():
        columns[_OTHERS[name]] = values
    others = _other_lines(sentence)
    lines = [*_comments(sentence), *others.get(0, ())]
    for number, row in enumerate(zip(*columns[1:], strict=True), start=1):
        lines.append(_line(str(number), row))
        lines += others.get(number, ())
    return "\n".join(lines) + "\n"


# Reading. A block is the numbered lines of one sentence, or in the place of a line its error.

Block = list[tuple[int, str | ConlluError]]


def _blocks(source: Source) -> Iterator[Block]:
    block: Block = []
    for number, line in decoded_lines(source, ConlluError):
        if isinstance(line, ConlluError) or (line and not line.isspace()):
            block.append((number, line))
        else:
            if not _only_comments(block):
                yield block
            block = []
    if not _only_comments(block):
        yield block


def _only_comments(block: Block) -> bool:
    return all(isinstance(line, str) and line.startswith("#") for _, line in block)


class _Lines(NamedTuple):
    """The lines of a sentence by their kind, with the numbers of those of words."""

    comments: dict[str, str]
    words: list[list[str]]
    numbers: list[int]
    ranges: dict[str, list[str]]
    empty_nodes: dict[str, list[str]]


def _sentence(file: str, block: Block) -> Sentence:
    comments, words, numbers, ranges, empty_nodes = _lines(file, block)
    _restore_values(comments)
    text = comments.pop("text", None)
    brackets = comments.pop("constituency", None)
    graph = comments.pop(_GRAPH, None)
    tokens = [columns[_FORM] for columns in words]
    others = {name: _column(words, column) for name, column in _OTHERS.items()}
    return Sentence(
        tokens,
        dependencies=_dependencies(file, words, numbers),
        constituency=_constituency(file, block, tokens, brackets) if brackets is not None else None,
        tags=_column(words, _UPOS),
        lemmas=_column(words, _LEMMA),
        text=text,
        metadata=_metadata(comments, ranges, empty_nodes),
        columns={name: values for name, values in others.items() if values is not None},
        graph=_graph(file, block, len(tokens), graph) if graph is not None else None,
    )


def _lines(file: str, block: Block) -> _Lines:
    """Tell the lines of a sentence apart, and make sure that their numbers are in order."""
    comments: dict[str, str] = {}
    words: list[list[str]] = []
    numbers: list[int] = []
    ranges: dict[str, list[str]] = {}
    empty_nodes: dict[str, list[str]] = {}
    range_end = 0
    last_empty = (0, 0)
    for number, line in block:
        if isinstance(line, ConlluError):
            raise line
        if line.startswith("#") and not words:
            name, equals, value = line[1:].partition("=")
            name, value = name.strip(), value.removeprefix(" ") if equals else ""
            _add(comments, name, value)
            continue
        columns = line.split("\t")
        if len(columns) != 10:
            raise ConlluError(
                file,
                number,
                f"there are {len(columns)} columns separated by tabs, but a word has 10 "
                f"({' '.join(_NAMES).upper()}); give `_` for what is unknown, and separate columns by "
                "one tab and sentences by an empty line",
            )
        ident = columns[0]
        if "Exact" in columns[_MISC]:
            columns = _restored(columns)
        if _WORD.fullmatch(ident):
            if int(ident) != len(words) + 1:
                raise ConlluError(
                    file,
                    number,
                    f"the ID is {ident} where {len(words) + 1} is due; words are numbered from 1 "
                    "in each sentence, and an empty line separates sentences",
                )
            words.append(columns)
            numbers.append(number)
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
            ranges[ident] = columns
        elif match := _EMPTY_NODE.fullmatch(ident):
            place = (int(match[1]), int(match[2]))
            if place[0] != len(words) or place <= last_empty:
                raise ConlluError(
                    file,
                    number,
                    f"the empty node {ident} must come after word {place[0]}, and after the empty nodes "
                    "with lower numbers",
                )
            last_empty = place
            empty_nodes[ident] = columns
        else:
            raise ConlluError(
                file,
                number,
                f"the ID {shown(ident)} is none of a word (3), a range (3-4) and an empty node (3.1)",
            )
    if not words:
        raise ConlluError(
            file, block[0][0], "this sentence has no word; remove its lines or add its words"
        )
    if range_end > len(words):
        raise ConlluError(
            file, numbers[-1], f"a range ends at word {range_end}, but the sentence at {len(words)}"
        )
    return _Lines(comments, words, numbers, ranges, empty_nodes)


def _metadata(
    comments: Mapping[str, str],
    ranges: Mapping[str, Sequence[str]],
    empty_nodes: Mapping[str, Sequence[str]],
) -> dict[str, str]:
    """What the comments, the multiword tokens and the empty nodes say."""
    metadata: dict[str, str] = {}
    for name, value in comments.items():
        _add(metadata, _key(name), value)
    metadata |= multiword_metadata(
        {ident: {"form": row[_FORM]} | _known(row, _LEMMA) for ident, row in ranges.items()}
    )
    if empty_nodes:
        metadata[EMPTY_NODES] = _json(
            {ident: _known(row, _FORM) for ident, row in empty_nodes.items()}
        )
    return metadata


def multiword_metadata(tokens: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """The metadata of a sentence with multiword tokens, as :func:`iter_conllu` reads them.

    Args:
        tokens: By its range of words the columns of each multiword token, without those that are
            ``_``: ``{"2-3": {"form": "don't", "misc": "SpaceAfter=No"}}``.

    Returns:
        ``multiword_tokens`` and ``multiword_columns``, where there is something to hold.
    """
    metadata = {}
    if tokens:
        metadata[MULTIWORD] = _json({ident: columns["form"] for ident, columns in tokens.items()})
    others = {
        ident: {name: value for name, value in columns.items() if name != "form"}
        for ident, columns in tokens.items()
    }
    if any(others.values()):
        metadata[MULTIWORD_COLUMNS] = _json(others)
    return metadata


def items_of(column: str) -> dict[str, str]:
    """The names and values in FEATS or MISC, such as ``Number=Sing|Person=3``."""
    pairs = (item.partition("=") for item in column.split("|"))
    return {name: value for name, equals, value in pairs if equals}


def _known(row: Sequence[str], first: int) -> dict[str, str]:
    """The columns of a line, from the first one, that are not `_`."""
    return {_NAMES[i]: row[i] for i in range(first, 10) if row[i] != "_"}


def _graph(file: str, block: Block, tokens: int, text: str) -> SentenceGraph:
    try:
        graph = SentenceGraph(**json.loads(text))
        if max(graph.tokens) >= tokens:
            raise StructureError(f"it has the token {max(graph.tokens)} of {tokens} (from 0)")
    except (ValueError, TypeError, RecursionError) as fault:
        line = next(n for n, text in block if str(text)[1:].strip().startswith(_GRAPH))
        raise ConlluError(
            file,
            line,
            f"# {_GRAPH} is not the JSON of a graph, such as "
            f'{{"tokens": [0, 1], "edges": [[1, 0]]}}: {fault}',
        ) from None
    return graph


def _dependencies(file: str, words: list[list[str]], lines: list[int]) -> Tree | None:
    if _column(words, _HEAD) is None:
        return None
    heads = []
    for columns, number in zip(words, lines, strict=True):
        if not _HEAD_NUMBER.fullmatch(columns[_HEAD]) or int(columns[_HEAD]) > len(words):
            raise ConlluError(
                file,
                number,
                f"the HEAD of {columns[_FORM]!r} is {shown(columns[_HEAD])}, but must be 0 (the root) "
                f"to {len(words)}; or give `_` to every word of a sentence that has no tree",
            )
        heads.append(int(columns[_HEAD]) - 1)
    roots = [number for head, number in zip(heads, lines, strict=True) if head == -1]
    if len(roots) > 1:
        raise ConlluError(
            file,
            roots[1],
            f"this is a second root (HEAD 0) of one sentence, the first is at line {roots[0]}; "
            "attach it to another word, or put an empty line between two sentences",
        )
    try:
        return Tree(heads, labels=_column(words, _DEPREL))
    except StructureError:
        word = _on_cycle(heads)
        raise ConlluError(
            file,
            lines[word],
            f"the heads make a cycle: {words[word][_FORM]!r} (word {word + 1}) is its own ancestor; "
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

    line = next(n for n, text in block if str(text)[1:].strip().startswith("constituency"))
    try:
        trees = list(iter_brackets(brackets.split("\n")))
    except BracketsError as fault:
        raise ConlluError(file, line, f"in # constituency: {fault.message}") from None
    if len(trees) != 1 or len(trees[0]) != len(tokens):
        raise ConlluError(
            file,
            line,
            f"# constituency has {sum(map(len, trees))} words, but the sentence has {len(tokens)}",
        )
    assert trees[0].constituency is not None
    return trees[0].constituency


def _column(words: Sequence[Sequence[str]], column: int) -> list[str] | None:
    """A column of the words; None if it is `_` for each."""
    values = [columns[column] for columns in words]
    return None if all(value == "_" for value in values) else values


def _restored(columns: list[str]) -> list[str]:
    """The columns with the values that MISC holds for them, and what else MISC holds."""
    restored, kept = list(columns), []
    found: dict[int, str] = {}
    for item in columns[_MISC].split("|"):
        name, equals, value = item.partition("=")
        if equals and name in _EXACT:
            plain = re.sub(r"\\(.)", lambda match: _UNESCAPES.get(match[1], match[0]), value)
            found.setdefault(_EXACT[name], plain)
        else:
            kept.append(item)
    restored[_MISC] = "|".join(kept) or "_"
    for column, value in found.items():
        restored[column] = value
    return restored


def _restore_values(comments: dict[str, str]) -> None:
    """Put the values of ``# exact_values`` in the place of those that it fits."""
    exact = _loaded(comments.get(_EXACT_VALUES, ""))
    if exact is not None and all(
        isinstance(value, str) and comments.get(name) == _with_line_feeds(value)
        for name, value in exact.items()
    ):
        comments |= exact
        del comments[_EXACT_VALUES]


def _add(values: dict[str, str], name: str, value: str) -> None:
    values[name] = f"{values[name]}\n{value}" if name in values else value


def _key(comment: str) -> str:
    """The key of the metadata for a comment."""
    if (match := _COMMENTS.fullmatch(comment)) and match[1]:
        return comment[1:]
    return f"#{comment}" if _KEYS.fullmatch(comment) else comment


# Writing.


def _line(ident: str, values: Sequence[str]) -> str:
    """A line of the file, whose MISC holds what another column can't."""
    row = "\t".join(values)
    if not _UNSAFE_IN_ROW.search(row) and row.count("\t") == 8 and not _holds_exact(values[-1]):
        return f"{ident}\t{row}"
    columns = [ident, *values]
    misc = []
    for name, column in _EXACT.items():
        value = columns[column]
        if _UNSAFE.search(value) or (column == _MISC and _holds_exact(value)):
            escaped = "".join(_ESCAPES.get(character, character) for character in value)
            misc.append(f"{name}={escaped}")
            columns[column] = "_" if column == _MISC else " ".join(value.split()) or "_"
    columns[_MISC] = "|".join([columns[_MISC], *misc] if columns[_MISC] != "_" else misc) or "_"
    return "\t".join(columns)


def _holds_exact(misc: str) -> bool:
    return "Exact" in misc and any(item.partition("=")[0] in _EXACT for item in misc.split("|"))


def _comments(sentence: Sentence) -> Iterator[str]:
    comments = {
        _comment(key): value
        for key, value in sentence.metadata.items()
        if key not in LINES_OF_THEIR_OWN
    }
    if sentence.text is not None:
        comments["text"] = sentence.text
    exact = {name: value for name, value in comments.items() if "\r" in value}
    if exact:
        comments[_EXACT_VALUES] = json.dumps(exact)
    if sentence.constituency is not None:
        from parsers.formats.brackets import bracket_tree, check_expressible, escape

        check_expressible(sentence)
        # The words are in FORM; here they are changed to what brackets can contain.
        words = ["_".join(escape(token).split()) or "_" for token in sentence.tokens]
        comments["constituency"] = bracket_tree(sentence.constituency, words)
    if sentence.graph is not None:
        comments[_GRAPH] = json.dumps(graph_fields(sentence.graph))
    for name, value in comments.items():
        if not is_comment_name(name):
            raise StructureError(
                f"the metadata key {name!r} can't be the name of a CoNLL-U comment; use a name with "
                "no `=`, no line feed and no space at its ends"
            )
        if value or name == "text":
            yield from (f"# {name} = {line}" for line in _with_line_feeds(value).split("\n"))
        else:
            yield f"# {name}"


def is_comment_name(name: str) -> bool:
    """Whether a comment can have this name: what is before the `=`, without the spaces round it."""
    return name == name.strip() and "=" not in name and "\n" not in name


def _comment(key: str) -> str:
    """The comment for a key of the metadata."""
    if _COMMENTS.fullmatch(key):
        return f"#{key}"
    return key[1:] if _KEYS.fullmatch(key) else key


def _with_line_feeds(value: str) -> str:
    return value.replace("\r\n", "\n").replace("\r", "\n")


def _other_lines(sentence: Sentence) -> dict[int, list[str]]:
    """The lines of multiword tokens and empty nodes, by the number of the word that they follow."""
    lines: dict[int, list[str]] = {}
    nodes = _objects(sentence, EMPTY_NODES)
    for (place, _), ident in sorted((_place(sentence, ident), ident) for ident in nodes):
        lines.setdefault(place, []).append(_other_line(ident, nodes[ident]))
    forms = _objects(sentence, MULTIWORD)
    columns = _objects(sentence, MULTIWORD_COLUMNS)
    if not columns.keys() <= forms.keys():
        raise _misfit(sentence, MULTIWORD_COLUMNS)
    end = 0
    for (first, last), ident in sorted((_span(sentence, ident), ident) for ident in forms):
        if first <= end:
            raise _misfit(sentence, MULTIWORD)
        end = last
        line = _other_line(ident, columns.get(ident, {}) | forms[ident])
        lines.setdefault(first - 1, []).append(line)
    return lines


def _other_line(ident: str, values: Mapping[str, str]) -> str:
    return _line(ident, [values.get(name, "_") for name in _NAMES[1:]])


def empty_nodes_of(sentence: Sentence) -> dict[str, dict[str, str]]:
    """The columns of each empty node, by its number: ``{"8.1": {"form": "go", "upos": "VERB"}}``.

    Raises:
        StructureError: ``metadata["empty_nodes"]`` is not JSON that fits the sentence.
    """
    nodes = _objects(sentence, EMPTY_NODES)
    for ident in nodes:
        _place(sentence, ident)
    return nodes


def _objects(sentence: Sentence, key: str) -> dict[str, dict[str, str]]:
    """The columns of each multiword token or empty node that the metadata have under a key."""
    found = _loaded(sentence.metadata.get(key, "{}"))
    if found is not None and key == MULTIWORD:
        found = {ident: {"form": form} for ident, form in found.items()}
    if found is None or not all(
        isinstance(columns, dict)
        and all(name in _NAMES[1:] and isinstance(columns[name], str) for name in columns)
        and not re.search(r"[\t\n]", columns.get("head", ""))
        for columns in found.values()
    ):
        raise _misfit(sentence, key)
    return found


def _span(sentence: Sentence, ident: str) -> tuple[int, int]:
    """The first and the last word of a multiword token."""
    match = _RANGE.fullmatch(ident)
    if match is None or not int(match[1]) <= int(match[2]) <= len(sentence):
        raise _misfit(sentence, MULTIWORD)
    return int(match[1]), int(match[2])


def _place(sentence: Sentence, ident: str) -> tuple[int, int]:
    """The word that an empty node follows, and its number among those that do."""
    match = _EMPTY_NODE.fullmatch(ident)
    if match is None or int(match[1]) > len(sentence):
        raise _misfit(sentence, EMPTY_NODES)
    return int(match[1]), int(match[2])


def _misfit(sentence: Sentence, key: str) -> StructureError:
    example = {
        MULTIWORD: '{"1-2": "don\'t"}',
        MULTIWORD_COLUMNS: '{"1-2": {"misc": "SpaceAfter=No"}}',
        EMPTY_NODES: '{"1.1": {"form": "go"}}',
    }[key]
    return StructureError(
        f"metadata[{key!r}] must be JSON such as {example}, of words that the sentence of "
        f"{len(sentence)} words has, but is {shown(sentence.metadata[key], 200)}; correct or remove it"
    )


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _loaded(text: str) -> dict[str, Any] | None:
    """A JSON object; None if the text is none."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
