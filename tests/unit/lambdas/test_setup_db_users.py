"""setup-db-users: what it decides; what its SQL does is tested against a real PostgreSQL."""

import json
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest
from pg8000.exceptions import DatabaseError as PgDatabaseError
from pg8000.exceptions import InterfaceError

from aurora_restore.lambdas.check_restore_status import CheckRestoreStatusHandler
from aurora_restore.lambdas.setup_db_users import SetupDbUsersHandler
from aurora_restore.shared.database_step import MOST_CONNECTION_FAILURES, RESERVE_SECONDS
from aurora_restore.shared.documents.restore import Neutralisation
from aurora_restore.shared.errors import (
    Action,
    ConfigurationError,
    DatabaseConnectionError,
    DatabaseError,
    InvalidPasswordError,
    NeutraliseError,
    PrivilegeCheckError,
    ScriptFailedError,
    SupersededError,
    TargetNotRecordedError,
    ValidationError,
)
from aurora_restore.shared.postgres.neutralise.wiring import Remnant, WiringKind
from aurora_restore.shared.target_record import TargetRecord, TargetRecordStore
from tests.support.database_double import Contents, DatabasesDouble
from tests.unit.bench import (
    ACCOUNT,
    APP_PASSWORD,
    MASTER_PASSWORD,
    READONLY_PASSWORD,
    REGION,
    Bench,
)
from tests.unit.lambdas.midway import OPERATION, until_done, usable
from tests.unit.scene import TARGET, Scene

MASK = "sql/mask.sql"
FIXTURES = "sql/fixtures.sql"
KEY = f"target#{ACCOUNT}/{REGION}/{TARGET}"
LET_IN = {"app_user": APP_PASSWORD, "readonly_user": READONLY_PASSWORD}
REFUSED = DatabaseConnectionError("'postgres' could not log in", sqlstate="28P01")


@pytest.fixture
def databases(bench: Bench) -> DatabasesDouble:
    """The double of the restored PostgreSQL."""
    made = DatabasesDouble(bench.rds.backend)
    bench.inject = made.injected
    return made


@pytest.fixture
def ready(scene: Scene, databases: DatabasesDouble) -> Scene:
    """The restored cluster lets the master user in."""
    usable(scene)
    return scene


def set_up(scene: Scene) -> dict[str, Any]:
    scene.bench.advance(1)
    answer: dict[str, Any] = scene.bench.step(SetupDbUsersHandler)
    return answer


def directly(scene: Scene, **event: Any) -> dict[str, Any]:
    scene.bench.advance(1)
    return scene.bench.call(SetupDbUsersHandler, {"operation_id": OPERATION, **event})


def inside(databases: DatabasesDouble) -> Contents:
    """What has been done in the one database that was reached."""
    if not databases.contents:
        return Contents()
    (found,) = databases.contents.values()
    return found


def details(scene: Scene) -> dict[str, Any]:
    found: dict[str, Any] = scene.bench.state("setup-db-users")["details"]
    return found


def configure(scene: Scene, **database: Any) -> None:
    scene.bench.configure({**scene.document, "database": database})


def scripts(*paths: str) -> list[dict[str, str]]:
    return [{"path": path} for path in paths]


def app_secret(scene: Scene) -> dict[str, Any]:
    """What the application's secret holds now."""
    found: dict[str, Any] = json.loads(
        scene.bench.clients.secrets_manager.get_secret_value(
            SecretId=scene.bench.environment.app_secret
        )["SecretString"]
    )
    return found


def records(scene: Scene) -> TargetRecordStore:
    return TargetRecordStore(scene.bench.store, ACCOUNT, REGION, TARGET)


def target_record(scene: Scene) -> TargetRecord | None:
    return records(scene).read()


def forget_record(scene: Scene) -> None:
    """Leave things as an earlier version of the pipeline did, which wrote no record."""
    scene.bench.clients.dynamodb.delete_item(
        TableName=scene.bench.environment.state_table,
        Key={"operation_id": {"S": KEY}, "step": {"S": "target"}},
    )


def put_secret(scene: Scene, name: str, value: Any) -> None:
    scene.bench.clients.secrets_manager.put_secret_value(
        SecretId=name, SecretString=json.dumps(value)
    )


