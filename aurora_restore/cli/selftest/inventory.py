"""Reads what AWS shows under the names of a run; nothing is changed."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, Final

import boto3
from boto3.dynamodb.conditions import Key
from botocore.exceptions import ClientError

from aurora_restore.cli.selftest.decision import FoundResource
from aurora_restore.cli.selftest.records import (
    ExpectedResource,
    ResourceKind,
    SelfTestRecord,
    StartedOperation,
)
from aurora_restore.proof import naming
from aurora_restore.shared.aws_utils import Clients, call, error_code, translate_error
from aurora_restore.shared.names import (
    app_secret_name,
    audit_table_name,
    master_secret_name,
    state_machine_name,
    state_table_name,
)
from aurora_restore.shared.rds.tags import tags_of

_NO_STACK: Final = "ValidationError"
_NO_TABLE: Final = "ResourceNotFoundException"
_NO_MACHINE: Final = "StateMachineDoesNotExist"
_CLUSTER: Final = "cluster_resource_id"


@dataclass(frozen=True)
class RunInventory:
    """The account as it looks to one run. Every answer is read when it is asked for."""

    session: boto3.Session
    run: str

    @cached_property
    def clients(self) -> Clients:
        """Return the clients of RDS and Step Functions."""
        return Clients(self.session)

    @cached_property
    def rds(self) -> Any:
        """Return a client of RDS."""
        return self.clients.rds(str(self.session.region_name))

    @cached_property
    def formation(self) -> Any:
        """Return a client of CloudFormation."""
        return self.session.client("cloudformation")

    @cached_property
    def secrets(self) -> Any:
        """Return a client of Secrets Manager."""
        return self.session.client("secretsmanager")

    @cached_property
    def tables(self) -> Any:
        """Return a client of DynamoDB."""
        return self.session.client("dynamodb")

    @cached_property
    def account(self) -> str:
        """Return the account of the credentials."""
        return str(call(self.session.client("sts").get_caller_identity)["Account"])

    @property
    def prefix(self) -> str:
        """Return what every name of the run begins with."""
        return naming.prefix_of(self.run)

    @property
    def machine_arn(self) -> str:
        """Return the ARN of the environment's state machine, whether or not it is there."""
        region = self.session.region_name
        partition = self.session.get_partition_for_region(str(region))
        name = state_machine_name(self.prefix)
        return f"arn:{partition}:states:{region}:{self.account}:stateMachine:{name}"

    def look(self) -> list[FoundResource]:
        """Return everything that has a name of the run, the source cluster's parts included."""
        return [
            *self.stacks(),
            *self._clusters(),
            *self._instances(),
            *self._snapshots(),
            *self._tables(),
            *self._secrets(),
        ]

    def stacks(self) -> Iterator[FoundResource]:
        """Yield both stacks, as far as they are there."""
        for name in (naming.source_stack(self.run), naming.environment_stack(self.run)):
            stack = self.stack(name)
            if stack is not None:
                yield FoundResource(
                    kind=ResourceKind.STACK,
                    name=name,
                    resource_id=stack["StackId"],
                    created=stack["CreationTime"],
                    tags=tags_of(stack.get("Tags")),
                )

    def stack(self, name: str) -> Mapping[str, Any] | None:
        """Return a stack as CloudFormation describes it; None if there is none."""
        found = _unless(_NO_STACK, lambda: self.formation.describe_stacks(StackName=name)["Stacks"])
        described: Mapping[str, Any] | None = next(iter(found or ()), None)
        return described

    def operations(self) -> Iterator[StartedOperation]:
        """Yield every operation that the run's own state machine has been asked for."""
        for each in self._executions():
            yield StartedOperation(id=each["name"], since=each["startDate"])

    def running(self) -> list[str]:
        """Return the ARNs of the executions that are running."""
        return [each["executionArn"] for each in self._executions(statusFilter="RUNNING")]

    def _executions(self, **filters: Any) -> list[Any]:
        """Return executions of the run's own state machine; none where that is not there."""
        pages = self.clients.step_functions.get_paginator("list_executions").paginate(
            stateMachineArn=self.machine_arn, **filters
        )
        try:
            return [each for page in pages for each in page["executions"]]
        except ClientError as error:
            if error_code(error) == _NO_MACHINE:
                return []
            raise translate_error(error) from error

    def with_clusters(self, record: SelfTestRecord) -> SelfTestRecord:
        """Return a record with what the state table says that its operations have restored."""
        found = {each.id: self._restored_by(each.id) for each in record.operations}
        return replace(
            record,
            operations=tuple(
                replace(each, cluster=found[each.id] or each.cluster) for each in record.operations
            ),
        )

    def reconstruct(self) -> SelfTestRecord | None:
        """Return a record from the run's first stack, where no file has one; None without it.

        What it holds besides is every name that a run gives.
        """
        stack = next(self.stacks(), None)
        if stack is None or stack.name != naming.source_stack(self.run) or stack.created is None:
            return None
        names = {
            ResourceKind.STACK: (stack.name, naming.environment_stack(self.run)),
            ResourceKind.CLUSTER: (naming.target_cluster(self.run),),
            ResourceKind.SNAPSHOT: (
                naming.snapshot_name(self.run),
                naming.target_snapshot_name(self.run),
            ),
            ResourceKind.TABLE: table_names(self.prefix),
            ResourceKind.SECRET: secret_names(self.prefix),
        }
        return SelfTestRecord(
            run=self.run,
            account=self.account,
            region=str(self.session.region_name),
            started=stack.created,
            expected=tuple(
                ExpectedResource(kind=kind, name=name, since=stack.created)
                for kind, listed in names.items()
                for name in listed
            ),
            operations=tuple(self.operations()),
        )

    def _restored_by(self, operation_id: str) -> str | None:
        table: Any = self.session.resource("dynamodb").Table(state_table_name(self.prefix))
        items = _unless(
            _NO_TABLE,
            lambda: table.query(KeyConditionExpression=Key("operation_id").eq(operation_id))[
                "Items"
            ],
        )
        known = (each.get("details", {}).get(_CLUSTER) for each in items or ())
        return next(filter(None, known), None)

    def _clusters(self) -> Iterator[FoundResource]:
        for each in self._pages("describe_db_clusters", "DBClusters"):
            yield FoundResource(
                kind=ResourceKind.CLUSTER,
                name=each["DBClusterIdentifier"],
                resource_id=each["DbClusterResourceId"],
                created=each.get("ClusterCreateTime"),
                tags=tags_of(each.get("TagList")),
            )

    def _instances(self) -> Iterator[FoundResource]:
        for each in self._pages("describe_db_instances", "DBInstances"):
            yield FoundResource(
                kind=ResourceKind.INSTANCE,
                name=each["DBInstanceIdentifier"],
                resource_id=each["DbiResourceId"],
                created=each.get("InstanceCreateTime"),
                tags=tags_of(each.get("TagList")),
                cluster=each.get("DBClusterIdentifier"),
            )

    def _snapshots(self) -> Iterator[FoundResource]:
        found = self._pages(
            "describe_db_cluster_snapshots", "DBClusterSnapshots", SnapshotType="manual"
        )
        for each in found:
            yield FoundResource(
                kind=ResourceKind.SNAPSHOT,
                name=each["DBClusterSnapshotIdentifier"],
                # A snapshot has no id of its own; that of the cluster whose data it holds is none
                # of another run's.
                resource_id=each["DbClusterResourceId"],
                created=each.get("SnapshotCreateTime"),
                tags=tags_of(each.get("TagList")),
            )

    def _tables(self) -> Iterator[FoundResource]:
        for name in table_names(self.prefix):
            described = _unless(_NO_TABLE, partial(self._table, name))
            if described is not None:
                yield described

    def _table(self, name: str) -> FoundResource:
        table = self.tables.describe_table(TableName=name)["Table"]
        tags = self.tables.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"]
        return FoundResource(
            kind=ResourceKind.TABLE,
            name=name,
            resource_id=table["TableId"],
            created=table["CreationDateTime"],
            tags=tags_of(tags),
        )

    def _secrets(self) -> Iterator[FoundResource]:
        pages = self.secrets.get_paginator("list_secrets").paginate(
            Filters=[{"Key": "name", "Values": [self.prefix]}]
        )
        for page in pages:
            for each in page["SecretList"]:
                if each["Name"].startswith(f"{self.prefix}-"):
                    yield FoundResource(
                        kind=ResourceKind.SECRET,
                        name=each["Name"],
                        resource_id=each["ARN"],
                        created=each.get("CreatedDate"),
                        tags=tags_of(each.get("Tags")),
                    )

    def _pages(self, operation: str, listed: str, **asked: Any) -> Iterator[Mapping[str, Any]]:
        """Yield what RDS lists under the run's names."""
        name = {
            "DBClusters": "DBClusterIdentifier",
            "DBInstances": "DBInstanceIdentifier",
            "DBClusterSnapshots": "DBClusterSnapshotIdentifier",
        }[listed]
        for page in self.rds.get_paginator(operation).paginate(**asked):
            yield from (each for each in page[listed] if each[name].startswith(f"{self.prefix}-"))


def table_names(prefix: str) -> tuple[str, str]:
    """Return the tables of an environment, which outlive its stack."""
    return state_table_name(prefix), audit_table_name(prefix)


def secret_names(prefix: str) -> tuple[str, str]:
    """Return the secrets of an environment, which outlive its stack."""
    return master_secret_name(prefix), app_secret_name(prefix)


def _unless(code: str, read: Callable[[], Any]) -> Any:
    """Return what is read, or None where AWS says by a code that it is not there."""
    try:
        return read()
    except ClientError as error:
        if error_code(error) == code:
            return None
        raise translate_error(error) from error
