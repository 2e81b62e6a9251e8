"""Names for classes, with errors that list what there is."""

from __future__ import annotations

import ast
import difflib
import importlib
import io
import tokenize
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Generic, NamedTuple, TypeVar

from structnn.errors import InputError
from structnn.fields import shorten_text
from structnn.options import Option, options_of

__all__ = ["Entry", "Registry", "UnknownNameError"]

T = TypeVar("T")

_MOST_PARTS = 1000
"""More encoders in a chain, or readouts side by side, are a slip: they would be built for minutes."""
_LONGEST = 50_000  # characters; Python's parser runs out of stack somewhere beyond


class UnknownNameError(InputError, KeyError):
    """A name or an option that is not known; the message lists the valid ones."""

    __str__ = Exception.__str__  # KeyError shows the repr of its message


class Entry(NamedTuple, Generic[T]):
    """What a name stands for.

    Attributes:
        cls: The class.
        preset: The options that the name fixes: ``bilstm`` is ``lstm`` with ``bidirectional=True``.
    """

    cls: type[T]
    preset: Mapping[str, object]


class Registry(Mapping[str, Entry[T]]):
    """A read-only mapping from names to classes, sorted by name; builds them with checked options.

    A class may be registered by its path: it is then imported when its entry is first read.

    Args:
        kind: What is registered, for error messages: "encoder", "readout".
        given: Keyword arguments that whoever builds gives, so that they are no options.
    """

    def __init__(self, kind: str, given: Collection[str] = ()) -> None:
        self.kind = kind
        self.given = given
        self._entries: dict[str, tuple[type[T] | str, dict[str, object]]] = {}

    def __getitem__(self, name: str) -> Entry[T]:
        """The entry of this name.

        Raises:
            UnknownNameError: There is none; the message lists the valid names.
        """
        if name not in self._entries:
            raise UnknownNameError(
                f"unknown {self.kind} {name!r}{_suggestion(name, list(self))}; "
                f"there are: {', '.join(self)}"
            )
        cls, preset = self._entries[name]
        if isinstance(cls, str):
            module, _, attribute = cls.partition(":")
            cls = getattr(importlib.import_module(module), attribute)
            self._entries[name] = (cls, preset)
        return Entry(cls, preset)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._entries))

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, name: object) -> bool:
        return name in self._entries  # without importing anything

    def __repr__(self) -> str:
        return f"Registry({self.kind!r}: {', '.join(self)})"

    def add(self, name: str, cls: type[T] | str, **preset: object) -> None:
        """Register a class under a name.

        Args:
            name: Letters, digits and underscores.
            cls: The class, or ``"module:Class"`` to import it when it is first used.
            preset: Options that this name fixes.

        Raises:
            ValueError: The name can't be one, or is another class's already.
        """
        if not name.isidentifier() or unicodedata.normalize("NFKC", name) != name:
            raise ValueError(
                f"{self.kind} names are made of letters, digits and '_': {name!r} is not"
            )
        earlier, _ = self._entries.get(name, (cls, {}))
        if _path_of(earlier) != _path_of(cls):  # a module that is loaded again replaces its own
            raise ValueError(
                f"there is already {_article(self.kind)} {name!r}, which is {_path_of(earlier)}: give "
                f"{_path_of(cls)} a name of its own"
            )
        self._entries[name] = (cls, preset)

    def names(self) -> list[str]:
        """All names, sorted: ``list(registry)``."""
        return list(self)

    def options(self, name: str) -> dict[str, Option]:
        """The options that may be chosen for this name."""
        cls, preset = self[name]
        return {
            option: declared
            for option, declared in options_of(cls).items()
            if option not in preset and option not in self.given
        }

    def parse(self, spec: str, separator: str) -> list[tuple[str, dict[str, Any]]]:
        """Names and their options, from a string such as ``"lstm(layers=2)>gat"``.

        Args:
            spec: A name, a name with options in parentheses, or several of either.
            separator: What stands between several, ``">"`` or ``"+"``.

        Raises:
            UnknownNameError: The string can't be read; the message says how it is written.
        """
        # The form is a subset of Python's expressions, and parsed as that; what is nested too deeply for
        # Python's parser is none.
        try:
            _check_tokens(spec.strip())
            parts = _operands(ast.parse(spec.strip(), mode="eval").body, separator)
            read = [_name_and_options(part) for part in parts]
        except (SyntaxError, TypeError, ValueError, RecursionError, MemoryError):
            shown = repr(shorten_text(spec, limit=200))
            raise UnknownNameError(
                f"can't read the {self.kind} {shown}: write a name, a name with options as in "
                f"'name(option=1)', or several with {separator!r} between them; "
                f"there are: {', '.join(self)}"
            ) from None
        if len(read) > _MOST_PARTS:
            raise UnknownNameError(
                f"{len(read):,} {self.kind}s with {separator!r} between them are more than "
                f"{_MOST_PARTS:,}; write fewer"
            )
        return read

    def canonical(self, spec: str, separator: str) -> str:
        """The one way to write what a string says: ``gat( heads = 4)`` is ``gat(heads=4)``.

        Blanks, the kind of quotes and the order of options don't matter. Names aren't looked up. The
        arguments are those of :meth:`parse`, as is the error.
        """
        return separator.join(
            name + (f"({','.join(f'{k}={v!r}' for k, v in sorted(own.items()))})" if own else "")
            for name, own in self.parse(spec, separator)
        )

    def build(self, name: str, options: Mapping[str, Any], *args: object, **given: object) -> T:
        """An object of the class of this name.

        Args:
            name: A registered name.
            options: What the user chose; checked against the table of options.
            args: The positional arguments that every class of the registry takes.
            given: Keyword arguments that the caller, not the user, gives.

        Raises:
            UnknownNameError: The name or an option is not known; the message lists the valid ones.
            ValueError: A value is not accepted; the message says what is.
        """
        cls, preset = self[name]
        valid = self.options(name)
        for key, value in options.items():
            if key not in valid:
                raise UnknownNameError(
                    f"{self.kind} {name!r} has no option {key!r}{_suggestion(key, list(valid))}; "
                    f"its options are: {', '.join(sorted(valid)) or 'none'}"
                )
            try:
                valid[key].check(value)
            except ValueError as error:
                raise ValueError(f"{self.kind} {name!r}: {error}") from None
        return cls(*args, **{**preset, **given, **options})


