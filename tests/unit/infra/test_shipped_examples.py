"""The examples in ``config`` are right, and no other test reads what a user keeps there."""

import ast
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest

from aurora_restore.configuration.loading import load_environment
from aurora_restore.configuration.schema_files import SCHEMA_FILE
from aurora_restore.reference.repository import REPOSITORY
from tests.unit.infra.synthesis import stack_of

EXAMPLES = pytest.mark.parametrize("name", ["cross-account", "example"])
TESTS = REPOSITORY / "tests"
CONFIG_FOLDER = REPOSITORY / "config"
# These read the files that the repository ships, by name.
READERS = {Path(__file__), TESTS / "unit" / "infra" / "test_schema_file.py"}


@EXAMPLES
def test_a_shipped_example_satisfies_the_schema_beside_it(name: str) -> None:
    schema = json.loads((CONFIG_FOLDER / SCHEMA_FILE).read_text(encoding="utf-8"))
    document = json.loads((CONFIG_FOLDER / f"{name}.json").read_text(encoding="utf-8"))

    assert document["$schema"] == f"./{SCHEMA_FILE}"
    jsonschema.Draft202012Validator(schema).validate(document)


@EXAMPLES
def test_a_shipped_example_synthesises(name: str) -> None:
    environment = load_environment(name, CONFIG_FOLDER)

    assert stack_of(environment).of_type("AWS::StepFunctions::StateMachine")


@EXAMPLES
def test_a_broken_environment_beside_it_does_not_matter(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "config"
    shutil.copytree(CONFIG_FOLDER, folder)
    (folder / "staging.json").write_text('{"account": ', encoding="utf-8")

    assert load_environment(name, folder).name == name


@pytest.mark.parametrize(
    "file",
    sorted(set(TESTS.rglob("*.py")) - READERS),
    ids=lambda file: str(file.relative_to(TESTS)),
)
def test_no_other_test_reads_the_users_configuration(file: Path) -> None:
    assert list(reads_of_the_folder(ast.parse(file.read_text(encoding="utf-8")))) == []


def reads_of_the_folder(module: ast.Module) -> Iterator[int]:
    """The lines that name the repository's folder, or load an environment from it by default."""
    for node in ast.walk(module):
        match node:
            case ast.alias(name="CONFIG_FOLDER") | ast.Attribute(attr="CONFIG_FOLDER"):
                yield node.lineno
            case ast.Call(func=ast.Name(id="load_environment"), args=[_], keywords=[]):
                yield node.lineno
            case _:
                pass