def change_app_secret(scene: Scene, **changes: Any) -> None:
    """Change fields of the application's secret; None takes one out."""
    changed = {**app_secret(scene), **changes}
    kept = {name: value for name, value in changed.items() if value is not None}
    put_secret(scene, scene.bench.environment.app_secret, kept)


def time_left(scene: Scene, seconds: float) -> None:
    """How long each call of the function may run."""
    scene.bench.context.remaining_milliseconds = int(seconds * 1000)


# Done


def test_the_documented_answer_says_that_the_users_are_configured(ready: Scene) -> None:
    answer = set_up(ready)

    endpoint = (ready.cluster() or {})["Endpoint"]
    assert answer == {
        "statusCode": 200,
        "body": {
            "message": "Database users configured successfully",
            "operation_id": OPERATION,
            "target_cluster_id": TARGET,
            "cluster_endpoint": endpoint,
        },
    }
    assert ready.bench.state("setup-db-users")["status"] == "SUCCESS"
    assert details(ready)["users_configured"] is True
    assert ready.bench.audit_trail()[-1] == ("setup-db-users", "SUCCESS")


def test_both_roles_of_the_application_are_let_in_with_the_passwords_of_the_secret(
    ready: Scene, databases: DatabasesDouble
) -> None:
    set_up(ready)

    assert inside(databases).logins == LET_IN
    assert inside(databases).granted == {"app_user", "readonly_user"}


def test_the_logins_that_came_with_the_snapshot_are_disabled_and_named(
    ready: Scene, databases: DatabasesDouble
) -> None:
    set_up(ready)

    assert inside(databases).disabled_by == [OPERATION]
    assert details(ready)["disabled_logins"] == ["app_user", "etl"]


def test_a_login_that_is_configured_to_be_kept_is_not_disabled(ready: Scene) -> None:
    configure(ready, keep_logins=["etl"])

    set_up(ready)

    assert details(ready)["disabled_logins"] == ["app_user"]


def test_of_thousands_of_logins_the_state_holds_the_number_and_the_first_fifty(
    ready: Scene, databases: DatabasesDouble
) -> None:
    databases.inherited = tuple(f"user_{number:04}" for number in range(3000))

    set_up(ready)

    assert details(ready)["disabled_login_count"] == 3000
    assert details(ready)["disabled_logins"] == list(databases.inherited[:50])


def test_a_login_that_cannot_be_disabled_is_in_the_state_before_the_step_fails(
    ready: Scene, databases: DatabasesDouble
) -> None:
    databases.unalterable = {"stubborn"}

    with pytest.raises(DatabaseError, match="'stubborn' could not be kept from logging in"):
        set_up(ready)

    assert details(ready)["open_logins"] == ["stubborn"]
    assert details(ready)["disabled_logins"] == ["app_user", "etl"]
    assert inside(databases).logins == {}
    databases.unalterable = set()
    assert set_up(ready)["statusCode"] == 200
    assert not details(ready).get("open_logins")


def test_inherited_logins_stay_where_that_is_configured(
    ready: Scene, databases: DatabasesDouble
) -> None:
    configure(ready, disable_inherited_logins=False)

    set_up(ready)

    assert inside(databases).disabled_by == []
    assert "disabled_logins" not in details(ready)


def test_what_ties_the_copy_to_production_is_removed_and_named(
    ready: Scene, databases: DatabasesDouble
) -> None:
    set_up(ready)

    removed = {
        "subscriptions": {"count": 1, "names": ["follows in shop"]},
        "cron_jobs": {"count": 1, "names": ["1 nightly of etl in postgres"]},
    }
    reported = {"foreign_servers": {"count": 1, "names": ["erp (postgres_fdw) in shop"]}}
    assert inside(databases).neutralised_by == [OPERATION]
    assert details(ready)["wiring_removed"] == removed
    assert details(ready)["wiring_reported"] == reported
    assert "wiring_kept" not in details(ready)
    table = ready.bench.environment.audit_table
    audited = str(ready.bench.clients.dynamodb.scan(TableName=table)["Items"])
    for name in ("follows in shop", "erp (postgres_fdw) in shop"):
        assert name in audited


def test_a_kind_of_wiring_that_is_configured_to_stay_is_named_as_kept(ready: Scene) -> None:
    configure(ready, neutralise={"cron_jobs": False})

    set_up(ready)

    assert list(details(ready)["wiring_removed"]) == ["subscriptions"]
    assert list(details(ready)["wiring_kept"]) == ["cron_jobs"]


