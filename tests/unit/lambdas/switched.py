"""Operations of the strategy ``switch`` that have come part of the way."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from aurora_restore.lambdas.check_restore_status import CheckRestoreStatusHandler
from aurora_restore.lambdas.hand_over import HandOverHandler
from aurora_restore.lambdas.switch_cluster import SwitchClusterHandler
from aurora_restore.shared.common import timestamp
from aurora_restore.shared.names import cluster_beside, retired_cluster
from aurora_restore.shared.target_record import TargetRecord, TargetRecordStore
from tests.unit.bench import ACCOUNT, REGION
from tests.unit.lambdas.midway import (
    MOST_CALLS,
    Died,
    databases_set_up,
    restoring,
    until_done,
)
from tests.unit.scene import TARGET, Scene

OPERATION = "op-1"
ROLL_BACK = "op-2"
BESIDE = cluster_beside(TARGET, OPERATION)
RETIRED = retired_cluster(TARGET, OPERATION)
RETIRED_AGAIN = retired_cluster(TARGET, ROLL_BACK)
"""The name of what a roll-back retires."""


def target_records(scene: Scene) -> TargetRecordStore:
    """Where the target record is."""
    return TargetRecordStore(scene.bench.store, ACCOUNT, REGION, TARGET)


def record(scene: Scene) -> TargetRecord:
    """The target record, which must be there."""
    found = target_records(scene).read()
    assert found is not None
    return found


def verified(scene: Scene) -> None:
    """The cluster that serves has been verified under the target's name."""
    records, found = target_records(scene), record(scene)
    assert found.live is not None
    live = replace(found.live, verified_at=timestamp(scene.bench.clock()))
    records.write(replace(found, live=live), found)


def resource_id(scene: Scene, name: str) -> str | None:
    """The resource id of the cluster that has a name."""
    found = scene.cluster(name)
    return None if found is None else str(found["DbClusterResourceId"])


def groups_of(scene: Scene, name: str) -> set[str]:
    """The security groups that a cluster has, without those that are being removed."""
    found = scene.cluster(name)
    assert found is not None
    return {
        each["VpcSecurityGroupId"]
        for each in found["VpcSecurityGroups"]
        if each["Status"] != "removing"
    }


def tags_at(scene: Scene, name: str) -> dict[str, str]:
    """The tags of a cluster."""
    found = scene.cluster(name)
    assert found is not None
    return {each["Key"]: each["Value"] for each in found["TagList"]}


def set_status(scene: Scene, name: str, status: str) -> None:
    """Put a cluster into a status, where it stays."""
    found = scene.cluster(name)
    assert found is not None
    scene.bench.rds.admin.set_status(found["DBClusterArn"], status)


def delete_by_hand(scene: Scene, name: str) -> None:
    """A user deletes a cluster with its instances."""
    rds = scene.client("rds")
    found = scene.cluster(name)
    assert found is not None
    for member in found["DBClusterMembers"]:
        rds.delete_db_instance(
            DBInstanceIdentifier=member["DBInstanceIdentifier"], SkipFinalSnapshot=True
        )
    rds.delete_db_cluster(DBClusterIdentifier=name, SkipFinalSnapshot=True)


def configure_switch(scene: Scene, *, target: Any = None, **switch: Any) -> None:
    """Deploy a configuration with the strategy ``switch``."""
    document = scene.document
    document["target"] |= {"strategy": "switch", **(target or {})}
    document["switch"] = switch
    scene.bench.configure(document)


def beside_handed_over(scene: Scene, *, target: Any = None, **switch: Any) -> None:
    """A cluster beside the target is restored, set up and handed over."""
    configure_switch(scene, target=target, **switch)
    restoring(scene)
    scene.bench.advance(3600)
    until_done(scene, CheckRestoreStatusHandler)
    databases_set_up(scene)
    until_done(scene, HandOverHandler)


def ready(scene: Scene, **switch: Any) -> tuple[str, str]:
    """The target, and a cluster beside it that is to replace it: the resource ids of both.

    Renames take less time than they would, since the function looks every second.
    """
    scene.bench.rds.admin.set_timings(rename_cluster=10)
    scene.make_target()
    beside_handed_over(scene, **switch)
    old, new = resource_id(scene, TARGET), resource_id(scene, BESIDE)
    assert old is not None
    assert new is not None
    return old, new


def switch(scene: Scene, event: Any = None, *, operation_id: str = OPERATION) -> dict[str, Any]:
    """Call switch-cluster as the state machine does, until it has done its work."""
    for _ in range(60 * MOST_CALLS):
        answer = scene.bench.step(SwitchClusterHandler, event, operation_id=operation_id)
        if answer["statusCode"] != 202 or "restart_from" in answer["body"]:
            return answer
        scene.bench.advance(answer["body"]["retry_after"])
    raise AssertionError(answer)


def roll_back(scene: Scene, *, operation_id: str = ROLL_BACK) -> dict[str, Any]:
    """Call switch-cluster in an execution that was started with ``roll_back``."""
    return switch(scene, {"roll_back": True}, operation_id=operation_id)


@contextmanager
def once(scene: Scene, is_time: Callable[[], bool], act: Callable[[], None]) -> Iterator[None]:
    """Let something happen in the first look of the function at which it is time for it."""
    done: list[bool] = []

    def look(**_: Any) -> None:
        if not done and is_time():
            done.append(True)
            act()

    events = scene.bench.clients.rds(REGION).meta.events
    events.register("before-call.rds.DescribeDBClusters", look)
    try:
        yield
    finally:
        events.unregister("before-call.rds.DescribeDBClusters", look)
    assert done


@contextmanager
def dying_at(scene: Scene, call: int, operation: str = "*", when: str = "after") -> Iterator[None]:
    """The function dies around the n-th change of RDS, counted from 0."""
    calls: list[bool] = []

    def die(**_: Any) -> None:
        calls.append(True)
        if len(calls) == call + 1:
            raise Died

    events = scene.bench.clients.rds(REGION).meta.events
    names = ("ModifyDBCluster", "AddTagsToResource") if operation == "*" else (operation,)
    for name in names:
        events.register(f"{when}-call.rds.{name}", die)
    try:
        with pytest.raises(Died):
            yield
    finally:
        for name in names:
            events.unregister(f"{when}-call.rds.{name}", die)
    scene.bench.advance(1)


@contextmanager
def dying_after_write(scene: Scene, is_time: Callable[[], bool]) -> Iterator[None]:
    """The function dies after its first write to a table at which it is time for it."""

    def die(**_: Any) -> None:
        if is_time():
            raise Died

    events = scene.bench.clients.dynamodb.meta.events
    events.register("after-call.dynamodb.PutItem", die)
    try:
        with pytest.raises(Died):
            yield
    finally:
        events.unregister("after-call.dynamodb.PutItem", die)
    scene.bench.advance(1)


def die_between(scene: Scene) -> None:
    """The function of the switch dies once the old cluster has lost the name."""
    with dying_at(scene, 0, "ModifyDBCluster"):
        switch(scene)
    scene.bench.advance(300)
    assert scene.cluster(TARGET) is None
