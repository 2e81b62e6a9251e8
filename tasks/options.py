"""Options, each declared once: a field of a dataclass with its default, its range and its help.

Everything else follows from the declaration: the command-line option (:func:`spread`), the check when
the dataclass is made (:class:`Options`), and the search for options. A module that declares options
imports no torch, so that ``--help`` answers at once.
"""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable
from dataclasses import MISSING, Field, dataclass, fields
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import typer

from structnn.errors import InputError
from structnn.ranges import Range

__all__ = [
    "OUT",
    "OptionError",
    "Options",
    "Range",
    "cli_option",
    "names_in",
    "part",
    "spread",
    "value_in",
]

T = TypeVar("T", bound="Options")

OUT = ("--output", "--out", "-o")
"""How each command is told where to write."""


class OptionError(InputError):
    """An option has a value that it can't have.

    Args:
        name: The field.
        problem: What is wrong, as it follows the name.
    """

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name} {problem}")
        self.name, self.problem = name, problem

    @property
    def as_flag(self) -> str:
        """The message, with the option as it is written on a command line."""
        return f"--{self.name.replace('_', '-')} {self.problem}"

    def __reduce__(self) -> tuple[type[OptionError], tuple[str, str]]:
        return OptionError, (self.name, self.problem)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options that are checked when they arrive.

    Raises:
        OptionError: See :meth:`check`.
    """

    def __post_init__(self) -> None:
        for name, hint in _hints(type(self)).items():
            _check(name, hint, getattr(self, name))

    @classmethod
    def check(cls, name: str, value: object) -> None:
        """Make sure that an option can have this value.

        Args:
            name: The option.
            value: The value.

        Raises:
            OptionError: It is of another type, a number out of the option's :class:`Range`, or none
                of the strings of its ``Literal``.
        """
        _check(name, _hints(cls)[name], value)


def cli_option(panel: str, help_text: str, *names: str) -> Any:
    """The command-line option of a field, for its annotation.

    Args:
        panel: The panel of ``--help`` that it is in.
        help_text: Its description there.
        names: How it is written; by default ``--`` and the field's name.
    """
    return typer.Option(*names, help=help_text, rich_help_panel=panel)


def part(cls: type[T], options: Options) -> T:
    """Those of some options that a dataclass among their bases declares."""
    return cls(**{field.name: getattr(options, field.name) for field in fields(cls)})


def names_in(text: str) -> list[str]:
    """The parts of a list with commas, without the blanks around them.

    Commas within parentheses belong to a name: ``"bilstm(layers=2,dropout=0.1),gat"`` has two parts.
    """
    names, depth = [""], 0
    for character in text:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth <= 0:
            names.append("")
        else:
            names[-1] += character
    return [name.strip() for name in names if name.strip()]


def value_in(text: str) -> object:
    """A number, ``true``, ``false`` or a list as in JSON; any other text is a string."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return tuple(value) if isinstance(value, list) else value


def spread(options: type[Options]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command an option for each field that has one, handed to it as ``options``.

    In ``--help`` options without a default come first, and those of a dataclass before those of its
    bases. Each panel is where its first option is.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        hints = _hints(options)
        shared = [
            inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=inspect.Parameter.empty if field.default is MISSING else field.default,
                annotation=_for_typer(hints[field.name]),
            )
            for field in _in_order(options)
            if _is_option(hints[field.name])
        ]
        signature = inspect.signature(command, eval_str=True)
        own = [
            parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for parameter in signature.parameters.values()
            if parameter.name != "options"
        ]

        @functools.wraps(command)
        def run(**arguments: Any) -> None:
            values = {parameter.name: arguments.pop(parameter.name) for parameter in shared}
            try:
                command(options=options(**values), **arguments)
            except OptionError as error:
                if error.name not in values:
                    raise
                raise ValueError(error.as_flag) from None

        run.__signature__ = inspect.Signature([*own, *shared])  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in (*own, *shared)}
        del run.__dict__["__wrapped__"]  # else its signature would be taken for this one's
        return run

    return decorate


def _in_order(options: type[Options]) -> list[Field[object]]:
    """The fields, in the order of ``--help``."""
    declared = [name for cls in options.__mro__ for name in inspect.get_annotations(cls)]
    return sorted(
        fields(options),
        key=lambda field: (field.default is not MISSING, declared.index(field.name)),
    )


def _hints(options: type) -> dict[str, Any]:
    """The annotations of the fields of a subclass of :class:`Options`."""
    return _resolved(options)


@functools.cache  # options are made for every run of a grid
def _resolved(options: type) -> dict[str, Any]:
    hints = get_type_hints(options, include_extras=True)
    return {field.name: hints[field.name] for field in fields(options)}


def _check(name: str, hint: Any, value: object) -> None:
    declared, *extras = get_args(hint) if get_origin(hint) is Annotated else (hint,)
    types = get_args(declared) if isinstance(declared, UnionType) else (declared,)
    if not any(_is_of(value, accepted) for accepted in types):
        wanted = " or ".join(_in_words(accepted) for accepted in types if accepted is not NoneType)
        raise OptionError(name, f"must be {wanted}, but is {value!r}")
    for extra in extras:
        if isinstance(extra, Range) and isinstance(value, int | float) and value not in extra:
            raise OptionError(name, f"must be {extra}, but is {value}")


_WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a string"}


def _is_of(value: object, accepted: Any) -> bool:
    """Whether a value is of this type; a whole number is a number, and a truth value is neither."""
    if get_origin(accepted) is Literal:
        return value in get_args(accepted)
    if accepted in (int, float):
        numbers = (int,) if accepted is int else (int, float)
        return isinstance(value, numbers) and not isinstance(value, bool)
    kind: type = get_origin(accepted) or accepted
    return isinstance(value, kind)


def _in_words(accepted: Any) -> str:
    if get_origin(accepted) is Literal:
        *others, last = map(repr, get_args(accepted))
        return f"{', '.join(others)} or {last}"
    return _WORDS.get(accepted) or f"a {getattr(accepted, '__name__', accepted)}"


def _is_option(hint: Any) -> bool:
    if get_origin(hint) is not Annotated:
        return False
    return any(isinstance(extra, typer.models.OptionInfo) for extra in get_args(hint)[1:])


def _for_typer(hint: Any) -> Any:
    """The annotation as typer reads it; choices are checked by :class:`Options`."""
    declared, *extras = get_args(hint)
    (shown,) = (extra for extra in extras if isinstance(extra, typer.models.OptionInfo))
    return Annotated[str if get_origin(declared) is Literal else declared, shown]