def test_every_kind_of_wiring_has_its_field_in_the_configuration() -> None:
    assert [kind.name for kind in fields(Neutralisation)] == list(WiringKind)


def test_what_cannot_be_removed_of_it_fails_the_step_before_any_script(
    ready: Scene, databases: DatabasesDouble
) -> None:
    configure(ready, scripts=scripts(MASK))
    databases.remaining = [Remnant(f"job {n} of etl in postgres", "42501: no") for n in range(60)]

    with pytest.raises(NeutraliseError, match=r"job 0 of etl .* \(42501: no\), .*and 10 more$"):
        set_up(ready)

    assert inside(databases).scripts == []
    assert list(details(ready)["wiring_removed"]) == ["subscriptions", "cron_jobs"]
    assert details(ready)["error"]["details"]["remaining"]["count"] == 60


def test_a_direct_call_with_the_documented_input_reaches_the_cluster_it_names(
    ready: Scene, databases: DatabasesDouble
) -> None:
    endpoint = (ready.cluster() or {})["Endpoint"]

    answer = ready.bench.call(
        SetupDbUsersHandler,
        {
            "operation_id": OPERATION,
            "target_cluster_id": TARGET,
            "cluster_endpoint": endpoint,
            "cluster_port": 5432,
        },
    )

    assert answer["statusCode"] == 200
    assert answer["body"]["cluster_endpoint"] == endpoint
    assert inside(databases).logins == LET_IN


def test_a_second_call_finds_everything_done(ready: Scene, databases: DatabasesDouble) -> None:
    configure(ready, scripts=scripts(MASK))
    first = set_up(ready)
    before = (dict(inside(databases).logins), list(inside(databases).scripts), app_secret(ready))

    second = set_up(ready)

    assert second == first
    after = (inside(databases).logins, inside(databases).scripts, app_secret(ready))
    assert after == before


# What is missing


def test_an_operation_that_has_restored_nothing_is_refused_and_the_missing_record_named(
    scene: Scene,
) -> None:
    answer = directly(scene, cluster_endpoint="db.example", cluster_port=5432)

    assert answer["statusCode"] == 400
    assert answer["body"]["error_type"] == "ValidationError"
    assert answer["body"]["faults"] == ["operation_id"]
    assert f"the target record {KEY} is missing" in answer["body"]["error"]


def test_the_state_machine_learns_that_there_is_no_record(scene: Scene) -> None:
    with pytest.raises(ValidationError, match="has not restored cluster my-cluster"):
        set_up(scene)

    assert scene.bench.state("setup-db-users")["status"] == "FAILED"


def test_a_function_that_was_deployed_without_its_files_says_what_to_do(scene: Scene) -> None:
    usable(scene)

    answer = directly(scene)

    assert answer["statusCode"] == 400
    assert answer["body"]["error_type"] == "ConfigurationError"
    assert "deploy the stack again" in answer["body"]["error"]


# Whose cluster it is


def by_a_newer_operation(scene: Scene) -> None:
    """Nine days later, a newer operation has restored the target."""
    record = target_record(scene)
    assert record is not None
    newer = replace(record, restored_by="op-2", resource_id="cluster-NEWER")
    records(scene).write(newer, record)


def test_an_old_operation_never_works_on_the_cluster_of_a_newer_one(
    ready: Scene, databases: DatabasesDouble
) -> None:
    by_a_newer_operation(ready)

    with pytest.raises(SupersededError, match="operation op-2 has replaced it since") as caught:
        set_up(ready)

    assert caught.value.remedy.action is Action.NOTHING
    assert caught.value.details["restored_by"] == "op-2"
    assert databases.contents == {}


def test_an_operation_without_a_cluster_of_its_own_gets_none_by_naming_it(
    ready: Scene, databases: DatabasesDouble
) -> None:
    endpoint = (ready.cluster() or {})["Endpoint"]

    answer = ready.bench.call(
        SetupDbUsersHandler,
        {"operation_id": "op-9", "cluster_endpoint": endpoint, "cluster_port": 5432},
    )

    assert answer["statusCode"] == 400
    assert f"the target record {KEY} names 'op-1'" in answer["body"]["error"]
    assert databases.contents == {}


