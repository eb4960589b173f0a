"""Facts about what a cluster takes part in, and cannot be renamed meanwhile."""

from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.embedded_aws.rds.rds_bench import HERE, OTHER, OWNER, RdsBench, refused

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import BlueGreenDeploymentTypeDef


def rename(rds_bench: RdsBench) -> None:
    rds_bench.rds().modify_db_cluster(
        DBClusterIdentifier="orders", NewDBClusterIdentifier="renamed", ApplyImmediately=True
    )


def deployments(rds_bench: RdsBench, name: str, arn: str) -> list["BlueGreenDeploymentTypeDef"]:
    filters: Any = [{"Name": name, "Values": [arn]}]
    found = rds_bench.rds().describe_blue_green_deployments(Filters=filters)
    return found["BlueGreenDeployments"]


def shares(rds_bench: RdsBench, arn: str) -> list[str]:
    ram = rds_bench.emulator.session(OWNER, HERE).client("ram")
    found = ram.get_resource_share_associations(associationType="RESOURCE", resourceArn=arn)
    return [each["status"] for each in found["resourceShareAssociations"]]


@pytest.mark.parametrize(
    "engagement", ["zero-etl", "blue-green-source", "blue-green-target", "shared"]
)
def test_what_is_integrated_deployed_or_shared_is_not_renamed(
    rds_bench: RdsBench, engagement: str
) -> None:
    arn = rds_bench.new_cluster()["DBClusterArn"]
    rds_bench.admin.engage(arn, engagement)
    with refused("InvalidDBClusterStateFault"):
        rename(rds_bench)
    rds_bench.rds().modify_db_cluster(DBClusterIdentifier="orders", BackupRetentionPeriod=3)

    rds_bench.admin.disengage(arn, engagement)
    rename(rds_bench)


def test_a_member_of_a_global_cluster_is_not_renamed(rds_bench: RdsBench) -> None:
    arn = rds_bench.new_cluster()["DBClusterArn"]
    rds_bench.rds().create_global_cluster(
        GlobalClusterIdentifier="world", SourceDBClusterIdentifier=arn
    )

    with refused("InvalidGlobalClusterStateFault"):
        rename(rds_bench)


def test_integrations_are_listed_with_the_arn_of_their_source_and_without_filters(
    rds_bench: RdsBench,
) -> None:
    arn = rds_bench.new_cluster()["DBClusterArn"]
    rds = rds_bench.rds()
    assert rds.describe_integrations()["Integrations"] == []
    rds_bench.admin.engage(arn, "zero-etl")

    (shown,) = rds.describe_integrations()["Integrations"]
    assert (shown["SourceArn"], shown["Status"]) == (arn, "active")
    by_id = rds.describe_integrations(IntegrationIdentifier=shown["IntegrationName"])
    assert by_id["Integrations"] == [shown]
    with refused("IntegrationNotFoundFault"):
        rds.describe_integrations(IntegrationIdentifier="unknown")
    with refused("InvalidParameterValue"):
        rds.describe_integrations(Filters=[{"Name": "source-arn", "Values": [arn]}])
    assert rds_bench.rds(OTHER).describe_integrations()["Integrations"] == []


def test_a_cluster_with_an_integration_is_not_deleted(rds_bench: RdsBench) -> None:
    arn = rds_bench.new_cluster()["DBClusterArn"]
    rds_bench.admin.engage(arn, "zero-etl")

    with refused("InvalidDBClusterStateFault"):
        rds_bench.rds().delete_db_cluster(DBClusterIdentifier="orders", SkipFinalSnapshot=True)


def test_a_deployment_is_found_by_the_arn_of_its_source_or_of_its_target(
    rds_bench: RdsBench,
) -> None:
    blue = rds_bench.new_cluster("blue")["DBClusterArn"]
    green = rds_bench.new_cluster("green")["DBClusterArn"]
    rds_bench.admin.engage(blue, "blue-green-source")
    rds_bench.admin.engage(green, "blue-green-target")

    (shown,) = deployments(rds_bench, "source", blue)
    assert (shown["Source"], shown["Status"]) == (blue, "AVAILABLE")
    assert deployments(rds_bench, "target", blue) == []
    (shown,) = deployments(rds_bench, "target", green)
    assert shown["Target"] == green
    assert deployments(rds_bench, "source", green) == []
    with refused("BlueGreenDeploymentNotFoundFault"):
        rds_bench.rds().describe_blue_green_deployments(BlueGreenDeploymentIdentifier="unknown")


def test_a_shared_cluster_has_an_association_with_a_resource_share(rds_bench: RdsBench) -> None:
    arn = rds_bench.new_cluster()["DBClusterArn"]
    assert shares(rds_bench, arn) == []

    rds_bench.admin.engage(arn, "shared")
    assert shares(rds_bench, arn) == ["ASSOCIATED"]
    rds_bench.admin.disengage(arn, "shared")
    assert shares(rds_bench, arn) == []

    ram = rds_bench.emulator.session(OWNER, HERE).client("ram")
    ram.create_resource_share(name="by hand", resourceArns=[arn], principals=[OTHER])
    with refused("InvalidDBClusterStateFault"):
        rename(rds_bench)
