"""Answers as Python has them (classes, sets of them, numbers, tags, texts), and as a model has them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from structnn import Tree
from structnn.arcs import tree_of
from structnn.fields import shorten_text
from tasks.data.examples import DataError, quote
from tasks.data.questions import NO_LABEL, ROW_SEPARATOR, SEPARATOR, Answers, Question
from tasks.estimators.columns import Column, check_order, of_python, values_in, with_gaps

__all__ = [
    "Classes",
    "LabelSets",
    "NodeLabels",
    "Numbers",
    "OfClasses",
    "Tags",
    "Texts",
    "Trees",
    "Values",
    "accuracy",
    "are_numbers",
    "are_sets",
    "are_trees",
    "classes_in",
    "is_same",
    "labels_in",
    "names_of",
    "numbers_in",
    "values_for",
]


class Values(ABC):
    """How the answers of Python stand for those of a model."""

    answer: Answers
    """Which kind of answer it is."""

    @property
    def labels(self) -> list[str] | None:
        """The labels of a model, in order; None where it has none."""
        return None

    @classmethod
    @abstractmethod
    def read(cls, y: Column, name: str) -> Any:
        """The answers of a column, one for each thing asked about.

        Args:
            y: The column.
            name: What messages call it.

        Raises:
            ValueError: It has no such answers.
        """

    @classmethod
    def of(cls, columns: Sequence[Any]) -> Self:
        """What stands for all answers of some columns, as :meth:`read` gives them."""
        return cls()  # unless something has to be known of them

    @abstractmethod
    def cells(self, y: Any) -> list[object]:
        """Answers, as :meth:`read` gives them, as they stand in a file."""

    @abstractmethod
    def given_back(self, answers: Sequence[str]) -> Any:
        """The answers of a model, as :class:`tasks.data.questions.Question` has them, as Python's."""


@dataclass(frozen=True, eq=False)
class OfClasses(Values):
    """Answers that consist of classes.

    Args:
        classes: The classes, in the order of the model's labels.
    """

    classes: NDArray[Any]

    @property
    def labels(self) -> list[str]:
        """The names of the classes."""
        return names_of(self.classes)

    def named(self, values: Iterable[Any]) -> list[str]:
        """The names of values: of the classes that they equal, as 1, 1.0 and True are one class."""
        names = dict(zip(self.classes.tolist(), self.labels, strict=True))
        return [names.get(value, str(value)) for value in values]

    @property
    def by_name(self) -> dict[str, Any]:
        """The class of each label."""
        return dict(zip(self.labels, self.classes.tolist(), strict=True))


class Classes(OfClasses):
    """One class each."""

    answer = "label"

    @classmethod
    def read(cls, y: Column, name: str) -> NDArray[Any]:
        """See :func:`labels_in`."""
        return labels_in(y, name)

    @classmethod
    def of(cls, columns: Sequence[Any]) -> Self:
        """The classes that occur."""
        return cls(classes_in(_joined(columns)))

    def cells(self, y: Any) -> list[object]:
        """The names of the classes."""
        return [*self.named(y.tolist())]

    def given_back(self, answers: Sequence[str]) -> NDArray[Any]:
        """The classes."""
        place = {name: number for number, name in enumerate(names_of(self.classes))}
        found: NDArray[Any] = self.classes[[place[answer] for answer in answers]]
        return found