@pytest.mark.parametrize(
    "given", [{"cluster_endpoint": "attacker.example"}, {"cluster_port": 6432}], ids=str
)
@pytest.mark.parametrize("directly_called", [True, False])
def test_an_input_leads_to_no_other_host(
    ready: Scene, databases: DatabasesDouble, given: dict[str, Any], directly_called: bool
) -> None:
    if directly_called:
        answer = directly(ready, **given)
        assert answer["statusCode"] == 400
        assert answer["body"]["faults"] == list(given)
    else:
        with pytest.raises(ValidationError, match="is not where cluster my-cluster is reached"):
            ready.bench.step(SetupDbUsersHandler, given)

    assert databases.contents == {}


@pytest.mark.parametrize(
    "change",
    [
        {"resource_id": "cluster-ANOTHER"},
        {"resource_id": None},
        {"writer_endpoint": None},
        {"port": None},
    ],
    ids=str,
)
def test_a_record_that_does_not_show_the_operations_own_cluster_sends_back(
    ready: Scene, databases: DatabasesDouble, change: dict[str, Any]
) -> None:
    record = target_record(ready)
    assert record is not None
    records(ready).write(replace(record, **change), record)

    with pytest.raises(TargetNotRecordedError, match=KEY) as caught:
        set_up(ready)

    assert caught.value.remedy.step == "check-restore-status"
    assert databases.contents == {}


def test_an_operation_that_an_earlier_version_began_gets_its_record_from_the_check(
    ready: Scene,
) -> None:
    forget_record(ready)
    with pytest.raises(TargetNotRecordedError):
        set_up(ready)

    until_done(ready, CheckRestoreStatusHandler)

    assert set_up(ready)["statusCode"] == 200


def test_it_reaches_neither_rds_nor_anything_else_beyond_its_three_services(
    ready: Scene, databases: DatabasesDouble
) -> None:
    called: set[str] = set()

    def note(model: Any, **_: Any) -> None:
        called.add(model.service_model.service_name)

    for service in ("dynamodb", "rds", "secretsmanager", "ssm", "stepfunctions"):
        client = ready.bench.clients._client(service, REGION if service == "rds" else None)
        client.meta.events.register("before-call", note, unique_id=service)
    try:
        answer = set_up(ready)
    finally:
        for service in ("dynamodb", "rds", "secretsmanager", "ssm", "stepfunctions"):
            client = ready.bench.clients._client(service, REGION if service == "rds" else None)
            client.meta.events.unregister("before-call", note, unique_id=service)

    assert answer["statusCode"] == 200
    assert called == {"dynamodb", "secretsmanager", "ssm"}


# The master password


def rotate(scene: Scene) -> None:
    """Give the master secret another password."""
    value = {"username": "postgres", "password": "rotated-77", "database": "app"}
    put_secret(scene, scene.bench.environment.master_secret, value)


def change_in_the_cluster(scene: Scene) -> None:
    """Give the master user another password, as a person may in the console."""
    scene.client("rds").modify_db_cluster(
        DBClusterIdentifier=TARGET, MasterUserPassword="set-by-hand", ApplyImmediately=True
    )
    scene.bench.advance(3600)
    scene.bench.rds.backend.scheduler.run_due()


CHANGES = pytest.mark.parametrize("change", [rotate, change_in_the_cluster])


@CHANGES
def test_a_master_password_that_was_changed_leads_back_to_where_it_is_set(
    ready: Scene, databases: DatabasesDouble, change: Callable[[Scene], None]
) -> None:
    change(ready)

    answer = set_up(ready)

    assert answer["statusCode"] == 202
    assert answer["body"]["restart_from"] == "check-restore-status"
    assert "retry_after" not in answer["body"]
    assert databases.contents == {}
    until_done(ready, CheckRestoreStatusHandler)
    assert set_up(ready)["statusCode"] == 200


def test_a_master_secret_that_is_rotated_during_the_setup_leads_back_to_where_it_is_set(
    ready: Scene, databases: DatabasesDouble
) -> None:
    configure(ready, scripts=scripts(MASK))
    databases.meanwhile = {MASK: lambda: rotate(ready)}

    answer = set_up(ready)

    assert answer["body"]["restart_from"] == "check-restore-status"
    until_done(ready, CheckRestoreStatusHandler)
    assert set_up(ready)["statusCode"] == 200
    record = target_record(ready)
    secret = ready.bench.clients.secrets_manager.get_secret_value(
        SecretId=ready.bench.environment.master_secret
    )
    assert record is not None
    assert record.master_secret_version == secret["VersionId"]


