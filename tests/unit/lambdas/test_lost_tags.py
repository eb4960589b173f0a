"""A target whose tags another tool has taken is still the pipeline's, by its resource id.

`terraform apply` removes every tag that it does not declare. What proves a cluster is the target
record, which names its resource id and where each of its instances is reached.
"""

from dataclasses import replace
from typing import Any

import pytest

from aurora_restore.lambdas.delete_rds import DeleteRdsHandler
from aurora_restore.lambdas.snapshot_check import SnapshotCheckHandler
from aurora_restore.shared.errors import PreflightError
from aurora_restore.shared.names import (
    TAG_KEEP_UNTIL,
    TAG_MANAGED_BY,
    TAG_OPERATION,
    TAG_RESTORE,
)
from aurora_restore.shared.target_record import TargetRecord, TargetRecordStore
from tests.unit.bench import ACCOUNT, PREFIX, REGION, Bench
from tests.unit.lambdas.arrange import go, instance_statuses, make_replaceable, manual_snapshots
from tests.unit.scene import HOME, TARGET, Scene

WRITER, READER = f"{TARGET}-1", f"{TARGET}-2"
UNTOUCHED = {WRITER: "available", READER: "available"}
BEFORE = "op-0"
PUT_BACK = {TAG_MANAGED_BY: PREFIX, TAG_RESTORE: "staging", TAG_OPERATION: BEFORE}
ARNS = (HOME.arn("cluster", TARGET), HOME.arn("db", WRITER), HOME.arn("db", READER))


@pytest.fixture
def scene(bench: Bench) -> Scene:
    """A target that an earlier operation has restored, as the record says, and no tag is left."""
    made = make_replaceable(bench)
    remember(made)
    strip(made)
    return made


def cluster(scene: Scene) -> dict[str, Any]:
    found = scene.cluster()
    assert found is not None
    return found


def instances(scene: Scene) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = scene.client("rds").describe_db_instances()["DBInstances"]
    return [each for each in listed if each.get("DBClusterIdentifier") == TARGET]


def remember(scene: Scene, **changes: Any) -> None:
    """Write the target record, as the earlier operation has."""
    reached = tuple(
        f"{each['Endpoint']['Address']}:{each['Endpoint']['Port']}" for each in instances(scene)
    )
    record = TargetRecord(
        restored_by=BEFORE,
        resource_id=cluster(scene)["DbClusterResourceId"],
        instance_endpoints=reached,
    )
    store = TargetRecordStore(scene.bench.store, ACCOUNT, REGION, TARGET)
    store.write(replace(record, **changes), store.read())


def strip(scene: Scene) -> None:
    """Remove every tag of the cluster and its instances, as `terraform apply` does."""
    rds = scene.client("rds")
    for arn in ARNS:
        keys = list(tags_of(scene, arn))
        if keys:
            rds.remove_tags_from_resource(ResourceName=arn, TagKeys=keys)


def tags_of(scene: Scene, arn: str) -> dict[str, str]:
    listed = scene.client("rds").list_tags_for_resource(ResourceName=arn)["TagList"]
    return {each["Key"]: each["Value"] for each in listed}


def test_the_tags_are_put_back_and_then_the_cluster_is_deleted(scene: Scene) -> None:
    before = len(scene.changes())

    go(scene, DeleteRdsHandler)

    assert scene.changes()[before:] == [
        "AddTagsToResource",
        "AddTagsToResource",
        "AddTagsToResource",
        "DeleteDBInstance",
        "DeleteDBInstance",
        "DeleteDBCluster",
    ]
    assert instance_statuses(scene) == {WRITER: "deleting", READER: "deleting"}
    # It is the pipeline's own, so it holds nothing that is nowhere else.
    assert manual_snapshots(scene) == {}


def test_what_is_put_back_is_what_the_pipeline_had_set(scene: Scene) -> None:
    scene.bench.rds.admin.refuse_next("DeleteDBInstance", code="AccessDenied")
    with pytest.raises(Exception, match="AccessDenied"):
        go(scene, DeleteRdsHandler)

    assert [tags_of(scene, arn) for arn in ARNS] == [PUT_BACK] * 3
    assert TAG_KEEP_UNTIL not in PUT_BACK


