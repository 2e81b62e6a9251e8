"""Names for classes, with errors that list what there is."""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Mapping
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

    def build(self, name: str, options: Mapping[str, Any], *args: object, **fixed: object) -> T:
        """An object of the class of this name.

        Args:
            name: A registered name.
            options: What the user chose; checked against the constructor.
            args: The positional arguments that every class of the registry takes.
            fixed: Keyword arguments that the caller, not the user, gives.
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
        return cls(*args, **{**preset, **fixed, **options})


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


def _suggestion(name: str, names: list[str]) -> str:
    close = difflib.get_close_matches(name, names, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
