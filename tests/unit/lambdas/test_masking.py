"""What setup-db-users does about masking: in which order, and what it leaves in the state."""

import json
from typing import Any

import pytest

from aurora_restore.lambdas.setup_db_users import SetupDbUsersHandler
from aurora_restore.lambdas.snapshot_check import SnapshotCheckHandler
from aurora_restore.shared.errors import (
    CheckFailedError,
    ConfigurationError,
    OriginalDataLeftError,
    PreflightError,
)
from aurora_restore.shared.names import columns_resource
from aurora_restore.shared.postgres.masking.findings import Finding
from tests.support.database_double import DatabasesDouble
from tests.unit.bench import Bench
from tests.unit.lambdas.arrange import go
from tests.unit.lambdas.midway import OPERATION, usable
from tests.unit.scene import Scene

SCRIPT = {"path": "sql/mask.sql"}
CHECK = {"name": "no real address", "sql": "SELECT 1 WHERE false"}
COLUMNS = "config/columns/app.json"
CLASSIFIED = {"databases": {"app": {"public": {"customers": {"email": "masked"}}}}}
LEFT = (Finding("public.customers.email", "masked", 3),)
ROWS = (Finding("no real address", "rows", 2),)


@pytest.fixture
def databases(bench: Bench) -> DatabasesDouble:
    """The double of the restored PostgreSQL."""
    made = DatabasesDouble(bench.rds.backend)
    made.assets[columns_resource("staging")] = json.dumps(CLASSIFIED)
    bench.inject = made.injected
    return made


@pytest.fixture
def ready(scene: Scene, databases: DatabasesDouble) -> Scene:
    """The restored cluster lets the master user in, and its masking is configured."""
    usable(scene)
    configure(scene, columns=COLUMNS, scripts=[SCRIPT], checks=[CHECK], personal_data_check={})
    return scene


def configure(scene: Scene, **database: Any) -> None:
    document = {**scene.document, "database": {"databases": ["app"], **database}}
    scene.bench.configure(document)


def set_up(scene: Scene) -> dict[str, Any]:
    scene.bench.advance(1)
    answer: dict[str, Any] = scene.bench.step(SetupDbUsersHandler)
    return answer


def details(scene: Scene) -> dict[str, Any]:
    found: dict[str, Any] = scene.bench.state("setup-db-users")["details"]
    return found


def done(databases: DatabasesDouble) -> list[str]:
    """The tasks of the operation, in their order and without what distinguishes two of a kind."""
    (contents,) = databases.contents.values()
    return [name.partition(":")[0] for _, name in contents.done]


def test_originals_are_remembered_before_the_scripts_and_proofs_come_after_them(
    ready: Scene, databases: DatabasesDouble
) -> None:
    assert set_up(ready)["statusCode"] == 200

    assert done(databases) == [
        "originals-remembered",
        "sql/mask.sql",
        "views-refreshed",
        "tables-analyzed",
        "masking-proven",
        "personal-data-searched",
        "check",
    ]
    assert list(details(ready)["masking"]) == ["columns", "personal_data", "checks"]


@pytest.mark.parametrize("proof", ["masking-proven", "personal-data-searched", "check"])
def test_nobody_is_let_in_before_every_proof_is_made(
    ready: Scene, databases: DatabasesDouble, proof: str
) -> None:
    databases.seconds_of_kind[proof] = 10_000

    assert set_up(ready)["statusCode"] == 202

    (contents,) = databases.contents.values()
    assert contents.logins == {}


def test_nobody_is_let_in_where_something_was_found(
    ready: Scene, databases: DatabasesDouble
) -> None:
    databases.findings = {"columns": LEFT, "checks": ROWS}

    with pytest.raises(OriginalDataLeftError) as caught:
        set_up(ready)

    assert "public.customers.email is masked and holds 3 original values" in caught.value.message
    assert "check 'no real address' returns 2 rows in database 'app'" in caught.value.message
    (contents,) = databases.contents.values()
    assert contents.logins == {}
    assert not contents.originals_forgotten


def test_what_was_found_is_recorded_as_failed_until_it_is_proven(
    ready: Scene, databases: DatabasesDouble
) -> None:
    databases.findings = {"checks": ROWS}
    with pytest.raises(CheckFailedError):
        set_up(ready)
    failed = details(ready)

    databases.findings = {}
    set_up(ready)

    assert failed["masking_failed"]["checks"] == [
        {
            "database": "app",
            "outcome": "failed",
            "findings": [{"place": "no real address", "kind": "rows", "found": 2}],
        }
    ]
    assert failed["masking_failed"]["columns"] == [{"database": "app", "outcome": "passed"}]
    assert "masking" not in failed
    assert details(ready)["masking"]["checks"] == [{"database": "app", "outcome": "passed"}]
    assert "masking_failed" not in details(ready)
    tries = [
        event["details"]["message"]
        for event in ready.bench.store.audit_trail(OPERATION)
        if "masking" in event["details"]
    ]
    assert tries == ["The masking was not proven", "The masking was proven"]


def test_a_failed_check_alone_has_its_own_error(ready: Scene, databases: DatabasesDouble) -> None:
    databases.findings = {"checks": ROWS}

    with pytest.raises(CheckFailedError, match="returns 2 rows"):
        set_up(ready)


def test_what_was_remembered_and_its_key_are_forgotten_in_the_end(
    ready: Scene, databases: DatabasesDouble
) -> None:
    databases.findings = {"checks": ROWS}
    with pytest.raises(CheckFailedError):
        set_up(ready)
    key = details(ready)["evidence_key"]
    databases.findings = {}

    set_up(ready)

    assert len(key) == 64
    assert "evidence_key" not in details(ready)
    (contents,) = databases.contents.values()
    assert contents.originals_forgotten


def test_originals_that_a_snapshot_has_brought_are_forgotten_without_any_masking(
    ready: Scene, databases: DatabasesDouble
) -> None:
    configure(ready)

    set_up(ready)

    (contents,) = databases.contents.values()
    assert contents.originals_forgotten
    assert "masking" not in details(ready)


@pytest.mark.parametrize("text", ["{", json.dumps({"databases": {"other": {}}})], ids=str)
def test_a_classification_that_was_deployed_wrong_is_found_after_the_lock_out(
    ready: Scene, databases: DatabasesDouble, text: str
) -> None:
    databases.assets[columns_resource("staging")] = text

    with pytest.raises(ConfigurationError, match=COLUMNS):
        set_up(ready)

    (contents,) = databases.contents.values()
    assert contents.disabled_by == [OPERATION]


REQUIRED = "database.masking: is `required`, and there are neither `columns` nor"


def test_required_masking_without_anything_that_masks_is_refused_before_anything_changes(
    scene: Scene,
) -> None:
    configure(scene, masking="required")

    with pytest.raises(PreflightError, match=REQUIRED):
        go(scene, SnapshotCheckHandler)


def test_required_masking_without_anything_that_masks_is_refused_by_the_setup(
    ready: Scene,
) -> None:
    configure(ready, masking="required")

    with pytest.raises(ConfigurationError, match=REQUIRED):
        set_up(ready)


@pytest.mark.parametrize(
    ("database", "warnings"), [({}, 1), ({"masking": "none"}, 0), ({"scripts": [SCRIPT]}, 0)]
)
def test_a_dry_run_warns_of_data_that_nobody_masks(
    scene: Scene, database: dict[str, Any], warnings: int
) -> None:
    configure(scene, **database)

    body = go(scene, SnapshotCheckHandler, {"dry_run": True})["body"]

    assert len(body["warnings"]) == warnings
