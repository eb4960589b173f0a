"""The longest route: an automated, encrypted snapshot of another account and Region."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from embedded_aws.vpc import create_open_group_of_default_vpc
from tests.integration.pipeline.stage import (
    ACCOUNT,
    DATABASE,
    MASTER,
    ROWS,
    SOURCE_PASSWORD,
    TARGET,
    Deployed,
    PipelineStage,
)
from tests.support.keys import key_policy

SOURCE_ACCOUNT = "111111111111"
SOURCE_REGION = "eu-central-1"
REGION = "eu-west-1"
SOURCE = "orders-production"


@dataclass(frozen=True)
class Keys:
    """The customer keys of both accounts."""

    source: str
    target: str


@pytest.fixture(scope="module")
def keys(stage: PipelineStage) -> Keys:
    """A key in each account; the source's lets the pipeline's account use it."""
    source = stage.aws.client("kms", account=SOURCE_ACCOUNT, region=SOURCE_REGION)
    target = stage.aws.client("kms", region=REGION)
    policy = key_policy((SOURCE_ACCOUNT, ACCOUNT))
    return Keys(
        source.create_key(Policy=policy)["KeyMetadata"]["Arn"],
        target.create_key()["KeyMetadata"]["Arn"],
    )


@pytest.fixture(scope="module")
def production(stage: PipelineStage, keys: Keys) -> Any:
    """The source cluster, encrypted, with an automated snapshot of yesterday."""
    rds = stage.aws.client("rds", account=SOURCE_ACCOUNT, region=SOURCE_REGION)
    ec2 = stage.aws.client("ec2", account=SOURCE_ACCOUNT, region=SOURCE_REGION)
    rds.create_db_cluster(
        DBClusterIdentifier=SOURCE,
        Engine="aurora-postgresql",
        MasterUsername=MASTER,
        MasterUserPassword=SOURCE_PASSWORD,
        DatabaseName=DATABASE,
        VpcSecurityGroupIds=[create_open_group_of_default_vpc(ec2)],
        StorageEncrypted=True,
        KmsKeyId=keys.source,
    )
    stage.eventually(lambda: rds.describe_db_clusters()["DBClusters"][0]["Status"] == "available")
    rds.create_db_instance(
        DBInstanceIdentifier=f"{SOURCE}-1",
        DBInstanceClass="db.r6g.large",
        Engine="aurora-postgresql",
        DBClusterIdentifier=SOURCE,
    )
    stage.eventually(
        lambda: rds.describe_db_instances()["DBInstances"][0]["DBInstanceStatus"] == "available"
    )
    with stage.connection(
        rds.describe_db_clusters()["DBClusters"][0], MASTER, SOURCE_PASSWORD
    ) as connection:
        connection.run(ROWS)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    stage.admin.take_automated_snapshot(
        SOURCE, account=SOURCE_ACCOUNT, region=SOURCE_REGION, at=yesterday.isoformat()
    )
    return rds


@pytest.fixture(scope="module")
def app(stage: PipelineStage, keys: Keys, production: Any) -> Iterator[Deployed]:
    source = {
        "cluster_id": SOURCE,
        "region": SOURCE_REGION,
        "account_id": SOURCE_ACCOUNT,
        "role_arn": f"arn:aws:iam::{SOURCE_ACCOUNT}:role/aurora-restore-source-access",
        "kms_key_id": keys.source,
    }
    yield stage.deploy(REGION, source=source, kms_key_id=keys.target)
    stage.remove_target(REGION)


def test_an_automated_snapshot_of_another_account_and_region_is_restored(
    stage: PipelineStage, app: Deployed, production: Any, keys: Keys
) -> None:
    execution = stage.run(app)

    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    state = stage.state(app, execution["name"])
    assert state["archive-snapshot"]["details"]["route"] == (
        "copied from another account and Region in one step"
    )
    restored = stage.cluster(REGION, TARGET)
    assert restored["KmsKeyId"] == keys.target
    master = stage.secret(app, "MasterSecret")["password"]
    with stage.connected(REGION, TARGET, MASTER, master) as connection:
        assert connection.run("SELECT count(*) FROM sales.orders") == [[2000]]
    (copy,) = stage.rds(REGION).describe_db_cluster_snapshots(SnapshotType="manual")[
        "DBClusterSnapshots"
    ]
    assert copy["KmsKeyId"] == keys.target
    left = production.describe_db_cluster_snapshots(SnapshotType="manual")["DBClusterSnapshots"]
    assert left == []
    changed = {
        (call["action"], call["region"])
        for call in stage.admin.calls()
        if call["account"] == SOURCE_ACCOUNT
        and not call["action"].startswith(("Describe", "Create"))
    }
    assert changed == {
        ("CopyDBClusterSnapshot", SOURCE_REGION),
        ("ModifyDBClusterSnapshotAttribute", SOURCE_REGION),
        ("DeleteDBClusterSnapshot", SOURCE_REGION),
    }


def test_a_dry_run_names_the_account_of_each_call(stage: PipelineStage, app: Deployed) -> None:
    asked = {"dry_run": True, "target_snapshot_name": "another-copy"}
    answer = stage.invoke(app, "snapshot-check", asked)["body"]
    listed = [(call["operation"], call.get("account")) for call in answer["calls"]]
    assert listed[:3] == [
        ("CopyDBClusterSnapshot", SOURCE_ACCOUNT),
        ("ModifyDBClusterSnapshotAttribute", SOURCE_ACCOUNT),
        ("CopyDBClusterSnapshot", None),
    ]
    assert ("DeleteDBClusterSnapshot", SOURCE_ACCOUNT) in listed
