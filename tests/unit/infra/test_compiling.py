"""Byte code of the functions: made for the runtime alone, used as it is, the same everywhere."""

import importlib.util
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import aws_lambda as lambda_

from aurora_restore.deployed_code import deployed_files
from aurora_restore.infra.bundles import dependencies
from aurora_restore.infra.bundles.compiling import compile_folder, find_interpreter
from aurora_restore.infra.bundles.dependencies import copy_layer, digest
from aurora_restore.infra.bundles.handler_code import CODE, copy_code, handler_code
from aurora_restore.infra.bundles.runtime import PYTHON_VERSION, RUNTIME
from aurora_restore.reference.repository import REPOSITORY
from aurora_restore.shared.errors import ConfigurationError
from tests.unit.infra.synthesis import CONTEXT, Synthesis, example, synthesise

OWN = f"{sys.version_info.major}.{sys.version_info.minor}"
NONE = "9.9"
"""A version that no machine has."""
UNCHECKED_HASH = (0b01).to_bytes(4, "little")
"""The flags of PEP 552 in a file whose source is never looked at."""


def interpreter(folder: Path, answer: str, *, code: int = 0) -> None:
    """Put a program on the path that answers as a Python of a version does."""
    program = folder / f"python{NONE}"
    program.write_text(f"#!/bin/sh\necho {answer}\nexit {code}\n")
    program.chmod(0o755)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on the path."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_the_interpreter_that_synthesises_is_used_if_it_is_of_the_version() -> None:
    assert find_interpreter(OWN) == sys.executable


def test_another_interpreter_is_found_on_the_path(path: Path) -> None:
    interpreter(path, f"cpython {NONE} final")

    assert find_interpreter(NONE) == str(path / f"python{NONE}")


@pytest.mark.usefixtures("path")
def test_without_the_interpreter_the_error_says_which_one_and_what_to_do() -> None:
    with pytest.raises(ConfigurationError) as refused:
        find_interpreter(NONE)

    message = refused.value.message
    assert message.startswith(f"compile_python: byte code for the functions takes CPython {NONE}")
    assert f"{sys.executable} is cpython {OWN}" in message
    assert f"there is no python{NONE} on the path" in message
    assert "Install it, or remove compile_python" in message


@pytest.mark.parametrize(
    "answer", [f"cpython {NONE} beta", f"pypy {NONE} final", f"cpython {OWN} final"]
)
def test_an_interpreter_whose_byte_code_is_ignored_is_refused(path: Path, answer: str) -> None:
    interpreter(path, answer)

    with pytest.raises(ConfigurationError, match=answer):
        find_interpreter(NONE)


def test_an_interpreter_that_does_not_run_is_refused(path: Path) -> None:
    interpreter(path, "nothing", code=1)

    with pytest.raises(ConfigurationError, match="not usable"):
        find_interpreter(NONE)


def test_the_synthesis_of_a_compiled_environment_checks_the_interpreter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing() -> str:
        raise ConfigurationError("compile_python: it is not here")

    monkeypatch.setattr("aurora_restore.infra.functions.find_interpreter", missing)

    synthesise(example())
    with pytest.raises(ConfigurationError, match="compile_python"):
        synthesise(example({"compile_python": True}))


def test_the_template_follows_from_the_setting_and_not_from_the_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def synthesised(where: str) -> Synthesis:
        monkeypatch.setattr("aurora_restore.infra.functions.find_interpreter", lambda: where)
        return synthesise(example({"compile_python": True}))

    one, other, plain = synthesised("/here"), synthesised("/there"), synthesise(example())

    assert one.resources == other.resources
    assert _keys(one).isdisjoint(_keys(plain))


def _keys(synthesis: Synthesis) -> set[str]:
    """The keys of the code of all functions and of the dependency layer in the assets' bucket."""
    code = [each["Code"] for each in synthesis.of_type("AWS::Lambda::Function").values()]
    layers = [
        each["Content"]
        for each in synthesis.of_type("AWS::Lambda::LayerVersion").values()
        if each["Description"] == "The dependencies of the functions"
    ]
    own = {each["S3Key"] for each in (*code, *layers) if "S3Key" in each}
    assert len(own) == 2
    return own


