"""A stack's security groups are those of EC2, and let its functions reach a cluster or not."""

import json
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest

from embedded_aws.aws import EmbeddedAws
from embedded_aws.vpc import DatabaseNetwork, create_network

STACK = "groups"
CLUSTER = "quarantined"
PATIENCE_SECONDS = 60.0
KNOCK = """
import socket, struct
def handler(event, context):
    try:
        with socket.create_connection((event["host"], event["port"]), timeout=5) as connection:
            connection.sendall(struct.pack("!II", 8, 80877103))
            return connection.recv(1).decode()
    except OSError as error:
        return type(error).__name__
"""
REACHED = "S"
REFUSED = "ConnectionResetError"


def template(
    network: DatabaseNetwork, *, port: int = 5432, description: str = "Quarantine"
) -> dict[str, Any]:
    """Two groups as the CDK writes them: one that may log in, and one that only it reaches."""
    group = "AWS::EC2::SecurityGroup"
    access = {"Fn::GetAtt": ["Access", "GroupId"]}
    return {
        "Resources": {
            "Access": {
                "Type": group,
                "Properties": {"GroupDescription": "Access", "VpcId": network.vpc_id},
            },
            "Quarantine": {
                "Type": group,
                "Properties": {
                    "GroupDescription": description,
                    "VpcId": network.vpc_id,
                    "GroupName": f"quarantine-{description.lower()}",
                    "SecurityGroupIngress": [
                        {
                            "IpProtocol": "tcp",
                            "FromPort": port,
                            "ToPort": port,
                            "SourceSecurityGroupId": access,
                        }
                    ],
                    "SecurityGroupEgress": [
                        {
                            "CidrIp": "255.255.255.255/32",
                            "Description": "Disallow all traffic",
                            "IpProtocol": "icmp",
                            "FromPort": 252,
                            "ToPort": 86,
                        }
                    ],
                    "Tags": [{"Key": "team", "Value": "data"}],
                },
            },
        },
        "Outputs": {
            "Access": {"Value": access},
            "Quarantine": {"Value": {"Ref": "Quarantine"}},
        },
    }


@pytest.fixture(scope="module")
def network(aws: EmbeddedAws) -> DatabaseNetwork:
    return create_network(aws.client("ec2"), aws.client("rds"), aws.config.region, "grouped")


@pytest.fixture
def groups(aws: EmbeddedAws, network: DatabaseNetwork) -> Iterator[dict[str, str]]:
    """The groups of a stack, by the name of the output."""
    stacks = aws.client("cloudformation")
    stacks.create_stack(StackName=STACK, TemplateBody=json.dumps(template(network)))
    stacks.get_waiter("stack_create_complete").wait(StackName=STACK, WaiterConfig={"Delay": 1})
    yield outputs(aws)
    stacks.delete_stack(StackName=STACK)
    stacks.get_waiter("stack_delete_complete").wait(StackName=STACK, WaiterConfig={"Delay": 1})


def update(aws: EmbeddedAws, body: dict[str, Any]) -> dict[str, str]:
    stacks = aws.client("cloudformation")
    stacks.update_stack(StackName=STACK, TemplateBody=json.dumps(body))
    stacks.get_waiter("stack_update_complete").wait(StackName=STACK, WaiterConfig={"Delay": 1})
    return outputs(aws)


def outputs(aws: EmbeddedAws) -> dict[str, str]:
    (stack,) = aws.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    return {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}


def described(aws: EmbeddedAws, *groups: str) -> dict[str, Any]:
    """The groups of these ids that EC2 knows."""
    found = aws.client("ec2").describe_security_groups(
        Filters=[{"Name": "group-id", "Values": list(groups)}]
    )["SecurityGroups"]
    return {group["GroupId"]: group for group in found}


def test_the_security_groups_of_a_stack_are_found_in_ec2_with_their_rules(
    aws: EmbeddedAws, network: DatabaseNetwork, groups: dict[str, str]
) -> None:
    access, quarantine = groups["Access"], groups["Quarantine"]
    found = described(aws, access, quarantine)

    assert found[access]["VpcId"] == found[quarantine]["VpcId"] == network.vpc_id
    (inbound,) = found[quarantine]["IpPermissions"]
    assert (inbound["FromPort"], inbound["ToPort"]) == (5432, 5432)
    assert [pair["GroupId"] for pair in inbound["UserIdGroupPairs"]] == [access]
    (outbound,) = found[quarantine]["IpPermissionsEgress"]
    assert [each["CidrIp"] for each in outbound["IpRanges"]] == ["255.255.255.255/32"]
    (outbound,) = found[access]["IpPermissionsEgress"]
    assert [each["CidrIp"] for each in outbound["IpRanges"]] == ["0.0.0.0/0"]
    assert {"Key": "team", "Value": "data"} in found[quarantine]["Tags"]