def test_the_version_that_was_set_is_recorded(ready: Scene) -> None:
    before = target_record(ready)
    rotate(ready)
    set_up(ready)
    until_done(ready, CheckRestoreStatusHandler)

    after = target_record(ready)

    assert before is not None
    assert after is not None
    assert after.master_secret_version != before.master_secret_version
    assert replace(after, master_secret_version=before.master_secret_version) == before


def test_it_leads_back_only_as_often_as_configured_and_a_redrive_may_again(
    ready: Scene, databases: DatabasesDouble
) -> None:
    change_in_the_cluster(ready)
    set_up(ready)
    until_done(ready, CheckRestoreStatusHandler)
    change_in_the_cluster(ready)

    with pytest.raises(InvalidPasswordError) as caught:
        set_up(ready)

    assert caught.value.remedy.step == "check-restore-status"
    ready.bench.redrive_count = 1
    assert set_up(ready)["body"]["restart_from"] == "check-restore-status"


@CHANGES
def test_a_direct_call_says_where_the_password_is_set_again(
    ready: Scene, change: Callable[[Scene], None]
) -> None:
    change(ready)

    answer = directly(ready)

    assert answer["statusCode"] == 500
    assert answer["body"]["error_type"] == "InvalidPasswordError"
    assert answer["body"]["resume_at"] == "check-restore-status"
    assert "restart_from" not in answer["body"]


def test_a_password_of_the_application_that_is_refused_does_not_lead_back(
    ready: Scene, databases: DatabasesDouble
) -> None:
    databases.refusals = [
        InvalidPasswordError("'app_user' could not log in", sqlstate="28P01", user="app_user")
    ]

    answer = set_up(ready)

    assert answer["statusCode"] == 202
    assert "restart_from" not in answer["body"]


# The secrets


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"username": "postgres", "database": "app"},
        {"username": "postgres", "password": "sh0rt", "database": "app"},
        {"username": "postgres", "password": 'quot"ed-77', "database": "app"},
        ["canary-in-a-list"],
    ],
)
def test_a_master_secret_that_is_wrong_is_named_and_not_shown(
    ready: Scene, databases: DatabasesDouble, value: Any
) -> None:
    name = ready.bench.environment.master_secret
    put_secret(ready, name, value)

    with pytest.raises(ConfigurationError, match=f"secret {name}") as caught:
        set_up(ready)

    written = json.dumps([caught.value.message, details(ready)["error"]])
    assert not any(secret in written for secret in ("sh0rt", "quot", "canary"))
    assert databases.contents == {}


def test_a_secret_that_is_not_there_is_a_fault_of_the_configuration(ready: Scene) -> None:
    name = ready.bench.environment.app_secret
    ready.bench.clients.secrets_manager.delete_secret(
        SecretId=name, ForceDeleteWithoutRecovery=True
    )

    answer = directly(ready)

    assert answer["statusCode"] == 400
    assert f"secret {name}: it does not exist" in answer["body"]["error"]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"app_username": None}, "app_username: is missing"),
        ({"readonly_username": None}, "readonly_username: is missing"),
        ({"readonly_username": "app_user"}, "must differ"),
        ({"app_password": "short"}, "app_password"),
    ],
)
def test_an_application_secret_that_is_wrong_lets_nobody_in(
    ready: Scene, databases: DatabasesDouble, changes: dict[str, Any], problem: str
) -> None:
    change_app_secret(ready, **changes)

    with pytest.raises(ConfigurationError, match=problem) as caught:
        set_up(ready)

    assert "short" not in caught.value.message
    assert inside(databases).logins == {}


@pytest.mark.parametrize(
    "missing", [("app_password",), ("readonly_password",), ("app_password", "readonly_password")]
)
def test_a_password_that_the_secret_lacks_is_generated_and_stored_there(
    ready: Scene, databases: DatabasesDouble, missing: tuple[str, ...]
) -> None:
    change_app_secret(ready, note="not the pipeline's", **dict.fromkeys(missing))
    given = app_secret(ready)

    set_up(ready)

    stored = app_secret(ready)
    assert {name: stored[name] for name in given} == given
    assert all(len(stored[name]) == 32 for name in missing)
    assert inside(databases).logins == {
        "app_user": stored["app_password"],
        "readonly_user": stored["readonly_password"],
    }


