"""verify-switch logs in under the target's name, and compares what answers with what was proven."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from aurora_restore.lambdas.verify_switch import VerifySwitchHandler, describe_certificate
from aurora_restore.shared.database_step import MOST_CONNECTION_FAILURES
from aurora_restore.shared.errors import (
    DatabaseConnectionError,
    PrivilegeCheckError,
    SupersededError,
    SwitchedLoginError,
    SwitchInProgressError,
    TargetNotRecordedError,
    WrongClusterError,
)
from aurora_restore.shared.job import INNER_WAIT_SECONDS
from aurora_restore.shared.postgres.certified import CertifiedServer
from aurora_restore.shared.postgres.connection import DatabaseServer
from aurora_restore.shared.recorded_cluster import PlannedSwitch
from aurora_restore.shared.target_record import TargetRecordStore
from tests.support.database_double import Contents, DatabasesDouble
from tests.unit.bench import ACCOUNT, APP_PASSWORD, REGION, Bench
from tests.unit.lambdas.switched import (
    OPERATION,
    RETIRED,
    beside_handed_over,
    record,
    resource_id,
    switch,
)
from tests.unit.scene import TARGET, Scene

UNREACHABLE = DatabaseConnectionError("nothing answers")
READONLY_PASSWORD = "canary-readonly-88bb"
BACK = "op-back"
QUICKLY = 3
"""How long a rename takes, in seconds: every second of it is a look."""


@pytest.fixture
def databases(bench: Bench) -> DatabasesDouble:
    """The double of what is inside the clusters."""
    made = DatabasesDouble(bench.rds.backend)
    bench.inject = made.injected
    return made


@pytest.fixture
def switched(scene: Scene, databases: DatabasesDouble) -> Scene:
    """A cluster that the operation has set up has the target's name; clients are on the old one."""
    scene.make_target()
    return switch_over(scene, databases)


def switch_over(scene: Scene, databases: DatabasesDouble, **configured: Any) -> Scene:
    backend = scene.bench.rds.backend
    backend.timings = replace(backend.timings, rename_cluster=QUICKLY)
    old = resource_id(scene, TARGET)
    beside_handed_over(scene, **configured)
    complete_secret(scene)
    if old is not None:
        databases.of(old).sessions = ["orders", "reports"]
    switch(scene)
    set_up(serving(scene, databases))
    return scene


def complete_secret(scene: Scene) -> None:
    """Store the password that setup-db-users generates."""
    scene.bench.clients.secrets_manager.put_secret_value(
        SecretId=scene.bench.environment.app_secret,
        SecretString=json.dumps({**secret(scene), "readonly_password": READONLY_PASSWORD}),
    )


def secret(scene: Scene) -> dict[str, Any]:
    """What the application's secret holds."""
    value = scene.bench.clients.secrets_manager.get_secret_value(
        SecretId=scene.bench.environment.app_secret
    )
    stored: dict[str, Any] = json.loads(value["SecretString"])
    return stored


def set_up(contents: Contents, operation_id: str = OPERATION) -> None:
    """Leave what setup-db-users leaves in a cluster."""
    contents.set_up_by.add(operation_id)
    contents.logins = {"app_user": APP_PASSWORD, "readonly_user": READONLY_PASSWORD}


def serving(scene: Scene, databases: DatabasesDouble) -> Contents:
    found = resource_id(scene, TARGET)
    assert found is not None
    return databases.of(found)


def verify(scene: Scene, *, operation_id: str = OPERATION, event: Any = None) -> dict[str, Any]:
    scene.bench.advance(1)
    return scene.bench.step(VerifySwitchHandler, event, operation_id=operation_id)


def facts(scene: Scene, operation_id: str = OPERATION) -> Mapping[str, Any]:
    details: Mapping[str, Any] = scene.bench.state("verify-switch", operation_id)["details"]
    return details


def facts_of_switch(scene: Scene) -> Mapping[str, Any]:
    details: Mapping[str, Any] = scene.bench.state("switch-cluster")["details"]
    return details


def test_the_cluster_that_serves_is_verified_and_recorded(switched: Scene) -> None:
    answer = verify(switched)

    assert answer["statusCode"] == 200
    live = record(switched).live
    assert live is not None
    assert live.verified_at == answer["body"]["verified_at"] == facts(switched)["verified_at"]
    assert answer["body"]["cluster_endpoint"] == (switched.cluster() or {})["Endpoint"]


def test_the_certificate_of_before_is_no_failure_and_the_answer_says_what_to_do(
    switched: Scene,
) -> None:
    body = verify(switched)["body"]

    assert body["certificate_matches"] is False
    assert "sslmode=verify-full" in body["certificate"]
    assert "Stop the cluster and start it again" in body["certificate"]
    assert facts(switched)["certificate"] == body["certificate"]


