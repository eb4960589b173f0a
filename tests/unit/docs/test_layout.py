"""The architecture names every folder, and the commands of the Makefile run every test once."""

import re
import subprocess
from pathlib import Path
from typing import Final

from aurora_restore.reference.repository import REPOSITORY
from tests.unit.docs.pages import page

_ENTRY: Final = re.compile(r"^( *)([\w.-]+)/", re.MULTILINE)
_CHECK: Final = re.compile(r"/(?:ruff|mypy)\b|-m pytest\b")


def folders_of_the_layout() -> set[str]:
    """The folders that the layout in the architecture names, by their paths."""
    (layout,) = (
        block.text
        for block in page("docs/architecture.md").blocks
        if block.language == "text" and "aurora_restore/" in block.text
    )
    path: list[str] = []
    named = set()
    for entry in _ENTRY.finditer(layout):
        path[len(entry[1]) // 2 :] = [entry[2]]
        named.add("/".join(path))
    return named


def is_package(folder: Path) -> bool:
    return (folder / "__init__.py").exists()


def test_the_layout_names_every_top_level_folder_and_every_package() -> None:
    top = {each for each in REPOSITORY.iterdir() if is_package(each)}
    packages = {
        init.parent for each in top - {REPOSITORY / "tests"} for init in each.rglob("__init__.py")
    } | {each for each in (REPOSITORY / "tests").iterdir() if is_package(each)}
    known = {str(each.relative_to(REPOSITORY)) for each in top | packages}

    assert folders_of_the_layout() == known | {".ci", "config", "docs"}


def recipe(target: str) -> list[str]:
    """The commands that make would run for a target, what is installed aside."""
    shown = subprocess.run(  # noqa: S603
        ["make", "--dry-run", target],  # noqa: S607
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [line for line in shown.splitlines() if _CHECK.search(line)]


def test_make_test_runs_what_make_check_runs_and_every_other_test_once() -> None:
    check, test = recipe("check"), recipe("test")
    *_, unit = check

    assert [command.split()[0].rpartition("/")[2] for command in check] == [
        "ruff",
        "ruff",
        "mypy",
        "python",
    ]
    assert unit.endswith(" tests/unit")
    assert test[:-1] == check
    assert test[-1].endswith(" tests --ignore=tests/unit")


def test_the_ci_runs_the_readmes_test_command() -> None:
    assert (REPOSITORY / ".ci" / "run").read_text().splitlines()[-1] == "exec make test"