def test_a_password_that_was_stored_before_the_call_died_is_the_one_that_is_used(
    ready: Scene, databases: DatabasesDouble
) -> None:
    change_app_secret(ready, app_password=None, readonly_password=None)
    databases.forgetful = True
    with pytest.raises(PrivilegeCheckError):
        set_up(ready)
    stored = app_secret(ready)
    databases.forgetful = False

    set_up(ready)

    assert app_secret(ready) == stored
    assert inside(databases).logins["app_user"] == stored["app_password"]


def test_no_password_appears_in_answers_state_audit_or_logs(
    ready: Scene, databases: DatabasesDouble, capsys: pytest.CaptureFixture[str]
) -> None:
    change_app_secret(ready, readonly_password=None)
    databases.refusals = [REFUSED]

    answers = [set_up(ready), set_up(ready)]

    dynamodb = ready.bench.clients.dynamodb
    tables = (ready.bench.environment.state_table, ready.bench.environment.audit_table)
    written = str([answers, *(dynamodb.scan(TableName=table)["Items"] for table in tables)])
    written += capsys.readouterr().out
    generated = app_secret(ready)["readonly_password"]
    assert not any(secret in written for secret in (MASTER_PASSWORD, APP_PASSWORD, generated))


# Readiness


def test_a_cluster_that_does_not_let_the_master_in_yet_is_tried_again(
    ready: Scene, databases: DatabasesDouble
) -> None:
    databases.refusals = [REFUSED]

    first = set_up(ready)
    second = set_up(ready)

    assert first["statusCode"] == 202
    assert first["body"]["message"] == "'postgres' could not log in; it is tried again"
    assert 3 <= first["body"]["retry_after"] <= 60
    assert second["statusCode"] == 200


@pytest.mark.parametrize(
    "lost", [OSError("connection reset by peer"), InterfaceError("network error")]
)
def test_a_connection_that_is_lost_half_way_is_tried_again(
    ready: Scene, databases: DatabasesDouble, lost: Exception
) -> None:
    configure(ready, scripts=scripts(MASK))
    databases.refusals = [lost]

    answer = set_up(ready)

    assert answer["statusCode"] == 202
    assert "the connection was lost" in answer["body"]["message"]
    assert until_done(ready, SetupDbUsersHandler)["statusCode"] == 200


def refused(scene: Scene, databases: DatabasesDouble) -> list[dict[str, Any]]:
    """The answers of the step while the cluster refuses everybody, until it is no longer tried."""
    databases.refusals = [REFUSED] * MOST_CONNECTION_FAILURES
    return [set_up(scene) for _ in range(MOST_CONNECTION_FAILURES)]


def test_a_cluster_that_keeps_refusing_is_looked_at_again(
    ready: Scene, databases: DatabasesDouble
) -> None:
    answers = refused(ready, databases)

    assert [answer["statusCode"] for answer in answers] == [202] * MOST_CONNECTION_FAILURES
    assert answers[-1]["body"]["restart_from"] == "check-restore-status"
    until_done(ready, CheckRestoreStatusHandler)
    assert set_up(ready)["statusCode"] == 200


def test_a_cluster_that_is_deleted_while_it_is_set_up_is_restored_again(
    ready: Scene, databases: DatabasesDouble
) -> None:
    ready.bench.rds.admin.set_timings(delete_cluster=0, delete_instance=0)
    rds, cluster = ready.client("rds"), ready.cluster()
    assert cluster is not None
    for member in cluster["DBClusterMembers"]:
        rds.delete_db_instance(DBInstanceIdentifier=member["DBInstanceIdentifier"])
    rds.delete_db_cluster(DBClusterIdentifier=TARGET, SkipFinalSnapshot=True)
    refused(ready, databases)

    answer = ready.bench.step(CheckRestoreStatusHandler)

    assert answer["body"]["restart_from"] == "delete-rds"


def test_a_cluster_that_keeps_refusing_fails_the_step_in_the_end(
    ready: Scene, databases: DatabasesDouble
) -> None:
    refused(ready, databases)
    until_done(ready, CheckRestoreStatusHandler)

    with pytest.raises(DatabaseConnectionError):
        refused(ready, databases)

    assert ready.bench.state("setup-db-users")["status"] == "FAILED"