@dataclass(frozen=True, eq=False)
class LabelSets(OfClasses):
    """Any number of classes each: a list of them, or a row of a matrix of 0 and 1.

    Args:
        classes: The classes; of a matrix, what its columns are called, or their numbers.
        is_matrix: Whether they are rows of a matrix.
    """

    is_matrix: bool = False
    answer = "labels"

    @classmethod
    def read(cls, y: Column, name: str) -> Any:
        """A list of lists, or the matrix and what its columns are called, None if they are not.

        Raises:
            DataError: A matrix has other numbers than 0 and 1, or two columns of one name; or an answer
                is no list of classes.
        """
        if _is_matrix(y):
            matrix = with_gaps(y.toarray() if hasattr(y, "toarray") else y)
            try:
                is_binary = bool(np.isin(matrix, (0, 1)).all())
            except TypeError:  # None or pandas.NA is among them
                is_binary = False
            if not is_binary:
                raise DataError(
                    f"{name} must be a matrix of 0 and 1, with a column for each class, or a list of "
                    "lists of classes"
                )
            return matrix.astype(int), _columns_of(y, name)
        values = values_in(y, name)
        values = [value.split(SEPARATOR) if isinstance(value, str) else value for value in values]
        for place, value in enumerate(values):
            if not isinstance(value, list | tuple | set | frozenset | np.ndarray):
                raise DataError(f"{name}[{place}] must be a list of classes, but is {value!r}")
        return _present([list(value) for value in values], name)

    @classmethod
    def of(cls, columns: Sequence[Any]) -> Self:
        """The classes that occur, or those of the columns of the matrix."""
        if isinstance(columns[0], tuple):
            matrix, names = columns[0]
            return cls(np.arange(matrix.shape[1]) if names is None else names, is_matrix=True)
        flat = [one for column in columns for labels in column for one in labels]
        return cls(classes_in(labels_in(flat)))

    def cells(self, y: Any) -> list[object]:
        """The names of the classes of each."""
        return [*self._named(y)]

    def _named(self, y: Any) -> list[list[str]]:
        """The names of the classes of each; the columns of a matrix may be in another order."""
        if isinstance(y, list):
            return [self.named(labels) for labels in y]
        names = self.labels
        matrix, columns = y
        if matrix.shape[1] != len(names):
            raise DataError(f"there are {matrix.shape[1]} columns, but {len(names)} classes")
        if columns is not None and not _are_places(self.classes):
            given = self.named(columns.tolist())
            if set(given) != set(names):
                raise DataError(f"the columns are {quote(given)}, but the classes {quote(names)}")
            names = given
        return [[names[place] for place in row.nonzero()[0]] for row in matrix]

    def sets(self, y: Any) -> list[set[str]]:
        """The names of the classes of each, whose order says nothing."""
        return [set(names) for names in self._named(y)]

    def given_back(self, answers: Sequence[str]) -> NDArray[Any]:
        """The matrix, ``(answers, classes)``, or an array of lists."""
        names = [list(filter(None, answer.split(SEPARATOR))) for answer in answers]
        if self.is_matrix:
            return self.matrix(names)
        known = self.by_name
        return _objects([[known[name] for name in own] for own in names])

    def matrix(self, labels: Sequence[Sequence[object]]) -> NDArray[np.int64]:
        """``(answers, classes)``, 1 where a class is among the classes of an answer."""
        place = {name: number for number, name in enumerate(names_of(self.classes))}
        made = np.zeros((len(labels), len(place)), dtype=np.int64)
        for row, own in enumerate(labels):
            made[row, [place[str(one)] for one in own]] = 1
        return made


@dataclass(frozen=True)
class Numbers(Values):
    """A number each.

    Args:
        answer: ``"score"``, or ``"scale"`` for one on a scale of whole numbers.
    """

    answer: Answers = "score"

    @classmethod
    def read(cls, y: Column, name: str) -> NDArray[np.float64]:
        """``(answers,)``.

        Raises:
            ValueError: One is missing, not finite, or no number; or they have no order.
        """
        from sklearn.utils import check_array, column_or_1d

        if y is None:
            raise ValueError(f"requires {name} to be passed, but the target {name} is None")
        check_order(y, name)
        y = y.to_pylist() if hasattr(y, "to_pylist") else y
        y = with_gaps(y) if isinstance(y, np.ma.MaskedArray) else y
        array = check_array(y, ensure_2d=False, dtype=np.float64, input_name=name)
        found: NDArray[np.float64] = column_or_1d(array, warn=True)
        return found

    def cells(self, y: Any) -> list[object]:
        """The numbers."""
        return [float(value) for value in y]

    def given_back(self, answers: Sequence[str]) -> NDArray[np.float64]:
        """The numbers, ``(answers,)``."""
        return np.array([float(answer) for answer in answers])