def _check_tokens(spec: str) -> None:
    """Refuse what Python reads and then leaves out or changes, for the string is a name as it stands.

    Raises:
        SyntaxError: A comment, a line end, or letters that Python takes for others, as full-width ones.
    """
    if len(spec) > _LONGEST or not spec.isprintable():
        raise SyntaxError(spec)
    try:
        for token in tokenize.generate_tokens(io.StringIO(spec).readline):
            renamed = unicodedata.normalize("NFKC", token.string) != token.string
            if token.type == tokenize.COMMENT or (token.type == tokenize.NAME and renamed):
                raise SyntaxError(token.string)
    except tokenize.TokenError as fault:
        raise SyntaxError(*fault.args) from None


def _operands(expression: ast.expr, separator: str) -> list[ast.expr]:
    operands: list[ast.expr] = []
    while separator == "+" and isinstance(expression, ast.BinOp):
        if not isinstance(expression.op, ast.Add):
            break
        operands.insert(0, expression.right)
        expression = expression.left
    match expression:
        case ast.Compare(left, operators, others) if separator == ">":
            if all(isinstance(operator, ast.Gt) for operator in operators):
                return [left, *others]
    return [expression, *operands]


def _name_and_options(part: ast.expr) -> tuple[str, dict[str, Any]]:
    if isinstance(part, ast.Name):
        return part.id, {}
    if isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and not part.args:
        given = [(word.arg, ast.literal_eval(word.value)) for word in part.keywords]
        options = {name: value for name, value in given if name is not None}  # None is that of **
        if len(options) == len(given):  # none is given twice
            return part.func.id, options
    raise ValueError(part)


def _path_of(cls: type | str) -> str:
    """Where a class is, as ``module:Class``."""
    return cls if isinstance(cls, str) else f"{cls.__module__}:{cls.__qualname__}"


def _article(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def _suggestion(name: str, names: list[str]) -> str:
    close = difflib.get_close_matches(name, names, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
