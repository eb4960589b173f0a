"""The schema that editors complete from is the one that the app checks by."""

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from aurora_restore.configuration.schema_files import SCHEMA_FILE, schema_text
from aurora_restore.reference.repository import REPOSITORY
from aurora_restore.shared.documents.schema import FOR_PEOPLE
from tests.unit.infra.synthesis import example

SCHEMA = json.loads(schema_text())


def test_it_is_current() -> None:
    current = (REPOSITORY / "config" / SCHEMA_FILE).read_text()

    assert current == schema_text(), "run make docs"


@pytest.mark.parametrize("name", ["example", "cross-account"])
def test_it_is_a_schema_which_the_tests_environments_satisfy(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.Draft202012Validator(SCHEMA).validate(example(name=name))


def test_every_field_has_its_help() -> None:
    assert [path for path, schema in _fields(SCHEMA, "") if "description" not in schema] == []


def _fields(schema: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The fields of a schema that hold a value, at any depth."""
    for branch in (
        schema,
        schema.get("items", {}),
        schema.get("additionalProperties") or {},
        *schema.get("anyOf", []),
    ):
        for name, member in branch.get("properties", {}).items():
            below = list(_fields(member, f"{path}.{name}"))
            if not below and name not in FOR_PEOPLE:
                yield f"{path}.{name}", member
            yield from below
