"""A managed master password and the registrations with RDS Proxy come back after the hand-over."""

from typing import Any

import pytest

from aurora_restore.lambdas.delete_rds import DeleteRdsHandler
from aurora_restore.lambdas.put_back_access import PutBackAccessHandler
from aurora_restore.lambdas.snapshot_check import SnapshotCheckHandler
from aurora_restore.shared.cluster.managed_password import (
    AwaitPassword,
    CannotManage,
    LeavePassword,
    ManagedPasswordFacts,
    ManagePassword,
    PasswordManaged,
    decide,
)
from tests.unit.bench import Bench
from tests.unit.lambdas.arrange import LONG_ENOUGH, go, make_key, make_replaceable
from tests.unit.lambdas.midway import dying_after, until_done
from tests.unit.lambdas.switched import switch, verified
from tests.unit.lambdas.test_carrying_over import hand_over_beside, proxied, roll_back
from tests.unit.lambdas.test_old_settings import SECRET, make_proxy, replaced
from tests.unit.scene import HOME, TARGET, Scene, make_scene

ROLL_BACK = {"roll_back": True}


@pytest.fixture
def scene(bench: Bench) -> Scene:
    """A target that a proxy leads to, and whose master password RDS manages."""
    return with_managed_password(make_replaceable(bench))


@pytest.fixture
def switchable(bench: Bench) -> Scene:
    """The same, with the source in another Region."""
    scene = make_scene(bench)
    scene.make_target(readers=1)
    return with_managed_password(scene)


def with_managed_password(scene: Scene) -> Scene:
    make_managed(scene)
    make_proxy(scene)
    log_in_as_master(scene)
    return scene


def make_managed(scene: Scene, cluster_id: str = TARGET) -> str:
    """Let RDS manage the master password of a cluster, under a key; the key's ARN."""
    key = make_key(scene, HOME)
    scene.client("rds").modify_db_cluster(
        DBClusterIdentifier=cluster_id,
        ManageMasterUserPassword=True,
        MasterUserSecretKmsKeyId=key,
        ApplyImmediately=True,
    )
    scene.bench.advance(LONG_ENOUGH)
    return key


def log_in_as_master(scene: Scene) -> None:
    """The proxy logs in as the master user beside another one."""
    auth = [
        {"AuthScheme": "SECRETS", "SecretArn": secret, "IAMAuth": "DISABLED"}
        for secret in (SECRET, managed(scene)["SecretArn"])
    ]
    scene.client("rds").modify_db_proxy(DBProxyName="orders-proxy", Auth=auth)


def managed(scene: Scene, cluster_id: str = TARGET) -> dict[str, str]:
    """The secret in which RDS manages the master password of a cluster."""
    cluster: Any = scene.cluster(cluster_id)
    assert cluster is not None
    found: dict[str, str] = cluster["MasterUserSecret"]
    return found


def logins(scene: Scene) -> list[str]:
    """The secrets that the proxy logs in with."""
    (proxy,) = scene.client("rds").describe_db_proxies(DBProxyName="orders-proxy")["DBProxies"]
    return [each["SecretArn"] for each in proxy["Auth"]]


FACTS = ManagedPasswordFacts(is_wanted=True, cluster_status="available")
MANAGED: Any = {"secret_arn": "arn:secret", "secret_status": "active"}
CREATING: Any = {"secret_arn": "arn:secret", "secret_status": "creating"}


