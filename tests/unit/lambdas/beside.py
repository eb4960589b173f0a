"""Clusters beside a target that is switched, as earlier operations have left them."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from aurora_restore.lambdas.check_delete_status import CheckDeleteStatusHandler
from aurora_restore.lambdas.delete_rds import DeleteRdsHandler
from aurora_restore.lambdas.sns_notification import SnsNotificationHandler
from aurora_restore.shared.base_handler import BaseHandler
from aurora_restore.shared.common import timestamp
from aurora_restore.shared.names import (
    TAG_KEEP_UNTIL,
    TAG_MANAGED_BY,
    TAG_OPERATION,
    TAG_RESTORE,
    cluster_beside,
    retired_cluster,
)
from aurora_restore.shared.rds.tags import tag_list
from aurora_restore.shared.recorded_cluster import RecordedCluster, RetiredCluster
from aurora_restore.shared.target_record import TargetRecord, TargetRecordStore
from tests.unit.bench import ACCOUNT, PREFIX, REGION, Bench
from tests.unit.lambdas.arrange import LONG_ENOUGH, bring_the_new_data
from tests.unit.lambdas.switched import configure_switch, resource_id
from tests.unit.scene import HOME, TARGET, VERSION, Scene, make_scene

EARLIER = "op-0"
OWN = cluster_beside(TARGET, "op-1")
TEMPORARY = cluster_beside(TARGET, EARLIER)
RETIRED = retired_cluster(TARGET, EARLIER)
MOST_CALLS = 20


def make_beside(
    scene: Scene,
    name: str,
    *,
    operation: str | None = EARLIER,
    tags: dict[str, str] | None = None,
    instances: int = 1,
    **settings: Any,
) -> str:
    """Make a cluster of this restore, which has expired if nothing is said; return its id."""
    given = {TAG_MANAGED_BY: PREFIX, TAG_RESTORE: "staging", **kept_until(scene, -1)}
    if operation is not None:
        given[TAG_OPERATION] = operation
    marked = tag_list(given | (tags or {}))
    rds = scene.client("rds")
    rds.create_db_cluster(
        DBClusterIdentifier=name,
        Engine="aurora-postgresql",
        EngineVersion=VERSION,
        MasterUsername="postgres",
        MasterUserPassword="old-password",
        DBSubnetGroupName="my-subnet-group",
        VpcSecurityGroupIds=[scene.security_group],
        Tags=marked,
        **settings,
    )
    scene.bench.advance(LONG_ENOUGH)
    for number in range(1, instances + 1):
        rds.create_db_instance(
            DBInstanceIdentifier=f"{name}-{number}",
            DBInstanceClass="db.r6g.large",
            Engine="aurora-postgresql",
            DBClusterIdentifier=name,
            Tags=marked,
        )
    scene.bench.advance(LONG_ENOUGH)
    return str(resource_id(scene, name))


def kept_until(scene: Scene, hours: float) -> dict[str, str]:
    """The tag of a cluster that is kept for so many hours from now."""
    return {TAG_KEEP_UNTIL: timestamp(scene.bench.clock() + timedelta(hours=hours))}


def records(scene: Scene) -> TargetRecordStore:
    return TargetRecordStore(scene.bench.store, ACCOUNT, REGION, TARGET)


def record_live(scene: Scene, *, verified: bool = True, **more: Any) -> TargetRecord:
    """The target record says that the target serves since a switch."""
    live = RecordedCluster(
        resource_id=str(resource_id(scene, TARGET)),
        cluster_id=TARGET,
        restored_by=EARLIER,
        verified_at="2026-05-15T05:00:00.000000Z" if verified else None,
    )
    known = records(scene).read()
    base = known or TargetRecord(restored_by=EARLIER, switched_by=EARLIER)
    return records(scene).write(replace(base, live=live, **more), known)


def record_retired(scene: Scene, *, restored_by: str | None = EARLIER) -> TargetRecord:
    """The target record says that the retired cluster served before."""
    known = records(scene).read()
    assert known is not None
    retired = RetiredCluster(
        cluster=RecordedCluster(
            resource_id=str(resource_id(scene, RETIRED)),
            cluster_id=RETIRED,
            restored_by=restored_by,
        ),
        retired_at="2026-05-15T05:00:00.000000Z",
        retired_by=EARLIER,
        keep_until="2026-05-16T05:00:00.000000Z",
    )
    return records(scene).write(replace(known, retired=retired), known)


def make_switched(bench: Bench, **settings: Any) -> Scene:
    """A target that is switched and serves, with the new data for the next restore."""
    scene = make_scene(bench, HOME)
    scene.make_target(**settings)
    configure_switch(scene)
    bring_the_new_data(scene)
    return scene


def names_of_clusters(scene: Scene) -> set[str]:
    """The clusters where the target is, but for the source."""
    found = scene.client("rds").describe_db_clusters()["DBClusters"]
    return {each["DBClusterIdentifier"] for each in found} - {"production"}


Answers = list[tuple[str, dict[str, Any]]]


def until_done(
    scene: Scene, asked: Any = None, *, operation_id: str = "op-1", last: bool = False
) -> Answers:
    """Call the steps of a deletion as the state machine does, until nothing more is to go."""
    answers: Answers = []
    handler: type[BaseHandler] = DeleteRdsHandler
    for _ in range(MOST_CALLS):
        scene.bench.advance(1)
        answer = scene.bench.step(handler, asked, operation_id=operation_id)
        answers.append((handler.step.name, answer))
        body = answer["body"]
        if "restart_from" in body:
            handler = DeleteRdsHandler
        elif answer["statusCode"] == 202:
            scene.bench.advance(max(600.0, body["retry_after"]))
        elif handler is DeleteRdsHandler:
            handler = CheckDeleteStatusHandler
        elif last and handler is CheckDeleteStatusHandler:
            handler = SnsNotificationHandler
        else:
            return answers
    raise AssertionError(answers)
