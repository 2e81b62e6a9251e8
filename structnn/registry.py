"""Names for classes, with errors that list what there is."""

from __future__ import annotations

import ast
import difflib
import importlib
import inspect
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any, Generic, TypeVar

__all__ = ["Registry", "UnknownNameError"]

T = TypeVar("T")


class UnknownNameError(ValueError):
    """A name or an option that is not known; the message lists the valid ones."""


class Registry(Generic[T]):
    """Maps names to classes and builds them with checked options.

    Args:
        kind: What is registered, for error messages: "encoder", "readout".
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, tuple[type[T] | str, dict[str, object]]] = {}

    def add(self, name: str, cls: type[T] | str, **preset: object) -> None:
        """Register a class under a name.

        Args:
            name: Letters, digits and underscores.
            cls: The class, or ``"module:Class"`` to import it when it is first used.
            preset: Options that this name fixes: ``bilstm`` is ``lstm`` with ``bidirectional=True``.
        """
        if not name.isidentifier():
            raise ValueError(
                f"{self.kind} names are made of letters, digits and '_': {name!r} is not"
            )
        self._entries[name] = (cls, preset)

    def names(self) -> list[str]:
        """All names, sorted."""
        return sorted(self._entries)

    def get(self, name: str) -> tuple[type[T], dict[str, object]]:
        """The class of this name and the options that the name fixes."""
        if name not in self._entries:
            raise UnknownNameError(
                f"unknown {self.kind} {name!r}{_suggestion(name, self.names())}; "
                f"there are: {', '.join(self.names())}"
            )
        cls, preset = self._entries[name]
        if isinstance(cls, str):
            module, _, attribute = cls.partition(":")
            cls = getattr(importlib.import_module(module), attribute)
            self._entries[name] = (cls, preset)
        return cls, preset

    def options(self, name: str) -> dict[str, inspect.Parameter]:
        """The options that may be given for this name: keyword arguments with a default.

        Where a class hands ``**options`` on to its base, the base's options are its own.
        """
        cls, preset = self.get(name)
        return {
            option: parameter
            for option, parameter in _keywords(cls).items()
            if option not in preset
        }

    def parse(self, spec: str, separator: str) -> list[tuple[str, dict[str, Any]]]:
        """Names and their options, from a string such as ``"lstm(layers=2)>gat"``.

        Args:
            spec: A name, a name with options in parentheses, or several of either.
            separator: What stands between several, ``">"`` or ``"+"``.

        Raises:
            UnknownNameError: The string can't be read; the message says how it is written.
        """
        # The form is a subset of Python's expressions, and parsed as that.
        try:
            parts = _operands(ast.parse(spec.strip(), mode="eval").body, separator)
            return [_name_and_options(part) for part in parts]
        except (SyntaxError, TypeError, ValueError):
            raise UnknownNameError(
                f"can't read the {self.kind} {spec!r}: write a name, a name with options as in "
                f"'name(option=1)', or several with {separator!r} between them; "
                f"there are: {', '.join(self.names())}"
            ) from None

    def build(self, name: str, options: Mapping[str, Any], *args: object, **fixed: object) -> T:
        """An object of the class of this name.

        Args:
            name: A registered name.
            options: What the user chose; checked against the constructor.
            args: The positional arguments that every class of the registry takes.
            fixed: Keyword arguments that the caller, not the user, gives.

        Raises:
            UnknownNameError: The name or an option is not known; the message lists the valid ones.
            ValueError: A value is of another type than the option's default.
        """
        cls, preset = self.get(name)
        valid = self.options(name)
        for option in options:
            if option not in valid:
                listed = ", ".join(sorted(set(valid) - set(fixed))) or "none"
                raise UnknownNameError(
                    f"{self.kind} {name!r} has no option {option!r}"
                    f"{_suggestion(option, list(valid))}; its options are: {listed}"
                )
            expected = _expected(options[option], valid[option].default)
            if expected is not None:
                raise ValueError(
                    f"option {option!r} of {self.kind} {name!r} takes {expected}, "
                    f"but got {options[option]!r}"
                )
        return cls(*args, **{**preset, **fixed, **options})


def _operands(expression: ast.expr, separator: str) -> list[ast.expr]:
    match expression:
        case ast.BinOp(left, ast.Add(), right) if separator == "+":
            return [*_operands(left, separator), right]
        case ast.Compare(left, operators, others) if separator == ">":
            if all(isinstance(operator, ast.Gt) for operator in operators):
                return [left, *others]
    return [expression]


def _name_and_options(part: ast.expr) -> tuple[str, dict[str, Any]]:
    if isinstance(part, ast.Name):
        return part.id, {}
    if isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and not part.args:
        options = {str(word.arg): ast.literal_eval(word.value) for word in part.keywords}
        return part.func.id, options
    raise ValueError(part)


def _keywords(cls: type) -> dict[str, inspect.Parameter]:
    found: dict[str, inspect.Parameter] = {}
    for base in cls.__mro__:
        if "__init__" not in vars(base):
            continue
        parameters = inspect.signature(vars(base)["__init__"]).parameters.values()
        for parameter in parameters:
            if parameter.kind is parameter.KEYWORD_ONLY:
                found.setdefault(parameter.name, parameter)
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            break
    return found


_TYPES: tuple[tuple[type, type, str], ...] = (
    (bool, bool, "True or False"),  # before int, which it is a kind of
    (int, Integral, "a whole number"),
    (float, Real, "a number"),
    (str, str, "a string"),
    (tuple, Sequence, "several values"),
)
"""For the type of a default, what may be given, and how to say that."""


def _expected(value: object, default: object) -> str | None:
    """What an option with this default takes, in words, if the value isn't that."""
    for declared, accepted, words in _TYPES:
        if isinstance(default, declared):
            fits = isinstance(value, accepted) and isinstance(value, bool) == (declared is bool)
            if isinstance(default, tuple) and isinstance(value, Sequence):
                first = default[:1]
                fits = not any(_expected(item, one) for one in first for item in value)
            return None if fits else f"{words} such as {default!r}"
    return None


def _suggestion(name: str, names: list[str]) -> str:
    close = difflib.get_close_matches(name, names, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
