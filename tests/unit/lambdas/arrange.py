"""What the tests of single steps arrange and look at: snapshots, keys, a target to be replaced."""

from collections.abc import Sequence
from typing import Any

from aurora_restore.lambdas.copy_snapshot import CopySnapshotHandler
from aurora_restore.shared.base_handler import BaseHandler
from aurora_restore.shared.names import (
    COPY_SUFFIX,
    LOCK_KEY_PREFIX,
    intermediate_snapshot_prefix,
    shared_snapshot_prefix,
    source_role_name,
)
from aurora_restore.shared.snapshots.names import common_copy_name
from embedded_aws.rds.models import Location
from tests.support.keys import key_policy
from tests.unit.bench import ACCOUNT, PREFIX, REGION, SOURCE_REGION, Bench
from tests.unit.scene import (
    HOME,
    OTHER_ACCOUNT,
    SNAPSHOT,
    SOURCE,
    SOURCE_PLACE,
    TARGET,
    Scene,
    make_scene,
)

ELSEWHERE = Location(OTHER_ACCOUNT, SOURCE_REGION)
NEXT_DOOR = Location(OTHER_ACCOUNT, REGION)
ROLE = f"arn:aws:iam::{OTHER_ACCOUNT}:role/{source_role_name(PREFIX)}"
SOURCE_ARN = SOURCE_PLACE.arn("cluster-snapshot", SNAPSHOT)
ENVIRONMENT = f"{PREFIX} {ACCOUNT} {REGION}"


def copy_name(source: str = SOURCE_ARN, key: str | None = None) -> str:
    """The name of the copy of a snapshot that the restores of the environment share."""
    return common_copy_name(source, key, ENVIRONMENT, end=COPY_SUFFIX)


def copy_at_source(source: str, key: str | None = None) -> str:
    """The name of the copy of it in the source account."""
    beginning = shared_snapshot_prefix(PREFIX)
    return common_copy_name(source, key, ENVIRONMENT, beginning=beginning)


def copy_half_way(source: str, key: str | None = None) -> str:
    """The name of the copy of it in this account, in the source's Region."""
    beginning = intermediate_snapshot_prefix(PREFIX, REGION)
    return common_copy_name(source, key, ENVIRONMENT, beginning=beginning)


COPY = copy_name()
COPY_ARN = HOME.arn("cluster-snapshot", COPY)
LONG_ENOUGH = 3600
"""Seconds in which anything at RDS is over."""


def go(scene: Scene, handler: type[BaseHandler], asked: Any = None) -> dict[str, Any]:
    """The state machine calls a step, a second after whatever was before."""
    scene.bench.advance(1)
    return scene.bench.step(handler, asked)


def call(scene: Scene, handler: type[BaseHandler], **event: Any) -> dict[str, Any]:
    """A person calls a step directly, for the operation that the state machine works on."""
    scene.bench.advance(1)
    return scene.bench.call(handler, {"operation_id": "op-1", **event})


def details(scene: Scene, handler: type[BaseHandler]) -> dict[str, Any]:
    """What a step has left in the state."""
    found: dict[str, Any] = scene.bench.state(handler.step.name)["details"]
    return found


def lock_holder(scene: Scene) -> str | None:
    """The operation that holds the target's lock."""
    items = scene.bench.store.load_all(f"{LOCK_KEY_PREFIX}{ACCOUNT}/{REGION}/{TARGET}")
    return items[0]["holder"] if items else None


# Snapshots


def take_daily(scene: Scene, day: str) -> str:
    """The source's automated snapshot of a day; its ARN."""
    taken = scene.bench.rds.admin.take_automated_snapshot(
        SOURCE,
        account=scene.source_place.account,
        region=scene.source_place.region,
        at=f"{day}T02:00:00+00:00",
    )
    return taken["arn"]


