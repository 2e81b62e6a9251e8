"""Options of encoders and readouts, each declared once: in the signature of the constructor.

An option is a keyword-only argument with a default. Its annotation says what may be given, its line
under ``Args`` what it means::

    class Windows(Encoder):
        '''Convolutions.

Args:
            layers: Number of layers.
            padding: What stands beyond the ends of a sentence.
        '''

        def __init__(
            self,
            input_dim: int,
            hidden_dim: int,
            *,
            layers: Depth = 1,
            padding: Literal["zeros", "none"] = "zeros",
        ) -> None: ...

:func:`options_of` makes a table of that. Everything that needs to know options reads the table: the
check when an encoder is built, ``structnn encoders``, the catalogue, and the ``repr`` of a module.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import takewhile
from numbers import Integral, Real
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal, Self, get_args, get_origin, get_type_hints

from torch import nn

from structnn.ranges import Range

__all__ = [
    "Count",
    "Declared",
    "Depth",
    "LabelCount",
    "LabelSize",
    "Option",
    "Probability",
    "Range",
    "Size",
    "Sizes",
    "arguments_of",
    "at_least",
    "options_of",
]


class _Labels:
    """Marks the option that is the number of tree labels an encoder has weights for."""


_LARGEST = 1_000_000
"""Larger sizes are slips of the pen: building such a module would take hours or all memory."""

Size = Annotated[int, Range(1, _LARGEST)]
"""A width or a number of things, at least 1."""
Depth = Annotated[int, Range(1, 1000)]
"""A number of layers or steps, one after the other: each takes time to build or to run."""
Count = Annotated[int, Range(0, _LARGEST)]
"""As :data:`Size`, or 0 for none."""
Sizes = Annotated[Sequence[int], Range(1, _LARGEST)]
"""One or more sizes."""
Probability = Annotated[float, Range(0, 1)]
"""From 0 to 1, such as a dropout rate."""
LabelCount = Annotated[int, Range(0, _LARGEST), _Labels()]
"""The number of tree labels that an encoder has weights for, the unknown one included; 0 for none."""
LabelSize = Annotated[int, Range(1, _LARGEST), _Labels()]
"""The same where it needs labels."""

# For each type, what is accepted for it, and how that is said.
_TYPES: tuple[tuple[type, type, str], ...] = (
    (bool, bool, "True or False"),  # before int, of which it is a subclass
    (int, Integral, "a whole number"),
    (float, Real, "a number"),
    (str, str, "a string"),
    (tuple, Sequence, "several values"),
)


@dataclass(frozen=True)
class Option:
    """One option of a class.

    Attributes:
        name: The keyword.
        default: Its value where none is given.
        type: ``bool``, ``int``, ``float``, ``str`` or ``tuple``; None where anything is accepted.
        range: The numbers accepted (of each value, where there are several); None for all.
        choices: The strings accepted; empty for all.
        counts_labels: Whether it is the number of tree labels, see :data:`LabelCount`.
        description: What it means, from the documentation of the class.
        whole: Whether each of several values must be a whole number.
    """

    name: str
    default: Any
    type: type | None
    range: Range | None = None
    choices: tuple[str, ...] = ()
    counts_labels: bool = False
    description: str = ""
    whole: bool = False

    @property
    def accepts(self) -> str:
        """What may be given, in words; empty where anything may."""
        if self.choices:
            *others, last = map(repr, self.choices)
            return f"{', '.join(others)} or {last}"
        words = next((words for kind, _, words in _TYPES if kind is self.type), "")
        if self.range is None:
            return "" if self.type is str else words
        if self.type is tuple:
            return f"one or more numbers of at least {self.range.least:g}"
        if self.range.least == 0 and self.range.most == 1:
            return f"{words} from 0 to 1"
        if self.range.least > self.range.above:
            return f"{words} of at least {self.range.least:g}"
        return f"{words} {self.range}"

    def check(self, value: object) -> None:
        """Make sure that a value is accepted.

        Raises:
            ValueError: It isn't; the message names the option and what it takes.
        """
        kind = next((entry for entry in _TYPES if entry[0] is self.type), None)
        if kind is None:
            return
        declared, accepted, words = kind
        fits = isinstance(value, accepted) and isinstance(value, bool) == (declared is bool)
        if declared is tuple:
            fits = isinstance(value, Sequence) and not isinstance(value, str)
            if fits and self.whole:
                words = "several whole numbers"
            number = Integral if self.whole else Real
            fits = fits and all(_is_number(item, number) for item in value)  # type: ignore[attr-defined]
        if not fits:
            raise ValueError(
                f"{self.name} takes {words} such as {self.default!r}, but got {value!r}"
            )
        if self.choices and value not in self.choices:
            raise ValueError(f"{self.name} must be {self.accepts}, but is {value!r}")
        if self.range is not None:
            numbers = value if isinstance(value, Sequence) else [value]
            if not numbers:
                raise ValueError(f"{self.name} must be at least one number, but is {value!r}")
            for one in numbers:
                self._check_range(one)
        elif declared is float and isinstance(value, Real) and float(value) not in Range():
            raise ValueError(f"{self.name} must be {Range()}, but is {value}")

    def _check_range(self, number: Any) -> None:
        assert self.range is not None
        least, most = self.range.least, self.range.most
        if least == 0 and most == 1:
            if not least <= number <= most:
                raise ValueError(f"{self.name} must be from 0 to 1, but is {number}")
        elif not number >= least:
            raise ValueError(f"{self.name} must be at least {least:g}, but is {number}")
        elif not number <= most:
            raise ValueError(f"{self.name} must be at most {most:,.0f}, but is {number}")
        elif number not in self.range:
            raise ValueError(f"{self.name} must be {self.range}, but is {number}")


def options_of(cls: type) -> Mapping[str, Option]:
    """The options of a class, by name, in the order of its constructor.

    Where a constructor hands ``**options`` on to that of its base, the options of the base are
    options of the class too.
    """
    return _table(cls)


@cache
def _table(cls: type) -> Mapping[str, Option]:
    found: dict[str, Option] = {}
    documented = arguments_of(cls)
    for constructor in _constructors(cls):
        try:
            hints = get_type_hints(constructor, include_extras=True)
        except NameError:  # an annotation that can't be resolved, in code that isn't ours
            hints = {}
        for name, parameter in inspect.signature(constructor).parameters.items():
            if parameter.kind is not parameter.KEYWORD_ONLY or parameter.default is parameter.empty:
                continue
            if name not in found:
                hint = hints.get(name)
                found[name] = _option(name, parameter.default, hint, documented.get(name, ""))
    return MappingProxyType(found)


class Declared(nn.Module):
    """A module whose options are checked when it is constructed, and shown by its ``repr``."""

    _widths: ClassVar[tuple[str, ...]] = ()
    """The attributes that ``repr`` shows before the options."""

    _chosen: Mapping[str, object] = MappingProxyType({})

    # Called with what the constructor is called with, whichever subclass defines that; copies and
    # unpickled objects are made without arguments.
    def __new__(cls, *arguments: object, **options: object) -> Self:
        """Check the options of the class."""
        module = super().__new__(cls)
        if arguments or options:
            declared = options_of(cls)
            for name, value in options.items():
                if name in declared:
                    declared[name].check(value)
            chosen = {name: options.get(name, option.default) for name, option in declared.items()}
            object.__setattr__(module, "_chosen", MappingProxyType(chosen))
        return module

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_chosen": dict(self._chosen)}  # a proxy can't be pickled

    def extra_repr(self) -> str:
        """The widths, and the options with the values that they have."""
        widths = [str(getattr(self, name)) for name in self._widths]
        return ", ".join([*widths, *(f"{name}={value!r}" for name, value in self._chosen.items())])


def at_least(least: int, /, **sizes: int) -> None:
    """Make sure that these sizes are large enough.

    Raises:
        ValueError: One is not, or is no whole number; the message names it.
    """
    for name, size in sizes.items():
        if not _is_number(size, Integral):
            raise ValueError(f"{name} must be a whole number, but is {size!r}")
        if size < least:
            raise ValueError(f"{name} must be at least {least}, but is {size}")


def _is_number(value: object, kind: type) -> bool:
    """Whether it is a number of this kind, and no truth value."""
    return isinstance(value, kind) and not isinstance(value, bool)


def arguments_of(cls: type) -> dict[str, str]:
    """What the documentation of a class and of its bases says of each argument, in one line each."""
    documented: dict[str, str] = {}
    for base in cls.__mro__:
        for name, text in _documented_arguments(vars(base).get("__doc__") or ""):
            documented.setdefault(name, text)
    return documented


def _constructors(cls: type) -> Iterator[Any]:
    """The constructor of a class, and those that it hands ``**options`` on to."""
    for base in cls.__mro__:
        constructor = vars(base).get("__init__")
        if constructor is None or base is object:
            continue
        yield constructor
        parameters = inspect.signature(constructor).parameters.values()
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            return


def _option(name: str, default: Any, hint: Any, description: str) -> Option:
    """An option from its default and its annotation (None where it has none)."""
    extras: tuple[Any, ...] = ()
    if get_origin(hint) is Annotated:
        hint, *rest = get_args(hint)
        extras = tuple(rest)
    choices: tuple[str, ...] = ()
    if get_origin(hint) is Literal:
        choices, hint = get_args(hint), str
    whole = False
    if get_origin(hint) is Sequence:
        whole, hint = get_args(hint) == (int,), tuple
    known = [kind for kind, _, _ in _TYPES]
    kind = hint if hint in known else None
    if hint is None:
        kind = next((known_kind for known_kind in known if isinstance(default, known_kind)), None)
    return Option(
        name=name,
        default=default,
        type=kind,
        range=next((extra for extra in extras if isinstance(extra, Range)), None),
        choices=choices,
        counts_labels=any(isinstance(extra, _Labels) for extra in extras),
        description=description,
        whole=whole,
    )


def _documented_arguments(documentation: str) -> Iterator[tuple[str, str]]:
    """Each argument that a docstring explains, and its explanation in one line."""
    _, _, section = inspect.cleandoc(documentation).partition("\nArgs:\n")
    body = list(takewhile(lambda line: not line or line.startswith(" "), section.splitlines()))
    text = inspect.cleandoc("\n".join(body))
    for part in re.split(r"\n(?=\w)", text):
        name, colon, explanation = part.partition(": ")
        if colon:
            yield name, " ".join(explanation.split())