def test_the_reference_names_the_interpreter_of_the_runtime() -> None:
    for page in ("configuration.md", "deploy.md"):
        assert f"`python{PYTHON_VERSION}`" in (REPOSITORY / "docs" / page).read_text()


def test_compiled_modules_are_used_as_they_are(tmp_path: Path) -> None:
    """The source is another one by then, and of another time: Python does not look at it."""
    module = tmp_path / "value.py"
    module.write_text("VALUE = 'compiled'")
    compile_folder(sys.executable, tmp_path, place="/var/task")
    module.write_text("VALUE = 'in the source'")
    os.utime(module, (0, 0))
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import value; print(value.VALUE)"

    run = subprocess.run(  # noqa: S603
        [sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True
    )

    assert run.stdout.strip() == "compiled"


def test_a_module_that_cannot_be_compiled_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text("def")

    with pytest.raises(RuntimeError, match=r"could not be compiled(.|\n)*wrong\.py"):
        compile_folder(sys.executable, tmp_path, place="/var/task")


@contextmanager
def umask(mask: int) -> Iterator[None]:
    """Make files as a process with another umask does."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def contents(folder: Path) -> dict[str, tuple[str, bytes]]:
    """The mode and content of each file and folder below a folder, by path."""
    return {
        each.relative_to(folder).as_posix(): (
            stat.filemode(each.stat().st_mode),
            b"" if each.is_dir() else each.read_bytes(),
        )
        for each in folder.rglob("*")
    }


def built(outdir: Path, mask: int, checkout: Path = REPOSITORY) -> Path:
    """The compiled asset of the functions' code, in a folder that is called after its hash."""
    with umask(mask):
        stack = cdk.Stack(cdk.App(outdir=str(outdir), context=CONTEXT), "Test")
        code = handler_code(sys.executable, checkout)
        lambda_.Function(stack, "Function", code=code, handler="a.b", runtime=RUNTIME)
        (asset,) = outdir.glob("asset.*")
    return asset


def test_two_builds_of_the_code_are_the_same(tmp_path: Path) -> None:
    """In other folders, by users with other masks, from checkouts of other days."""
    first = built(tmp_path / "first", 0o022)
    checkout = tmp_path / "checkout"
    copy_code(checkout)
    for file in deployed_files(checkout):
        os.utime(file, (0, 0))
    second = built(tmp_path / "a" / "longer" / "path", 0o077, checkout)

    assert first.name == second.name
    assert contents(first) == contents(second)


def test_every_module_of_the_code_is_compiled_for_its_place_in_the_function(tmp_path: Path) -> None:
    copy_code(tmp_path)
    compile_folder(sys.executable, tmp_path, place=CODE)

    for module in tmp_path.rglob("*.py"):
        compiled = Path(importlib.util.cache_from_source(str(module))).read_bytes()
        place = f"{CODE}/{module.relative_to(tmp_path).as_posix()}"
        assert compiled[4:8] == UNCHECKED_HASH
        assert place.encode() in compiled


def test_two_builds_of_the_layer_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def make(folder: Path) -> None:
        folder.mkdir(parents=True)
        (folder / "package.py").write_text(
            "NAMES = {'a', 'b', 'c', 'd'}\nKNOWN = 'a' in {'x', 'a'}"
        )

    monkeypatch.setattr(dependencies, "make_layer", make)
    for name, mask in (("first", 0o022), ("second", 0o077)):
        with umask(mask):
            copy_layer(tmp_path / name, tmp_path / f"cache-{name}", sys.executable)
    first, second = (contents(tmp_path / name) for name in ("first", "second"))

    assert {path: data for path, (_, data) in first.items()} == {
        path: data for path, (_, data) in second.items()
    }
    assert any(path.endswith(".pyc") for path in first)


def test_a_compiled_layer_and_a_plain_one_are_kept_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def make(folder: Path) -> None:
        folder.mkdir(parents=True)
        (folder / "package.py").touch()

    monkeypatch.setattr(dependencies, "make_layer", make)
    copy_layer(tmp_path / "compiled", tmp_path / "cache", sys.executable)
    copy_layer(tmp_path / "plain", tmp_path / "cache")

    assert digest(compiled=True) != digest(compiled=False)
    assert list((tmp_path / "compiled").rglob("*.pyc"))
    assert not list((tmp_path / "plain").rglob("*.pyc"))
