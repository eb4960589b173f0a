"""Another tool takes the pipeline's tags between two nights, as `terraform apply` does."""

import pytest

from aurora_restore.shared.names import TAG_MANAGED_BY, TAG_OPERATION
from tests.integration.pipeline.stage import (
    PREFIX,
    TARGET,
    TARGET_REGION,
    Deployed,
    PipelineStage,
)

pytestmark = pytest.mark.usefixtures("clean")


def marked(stage: PipelineStage) -> dict[str, dict[str, str]]:
    """The tags of the target and of its instances, by ARN."""
    rds = stage.rds(TARGET_REGION)
    cluster = stage.cluster(TARGET_REGION, TARGET)
    instances = rds.describe_db_instances(Filters=[{"Name": "db-cluster-id", "Values": [TARGET]}])[
        "DBInstances"
    ]
    arns = [cluster["DBClusterArn"], *(each["DBInstanceArn"] for each in instances)]
    return {
        arn: {
            each["Key"]: each["Value"]
            for each in rds.list_tags_for_resource(ResourceName=arn)["TagList"]
        }
        for arn in arns
    }


def test_the_next_night_succeeds_after_all_tags_were_taken(
    stage: PipelineStage, app: Deployed
) -> None:
    first = stage.run(app)
    assert first["status"] == "SUCCEEDED", first.get("cause")
    before = stage.cluster(TARGET_REGION, TARGET)["DbClusterResourceId"]
    for arn, tags in marked(stage).items():
        assert tags[TAG_MANAGED_BY] == PREFIX
        stage.rds(TARGET_REGION).remove_tags_from_resource(ResourceName=arn, TagKeys=list(tags))
    assert list(marked(stage).values()) == [{}, {}]
    changes = len(stage.changes())

    planned = stage.run(app, {"dry_run": True})
    assert planned["status"] == "SUCCEEDED"
    assert f"cluster {TARGET} has lost the tag {TAG_MANAGED_BY}" in planned["output"]
    assert len(stage.changes()) == changes

    second = stage.run(app)

    assert second["status"] == "SUCCEEDED", second.get("cause")
    done = stage.changes()[changes:]
    first_deletion = done.index("DeleteDBInstance")
    assert done[first_deletion - 2 : first_deletion + 2] == [
        "AddTagsToResource",
        "AddTagsToResource",
        "DeleteDBInstance",
        "DeleteDBCluster",
    ]
    assert stage.cluster(TARGET_REGION, TARGET)["DbClusterResourceId"] != before
    found = list(marked(stage).values())
    assert [each[TAG_MANAGED_BY] for each in found] == [PREFIX, PREFIX]
    assert {each[TAG_OPERATION] for each in found} == {second["name"]}
