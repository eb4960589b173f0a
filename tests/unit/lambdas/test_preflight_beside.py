"""What the checks before the first change find where another cluster is restored beside."""

from typing import Any

import pytest

from aurora_restore.lambdas.snapshot_check import SnapshotCheckHandler
from aurora_restore.shared.names import cluster_beside, retired_cluster
from tests.unit.bench import Bench
from tests.unit.lambdas.arrange import set_status
from tests.unit.lambdas.beside import RETIRED, TEMPORARY, make_beside, record_live
from tests.unit.lambdas.switched import configure_switch
from tests.unit.scene import HOME, TARGET, Scene, make_scene, obstacles_of

OWN = cluster_beside(TARGET, "op-dry")


@pytest.fixture
def scene(bench: Bench) -> Scene:
    """A target that serves, and is switched."""
    scene = make_scene(bench, HOME)
    scene.make_target(readers=1)
    configure_switch(scene)
    return scene


def check(scene: Scene) -> dict[str, Any]:
    """A dry run, which makes every check."""
    scene.bench.advance(1)
    event = {"operation_id": "op-dry", "dry_run": True, "date": "2026-05-15"}
    return scene.bench.call(SnapshotCheckHandler, event)


def problems(scene: Scene) -> list[tuple[str, str]]:
    return obstacles_of(check(scene))


def limit(scene: Scene, **quotas: int) -> None:
    scene.bench.rds.admin.set_rules(**quotas)


def planned(scene: Scene) -> list[tuple[str, str]]:
    """Operation and cluster or instance of each call that a run would make."""
    calls = check(scene)["body"]["calls"]
    return [
        (
            each["operation"],
            each["parameters"].get("DBInstanceIdentifier")
            or each["parameters"].get("DBClusterIdentifier", ""),
        )
        for each in calls
    ]


def test_a_target_that_serves_is_no_obstacle(scene: Scene) -> None:
    assert problems(scene) == []


def test_the_restore_is_planned_beside_and_the_target_is_not_deleted(scene: Scene) -> None:
    calls = planned(scene)

    assert ("RestoreDBClusterFromSnapshot", OWN) in calls
    assert ("CreateDBInstance", f"{OWN}-1") in calls
    assert not [each for each in calls if each[0].startswith("Delete")]


def test_the_renames_are_planned_and_what_happens_to_the_cluster_that_serves_now(
    scene: Scene,
) -> None:
    configure_switch(scene, stop_old=True)
    old = retired_cluster(TARGET, "op-dry")

    calls = check(scene)["body"]["calls"]

    renames = [
        (given["DBClusterIdentifier"], given["NewDBClusterIdentifier"])
        for given in (each["parameters"] for each in calls)
        if "NewDBClusterIdentifier" in given
    ]
    assert renames == [(TARGET, old), (OWN, TARGET)]
    after = [each for each in calls if old in str(each["parameters"])][1:]
    assert [each["operation"] for each in after] == [
        "ModifyDBCluster",
        "AddTagsToResource",
        "StopDBCluster",
    ]


def test_what_makes_room_is_planned_and_started_where_it_is_stopped(scene: Scene) -> None:
    record_live(scene)
    make_beside(scene, RETIRED)
    scene.client("rds").stop_db_cluster(DBClusterIdentifier=RETIRED)
    scene.bench.advance(3600)

    calls = planned(scene)

    assert calls[:3] == [
        ("StartDBCluster", RETIRED),
        ("DeleteDBInstance", f"{RETIRED}-1"),
        ("DeleteDBCluster", RETIRED),
    ]


def test_another_cluster_and_its_instances_have_to_fit_the_quotas(scene: Scene) -> None:
    used = len(scene.client("rds").describe_db_clusters()["DBClusters"])
    limit(scene, clusters=used, instances=2)

    found = [problem for check, problem in problems(scene) if check == "quotas"]

    assert [each.partition(":")[0] for each in found] == ["DBInstances", "DBClusters"]


def test_what_makes_room_leaves_its_quota_to_the_restore(scene: Scene) -> None:
    make_beside(scene, TEMPORARY)
    used = len(scene.client("rds").describe_db_clusters()["DBClusters"])
    limit(scene, clusters=used, instances=3)

    assert problems(scene) == []


def test_every_instance_needs_a_free_address(scene: Scene, monkeypatch: Any) -> None:
    ec2 = scene.bench.clients.ec2
    described = ec2.describe_subnets

    def full(**asked: Any) -> Any:
        found = described(**asked)
        for subnet in found["Subnets"]:
            subnet["AvailableIpAddressCount"] = 0
        return found

    monkeypatch.setattr(ec2, "describe_subnets", full)

    ((check, problem),) = problems(scene)
    assert check == "network"
    assert problem.startswith("the subnets of group my-subnet-group have 0 free addresses, and 1")


def test_an_instance_elsewhere_with_a_planned_name_is_an_obstacle(scene: Scene) -> None:
    scene.client("rds").create_db_cluster(
        DBClusterIdentifier="other",
        Engine="aurora-postgresql",
        EngineVersion="16.4",
        MasterUsername="postgres",
        MasterUserPassword="a-password",
    )
    scene.bench.advance(3600)
    scene.client("rds").create_db_instance(
        DBInstanceIdentifier=f"{OWN}-1",
        DBInstanceClass="db.r6g.large",
        Engine="aurora-postgresql",
        DBClusterIdentifier="other",
    )

    ((check, problem),) = problems(scene)
    assert (check, f"no member of cluster {OWN}" in problem) == ("names", True)


@pytest.mark.parametrize("status", ["stopped", "restore-failed"])
def test_a_target_that_cannot_give_its_name_away_is_an_obstacle(scene: Scene, status: str) -> None:
    set_status(scene, HOME.arn("cluster", TARGET), status)

    ((check, problem),) = problems(scene)
    assert check == "target"
    assert problem.startswith(f"cluster {TARGET} is {status}, and RDS renames only an available")


def test_what_has_to_go_and_cannot_is_an_obstacle_before_anything_is_copied(scene: Scene) -> None:
    make_beside(scene, TEMPORARY, DeletionProtection=True)

    assert problems(scene) == [("target", f"cluster {TEMPORARY} has deletion protection")]


def test_the_tags_of_a_retired_cluster_have_to_fit_too(scene: Scene) -> None:
    document = scene.document
    document["target"] |= {
        "strategy": "switch",
        "tags": {f"key-{number}": "x" for number in range(46)},
    }
    scene.bench.configure(document)

    assert "51 tags" in problems(scene)[0][1]
