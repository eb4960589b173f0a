"""What any step that logs in to the databases gets from the frame, shown on a second such step."""

from typing import Any

import pytest
from pg8000.exceptions import DatabaseError as PgDatabaseError

from aurora_restore.shared.database_step import MOST_CONNECTION_FAILURES
from aurora_restore.shared.errors import (
    ConfigurationError,
    DatabaseConnectionError,
    DatabaseError,
    ValidationError,
)
from tests.support.database_double import DatabasesDouble
from tests.support.warm_cache import WarmCacheHandler
from tests.unit.bench import Bench
from tests.unit.lambdas.midway import OPERATION, usable
from tests.unit.scene import TARGET, Scene

REFUSED = DatabaseConnectionError("'postgres' could not log in", sqlstate="28P01")


@pytest.fixture
def databases(bench: Bench) -> DatabasesDouble:
    """The double of the restored PostgreSQL."""
    made = DatabasesDouble(bench.rds.backend)
    bench.inject = made.injected
    return made


@pytest.fixture
def ready(scene: Scene, databases: DatabasesDouble) -> Scene:
    """The restored cluster lets the master user in, and has two databases."""
    scene.bench.configure({**scene.document, "database": {"databases": ["app", "reports"]}})
    usable(scene)
    return scene


def warm(scene: Scene) -> dict[str, Any]:
    scene.bench.advance(1)
    return scene.bench.step(WarmCacheHandler)


def statements(databases: DatabasesDouble) -> list[tuple[str, str]]:
    return [each for contents in databases.contents.values() for each in contents.statements]


def test_a_second_step_reaches_every_database(ready: Scene, databases: DatabasesDouble) -> None:
    answer = warm(ready)

    assert statements(databases) == [("app", "SELECT 1"), ("reports", "SELECT 1")]
    assert answer == {
        "statusCode": 200,
        "body": {
            "message": "The cache is warm",
            "operation_id": OPERATION,
            "target_cluster_id": TARGET,
            "cluster_endpoint": (ready.cluster() or {})["Endpoint"],
            "databases": ["app", "reports"],
        },
    }
    assert ready.bench.state("warm-cache")["status"] == "SUCCESS"
    assert ready.bench.audit_trail()[-1] == ("warm-cache", "SUCCESS")


def test_without_a_list_it_reaches_the_database_of_the_master_secret(
    scene: Scene, databases: DatabasesDouble
) -> None:
    usable(scene)

    warm(scene)

    assert statements(databases) == [("app", "SELECT 1")]


def test_a_second_step_tries_again_as_often_as_the_first(
    ready: Scene, databases: DatabasesDouble
) -> None:
    databases.refusals = [REFUSED] * MOST_CONNECTION_FAILURES
    answers = [warm(ready) for _ in range(MOST_CONNECTION_FAILURES - 1)]

    with pytest.raises(DatabaseConnectionError):
        warm(ready)

    assert [answer["statusCode"] for answer in answers] == [202] * len(answers)
    assert answers[0]["body"]["message"] == "'postgres' could not log in; it is tried again"
    assert answers[0]["body"]["target_cluster_id"] == TARGET
    assert ready.bench.state("warm-cache")["status"] == "FAILED"


def test_what_postgresql_refuses_says_which_step_failed_on_which_cluster(
    ready: Scene, databases: DatabasesDouble
) -> None:
    databases.refusals = [PgDatabaseError({"C": "42501", "M": "permission denied"})]

    with pytest.raises(DatabaseError) as caught:
        warm(ready)

    assert caught.value.message == (
        f"warm-cache could not finish its work in cluster {TARGET}: 42501: permission denied"
    )
    assert caught.value.details == {"sqlstate": "42501"}


def test_without_a_target_record_it_says_what_is_missing(scene: Scene) -> None:
    with pytest.raises(ValidationError, match=r"the target record .* is missing"):
        warm(scene)


def test_without_its_files_it_says_what_to_do(scene: Scene) -> None:
    usable(scene)

    with pytest.raises(ConfigurationError, match=r"ca-bundle\.pem .*deploy the stack again"):
        warm(scene)