def test_a_redrive_tries_as_often_again(ready: Scene, databases: DatabasesDouble) -> None:
    refused(ready, databases)
    until_done(ready, CheckRestoreStatusHandler)
    with pytest.raises(DatabaseConnectionError):
        refused(ready, databases)
    ready.bench.redrive_count = 1

    answers = refused(ready, databases)

    assert answers[-1]["body"]["restart_from"] == "check-restore-status"
    until_done(ready, CheckRestoreStatusHandler)
    assert set_up(ready)["statusCode"] == 200


def test_refusals_are_counted_only_in_a_row(ready: Scene, databases: DatabasesDouble) -> None:
    configure(ready, scripts=scripts(MASK))
    databases.seconds = {MASK: 20}
    time_left(ready, RESERVE_SECONDS + 10)
    few = [REFUSED] * (MOST_CONNECTION_FAILURES - 1)
    databases.refusals = list(few)
    for _ in few:
        set_up(ready)
    running = set_up(ready)
    databases.refusals = list(few)

    statuses = [set_up(ready)["statusCode"] for _ in few]

    assert running["body"]["script"] == MASK
    assert statuses == [202] * len(few)


def test_a_direct_call_fails_with_the_first_refusal(
    ready: Scene, databases: DatabasesDouble
) -> None:
    databases.refusals = [REFUSED]

    answer = directly(ready)

    assert answer["statusCode"] == 500
    assert answer["body"]["error_type"] == "DatabaseConnectionError"
    assert answer["body"]["sqlstate"] == "28P01"


def test_a_statement_that_postgresql_refuses_fails_the_step_without_another_try(
    ready: Scene, databases: DatabasesDouble
) -> None:
    report = {"C": "42501", "M": "permission denied", "D": "Key (email)=(a@real.example)"}
    databases.refusals = [PgDatabaseError(report)]

    with pytest.raises(DatabaseError, match="in cluster my-cluster: 42501: permission denied") as e:
        set_up(ready)

    assert "real.example" not in e.value.message
    assert details(ready)["error"]["details"] == {"sqlstate": "42501"}


# The scripts


def test_scripts_run_in_their_order_and_once(ready: Scene, databases: DatabasesDouble) -> None:
    configure(ready, scripts=scripts(MASK, FIXTURES))

    set_up(ready)
    set_up(ready)

    assert inside(databases).scripts == [(OPERATION, MASK), (OPERATION, FIXTURES)]


@pytest.mark.parametrize(("seconds", "status"), [(15, 200), (16, 202)])
def test_a_script_may_take_the_time_of_the_call_but_for_a_reserve(
    ready: Scene, databases: DatabasesDouble, seconds: float, status: int
) -> None:
    configure(ready, scripts=scripts(MASK))
    databases.seconds = {MASK: seconds}
    time_left(ready, RESERVE_SECONDS + 15)

    answer = set_up(ready)

    assert answer["statusCode"] == status


def test_a_script_that_takes_longer_is_waited_for_and_nobody_let_in_meanwhile(
    ready: Scene, databases: DatabasesDouble
) -> None:
    configure(ready, scripts=scripts(MASK, FIXTURES))
    databases.seconds = {MASK: 20}
    time_left(ready, RESERVE_SECONDS + 15)

    answer = set_up(ready)

    assert answer["statusCode"] == 202
    assert answer["body"]["message"] == f"Script {MASK} is still running"
    assert answer["body"]["script"] == MASK
    assert 3 <= answer["body"]["retry_after"] < 20
    assert ready.bench.state("setup-db-users")["status"] == "IN_PROGRESS"
    assert (inside(databases).scripts, inside(databases).logins) == ([], {})


def test_a_script_that_waits_for_a_lock_says_so_in_the_answer(
    ready: Scene, databases: DatabasesDouble
) -> None:
    configure(ready, scripts=scripts(MASK))
    databases.seconds = {MASK: 20}
    databases.obstacle = "it waits for public.customers, which role 'etl' (process 7) holds"
    time_left(ready, RESERVE_SECONDS + 15)

    answer = set_up(ready)

    assert answer["body"]["message"] == f"Script {MASK} is still running; {databases.obstacle}"


def test_what_each_script_did_is_in_the_state(ready: Scene, databases: DatabasesDouble) -> None:
    tables = [{"schema": "public", "name": f"table_{n:03}", "updated": 1} for n in range(60)]
    databases.record = {"sha256": "0" * 64, "seconds": 1.5, "tables": tables, "triggers": ["a"]}
    configure(ready, scripts=[{"path": MASK, "database": "reports"}])

    set_up(ready)

    assert details(ready)["scripts"] == [
        {
            **databases.record,
            "path": MASK,
            "database": "reports",
            "tables": tables[:50],
            "tables_not_shown": 10,
        }
    ]


