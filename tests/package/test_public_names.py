"""Tests use public names only, so that the inside of a module can change without them."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.package.distribution import source_files

PACKAGES = ("safeclip", "demo", "index_builder", "training", "benchmarks")
BY_NAME = {"getattr", "setattr", "delattr", "hasattr", "object"}  # builtins and mock's that take an attribute's name


def is_private(name: str | None) -> bool:
    return name is not None and name.startswith("_") and not name.startswith("__") and name != "_"


def trees(*folders: str) -> Iterator[tuple[Path, ast.Module]]:
    for path in source_files(*folders):
        if path.suffix == ".py":
            yield path, ast.parse(path.read_text(encoding="utf-8"))


def private_names() -> set[str]:
    """Every private name that our packages define: functions, classes, methods, variables, fields and modules."""
    found = set()
    for path, tree in trees(*PACKAGES):
        found.add(path.stem)
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                found.add(node.name)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                found.add(node.id)
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                found.add(node.attr)
    return {name for name in found if is_private(name)}


def accessed(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and name of every attribute of something else than `self`, and of every imported name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            if not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")):
                yield node.lineno, node.attr
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.Call) and name_of(node.func) in BY_NAME:
            for argument in node.args:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield node.lineno, argument.value.rpartition(".")[2]


def name_of(function: ast.expr) -> str:
    """The last part of what is called: "setattr" of `monkeypatch.setattr`."""
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def test_no_test_reads_a_private_name_of_our_packages():
    private = private_names()
    assert len(private) > 100
    offences = [
        f"{path}:{line} {name}"
        for path, tree in trees("tests")
        for line, name in accessed(tree)
        if is_private(name) and name in private
    ]
    assert not offences, "\n".join(offences)


def test_the_check_sees_attributes_imports_and_names_in_strings():
    code = "from a import _b\nc._d\nmonkeypatch.setattr(e, '_f', 1)\nmonkeypatch.setattr('g._h', 1)\nself._i\n__j__"
    seen = {name for _, name in accessed(ast.parse(code)) if is_private(name)}
    assert seen == {"_b", "_d", "_f", "_h"}