class Tags(OfClasses):
    """A tag for each token."""

    answer = "label"

    @classmethod
    def read(cls, y: Column, name: str) -> list[list[Any]]:
        """A list of tags for each list of tokens.

        Raises:
            DataError: An answer is no list.
        """
        return _present(_lists_in(y, name), name)

    @classmethod
    def of(cls, columns: Sequence[Any]) -> Self:
        """The tags that occur."""
        flat = [tag for column in columns for tags in column for tag in tags]
        return cls(classes_in(labels_in(flat)))

    def cells(self, y: Any) -> list[object]:
        """Their names."""
        return [self.named(tags) for tags in y]

    def given_back(self, answers: Sequence[str]) -> list[list[Any]]:
        """The tags of each."""
        known = self.by_name
        return [[known[name] for name in answer.split(ROW_SEPARATOR)] for answer in answers]


class NodeLabels(Tags):
    """A class for each node of a tree, or none, which is None."""

    @classmethod
    def read(cls, y: Column, name: str) -> list[list[Any]]:
        """A list of classes for each tree; what is None, empty or ``_`` is no class."""
        return [
            [None if _is_missing(one) or one in ("", NO_LABEL) else one for one in own]
            for own in _lists_in(y, name)
        ]

    @classmethod
    def of(cls, columns: Sequence[Any]) -> Self:
        """The classes that occur."""
        return super().of([[[one for one in own if one is not None] for own in y] for y in columns])

    def cells(self, y: Any) -> list[object]:
        """Their names, empty where there is none."""
        return [
            ["" if one is None else name for one, name in zip(own, self.named(own), strict=True)]
            for own in y
        ]


class Trees(OfClasses):
    """A dependency tree each; the classes are relations."""

    answer = "label"

    @classmethod
    def read(cls, y: Column, name: str) -> list[Tree]:
        """The trees.

        Raises:
            DataError: An answer is no tree with relations.
        """
        trees = values_in(y, name)
        for place, tree in enumerate(trees):
            if not isinstance(tree, Tree) or tree.labels is None:
                raise DataError(
                    f"{name}[{place}] must be a structnn.Tree with labels, the relations, but is "
                    f"{shorten_text(str(tree))}"
                )
        return trees

    @classmethod
    def of(cls, columns: Sequence[Any]) -> Self:
        """The relations that occur."""
        return cls(
            classes_in(labels_in([one for y in columns for tree in y for one in tree.labels]))
        )

    def cells(self, y: Any) -> list[object]:
        """The trees, as they are."""
        return list(y)

    def given_back(self, answers: Sequence[str]) -> list[Tree]:
        """The trees."""
        return [tree_of(answer.split(ROW_SEPARATOR)) for answer in answers]


class Texts(Values):
    """Another text each."""

    answer = "sequence"

    @classmethod
    def read(cls, y: Column, name: str) -> list[Any]:
        """The texts; a list of words is one too.

        Raises:
            DataError: One is missing, or no text.
        """
        texts = values_in(y, name)
        for place, text in enumerate(texts):
            if not isinstance(text, str | int | list | tuple | np.ndarray):
                raise DataError(
                    f"{name}[{place}] must be a text or a list of words, but is "
                    f"{shorten_text(str(text))} (of type {type(text).__name__})"
                )
        return texts

    def cells(self, y: Any) -> list[object]:
        """The texts."""
        return [list(value) if isinstance(value, tuple | np.ndarray) else value for value in y]

    @staticmethod
    def written(text: Any) -> str:
        """A text as a model writes it: its words, with a blank between them."""
        words = [text] if isinstance(text, str | int) else text
        return " ".join(" ".join(map(str, words)).split())

    def given_back(self, answers: Sequence[str]) -> NDArray[Any]:
        """The texts, ``(answers,)``."""
        return _objects(answers)


def values_for(question: Question) -> type[Values]:
    """What the answers to a question are."""
    if question.has_parts:
        of_parts: dict[str, type[Values]] = {"arcs": Trees, "nodes": NodeLabels}
        return of_parts.get(question.reads, Tags)
    if question.is_number:
        return Numbers
    kinds: dict[str, type[Values]] = {"label": Classes, "labels": LabelSets, "sequence": Texts}
    return kinds[question.answer]


