"""How masking is configured: what is refused, what is warned of, and what is deployed."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from aurora_restore.configuration.checks.masking import faults_of_masking
from aurora_restore.configuration.checks.warnings import warnings_of_environment
from aurora_restore.configuration.files import ConfigurationFolder
from aurora_restore.configuration.schema_files import (
    CLASSIFICATION_SCHEMA_FILE,
    classification_schema_text,
)
from aurora_restore.infra.bundles.database_assets import database_assets
from aurora_restore.reference.repository import REPOSITORY
from aurora_restore.shared.documents.environment import Environment
from aurora_restore.shared.documents.schema import parse_configuration
from aurora_restore.shared.names import ASSETS_PACKAGE, check_resource, columns_resource
from tests.unit.infra.synthesis import ABSENT, ENVIRONMENTS, Document, environment, example

DATABASE = "restores.staging.database"
CLASSIFIED: Document = {"databases": {"orders": {"public": {"customers": {"id": "safe"}}}}}
CHECK = {"path": "sql/no-real-addresses.sql"}
COLUMNS = "columns/orders.json"


def written(folder: Path, document: Any) -> str:
    (folder / "columns.json").write_text(
        document if isinstance(document, str) else json.dumps(document)
    )
    return "columns.json"


def faults(changes: Document, folder: Path) -> list[str]:
    """What is wrong with the masking of an environment whose files are in a folder."""
    document = example({f"{DATABASE}.{field}": value for field, value in changes.items()})
    checked = parse_configuration(Environment, document, source="test")
    database = checked.restores["staging"].database
    return [
        str(each)
        for each in faults_of_masking(
            checked.secrets, database, DATABASE, ConfigurationFolder(folder)
        )
    ]


def test_a_classification_of_all_listed_databases_is_taken(tmp_path: Path) -> None:
    assert faults({"columns": written(tmp_path, CLASSIFIED)}, tmp_path) == []


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        ('{"databases": ', "line 1, column 15: not valid JSON"),
        (
            '{"databases": {"orders": {"public": {"t": {"a": "safe", "a": "masked"}}}}}',
            "the key 'a' occurs twice in one object",
        ),
        (
            {"databases": {"orders": {"public": {"customers": {"id": "secret"}}}}},
            "databases.orders.public.customers.id: 'secret' is not one of 'masked'",
        ),
        (
            {"databases": {"orders": {"public": {"customers": {"*": "masked"}}}}},
            'databases.orders.public.customers: "*" is for a table that is safe as a whole',
        ),
        ({"databases": {"ordres": {}}}, "databases.orders: is missing: the restore lists"),
    ],
)
def test_a_wrong_classification_is_refused_with_its_file_and_place(
    tmp_path: Path, document: Any, fault: str
) -> None:
    (said,) = faults({"columns": written(tmp_path, document)}, tmp_path)

    assert said.startswith(f"{DATABASE}.columns: {tmp_path / 'columns.json'}: ")
    assert fault in said


def test_a_classification_that_is_not_there_is_refused(tmp_path: Path) -> None:
    (said,) = faults({"columns": "columns.json"}, tmp_path)

    assert "there is no file" in said
    assert "columns.json" in said


def test_the_database_of_the_master_secret_must_be_classified_where_none_is_listed(
    tmp_path: Path,
) -> None:
    changes = {"columns": written(tmp_path, {"databases": {}}), "databases": ABSENT}

    (said,) = faults(changes, tmp_path)

    assert "databases.orders: is missing" in said


@pytest.mark.parametrize(
    ("checks", "fault"),
    [
        (
            [{"name": "a"}],
            "checks[0]: has neither `path` nor `sql`: give",
        ),
        (
            [{**CHECK, "sql": "SELECT 1"}],
            "checks[0]: has both `path` and `sql`: give",
        ),
        ([{"sql": "SELECT 1"}], "checks[0].name: is missing: a query without a file needs a name"),
        ([CHECK, CHECK], f"checks[1].name: {CHECK['path']!r} is also that of checks[0]"),
        ([{"path": "none.sql"}], "checks[0].path: there is no file"),
        ([{"name": "a", "sql": "-- nothing"}], "checks[0].sql: has no statement"),
        (
            [{"name": "a", "sql": "SELECT 1;\nSELECT 2"}],
            "checks[0].sql: line 2: begins a second statement: a check is one query",
        ),
        (
            [{"name": "a", "sql": "DELETE FROM customers"}],
            "checks[0].sql: a check is a query, and begins with SELECT, WITH, VALUES or TABLE, "
            "not with DELETE",
        ),
    ],
)
def test_a_wrong_check_is_refused(checks: list[Document], fault: str) -> None:
    (said,) = faults({"checks": checks}, ENVIRONMENTS)

    assert said.startswith(f"{DATABASE}.{fault}")


def test_a_check_may_have_the_name_of_another_in_another_database() -> None:
    assert faults({"checks": [CHECK, {**CHECK, "database": "reports"}]}, ENVIRONMENTS) == []


def test_required_masking_needs_something_that_masks_or_proves_it() -> None:
    (said,) = faults({"masking": "required", "scripts": ABSENT}, ENVIRONMENTS)

    assert said.startswith(f"{DATABASE}.masking: is `required`, and there are neither")
    for field, value in {"checks": [CHECK], "columns": COLUMNS}.items():
        given = {"masking": "required", "scripts": ABSENT, field: value}
        assert faults(given, ENVIRONMENTS) == []


def test_masking_that_is_not_meant_contradicts_a_classification() -> None:
    (said,) = faults({"masking": "none", "columns": COLUMNS}, ENVIRONMENTS)

    assert said.startswith(f"{DATABASE}.masking: is `none`, and `columns` says what is masked")


@pytest.mark.parametrize(
    ("changes", "warned"),
    [
        ({}, False),
        ({"scripts": ABSENT}, True),
        ({"scripts": ABSENT, "masking": "none"}, False),
        ({"scripts": ABSENT, "checks": [CHECK]}, True),
    ],
    ids=str,
)
def test_a_restore_that_nobody_masks_is_warned_of_unless_that_is_meant(
    changes: Document, *, warned: bool
) -> None:
    document = example({f"{DATABASE}.{field}": value for field, value in changes.items()})

    found = [str(each) for each in warnings_of_environment(environment(document))]

    assert [each.startswith(f"{DATABASE}.scripts: no script masks the data") for each in found] == (
        [True] if warned else []
    )


def test_classification_and_checks_are_deployed_with_the_functions() -> None:
    inline = {"sql": "SELECT 1 WHERE false", "name": "nothing"}
    document = example({f"{DATABASE}.columns": COLUMNS, f"{DATABASE}.checks": [inline, CHECK]})

    contents = database_assets(environment(document))

    for resource, path in (
        (columns_resource("staging"), COLUMNS),
        (check_resource("staging", 1, CHECK["path"]), CHECK["path"]),
    ):
        assert contents[f"python/{ASSETS_PACKAGE}/{resource}"] == (ENVIRONMENTS / path).read_bytes()
    assert len([path for path in contents if "/checks/" in path]) == 1


CLASSIFICATION_SCHEMA = jsonschema.Draft202012Validator(json.loads(classification_schema_text()))


@pytest.mark.parametrize(
    ("columns", "right"),
    [
        ({"id": "safe", "email": "masked"}, True),
        ({"*": "safe"}, True),
        ({"*": "masked"}, False),
        ({"*": "safe", "id": "safe"}, False),
        ({"id": "unknown"}, False),
    ],
    ids=str,
)
def test_the_schema_for_editors_knows_what_the_app_refuses(
    columns: Document, *, right: bool
) -> None:
    document = {"databases": {"orders": {"public": {"customers": columns}}}}

    assert CLASSIFICATION_SCHEMA.is_valid(document) is right


def test_the_schema_of_classifications_is_current_and_the_shipped_example_satisfies_it() -> None:
    current = REPOSITORY / "config" / CLASSIFICATION_SCHEMA_FILE

    assert current.read_text() == classification_schema_text(), "run make docs"
    CLASSIFICATION_SCHEMA.validate(json.loads((REPOSITORY / "config" / COLUMNS).read_text()))
