"""hand-over: the application's secret says where the restored cluster is reached."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from aurora_restore.lambdas.hand_over import HandOverHandler
from aurora_restore.lambdas.restore_snapshot import RestoreSnapshotHandler
from aurora_restore.lambdas.snapshot_check import SnapshotCheckHandler
from aurora_restore.lambdas.sns_notification import SnsNotificationHandler
from aurora_restore.shared.errors import ConfigurationError
from aurora_restore.shared.target_record import TargetRecord, TargetRecordStore
from tests.unit.bench import ACCOUNT, APP_PASSWORD, READONLY_PASSWORD, REGION
from tests.unit.lambdas.midway import Died, copied, handed_over, reached, until_done, usable
from tests.unit.scene import TARGET, Scene

FOREIGN = "canary-foreign-host.example"
ADOPTED = "shop/app"


def set_up(scene: Scene, database: str | None = "shop") -> None:
    """The databases are set up; the step has recorded which the application connects to."""
    usable(scene)
    latest = scene.bench.store.load("op-1")
    assert latest is not None
    facts = {**latest["details"], "users_configured": True}
    reached(scene, "setup-db-users", **facts, application_database=database)


def held(scene: Scene, name: str | None = None) -> dict[str, Any]:
    found = scene.client("secretsmanager").get_secret_value(
        SecretId=name or scene.bench.environment.app_secret
    )
    value: dict[str, Any] = json.loads(found["SecretString"])
    return value


def hold(scene: Scene, name: str, **more: Any) -> None:
    """A user gives the secret more keys, or other values."""
    value = json.dumps({**held(scene, name), **more})
    scene.client("secretsmanager").put_secret_value(SecretId=name, SecretString=value)


def adopt(scene: Scene, own: Mapping[str, Any] | None = None, **more: Any) -> None:
    """The restore uses a secret that the stack has not made."""
    value = json.dumps({**held(scene), **more})
    scene.client("secretsmanager").create_secret(Name=ADOPTED, SecretString=value)
    scene.bench.configure({**scene.document, "secrets": {"app": ADOPTED, **(own or {})}})


def version(scene: Scene, name: str | None = None) -> str:
    found = scene.client("secretsmanager").get_secret_value(
        SecretId=name or scene.bench.environment.app_secret
    )
    return str(found["VersionId"])


def expected(scene: Scene) -> dict[str, Any]:
    cluster = scene.cluster()
    assert cluster is not None
    return {
        "engine": "postgres",
        "host": cluster["Endpoint"],
        "reader_host": cluster["ReaderEndpoint"],
        "port": cluster["Port"],
        "dbname": "shop",
        "username": "app_user",
        "password": APP_PASSWORD,
    }


def record(scene: Scene) -> TargetRecord:
    found = TargetRecordStore(scene.bench.store, ACCOUNT, REGION, TARGET).read()
    assert found is not None
    return found


def test_the_secret_says_where_the_cluster_is_reached_and_keeps_everything_else(
    scene: Scene,
) -> None:
    set_up(scene)
    hold(scene, scene.bench.environment.app_secret, note="theirs")
    before = held(scene)

    body = until_done(scene, HandOverHandler)["body"]

    assert held(scene) == {**before, **expected(scene)}
    assert body["app_secret_endpoint"] == (
        "secret aurora-restore-app-credentials says where the cluster is reached"
    )
    assert record(scene).app_secret_host == expected(scene)["host"]


def test_nothing_is_stored_if_the_secret_says_it_already(scene: Scene) -> None:
    set_up(scene)
    hold(scene, scene.bench.environment.app_secret, **expected(scene))
    before = version(scene)

    until_done(scene, HandOverHandler)

    assert version(scene) == before


def test_it_is_written_only_once_every_instance_is_reached(scene: Scene) -> None:
    set_up(scene)
    scene.bench.advance(1)

    answer = scene.bench.step(HandOverHandler)

    assert answer["statusCode"] == 202
    assert "host" not in held(scene)


@pytest.mark.parametrize("moment", ["before-call", "after-call"])
def test_a_death_around_the_write_leaves_the_hand_over_open_and_a_re_run_completes_both(
    scene: Scene, moment: str
) -> None:
    set_up(scene)

    def die(**_: Any) -> None:
        raise Died

    events = scene.bench.clients.secrets_manager.meta.events
    event = f"{moment}.secrets-manager.PutSecretValue"
    events.register(event, die)
    try:
        with pytest.raises(Died):
            until_done(scene, HandOverHandler)
    finally:
        events.unregister(event, die)
    assert record(scene).handed_over_at is None
    after_death = version(scene)
    scene.bench.advance(1)

    answer = until_done(scene, HandOverHandler)

    assert answer["body"]["message"] == "The cluster is handed over"
    assert expected(scene).items() <= held(scene).items()
    assert (version(scene) == after_death) == (moment == "after-call")
    assert record(scene).handed_over_at == answer["body"]["handed_over_at"]


def test_without_a_recorded_database_it_is_the_first_that_is_configured(scene: Scene) -> None:
    """An earlier version set the databases up."""
    set_up(scene, database=None)
    scene.bench.configure({**scene.document, "database": {"databases": ["orders", "shop"]}})

    until_done(scene, HandOverHandler)

    assert held(scene)["dbname"] == "orders"


def test_what_nobody_knows_is_left_as_it_is(scene: Scene) -> None:
    set_up(scene, database=None)

    until_done(scene, HandOverHandler)

    assert "dbname" not in held(scene)


# Secrets of others


def test_an_adopted_secret_without_a_host_is_filled(scene: Scene) -> None:
    adopt(scene, note="theirs")
    set_up(scene)
    common = held(scene)

    until_done(scene, HandOverHandler)

    assert expected(scene).items() <= held(scene, ADOPTED).items()
    assert held(scene, ADOPTED)["note"] == "theirs"
    assert held(scene) == common


def test_an_adopted_secret_with_a_foreign_host_is_left_alone_and_everyone_is_told(
    scene: Scene,
) -> None:
    adopt(scene, host=FOREIGN)
    set_up(scene)
    before = version(scene, ADOPTED)

    body = until_done(scene, HandOverHandler)["body"]
    scene.bench.step(SnsNotificationHandler)

    assert version(scene, ADOPTED) == before
    said = body["app_secret_endpoint"]
    assert said.startswith("secret shop/app does not say where this cluster is reached")
    assert "set restores.staging.secrets.app_secret_endpoint to true" in said
    (announced,) = scene.bench.messages()
    assert announced["details"]["app_secret_endpoint"] == said
    audited = str(
        scene.bench.clients.dynamodb.scan(TableName=scene.bench.environment.audit_table)["Items"]
    )
    assert said in audited
    everything = audited + str(announced) + str(scene.bench.state("sns-notification"))
    assert not [each for each in (FOREIGN, APP_PASSWORD, READONLY_PASSWORD) if each in everything]
    assert record(scene).app_secret_host is None


def test_with_the_option_a_foreign_host_is_overwritten(scene: Scene) -> None:
    adopt(scene, {"app_secret_endpoint": True}, host=FOREIGN, username="theirs")
    set_up(scene)

    until_done(scene, HandOverHandler)

    assert expected(scene).items() <= held(scene, ADOPTED).items()


def test_with_the_option_off_no_secret_is_written(scene: Scene) -> None:
    scene.bench.configure({**scene.document, "secrets": {"app_secret_endpoint": False}})
    set_up(scene)
    before = version(scene)

    body = until_done(scene, HandOverHandler)["body"]

    assert version(scene) == before
    assert "restores.staging.secrets.app_secret_endpoint is false" in body["app_secret_endpoint"]


def test_a_secret_that_several_restores_use_is_not_written(scene: Scene) -> None:
    name = scene.bench.environment.app_secret
    scene.bench.environment = replace(scene.bench.environment, app_secrets_in_common=name)
    set_up(scene)
    before = version(scene)

    body = until_done(scene, HandOverHandler)["body"]

    assert version(scene) == before
    assert "several restores use it" in body["app_secret_endpoint"]


def test_a_host_that_the_pipeline_wrote_for_the_cluster_before_is_not_foreign(
    scene: Scene,
) -> None:
    """The record of the next cluster remembers it, through the restore."""
    copied(scene)
    records = TargetRecordStore(scene.bench.store, ACCOUNT, REGION, TARGET)
    records.write(
        TargetRecord(restored_by="op-0", resource_id="cluster-BEFORE", app_secret_host=FOREIGN),
        None,
    )
    scene.bench.step(RestoreSnapshotHandler)
    assert (record(scene).restored_by, record(scene).app_secret_host) == ("op-1", FOREIGN)


def test_a_host_that_the_record_knows_is_overwritten(scene: Scene) -> None:
    adopt(scene, host=FOREIGN)
    set_up(scene)
    records = TargetRecordStore(scene.bench.store, ACCOUNT, REGION, TARGET)
    found = record(scene)
    records.write(replace(found, app_secret_host=FOREIGN), found)

    until_done(scene, HandOverHandler)

    assert expected(scene).items() <= held(scene, ADOPTED).items()


def test_a_secret_that_is_broken_meanwhile_leaves_the_hand_over_open(scene: Scene) -> None:
    set_up(scene)
    name = scene.bench.environment.app_secret
    good = json.dumps(held(scene))
    scene.client("secretsmanager").put_secret_value(SecretId=name, SecretString="canary-broken")

    with pytest.raises(ConfigurationError, match="its value must be a JSON object") as raised:
        until_done(scene, HandOverHandler)

    assert "canary" not in str(raised.value)
    assert record(scene).handed_over_at is None
    scene.client("secretsmanager").put_secret_value(SecretId=name, SecretString=good)
    assert until_done(scene, HandOverHandler)["statusCode"] == 200
    assert expected(scene)["host"] == held(scene)["host"]


def test_a_password_that_is_rotated_during_the_write_is_not_lost(scene: Scene) -> None:
    set_up(scene)
    rotations = iter(["canary-rotated-9"])
    name = scene.bench.environment.app_secret

    def rotate(**_: Any) -> None:
        for password in rotations:
            hold(scene, name, app_password=password)
            return

    events = scene.bench.clients.secrets_manager.meta.events
    events.register("before-call.secrets-manager.PutSecretValue", rotate)
    try:
        until_done(scene, HandOverHandler)
    finally:
        events.unregister("before-call.secrets-manager.PutSecretValue", rotate)

    assert held(scene)["app_password"] == held(scene)["password"] == "canary-rotated-9"
    assert held(scene)["host"] == expected(scene)["host"]


def test_a_cluster_that_is_handed_over_leaves_the_secret_to_its_users(scene: Scene) -> None:
    handed_over(scene)
    hold(scene, scene.bench.environment.app_secret, host=FOREIGN)
    before = version(scene)

    scene.bench.advance(1)
    assert scene.bench.step(HandOverHandler)["statusCode"] == 200

    assert version(scene) == before


# A dry run


def warnings(scene: Scene) -> list[str]:
    answer = scene.bench.step(SnapshotCheckHandler, {"dry_run": True})
    assert answer["body"]["ready"] is True, answer["body"]["obstacles"]
    found: list[str] = answer["body"]["warnings"]
    return [each for each in found if each.startswith("secret ")]


def test_a_dry_run_says_that_a_foreign_host_stays(scene: Scene) -> None:
    scene.make_target()
    adopt(scene, host=FOREIGN)

    (warning,) = warnings(scene)

    assert "its host is not of this target" in warning
    assert "restores.staging.secrets.app_secret_endpoint" in warning
    assert FOREIGN not in warning


def test_a_dry_run_says_nothing_of_the_target_s_own_host(scene: Scene) -> None:
    scene.make_target()
    adopt(scene, host=(scene.cluster() or {})["Endpoint"])

    assert warnings(scene) == []


def test_a_dry_run_says_nothing_of_a_secret_that_is_not_to_be_written(scene: Scene) -> None:
    adopt(scene, {"app_secret_endpoint": False}, host=FOREIGN)

    assert warnings(scene) == []


# Two restores


def test_each_restore_has_its_own_master_user(scene: Scene) -> None:
    """The source's master user is not the one of the environment's secret."""
    value = {"username": "another", "password": "canary-other-5", "database": "shop"}
    scene.bench.clients.secrets_manager.create_secret(
        Name="aurora-restore/staging/master-credentials", SecretString=json.dumps(value)
    )
    scene.bench.configure({**scene.document, "secrets": {"master_username": "another"}})

    answer = scene.bench.step(SnapshotCheckHandler, {"dry_run": True})

    (obstacle,) = answer["body"]["obstacles"]
    assert obstacle["check"] == "secrets"
    assert "aurora-restore/staging/master-credentials: username: is not 'postgres'" in str(obstacle)