@pytest.mark.parametrize(
    ("facts", "action"),
    [
        ({}, ManagePassword),
        ({"is_wanted": False}, LeavePassword),
        ({"cluster_status": "modifying"}, AwaitPassword),
        ({"cluster_status": "stopped"}, CannotManage),
        ({"cluster_status": "incompatible-network"}, CannotManage),
        (CREATING, AwaitPassword),
        ({**CREATING, "cluster_status": "resetting-master-credentials"}, AwaitPassword),
        ({**CREATING, "cluster_status": "stopped"}, CannotManage),
        (MANAGED, PasswordManaged),
        ({**MANAGED, "secret_status": "impaired"}, PasswordManaged),
        ({**MANAGED, "is_wanted": False}, PasswordManaged),
        ({**MANAGED, "cluster_status": "stopped"}, PasswordManaged),
    ],
)
def test_what_is_next_for_a_master_password(facts: dict[str, Any], action: type) -> None:
    assert isinstance(decide(ManagedPasswordFacts(**{**FACTS.__dict__, **facts})), action)


def test_rds_manages_the_password_again_and_the_proxy_leads_to_the_new_cluster(
    scene: Scene,
) -> None:
    former = managed(scene)
    body = replaced(scene)
    assert body["drift"] == []

    body = until_done(scene, PutBackAccessHandler)["body"]

    now = managed(scene)
    assert now["SecretArn"] != former["SecretArn"]
    assert now["SecretStatus"] == "active"
    assert now["KmsKeyId"] == former["KmsKeyId"]
    assert proxied(scene) == [TARGET, f"{TARGET}-1"]
    assert logins(scene) == [SECRET, now["SecretArn"]]
    assert body["managed_secret_arn"] == now["SecretArn"]
    assert body["drift"] == []


def test_a_key_of_aws_is_not_named(bench: Bench) -> None:
    scene = make_replaceable(bench)
    scene.client("rds").modify_db_cluster(
        DBClusterIdentifier=TARGET, ManageMasterUserPassword=True, ApplyImmediately=True
    )
    bench.advance(LONG_ENOUGH)

    calls = go(scene, SnapshotCheckHandler, {"dry_run": True})["body"]["calls"]

    (managing,) = [each for each in calls if "ManageMasterUserPassword" in each["parameters"]]
    assert managing["parameters"] == {
        "DBClusterIdentifier": TARGET,
        "ManageMasterUserPassword": True,
        "ApplyImmediately": True,
    }


def test_a_dry_run_lists_what_is_put_back_and_warns_of_another_secret(scene: Scene) -> None:
    former = managed(scene)["SecretArn"]

    body = go(scene, SnapshotCheckHandler, {"dry_run": True})["body"]

    assert body["ready"] is True
    assert body["will_be_lost"] == []
    last = [each["operation"] for each in body["calls"]][-3:]
    assert last == ["RegisterDBProxyTargets", "ModifyDBCluster", "ModifyDBProxy"]
    secrets = [each["SecretArn"] for each in body["calls"][-1]["parameters"]["Auth"]]
    assert former not in secrets
    assert any("in a secret with another ARN" in each for each in body["warnings"])
    assert any(each.startswith("RDS Proxy orders-proxy logs in") for each in body["warnings"])


def test_a_key_that_cannot_be_used_is_an_obstacle_before_anything_is_deleted(scene: Scene) -> None:
    key = managed(scene)["KmsKeyId"].rpartition("/")[2]
    scene.client("kms").disable_key(KeyId=key)

    body = go(scene, SnapshotCheckHandler, {"dry_run": True})["body"]

    (obstacle,) = body["obstacles"]
    assert obstacle["check"] == "keys"
    assert "master password" in obstacle["problem"]


@pytest.mark.parametrize(
    "operation", ["RegisterDBProxyTargets", "ModifyDBCluster", "ModifyDBProxy"]
)
def test_after_a_crash_nothing_is_done_twice(scene: Scene, operation: str) -> None:
    replaced(scene)

    with dying_after(scene, operation):
        until_done(scene, PutBackAccessHandler)
    first = (scene.cluster() or {}).get("MasterUserSecret")
    until_done(scene, PutBackAccessHandler)

    now = managed(scene)
    assert first is None or first["SecretArn"] == now["SecretArn"]
    assert proxied(scene) == [TARGET, f"{TARGET}-1"]
    assert logins(scene) == [SECRET, now["SecretArn"]]
    assert go(scene, PutBackAccessHandler)["statusCode"] == 200
    assert managed(scene) == now