def begin_manual(scene: Scene, name: str, *, cluster: str = SOURCE, tags: Any = ()) -> str:
    """A manual snapshot at the source, which is still being created; its ARN."""
    made = scene.client("rds", scene.source_place).create_db_cluster_snapshot(
        DBClusterIdentifier=cluster, DBClusterSnapshotIdentifier=name, Tags=list(tags)
    )
    return str(made["DBClusterSnapshot"]["DBClusterSnapshotArn"])


def take_manual(scene: Scene, name: str, *, cluster: str = SOURCE, tags: Any = ()) -> str:
    """A manual snapshot at the source; its ARN."""
    arn = begin_manual(scene, name, cluster=cluster, tags=tags)
    scene.bench.advance(LONG_ENOUGH)
    return arn


def share(scene: Scene, name: str) -> None:
    """The source account lets this one use a manual snapshot."""
    scene.client("rds", scene.source_place).modify_db_cluster_snapshot_attribute(
        DBClusterSnapshotIdentifier=name, AttributeName="restore", ValuesToAdd=[ACCOUNT]
    )


def shared_with(scene: Scene, name: str) -> list[str]:
    """The accounts that may use a snapshot of the source's."""
    (found,) = scene.client("rds", scene.source_place).describe_db_cluster_snapshot_attributes(
        DBClusterSnapshotIdentifier=name
    )["DBClusterSnapshotAttributesResult"]["DBClusterSnapshotAttributes"]
    return list(found["AttributeValues"])


def manual_snapshots(scene: Scene, place: Location = HOME) -> dict[str, dict[str, Any]]:
    """The manual snapshots of a place, by name."""
    found = scene.client("rds", place).describe_db_cluster_snapshots(SnapshotType="manual")
    return {item["DBClusterSnapshotIdentifier"]: item for item in found["DBClusterSnapshots"]}


def tags(described: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in described["TagList"]}


def set_status(scene: Scene, arn: str, status: str) -> None:
    """Put a cluster, an instance or a snapshot into a status, where it stays."""
    scene.bench.rds.admin.set_status(arn, status)


# Keys


def make_key(
    scene: Scene, place: Location, accounts: Sequence[str] = (ACCOUNT, OTHER_ACCOUNT)
) -> str:
    """A customer key that the given accounts may use; its ARN."""
    made = scene.client("kms", place).create_key(Policy=key_policy(accounts))
    return str(made["KeyMetadata"]["Arn"])


def make_encrypted_source(
    scene: Scene,
    name: str = "encrypted",
    accounts: Sequence[str] = (ACCOUNT, OTHER_ACCOUNT),
) -> str:
    """A second cluster at the source, under a customer key of those accounts, to be the one that
    is restored from; its key's ARN."""
    key = make_key(scene, scene.source_place, accounts)
    scene.client("rds", scene.source_place).create_db_cluster(
        DBClusterIdentifier=name,
        Engine="aurora-postgresql",
        EngineVersion="16.4",
        MasterUsername="postgres",
        MasterUserPassword="source-password",
        StorageEncrypted=True,
        KmsKeyId=key,
    )
    scene.bench.advance(LONG_ENOUGH)
    return key


# A target


def make_replaceable(bench: Bench, *, readers: int = 1, **settings: Any) -> Scene:
    """A target with instances, and the new data beside it: all that a deletion waits for."""
    scene = make_scene(bench, HOME)
    scene.make_target(readers=readers, **settings)
    bring_the_new_data(scene)
    return scene


def bring_the_new_data(scene: Scene) -> None:
    """Let the operation come through copy-snapshot, which has nothing to do in the same Region."""
    go(scene, CopySnapshotHandler, {"snapshot_arn": HOME.arn("cluster-snapshot", SNAPSHOT)})


def instance_statuses(scene: Scene) -> dict[str, str]:
    """The status of each instance where the target is."""
    found = scene.client("rds").describe_db_instances()["DBInstances"]
    return {item["DBInstanceIdentifier"]: item["DBInstanceStatus"] for item in found}


def target_status(scene: Scene) -> str | None:
    """The status of the target; None once it is gone."""
    cluster = scene.cluster()
    return None if cluster is None else cluster["Status"]
