"""Options, each declared once: a field of a dataclass with its default, its range and its help.

Everything else follows from the declaration: the command-line option (:func:`spread`), the check when
the dataclass is made (:class:`Options`), and the search for options. A module that declares options
imports no torch, so that ``--help`` answers at once.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import typer

__all__ = ["Bounds", "OptionError", "Options", "cli_option", "names_in", "part", "spread"]

T = TypeVar("T", bound="Options")


@dataclass(frozen=True)
class Bounds:
    """The numbers that an option takes.

    Args:
        least: The smallest.
        above: All are larger than this.
        most: The largest.
        below: All are smaller than this.
    """

    least: float = -math.inf
    above: float = -math.inf
    most: float = math.inf
    below: float = math.inf

    def __contains__(self, number: float) -> bool:
        return self.least <= number <= self.most and self.above < number < self.below

    def __str__(self) -> str:
        words = (
            ("at least", self.least),
            ("above", self.above),
            ("at most", self.most),
            ("below", self.below),
        )
        return " and ".join(f"{word} {bound:g}" for word, bound in words if math.isfinite(bound))


class OptionError(ValueError):
    """An option has a value that it can't have.

    Args:
        name: The field.
        problem: What is wrong, as it follows the name.
    """

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name} {problem}")
        self.name, self.problem = name, problem

    def __reduce__(self) -> tuple[type[OptionError], tuple[str, str]]:
        return OptionError, (self.name, self.problem)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options that are checked when they arrive.

    Raises:
        OptionError: A number is out of its :class:`Bounds`, or a string is none of its ``Literal``.
    """

    def __post_init__(self) -> None:
        for name, hint in _hints(type(self)).items():
            value = getattr(self, name)
            if value is None:
                continue
            declared = hint
            if get_origin(hint) is Annotated:
                declared, *extras = get_args(hint)
                for extra in extras:
                    if isinstance(extra, Bounds) and value not in extra:
                        raise OptionError(name, f"must be {extra}, but is {value}")
            if get_origin(declared) is Literal and value not in get_args(declared):
                *others, last = map(repr, get_args(declared))
                raise OptionError(name, f"must be {', '.join(others)} or {last}, but is {value!r}")


def cli_option(panel: str, help_text: str, *names: str, **settings: Any) -> Any:
    """A field's command-line option: the panel of ``--help`` it is in, and its line there."""
    return typer.Option(*names, help=help_text, rich_help_panel=panel, **settings)


def part(cls: type[T], options: Options) -> T:
    """Those of some options that a dataclass among their bases declares."""
    return cls(**{field.name: getattr(options, field.name) for field in fields(cls)})


def names_in(text: str) -> list[str]:
    """The parts of a list with commas, blanks around them removed."""
    return [name.strip() for name in text.split(",") if name.strip()]


def spread(options: type[Options]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command an option for each field that has one, handed to it as ``options``."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        hints = _hints(options)
        shared = [
            inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=inspect.Parameter.empty if field.default is MISSING else field.default,
                annotation=_for_typer(hints[field.name]),
            )
            for field in fields(options)
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
                flag = error.name.replace("_", "-")
                raise ValueError(f"--{flag} {error.problem}") from None

        run.__signature__ = inspect.Signature([*own, *shared])  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in (*own, *shared)}
        del run.__dict__["__wrapped__"]  # else its signature would be taken for this one's
        return run

    return decorate


def _hints(options: type[Options]) -> dict[str, Any]:
    hints = get_type_hints(options, include_extras=True)
    return {field.name: hints[field.name] for field in fields(options)}


def _is_option(hint: Any) -> bool:
    if get_origin(hint) is not Annotated:
        return False
    return any(isinstance(extra, typer.models.OptionInfo) for extra in get_args(hint)[1:])


def _for_typer(hint: Any) -> Any:
    """The annotation as typer reads it; choices are checked by :class:`Options`."""
    declared, *extras = get_args(hint)
    (shown,) = (extra for extra in extras if isinstance(extra, typer.models.OptionInfo))
    return Annotated[str if get_origin(declared) is Literal else declared, shown]