def test_the_sessions_on_the_old_cluster_are_ended_and_counted(
    switched: Scene, databases: DatabasesDouble
) -> None:
    retired = record(switched).retired
    assert retired is not None
    data_plane: Any = switched.bench.rds.backend.data_plane
    current = switched.bench.clients.secrets_manager.get_secret_value(
        SecretId=switched.bench.environment.master_secret
    )
    data_plane.passwords[retired.cluster.resource_id] = {
        "postgres": json.loads(current["SecretString"])["password"]
    }

    body = verify(switched)["body"]

    assert body["retired_sessions_ended"] == 2
    assert body["retired_sessions_left"] == []
    assert databases.of(retired.cluster.resource_id).sessions == []


def test_where_the_old_clusters_password_is_not_known_the_answer_says_so(
    switched: Scene, databases: DatabasesDouble
) -> None:
    body = verify(switched)["body"]

    assert body["retired_sessions_ended"] == 0
    (left,) = body["retired_sessions_left"]
    assert left.startswith(f"{TARGET}-1.")
    assert left.endswith("the master user could not log in")


def test_a_stopped_cluster_has_no_sessions_and_nobody_tries_to_log_in(
    scene: Scene, databases: DatabasesDouble
) -> None:
    scene.make_target()
    switch_over(scene, databases, stop_old=True)

    body = verify(scene)["body"]

    assert body["retired_sessions_left"] == [f"{RETIRED}: it is stopped, which has ended them"]


def test_where_there_was_no_cluster_there_is_nothing_to_end(
    scene: Scene, databases: DatabasesDouble
) -> None:
    switch_over(scene, databases)

    body = verify(scene)["body"]

    assert body["retired_sessions_ended"] is None
    assert body["retired_sessions_left"] == []


def test_the_applications_secret_says_where_the_target_is_reached(switched: Scene) -> None:
    before = secret(switched)
    assert "host" not in before

    verify(switched)

    cluster = switched.cluster() or {}
    assert secret(switched) == {
        **before,
        "engine": "postgres",
        "host": cluster["Endpoint"],
        "reader_host": cluster["ReaderEndpoint"],
        "port": cluster["Port"],
        "username": "app_user",
        "password": APP_PASSWORD,
    }
    assert record(switched).app_secret_host == cluster["Endpoint"]
    assert "says where the cluster is reached" in facts(switched)["app_secret_endpoint"]


def test_how_long_nobody_was_let_in_is_measured_with_its_granularity(
    switched: Scene, databases: DatabasesDouble, capsys: pytest.CaptureFixture[str]
) -> None:
    started = facts_of_switch(switched)["switch_started_at"]
    databases.refusals = [UNREACHABLE] * 3
    # The first of them is of the old cluster, whose sessions are to be ended.
    body = verify(switched)["body"]

    assert body["verified_at"] is not None
    seconds = body["unanswered_seconds"]
    assert seconds >= body["interruption_seconds"]
    assert seconds > body["unanswered_granularity_seconds"] == 1.0
    assert started < facts(switched)["unanswered_at"] < body["verified_at"]
    assert '"Unanswered"' in capsys.readouterr().out


def test_the_first_answer_may_be_as_old_as_the_last_look_that_did_not_show_it(
    switched: Scene,
) -> None:
    body = verify(switched)["body"]

    assert "unanswered_at" not in facts(switched)
    assert body["unanswered_granularity_seconds"] >= 1.0
    assert body["unanswered_seconds"] >= body["unanswered_granularity_seconds"]


def test_a_call_waits_a_little_for_an_answer_and_then_gives_the_machine_the_turn(
    switched: Scene, databases: DatabasesDouble
) -> None:
    databases.refusals = [UNREACHABLE] * 1000
    began = switched.bench.clock()

    answer = verify(switched)

    assert answer["statusCode"] == 202
    waited = (switched.bench.clock() - began).total_seconds()
    assert INNER_WAIT_SECONDS <= waited <= INNER_WAIT_SECONDS + 2
    databases.refusals = []
    assert verify(switched)["statusCode"] == 200
    assert "connection_failures" not in facts(switched)


def test_a_target_that_lets_nobody_in_fails_the_run_in_the_end(
    switched: Scene, databases: DatabasesDouble
) -> None:
    databases.refusals = [UNREACHABLE] * 1000
    for _ in range(MOST_CONNECTION_FAILURES - 1):
        assert verify(switched)["statusCode"] == 202

    with pytest.raises(DatabaseConnectionError, match="nothing answers"):
        verify(switched)
    live = record(switched).live
    assert live is not None
    assert live.verified_at is None


def test_another_cluster_under_the_name_fails_the_run_and_keeps_its_sessions(
    switched: Scene, databases: DatabasesDouble
) -> None:
    serving(switched, databases).set_up_by.clear()
    serving(switched, databases).sessions = ["orders"]
    for _ in range(MOST_CONNECTION_FAILURES - 1):
        verify(switched)

    with pytest.raises(WrongClusterError):
        verify(switched)
    assert serving(switched, databases).sessions == ["orders"]
    assert "host" not in secret(switched)