def are_sets(y: Column) -> bool:
    """Whether answers are several classes each: the rows of a matrix, or lists (tuples are classes).

    As in scikit-learn, an array or a table of one column is a column of classes.
    """
    if _is_matrix(y):
        return True
    if getattr(y, "shape", ())[1:] == (1,):
        return False
    if hasattr(y, "to_pylist"):  # Arrow, whose to_numpy takes no strings
        y = y.to_pylist()
    elif not isinstance(y, list | np.ndarray) and hasattr(y, "to_numpy"):
        y = y.to_numpy()
    return (
        isinstance(y, list | tuple | np.ndarray)
        and len(y) > 0
        and all(isinstance(value, list | set | frozenset | np.ndarray) for value in y)
    )


def are_trees(y: Column) -> bool:
    """Whether answers are trees: a parser is asked for."""
    values = y if isinstance(y, list | tuple) else getattr(y, "tolist", list)()
    return len(values) > 0 and all(isinstance(value, Tree) for value in values)


def are_numbers(y: Column) -> bool:
    """Whether answers are numbers that can't be classes, such as 0.5."""
    values = [] if y is None else values_in(y, "y")
    return any(isinstance(value, float) and not value.is_integer() for value in values)


def labels_in(y: Column, name: str = "y") -> NDArray[Any]:
    """A column of classes, as an array.

    Args:
        y: A column of strings, whole numbers, truth values or any other hashable objects.
        name: What messages call it.

    Raises:
        DataError: A class is missing.
        ValueError: It is not a column, or has numbers that are no classes, such as 0.5.
    """
    from sklearn.utils import column_or_1d
    from sklearn.utils.multiclass import check_classification_targets

    if y is None:
        raise ValueError(f"requires {name} to be passed, but the target {name} is None")
    if hasattr(y, "to_pylist"):
        y = y.to_pylist()
    elif hasattr(y, "to_numpy"):
        y = y.to_numpy()
    elif hasattr(y, "__array__"):
        y = with_gaps(y)
    if isinstance(y, np.ndarray):
        array: NDArray[Any] = column_or_1d(y, warn=True)
        if array.dtype == object:
            array = _objects([_plain(value) for value in array])
    else:
        values = [_plain(value) for value in values_in(y, name)]
        array = _objects(values)
        if len(kinds := {type(value) for value in values}) == 1:
            (kind,) = kinds
            if issubclass(kind, str | int | float | np.generic):
                array = np.array(values)
    for place, value in enumerate(array.tolist()):
        if _is_missing(value):
            raise DataError(f"{name}[{place}] is {value}: give the text a class, or leave it out")
        if isinstance(value, Tree):
            raise DataError(f"{name}[{place}] is a tree, and no class: take a StructuredParser")
    if array.dtype.kind == "f":
        check_classification_targets(array)
    return array


def classes_in(y: NDArray[Any]) -> NDArray[Any]:
    """The classes that occur: sorted, or where they can't be compared, sorted by their names.

    Raises:
        DataError: Two have the same name (``1`` and ``"1"``).
    """
    try:
        classes: NDArray[Any] = np.unique(y)
    except TypeError:
        classes = _objects(sorted(set(y.tolist()), key=str))
    names = names_of(classes)
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise DataError(
            f"y has different classes with the same name: {quote(twice)}, as a number and as a string "
            "perhaps; make them one, or give them other names"
        )
    return classes


def names_of(classes: NDArray[Any]) -> list[str]:
    """The labels that stand for classes in a model and in its files."""
    return [str(value) for value in classes.tolist()]


def is_same(one: object, other: object) -> bool:
    """Whether two classes are one: equal, or with one name, since a model knows classes by name."""
    return bool(one == other) or str(one) == str(other)


def numbers_in(values: Column, count: int, name: str) -> list[float]:
    """The weight of each example.

    Raises:
        DataError: They have no order, or are not as many as examples; or one is negative, infinite or
            no number; or all are 0.
    """
    check_order(values, name)
    try:
        weights = with_gaps(values).astype(np.float64)
    except (TypeError, ValueError) as fault:
        raise DataError(f"{name} must be numbers ({fault})") from None
    if weights.ndim == 0:
        weights = np.full(count, weights)
    if weights.shape != (count,):
        raise DataError(
            f"{name}.shape == {weights.shape}, expected ({count},): give each text a weight"
        )
    if not np.isfinite(weights).all() or (weights < 0).any() or not weights.any():
        raise DataError(f"{name} must be finite and at least 0, and not all of them zero")
    return [float(weight) for weight in weights]


