"""JSON objects read as dataclasses, with every value checked against the type of its field."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import (
    TYPE_CHECKING,
    Any,
    Literal,
    NamedTuple,
    TypeVar,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

from tasks.storage import StorageError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["Record", "as_record", "earlier"]

Record = TypeVar("Record", bound="DataclassInstance")


EARLIER = "earlier"
"""The key, in the metadata of a field, of the name that earlier versions wrote."""


def earlier(name: str) -> Mapping[str, str]:
    """Metadata of a field that earlier versions wrote under another name: :func:`as_record` reads both.

    ``dev_score: float = field(metadata=earlier("dev_accuracy"))``
    """
    return {EARLIER: name}


def as_record(
    kind: type[Record], entry: object, where: object, remedy: str, **given: object
) -> Record:
    """A JSON object as a dataclass whose fields have the names of its keys, or had: :func:`earlier`.

    Fields may be strings, numbers, truth values, None, a ``Literal`` of them, dataclasses, or a
    ``Mapping[str, ...]``, ``Sequence`` or ``frozenset`` of these.

    Args:
        kind: The dataclass.
        entry: What was read.
        where: The file, with the line where it has several entries; for the message.
        remedy: What the user can do about a file that doesn't fit; for the message.
        given: Fields that are not in the file.

    Raises:
        StorageError: It is not an object, its keys are not the fields of the dataclass, a value is of
            another type than its field, or the dataclass refuses it. Fields with a default may be
            missing.
    """
    try:
        return _made(kind, entry, given)
    except _MisfitError as misfit:
        place = f"{where}: {misfit.place}" if misfit.place else f"{where}"
        raise StorageError(f"{place} {misfit.problem}; {remedy}") from None


class _MisfitError(Exception):
    """A value that doesn't fit: the problem, and the names that lead to the value."""

    def __init__(self, problem: str, place: str = "") -> None:
        super().__init__(problem)
        self.problem, self.place = problem, place

    def within(self, name: str) -> _MisfitError:
        """The same, seen from what holds the value under this name."""
        return _MisfitError(self.problem, f"{name}.{self.place}" if self.place else name)


def _unlike(faults: str) -> _MisfitError:
    return _MisfitError(f"isn't as this version of structnn writes it ({faults})")


def _made(kind: type[Record], entry: object, given: Mapping[str, object]) -> Record:
    if not isinstance(entry, dict):
        raise _unlike(f"expected an object, found {reprlib.repr(entry)}")
    shape = _shape(kind)
    for old, name in shape.earlier.items():
        if old in entry and name not in entry:
            entry = {**entry, name: entry[old]}
            del entry[old]
    missing = [name for name in shape.required if name not in entry and name not in given]
    unknown = [name for name in entry if name not in shape.fits or name in given]
    if missing or unknown:
        faults = [f"missing: {', '.join(missing)}"] * bool(missing)
        faults += [f"unknown: {', '.join(unknown)}"] * bool(unknown)
        raise _unlike("; ".join(faults))
    values = dict(given)
    for name, value in entry.items():
        try:
            values[name] = shape.fits[name](value)
        except _MisfitError as misfit:
            raise misfit.within(name) from None
    try:
        return kind(**values)
    except ValueError as error:
        raise _MisfitError(f"has a value that can't be: {error}") from None


class _Shape(NamedTuple):
    """The fields of a dataclass.

    Attributes:
        fits: What fits each of them.
        required: The names of those without a default.
        earlier: The names of those that had others before, by these.
    """

    fits: Mapping[str, Callable[[Any], Any]]
    required: tuple[str, ...]
    earlier: Mapping[str, str]


@cache  # a file of predictions has thousands of entries
def _shape(kind: type[DataclassInstance]) -> _Shape:
    return _Shape(
        fits={name: _fit(hint) for name, hint in get_type_hints(kind).items()},
        required=tuple(
            field.name
            for field in fields(kind)
            if field.default is field.default_factory is MISSING
        ),
        earlier={
            field.metadata[EARLIER]: field.name
            for field in fields(kind)
            if EARLIER in field.metadata
        },
    )


def _fit(hint: Any) -> Callable[[Any], Any]:
    """A function that gives a value from JSON as a type has it, or raises :class:`_MisfitError`."""
    origin, inner = get_origin(hint), get_args(hint)
    if hint in (Any, object, Path):  # a path is never in a file
        return lambda value: value
    if is_dataclass(hint):
        return lambda value: _made(cast("type[DataclassInstance]", hint), value, {})
    if origin is UnionType:
        (other,) = (_fit(one) for one in inner if one is not NoneType)
        return lambda value: None if value is None else other(value)
    if origin is Literal:
        return lambda value: _checked(value, value in inner, " or ".join(map(repr, inner)))
    if origin in (Sequence, frozenset):
        item = _fit(inner[0])
        return lambda value: (frozenset if origin is frozenset else list)(
            map(item, _checked(value, isinstance(value, list), "a list"))
        )
    if origin in (Mapping, dict):
        return _mapping(_fit(inner[1]))
    word, types = _SCALARS[hint]
    return lambda value: _checked(value, type(value) in types and _in_range(value), word)


_SCALARS: dict[type, tuple[str, tuple[type, ...]]] = {
    str: ("a string", (str,)),
    bool: ("true or false", (bool,)),
    int: ("a whole number of 64 bits", (int,)),
    float: ("a number", (float, int)),
}


def _in_range(value: object) -> bool:
    """Whether a whole number is one that NumPy and PyTorch can take."""
    return type(value) is not int or -(2**63) <= value < 2**63


def _mapping(fit: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def fitted(value: Any) -> dict[str, Any]:
        found = {}
        for name, one in _checked(value, isinstance(value, dict), "an object").items():
            try:
                found[name] = fit(one)
            except _MisfitError as misfit:
                raise misfit.within(name) from None
        return found

    return fitted


def _checked(value: Any, fits: object, wanted: str) -> Any:
    if not fits:
        raise _unlike(f"expected {wanted}, found {reprlib.repr(value)}")
    return value
