"""Patches for CloudFormation: a stack's clusters are made in the embedded RDS."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from embedded_aws.ministack.networks import refuse_update
from embedded_aws.ministack.outsourcing import Properties, Provisioned, client, outsource

_LOOK_SECONDS = 0.1
_PATIENCE_SECONDS = 120.0
_NUMBERS = {"Port", "PromotionTier", "BackupRetentionPeriod", "MinCapacity", "MaxCapacity"}
_SWITCHES = {"DeletionProtection", "StorageEncrypted", "PubliclyAccessible"}


class UnfinishedResourceError(RuntimeError):
    """A cluster or an instance has not come to what CloudFormation waits for."""


def make_databases_of_stacks_in_rds() -> None:
    """Let CloudFormation call the embedded RDS for clusters, instances and their groups.

    They can be made and deleted, and not be changed. What the stack waits for is what
    CloudFormation waits for: an available cluster and instance, and that a deleted one is gone.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_RDS.html
    """
    for name, create, delete in (
        ("DBSubnetGroup", _create_subnet_group, _delete_subnet_group),
        ("DBClusterParameterGroup", _create_parameter_group, _delete_parameter_group),
        ("DBCluster", _create_cluster, _delete_cluster),
        ("DBInstance", _create_instance, _delete_instance),
    ):
        outsource(f"AWS::RDS::{name}", create=create, update=refuse_update, delete=delete)


def _create_subnet_group(logical_id: str, properties: Properties, stack: str) -> Provisioned:
    name = properties.get("DBSubnetGroupName", f"{stack}-{logical_id}").lower()
    client("rds").create_db_subnet_group(**_parameters(properties, DBSubnetGroupName=name))
    return name, {}


def _delete_subnet_group(physical_id: str, properties: Properties) -> None:
    del properties
    client("rds").delete_db_subnet_group(DBSubnetGroupName=physical_id)


def _create_parameter_group(logical_id: str, properties: Properties, stack: str) -> Provisioned:
    rds = client("rds")
    name = properties.get("DBClusterParameterGroupName", f"{stack}-{logical_id}").lower()
    rds.create_db_cluster_parameter_group(
        DBClusterParameterGroupName=name,
        DBParameterGroupFamily=properties["Family"],
        Description=properties["Description"],
        Tags=_own_tags(properties.get("Tags") or ()),
    )
    rds.modify_db_cluster_parameter_group(
        DBClusterParameterGroupName=name,
        Parameters=[
            {
                "ParameterName": parameter,
                "ParameterValue": str(value),
                "ApplyMethod": "pending-reboot",
            }
            for parameter, value in properties["Parameters"].items()
        ],
    )
    return name, {}


def _delete_parameter_group(physical_id: str, properties: Properties) -> None:
    del properties
    client("rds").delete_db_cluster_parameter_group(DBClusterParameterGroupName=physical_id)


def _create_cluster(logical_id: str, properties: Properties, stack: str) -> Provisioned:
    rds = client("rds")
    name = properties.get("DBClusterIdentifier", f"{stack}-{logical_id}").lower()
    rds.create_db_cluster(**_parameters(properties, DBClusterIdentifier=name))
    found = _until(name, lambda: _found_cluster(rds, name), _is_available)
    return name, {
        "Endpoint.Address": found["Endpoint"],
        "Endpoint.Port": str(found["Port"]),
        "ReadEndpoint.Address": found["ReaderEndpoint"],
        "DBClusterResourceId": found["DbClusterResourceId"],
        "DBClusterArn": found["DBClusterArn"],
    }


def _delete_cluster(physical_id: str, properties: Properties) -> None:
    del properties
    rds = client("rds")
    if _found_cluster(rds, physical_id) is not None:
        rds.delete_db_cluster(DBClusterIdentifier=physical_id, SkipFinalSnapshot=True)
    _until(physical_id, lambda: _found_cluster(rds, physical_id), lambda found: found is None)


def _create_instance(logical_id: str, properties: Properties, stack: str) -> Provisioned:
    rds = client("rds")
    name = properties.get("DBInstanceIdentifier", f"{stack}-{logical_id}").lower()
    rds.create_db_instance(**_parameters(properties, DBInstanceIdentifier=name))
    found = _until(name, lambda: _found_instance(rds, name), _is_available)
    return name, {
        "Endpoint.Address": found["Endpoint"]["Address"],
        "Endpoint.Port": str(found["Endpoint"]["Port"]),
        "DbiResourceId": found["DbiResourceId"],
    }


def _delete_instance(physical_id: str, properties: Properties) -> None:
    del properties
    rds = client("rds")
    if _found_instance(rds, physical_id) is not None:
        rds.delete_db_instance(DBInstanceIdentifier=physical_id)
    _until(physical_id, lambda: _found_instance(rds, physical_id), lambda found: found is None)


def _found_cluster(rds: Any, name: str) -> Any:
    filters = [{"Name": "db-cluster-id", "Values": [name]}]
    return next(iter(rds.describe_db_clusters(Filters=filters)["DBClusters"]), None)


def _found_instance(rds: Any, name: str) -> Any:
    found = rds.describe_db_instances()["DBInstances"]
    return next((each for each in found if each["DBInstanceIdentifier"] == name), None)


def _is_available(found: Mapping[str, Any] | None) -> bool:
    return found is not None and "available" in (
        found.get("Status"),
        found.get("DBInstanceStatus"),
    )


def _until(name: str, look: Callable[[], Any], reached: Callable[[Any], bool]) -> Any:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not reached(found := look()):
        if time.monotonic() >= deadline:
            raise UnfinishedResourceError(f"{name} did not come to its end: {found}")
        time.sleep(_LOOK_SECONDS)
    return found


def _parameters(properties: Properties, **named: str) -> dict[str, Any]:
    """Return the parameters of a call; a template may hold numbers and booleans as text."""
    return {key: _value(key, value) for key, value in properties.items()} | named


def _own_tags(tags: Iterable[Mapping[str, str]]) -> list[Mapping[str, str]]:
    """Return the tags that a call may give; those of CloudFormation come another way in AWS."""
    return [tag for tag in tags if not tag["Key"].startswith("aws:")]


def _value(key: str, value: Any) -> Any:
    if key == "Tags":
        return _own_tags(value)
    if isinstance(value, Mapping):
        return {each: _value(each, held) for each, held in value.items()}
    if key in _SWITCHES:
        return str(value).lower() == "true"
    if key in _NUMBERS:
        return float(value) if "Capacity" in key else int(value)
    return value