def test_what_rds_refuses_for_now_is_asked_for_again(scene: Scene) -> None:
    replaced(scene)
    admin = scene.bench.rds.admin
    admin.refuse_next("ModifyDBCluster", code="InvalidDBClusterStateFault")
    admin.refuse_next("ModifyDBProxy", code="InvalidDBProxyStateFault")
    admin.refuse_next("RegisterDBProxyTargets", code="InvalidDBClusterStateFault")

    body = until_done(scene, PutBackAccessHandler)["body"]

    assert body["drift"] == []
    assert logins(scene) == [SECRET, managed(scene)["SecretArn"]]


def test_a_refusal_to_manage_the_password_fails_the_step_and_leaves_the_cluster_handed_over(
    scene: Scene,
) -> None:
    replaced(scene)
    handed_over_at = scene.bench.state("hand-over")["details"]["handed_over_at"]
    scene.bench.rds.admin.refuse_next("ModifyDBCluster", code="AccessDenied", status=403)

    with pytest.raises(Exception, match="AccessDenied"):
        until_done(scene, PutBackAccessHandler)

    failed = scene.bench.state("put-back-access")
    assert (failed["status"], failed["details"]["handed_over_at"]) == ("FAILED", handed_over_at)
    assert until_done(scene, PutBackAccessHandler)["statusCode"] == 200
    assert managed(scene)["SecretStatus"] == "active"


def test_what_a_proxy_is_refused_is_drift_and_no_failure(scene: Scene) -> None:
    former = managed(scene)["SecretArn"]
    replaced(scene)
    admin = scene.bench.rds.admin
    admin.refuse_next("RegisterDBProxyTargets", code="AccessDenied", status=403)
    admin.refuse_next("ModifyDBProxy", code="AccessDenied", status=403)

    body = until_done(scene, PutBackAccessHandler)["body"]

    assert {each["setting"]: each["found"] for each in body["drift"]} == {
        "Proxies.orders-proxy": {"cluster": None, "instances": []},
        "Proxies.orders-proxy.Auth": former,
    }


def test_a_target_without_either_is_left_as_it_is(bench: Bench) -> None:
    scene = make_replaceable(bench)
    replaced(scene)

    answer = go(scene, PutBackAccessHandler)

    assert answer["body"]["message"] == "Nothing to put back"
    assert "MasterUserSecret" not in (scene.cluster() or {})


def test_nothing_is_put_back_before_the_hand_over(scene: Scene) -> None:
    go(scene, DeleteRdsHandler)

    with pytest.raises(Exception, match="has not been handed over"):
        go(scene, PutBackAccessHandler)


def test_the_cluster_that_was_switched_to_gets_a_secret_of_its_own(
    switchable: Scene,
) -> None:
    scene = switchable
    former = managed(scene)["SecretArn"]
    hand_over_beside(scene)
    switch(scene)
    verified(scene)
    logged_in_with = logins(scene)

    until_done(scene, PutBackAccessHandler)

    now = managed(scene)["SecretArn"]
    assert logged_in_with == [SECRET, former]
    assert now != former
    assert logins(scene) == [SECRET, now]


def test_after_a_roll_back_the_proxy_logs_in_with_the_secret_of_the_old_cluster(
    switchable: Scene,
) -> None:
    scene = switchable
    former = managed(scene)["SecretArn"]
    hand_over_beside(scene)
    switch(scene)
    verified(scene)
    until_done(scene, PutBackAccessHandler)

    roll_back(scene)
    verified(scene)
    scene.bench.advance(1)
    answer = scene.bench.step(PutBackAccessHandler, ROLL_BACK, operation_id="op-2")

    assert answer["statusCode"] == 200
    assert managed(scene)["SecretArn"] == former
    assert logins(scene) == [SECRET, former]