def test_after_the_scripts_every_database_is_cleaned_of_what_they_left(
    ready: Scene, databases: DatabasesDouble
) -> None:
    configure(
        ready,
        scripts=[{"path": MASK, "database": "reports"}],
        databases=["shop", "app"],
        rewrite_tables=True,
    )

    set_up(ready)

    kinds = [entry.partition(":")[0] for _, entry in inside(databases).done[1:]]
    assert kinds == [
        *["tables-rewritten"] * 3,
        *["views-refreshed"] * 3,
        *["tables-analyzed"] * 3,
    ]


def test_without_scripts_there_is_nothing_to_clean(
    ready: Scene, databases: DatabasesDouble
) -> None:
    set_up(ready)

    assert inside(databases).done == []


def test_once_the_long_script_is_through_the_rest_follows(
    ready: Scene, databases: DatabasesDouble
) -> None:
    configure(ready, scripts=scripts(MASK, FIXTURES))
    databases.seconds = {MASK: 40, FIXTURES: 20}
    time_left(ready, RESERVE_SECONDS + 15)

    answer = until_done(ready, SetupDbUsersHandler)

    assert answer["statusCode"] == 200
    assert inside(databases).scripts == [(OPERATION, MASK), (OPERATION, FIXTURES)]
    assert inside(databases).logins == LET_IN


def test_a_script_that_fails_lets_nobody_in_and_says_whose_login_is_gone(
    ready: Scene, databases: DatabasesDouble
) -> None:
    configure(ready, scripts=scripts(MASK, FIXTURES))
    databases.failing = {MASK}

    with pytest.raises(ScriptFailedError):
        set_up(ready)

    assert ready.bench.state("setup-db-users")["status"] == "FAILED"
    assert details(ready)["disabled_logins"] == ["app_user", "etl"]
    assert "users_configured" not in details(ready)
    assert (inside(databases).scripts, inside(databases).logins) == ([], {})


def audited(scene: Scene, message: str) -> list[dict[str, Any]]:
    return [
        event["details"]
        for event in scene.bench.store.audit_trail(OPERATION)
        if event["details"].get("message") == message
    ]


def test_a_script_that_has_run_is_recorded_whatever_fails_after_it(
    ready: Scene, databases: DatabasesDouble
) -> None:
    configure(ready, scripts=scripts(MASK, FIXTURES))
    databases.record = {"sha256": "0" * 64, "seconds": 1.5}
    databases.failing = {FIXTURES}

    with pytest.raises(ScriptFailedError):
        set_up(ready)

    ran = {**databases.record, "path": MASK, "database": "app"}
    assert details(ready)["scripts"] == [ran]
    assert [each["script"] for each in audited(ready, "A script has run")] == [ran]


def test_a_script_is_audited_once_however_often_the_step_is_called(
    ready: Scene, databases: DatabasesDouble
) -> None:
    configure(ready, scripts=scripts(MASK, FIXTURES))
    databases.seconds = {MASK: 40, FIXTURES: 20}
    time_left(ready, RESERVE_SECONDS + 15)

    until_done(ready, SetupDbUsersHandler)

    assert [each["path"] for each in details(ready)["scripts"]] == [MASK, FIXTURES]
    assert len(audited(ready, "A script has run")) == 2


def test_after_the_script_was_fixed_a_redrive_goes_on_behind_what_is_done(
    ready: Scene, databases: DatabasesDouble
) -> None:
    configure(ready, scripts=scripts(MASK, FIXTURES))
    databases.failing = {FIXTURES}
    with pytest.raises(ScriptFailedError):
        set_up(ready)
    databases.failing = set()
    ready.bench.redrive_count = 1

    answer = set_up(ready)

    assert answer["statusCode"] == 200
    assert inside(databases).scripts == [(OPERATION, MASK), (OPERATION, FIXTURES)]


def test_what_a_role_can_do_is_proved_before_the_step_is_done(
    ready: Scene, databases: DatabasesDouble
) -> None:
    databases.forgetful = True

    with pytest.raises(PrivilegeCheckError):
        set_up(ready)

    assert "users_configured" not in details(ready)
