"""A deployed pipeline that renames nothing: clients follow the endpoint that they read."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from aurora_restore.shared.names import cluster_beside, endpoint_parameter
from aurora_restore.shared.sequences import ROLL_BACK, SWITCH
from tests.integration.pipeline.stage import (
    MASK,
    PREFIX,
    TARGET,
    TARGET_REGION,
    Deployed,
    PipelineStage,
)

pytestmark = pytest.mark.usefixtures("clean")

RECORD = "staging.db.example.com"


@pytest.fixture
def zone(stage: PipelineStage, app: Deployed) -> Iterator[str]:
    """A hosted zone with a record that the switch is to write, and the configuration for that."""
    route53 = stage.aws.client("route53", region=TARGET_REGION)
    made = route53.create_hosted_zone(Name="db.example.com", CallerReference="switch")
    zone = str(made["HostedZone"]["Id"]).removeprefix("/hostedzone/")
    document = stage.restore_document(TARGET_REGION, strategy="switch")
    document["switch"] = {
        "by": "endpoint",
        "cname": {"hosted_zone_id": zone, "name": RECORD},
    }
    document["database"]["scripts"] = [{"path": MASK}]
    stage.configure(app, document)
    yield zone
    for cluster in stage.rds(TARGET_REGION).describe_db_clusters()["DBClusters"]:
        if cluster["DBClusterIdentifier"].startswith(f"{TARGET}-ar-"):
            remove(stage, cluster)


def remove(stage: PipelineStage, cluster: dict[str, Any]) -> None:
    """Delete a cluster beside the target."""
    rds, name = stage.rds(TARGET_REGION), cluster["DBClusterIdentifier"]
    for member in cluster["DBClusterMembers"]:
        rds.delete_db_instance(
            DBInstanceIdentifier=member["DBInstanceIdentifier"], SkipFinalSnapshot=True
        )
    rds.delete_db_cluster(DBClusterIdentifier=name, SkipFinalSnapshot=True)
    stage.eventually(lambda: stage.find_cluster(TARGET_REGION, name) is None)


def led_to(stage: PipelineStage, app: Deployed, zone: str) -> dict[str, str]:
    """The host that clients read in each place."""
    ssm = stage.aws.client("ssm", region=TARGET_REGION)
    parameter = ssm.get_parameter(Name=endpoint_parameter(PREFIX, "staging"))["Parameter"]["Value"]
    records = stage.aws.client("route53", region=TARGET_REGION).list_resource_record_sets(
        HostedZoneId=zone
    )["ResourceRecordSets"]
    (record,) = (each for each in records if each["Type"] == "CNAME")
    return {
        "secret": stage.secret(app, "AppSecret")["host"],
        "parameter": json.loads(parameter)["host"],
        "record": record["ResourceRecords"][0]["Value"].rstrip("."),
    }


def test_clients_are_led_to_the_new_cluster_and_back(
    stage: PipelineStage, app: Deployed, zone: str
) -> None:
    stage.make_cluster(TARGET_REGION, TARGET, "old-target-password")
    old = stage.cluster(TARGET_REGION, TARGET)

    execution = stage.run(app)

    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    assert stage.steps_entered(execution["executionArn"])[-1] == SWITCH.steps[-1]
    name = cluster_beside(TARGET, execution["name"])
    new = stage.cluster(TARGET_REGION, name)
    assert led_to(stage, app, zone) == dict.fromkeys(
        ("secret", "parameter", "record"), new["Endpoint"]
    )
    logins = stage.secret(app, "AppSecret")
    with stage.connection(logins_at(logins), logins["username"], logins["password"]) as connection:
        assert connection.run("SELECT count(*) FROM sales.orders") == [[2000]]
    assert stage.cluster(TARGET_REGION, TARGET)["DbClusterResourceId"] == old["DbClusterResourceId"]
    assert groups_of(stage, TARGET).isdisjoint(groups_of(stage, name))

    back = stage.run(app, {"roll_back": True})

    assert back["status"] == "SUCCEEDED", back.get("cause")
    assert stage.steps_entered(back["executionArn"])[-1] == ROLL_BACK.steps[-1]
    assert led_to(stage, app, zone) == dict.fromkeys(
        ("secret", "parameter", "record"), old["Endpoint"]
    )
    assert groups_of(stage, TARGET) == {app.network.security_group_id}


def logins_at(logins: dict[str, str]) -> dict[str, Any]:
    """Where the application's secret says that the cluster is."""
    return {"Endpoint": logins["host"], "Port": int(logins["port"])}


def groups_of(stage: PipelineStage, name: str) -> set[str]:
    """The security groups of a cluster."""
    groups = stage.cluster(TARGET_REGION, name)["VpcSecurityGroups"]
    return {each["VpcSecurityGroupId"] for each in groups}