def test_an_update_of_a_stack_changes_the_rules_of_its_groups_or_replaces_them(
    aws: EmbeddedAws, network: DatabaseNetwork, groups: dict[str, str]
) -> None:
    updated = update(aws, template(network, port=6543))
    assert updated == groups
    (inbound,) = described(aws, groups["Quarantine"])[groups["Quarantine"]]["IpPermissions"]
    assert inbound["FromPort"] == 6543

    replaced = update(aws, template(network, description="Isolation"))
    assert replaced["Access"] == groups["Access"]
    assert list(described(aws, groups["Quarantine"], replaced["Quarantine"])) == [
        replaced["Quarantine"]
    ]


def test_only_a_function_with_the_right_group_reaches_a_quarantined_cluster(
    aws: EmbeddedAws, network: DatabaseNetwork, groups: dict[str, str]
) -> None:
    cluster = quarantined_cluster(aws, network, groups["Quarantine"])
    try:
        event = {"host": cluster["Endpoint"], "port": cluster["Port"]}
        make_function(aws, "admitted", network, [network.security_group_id, groups["Access"]])
        make_function(aws, "foreign", network, [network.security_group_id])
        make_function(aws, "detached", network, [])

        assert invoke(aws, "admitted", event) == REACHED
        assert invoke(aws, "foreign", event) == REFUSED
        assert invoke(aws, "detached", event) == REFUSED

        functions = aws.client("lambda")
        functions.update_function_configuration(
            FunctionName="foreign", VpcConfig=vpc_configuration(network, [groups["Access"]])
        )
        assert invoke(aws, "foreign", event) == REACHED
    finally:
        for name in ("admitted", "foreign", "detached"):
            aws.client("lambda").delete_function(FunctionName=name)
        remove_cluster(aws)


def make_function(aws: EmbeddedAws, name: str, network: DatabaseNetwork, groups: list[str]) -> None:
    """A function that tries to reach a database; without groups it is attached to no VPC."""
    archive = BytesIO()
    with ZipFile(archive, "w") as package:
        package.writestr("knock.py", KNOCK)
    attached = {"VpcConfig": vpc_configuration(network, groups)} if groups else {}
    aws.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.14",
        Handler="knock.handler",
        Timeout=20,
        Role=f"arn:aws:iam::{aws.config.account}:role/any",
        Code={"ZipFile": archive.getvalue()},
        **attached,
    )


def vpc_configuration(network: DatabaseNetwork, groups: list[str]) -> dict[str, list[str]]:
    return {"SubnetIds": network.subnet_ids, "SecurityGroupIds": groups}


def invoke(aws: EmbeddedAws, name: str, event: dict[str, Any]) -> str:
    answer = aws.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
    said: str = json.loads(answer["Payload"].read())
    return said


def quarantined_cluster(aws: EmbeddedAws, network: DatabaseNetwork, group: str) -> Any:
    rds = aws.client("rds")
    rds.create_db_cluster(
        DBClusterIdentifier=CLUSTER,
        Engine="aurora-postgresql",
        MasterUsername="postgres",
        MasterUserPassword="first-password",
        DBSubnetGroupName=network.subnet_group,
        VpcSecurityGroupIds=[group],
    )
    eventually(lambda: described_cluster(aws)["Status"] == "available")
    rds.create_db_instance(
        DBInstanceIdentifier=CLUSTER,
        DBInstanceClass="db.r6g.large",
        Engine="aurora-postgresql",
        DBClusterIdentifier=CLUSTER,
    )
    eventually(
        lambda: (
            rds.describe_db_instances(DBInstanceIdentifier=CLUSTER)["DBInstances"][0][
                "DBInstanceStatus"
            ]
            == "available"
        )
    )
    return described_cluster(aws)


def described_cluster(aws: EmbeddedAws) -> Any:
    return aws.client("rds").describe_db_clusters(DBClusterIdentifier=CLUSTER)["DBClusters"][0]


def remove_cluster(aws: EmbeddedAws) -> None:
    rds = aws.client("rds")
    rds.delete_db_instance(DBInstanceIdentifier=CLUSTER)
    rds.delete_db_cluster(DBClusterIdentifier=CLUSTER, SkipFinalSnapshot=True)
    eventually(lambda: rds.describe_db_clusters()["DBClusters"] == [])


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)