def accuracy(
    wanted: Sequence[Any] | NDArray[Any],
    found: Sequence[Any] | NDArray[Any],
    weights: Column | None,
) -> float:
    """The share of answers that are what they should be.

    Args:
        wanted: What they should be.
        found: The answers.
        weights: ``(answers,)``, the weight of each; equal by default.

    Raises:
        ValueError: There are none, or more of one kind than of the other; or the weights can't be used.
    """
    from sklearn.utils import check_consistent_length

    check_consistent_length(wanted, found)
    if not len(found):
        raise DataError("y has no answers, so that no share of them is right")
    given = None if weights is None else numbers_in(weights, len(found), "sample_weight")
    return float(np.average(list(map(is_same, wanted, found)), weights=given))


def _is_matrix(y: Column) -> bool:
    """Whether it is a matrix; as in scikit-learn, rows of 0 and 1 of the same length are one."""
    if isinstance(y, list) and y and all(isinstance(row, list | np.ndarray) for row in y):
        (size, *others) = {len(row) for row in y}
        ones = {
            isinstance(one, int | float) and one in (0, 1)
            for row in y
            for one in map(of_python, row)
        }
        return size > 1 and not others and ones == {True}
    shape: tuple[int, ...] = getattr(y, "shape", ())
    return len(shape) == 2 and shape[1] > 1


def _columns_of(matrix: Column, name: str) -> NDArray[Any] | None:
    """What the columns of a matrix are called; None if they have places alone."""
    columns = getattr(matrix, "columns", None)
    if columns is None:
        return None
    names = labels_in(list(columns), f"the columns of {name}")
    plain = names_of(names)
    if twice := sorted({one for one in plain if plain.count(one) > 1}):
        raise DataError(f"{name} has several columns called {quote(twice)}: give them other names")
    return None if _are_places(names) else names


def _are_places(columns: NDArray[Any]) -> bool:
    """Whether columns have no names, but are numbered."""
    numbered: bool = columns.tolist() == list(range(len(columns)))
    return numbered


def _lists_in(y: Column, name: str) -> list[list[Any]]:
    """A column of lists, one for each list of tokens or tree.

    Raises:
        DataError: An answer is no list.
    """
    if isinstance(y, np.ndarray) and y.ndim == 2:
        y = list(y)  # lists of one length
    values = [value.split() if isinstance(value, str) else value for value in values_in(y, name)]
    for place, value in enumerate(values):
        if not isinstance(value, list | tuple | np.ndarray):
            raise DataError(f"{name}[{place}] must be a list of tags, but is {value!r}")
    return [value.tolist() if isinstance(value, np.ndarray) else list(value) for value in values]


def _present(values: list[list[Any]], name: str) -> list[list[Any]]:
    """The same lists.

    Raises:
        DataError: A class in one of them is missing.
    """
    for place, own in enumerate(values):
        for number, value in enumerate(own):
            if _is_missing(value):
                raise DataError(
                    f"{name}[{place}][{number}] is {value}: give a class, or leave the example out"
                )
    return values


def _is_missing(value: object) -> bool:
    """Whether it is None, NaN, or a value of pandas that says neither yes nor no to being equal."""
    try:
        return value is None or bool(value != value)
    except TypeError:  # pandas.NA
        return True


def _joined(columns: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """The classes of several columns; those of the first, as they are, if the others add none."""
    first, *others = columns
    if not others or {value for column in others for value in column.tolist()} <= set(
        first.tolist()
    ):
        return first
    if len({column.dtype.kind for column in columns}) == 1:
        return np.concatenate(columns)
    return _objects([value for column in columns for value in column.tolist()])


def _plain(value: object) -> object:
    """A string or number of a class of its own, as a member of a ``StrEnum`` is, as Python's.

    It equals the other; and neither NumPy nor a file keeps both its value and its name.
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    return next((kind(value) for kind in (int, float) if isinstance(value, kind)), value)


def _objects(values: Sequence[object]) -> NDArray[Any]:
    made: NDArray[Any] = np.empty(len(values), dtype=object)
    made[:] = list(values)
    return made
