"""Every public definition of the product says what it is for."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from aurora_restore.reference.repository import REPOSITORY

PACKAGE = REPOSITORY / "aurora_restore"
MODULES = {str(file.relative_to(PACKAGE)): file for file in sorted(PACKAGE.rglob("*.py"))}


def undocumented(file: Path) -> list[str]:
    """The module, and its classes, functions, methods and properties, without a docstring."""
    module = ast.parse(file.read_text(encoding="utf-8"))
    own = [] if ast.get_docstring(module) else ["the module"]
    return [*own, *_undocumented(module, "")]


def _undocumented(parent: ast.Module | ast.ClassDef, prefix: str) -> Iterator[str]:
    for node in parent.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if node.name.startswith("_"):
                continue
            if ast.get_docstring(node) is None:
                yield f"{prefix}{node.name}"
            if isinstance(node, ast.ClassDef):
                yield from _undocumented(node, f"{prefix}{node.name}.")


@pytest.mark.parametrize("name", sorted(MODULES))
def test_every_public_definition_has_a_docstring(name: str) -> None:
    assert undocumented(MODULES[name]) == []