def test_a_master_password_that_does_not_work_is_an_error_of_its_own(
    switched: Scene, databases: DatabasesDouble
) -> None:
    data_plane: Any = switched.bench.rds.backend.data_plane
    data_plane.passwords[resource_id(switched, TARGET)] = {"postgres": "canary-other"}
    for _ in range(MOST_CONNECTION_FAILURES - 1):
        verify(switched)

    with pytest.raises(SwitchedLoginError, match="postgres"):
        verify(switched)


def test_a_master_secret_that_has_changed_since_is_read_as_it_was(switched: Scene) -> None:
    secrets = switched.bench.clients.secrets_manager
    name = switched.bench.environment.master_secret
    stored = json.loads(secrets.get_secret_value(SecretId=name)["SecretString"])
    secrets.put_secret_value(
        SecretId=name, SecretString=json.dumps({**stored, "password": "canary-rotated"})
    )

    assert verify(switched)["statusCode"] == 200


def test_a_role_that_is_not_as_it_was_proven_fails_the_run(
    switched: Scene, databases: DatabasesDouble
) -> None:
    serving(switched, databases).logins["app_user"] = "canary-another"

    with pytest.raises(PrivilegeCheckError):
        verify(switched)
    assert "host" not in secret(switched)


def test_what_is_verified_is_not_verified_again(
    switched: Scene, databases: DatabasesDouble
) -> None:
    first = verify(switched)["body"]
    databases.refusals = [UNREACHABLE] * 1000

    again = verify(switched)

    assert again["statusCode"] == 200
    assert again["body"] == {**first, "message": "The switch has been verified already"}


def test_on_the_way_back_the_old_cluster_is_known_by_the_mark_that_it_lacks(
    switched: Scene, databases: DatabasesDouble
) -> None:
    verify(switched)
    serving(switched, databases).sessions = ["orders"]
    switch(switched, {"roll_back": True}, operation_id=BACK)

    answer = verify(switched, operation_id=BACK, event={"roll_back": True})

    assert answer["statusCode"] == 200
    assert "whose master password is not the secret's" in answer["body"]["message"]
    assert answer["body"]["certificate_matches"] is True
    assert answer["body"]["certificate"] == f"it is for {answer['body']['cluster_endpoint']}"
    assert answer["body"]["retired_sessions_ended"] == 1
    assert "verified_at" in facts(switched, BACK)


def test_on_the_way_back_the_rejected_cluster_is_not_taken_for_the_old_one(
    switched: Scene, databases: DatabasesDouble
) -> None:
    verify(switched)
    rejected = resource_id(switched, TARGET)
    switch(switched, {"roll_back": True}, operation_id=BACK)
    data_plane: Any = switched.bench.rds.backend.data_plane
    back = resource_id(switched, TARGET)
    # The name leads to the other one, as where its address is still cached.
    names = data_plane.names
    names[back], names[rejected] = names[rejected], names[back]

    for _ in range(MOST_CONNECTION_FAILURES - 1):
        verify(switched, operation_id=BACK, event={"roll_back": True})
    with pytest.raises(WrongClusterError):
        verify(switched, operation_id=BACK, event={"roll_back": True})


def test_nothing_is_verified_without_a_switch(scene: Scene, databases: DatabasesDouble) -> None:
    scene.make_target()
    beside_handed_over(scene)

    with pytest.raises(TargetNotRecordedError):
        verify(scene)


def test_nothing_is_verified_during_a_switch(switched: Scene) -> None:
    found = record(switched)
    assert found.live is not None
    planned = PlannedSwitch(by="op-2", planned_at="2026-01-01", incoming=found.live)
    store = TargetRecordStore(switched.bench.store, ACCOUNT, REGION, TARGET)
    store.write(replace(found, switch=planned), found)

    with pytest.raises(SwitchInProgressError, match="op-2"):
        verify(switched)


def test_an_operation_that_another_one_has_switched_since_verifies_nothing(
    switched: Scene,
) -> None:
    verify(switched)
    switch(switched, {"roll_back": True}, operation_id=BACK)

    with pytest.raises(SupersededError, match=BACK):
        verify(switched)


def test_an_operation_that_has_not_switched_verifies_nothing(switched: Scene) -> None:
    with pytest.raises(SupersededError, match=OPERATION):
        verify(switched, operation_id=BACK, event={"roll_back": True})


def test_a_cluster_is_known_by_every_host_that_it_is_and_was_reached_by(switched: Scene) -> None:
    live = record(switched).live
    assert live is not None
    cluster = switched.cluster() or {}

    assert cluster["Endpoint"] in live.hosts
    assert cluster["ReaderEndpoint"] in live.hosts
    assert {host for host, _ in live.instances} <= {*live.hosts}
    assert [host for host in live.former_endpoints if "-ar-" in host]


@pytest.mark.parametrize("refresh", ["reboot", "restart"])
def test_a_refresh_that_has_not_helped_is_named(refresh: str) -> None:
    certified = CertifiedServer(
        server=DatabaseServer("shop.cluster-x", 5432, "", certified_as="shop-ar-1.cluster-x"),
        names=("shop-ar-1.cluster-x",),
    )

    assert f"although switch.tls_refresh is {refresh}" in describe_certificate(certified, refresh)
    assert "although" not in describe_certificate(certified, "none")
