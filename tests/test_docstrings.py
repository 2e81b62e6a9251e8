"""Docstrings say what their functions and classes take and raise; read from the source."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def modules() -> dict[str, ast.Module]:
    return {
        path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for package in ("structnn", "parsers", "tasks")
        for path in sorted((ROOT / package).rglob("*.py"))
    }


@cache
def classes() -> dict[str, ast.ClassDef]:
    every = (node for module in modules().values() for node in module.body)
    return {node.name: node for node in every if isinstance(node, ast.ClassDef)}


def documented() -> Iterator[tuple[str, ast.ClassDef | Function, str]]:
    """The functions, classes and methods without an underscore that have a docstring."""
    for path, module in modules().items():
        if path.startswith("tasks/command/"):
            continue  # docstrings of commands are their help
        bodies = [module.body]
        while bodies:
            for node in bodies.pop():
                if isinstance(node, ast.ClassDef | Function) and not node.name.startswith("_"):
                    if isinstance(node, ast.ClassDef):
                        bodies.append(node.body)
                    if doc := ast.get_docstring(node):
                        yield f"{path}:{node.lineno}: {node.name}", node, doc


def section(doc: str, title: str) -> list[str]:
    """The names with a line of their own in a section."""
    found = re.search(rf"^{title}:\n((?:    .*\n|\n)+)", doc + "\n", flags=re.MULTILINE)
    lines = re.findall(r"^    (\*{0,2}\w.*?):(?: |$)", found[1] if found else "", re.MULTILINE)
    return [name.strip("* ") for line in lines for name in line.split(",")]


def arguments(function: Function) -> list[str]:
    given = function.args
    every = [*given.posonlyargs, *given.args, given.vararg, *given.kwonlyargs, given.kwarg]
    names = [one.arg for one in every if one is not None]
    is_class_method = any(ast.unparse(one) == "classmethod" for one in function.decorator_list)
    return names[1:] if is_class_method or names[:1] == ["self"] else names


def constructed_with(cls: ast.ClassDef) -> list[str]:
    """The arguments of the constructor: its own or that of a base, or the fields of a dataclass."""
    for node in cls.body:
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            return arguments(node)
    bases = [classes()[name] for name in names_of_bases(cls) if name in classes()]
    inherited = [name for base in bases for name in constructed_with(base)]
    made = [*map(ast.unparse, cls.decorator_list), *names_of_bases(cls)]
    if not any("dataclass" in one or one == "NamedTuple" for one in made):
        return inherited
    fields = [
        node.target.id
        for node in cls.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
        if "init=False" not in ast.unparse(node) and "ClassVar" not in ast.unparse(node.annotation)
    ]
    return [*inherited, *fields]


def names_of_bases(cls: ast.ClassDef) -> list[str]:
    bases = (ast.unparse(base).split("[")[0].split(".")[-1] for base in cls.bases)
    return [name for name in bases if name != cls.name]  # Dropout of torch.nn, say


@cache
def ancestors(name: str) -> frozenset[str]:
    """The class itself and all that it derives from, by their names."""
    found = getattr(builtins, name, None)
    if isinstance(found, type):
        return frozenset(base.__name__ for base in found.__mro__)
    bases = names_of_bases(classes()[name]) if name in classes() else []
    return frozenset({name}).union(*map(ancestors, bases))


def raised(body: list[ast.stmt], caught: frozenset[str] = frozenset()) -> Iterator[str]:
    """The names of the classes that leave a function by a ``raise`` in it."""
    for node in body:
        if isinstance(node, ast.Raise) and node.exc is not None:
            call = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            name = ast.unparse(call).split(".")[-1]
            if name[0].isupper() and not ancestors(name) & caught:
                yield name
        if isinstance(node, ast.Try):
            kinds = [handler.type for handler in node.handlers]
            names = {word for one in kinds if one for word in re.findall(r"\w+", ast.unparse(one))}
            yield from raised(node.body, caught | names)
            for part in (node.orelse, node.finalbody, *(one.body for one in node.handlers)):
                yield from raised(part, caught)
        elif not isinstance(node, ast.ClassDef | Function):
            for part in ("body", "orelse"):
                yield from raised(getattr(node, part, []), caught)
            for case in getattr(node, "cases", []):
                yield from raised(case.body, caught)


@pytest.fixture(scope="module")
def everything() -> list[tuple[str, ast.ClassDef | Function, str]]:
    found = list(documented())
    assert len(found) > 1000
    return found


def test_arguments_have_the_names_and_the_order_of_the_signature(everything):
    wrong = []
    for where, node, doc in everything:
        given = constructed_with(node) if isinstance(node, ast.ClassDef) else arguments(node)
        told = section(doc, "Args")
        if told != [name for name in dict.fromkeys(given) if name in told]:
            wrong.append(f"{where}: Args has {told}, the signature {given}")
    assert not wrong, "\n".join(wrong)


def test_all_arguments_are_told_where_some_are(everything):
    wrong = []
    for where, node, doc in everything:
        told = section(doc, "Args")
        if told and "are those of :class:" not in doc:
            given = constructed_with(node) if isinstance(node, ast.ClassDef) else arguments(node)
            missing = [name for name in given if name not in told and not name.startswith("_")]
            wrong += [f"{where}: Args lacks {name}" for name in missing]
    assert not wrong, "\n".join(wrong)


def test_what_a_function_raises_is_told(everything):
    wrong = []
    for where, node, doc in everything:
        bodies = [node.body]
        if isinstance(node, ast.ClassDef):
            own = [one for one in node.body if isinstance(one, ast.FunctionDef)]
            bodies = [one.body for one in own if one.name in ("__init__", "__post_init__")]
        told = set(section(doc, "Raises"))
        names = {name for body in bodies for name in raised(body)} - {"NotImplementedError"}
        wrong += [f"{where}: Raises lacks {name}" for name in names if not ancestors(name) & told]
    assert not wrong, "\n".join(wrong)
