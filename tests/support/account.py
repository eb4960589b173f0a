"""Everything that there is in an account and Region of the embedded AWS, to compare."""

import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from embedded_aws.aws import EmbeddedAws

_LISTS: tuple[tuple[str, str, str, str], ...] = (
    ("rds", "describe_db_clusters", "DBClusters", "DBClusterIdentifier"),
    ("rds", "describe_db_instances", "DBInstances", "DBInstanceIdentifier"),
    (
        *("rds", "describe_db_cluster_snapshots", "DBClusterSnapshots"),
        "DBClusterSnapshotIdentifier",
    ),
    ("rds", "describe_db_subnet_groups", "DBSubnetGroups", "DBSubnetGroupName"),
    (
        *("rds", "describe_db_cluster_parameter_groups", "DBClusterParameterGroups"),
        "DBClusterParameterGroupName",
    ),
    ("ec2", "describe_vpcs", "Vpcs", "VpcId"),
    ("ec2", "describe_subnets", "Subnets", "SubnetId"),
    ("ec2", "describe_security_groups", "SecurityGroups", "GroupId"),
    ("ec2", "describe_route_tables", "RouteTables", "RouteTableId"),
    ("ec2", "describe_network_interfaces", "NetworkInterfaces", "NetworkInterfaceId"),
    ("cloudformation", "list_stacks", "StackSummaries", "StackName"),
    ("lambda", "list_functions", "Functions", "FunctionName"),
    ("lambda", "list_layers", "Layers", "LayerName"),
    ("lambda", "list_event_source_mappings", "EventSourceMappings", "EventSourceArn"),
    ("logs", "describe_log_groups", "logGroups", "logGroupName"),
    ("secretsmanager", "list_secrets", "SecretList", "Name"),
    ("ssm", "describe_parameters", "Parameters", "Name"),
    ("sns", "list_topics", "Topics", "TopicArn"),
    ("sns", "list_subscriptions", "Subscriptions", "SubscriptionArn"),
    ("events", "list_rules", "Rules", "Name"),
    ("events", "list_event_buses", "EventBuses", "Name"),
    ("scheduler", "list_schedule_groups", "ScheduleGroups", "Name"),
    ("scheduler", "list_schedules", "Schedules", "Name"),
    ("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    ("cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName"),
    ("stepfunctions", "list_state_machines", "stateMachines", "stateMachineArn"),
    ("iam", "list_roles", "Roles", "RoleName"),
)
_ENDED = "DELETE_COMPLETE"


def everything_in(aws: EmbeddedAws, region: str) -> frozenset[str]:
    """The names of everything that is charged for, or that could be in the way of a next run.

    Left out are the assets that the CDK has put into its own bucket, which other stacks may use,
    and what AWS itself remembers for a while: stacks that are deleted, and keys that wait to be.
    """
    client = functools.cache(functools.partial(aws.client, region=region))
    found: set[str] = set()
    for service, operation, listed, name in _LISTS:
        found |= _names(service, listed, _listed(client(service), operation, listed), name)
    found |= {f"table {each}" for each in client("dynamodb").list_tables()["TableNames"]}
    found |= {f"queue {each}" for each in client("sqs").list_queues().get("QueueUrls", ())}
    endpoints = client("ec2").describe_vpc_endpoints()["VpcEndpoints"]
    found |= {
        f"endpoint {each['VpcEndpointId']}" for each in endpoints if each["State"] != "deleted"
    }
    policies = client("iam").list_policies(Scope="Local")["Policies"]
    found |= {f"policy {each['PolicyName']}" for each in policies}
    return frozenset(found)


def _listed(client: Any, operation: str, listed: str) -> Iterator[Mapping[str, Any]]:
    """Yield what an operation lists, on all of its pages."""
    if not client.can_paginate(operation):
        yield from getattr(client, operation)()[listed]
        return
    for page in client.get_paginator(operation).paginate():
        yield from page[listed]


def _names(service: str, listed: str, items: Iterable[Mapping[str, Any]], name: str) -> set[str]:
    return {
        f"{service} {listed} {each[name]}" for each in items if each.get("StackStatus") != _ENDED
    }