def test_nothing_is_marked_before_every_check_has_passed(scene: Scene) -> None:
    scene.client("rds").modify_db_cluster(
        DBClusterIdentifier=TARGET, DeletionProtection=True, ApplyImmediately=True
    )

    with pytest.raises(PreflightError, match="has deletion protection"):
        go(scene, DeleteRdsHandler)

    assert [tags_of(scene, arn) for arn in ARNS] == [{}] * 3
    assert instance_statuses(scene) == UNTOUCHED


def test_another_cluster_of_that_name_is_refused_whatever_the_record_says(scene: Scene) -> None:
    remember(scene, resource_id="cluster-OF-BEFORE")

    with pytest.raises(PreflightError, match="was not made by this pipeline"):
        go(scene, DeleteRdsHandler)

    assert [tags_of(scene, arn) for arn in ARNS] == [{}] * 3
    assert instance_statuses(scene) == UNTOUCHED


def test_an_instance_that_people_have_added_is_not_marked_and_stops_the_deletion(
    scene: Scene,
) -> None:
    """The record says where each instance of the pipeline is reached; this one is none of them."""
    remember(scene, instance_endpoints=("elsewhere:5432",))

    with pytest.raises(PreflightError, match=f"instance {READER} of cluster {TARGET} lacks"):
        go(scene, DeleteRdsHandler)

    assert instance_statuses(scene) == UNTOUCHED


def test_without_a_record_a_cluster_without_tags_is_refused(bench: Bench) -> None:
    scene = make_replaceable(bench)
    strip(scene)

    with pytest.raises(PreflightError, match="was not made by this pipeline"):
        go(scene, DeleteRdsHandler)


def test_a_cluster_that_only_inherited_the_tag_gets_a_final_snapshot(bench: Bench) -> None:
    """A person has restored it under that name: it may hold what is nowhere else."""
    scene = make_replaceable(bench)
    remember(scene, resource_id="cluster-OF-BEFORE")

    go(scene, DeleteRdsHandler)

    (name,) = manual_snapshots(scene)
    assert name.startswith(f"{TARGET}-final-")


# What a dry run says


def warnings(scene: Scene) -> list[str]:
    answer = go(scene, SnapshotCheckHandler, {"dry_run": True})
    assert answer["statusCode"] == 200, answer
    found: list[str] = answer["body"]["warnings"]
    return [each for each in found if each.startswith(f"cluster {TARGET} ")]


def test_a_dry_run_says_that_tags_are_gone_and_plans_to_put_them_back(scene: Scene) -> None:
    answer = go(scene, SnapshotCheckHandler, {"dry_run": True})

    assert answer["body"]["ready"] is True
    (said,) = warnings(scene)
    assert said.startswith(
        f"cluster {TARGET} has lost the tag {TAG_MANAGED_BY} since operation {BEFORE} restored it"
    )
    planned = [each["parameters"].get("ResourceName") for each in answer["body"]["calls"]]
    assert set(ARNS) <= set(planned)


@pytest.mark.parametrize(
    ("tag", "said"),
    [
        ({"aws:cloudformation:stack-id": "arn:stack"}, "belongs to CloudFormation stack arn:stack"),
        ({"ManagedBy": "Terraform"}, "seems to belong to another tool (tag ManagedBy)"),
        ({"terraform:workspace": "staging"}, "seems to belong to another tool (tag terraform:w"),
        ({"provisioner": "opentofu"}, "seems to belong to another tool (tag provisioner)"),
    ],
)
def test_a_dry_run_warns_of_another_owner(bench: Bench, tag: dict[str, str], said: str) -> None:
    scene = make_replaceable(bench)
    scene.bench.rds.backend.at(HOME).clusters[TARGET].tags.update(tag)

    (warning,) = warnings(scene)

    assert said in warning
    assert "docs/terraform.md" in warning


def test_a_dry_run_warns_of_nothing_where_only_the_pipeline_is_the_owner(bench: Bench) -> None:
    scene = make_replaceable(bench)
    remember(scene)

    assert warnings(scene) == []


def test_a_dry_run_warns_of_a_cluster_that_the_pipeline_did_not_restore(bench: Bench) -> None:
    scene = make_replaceable(bench)
    remember(scene, resource_id="cluster-OF-BEFORE")

    (warning,) = warnings(scene)

    assert "carries the pipeline's tag, and is not the one that the pipeline restored" in warning
