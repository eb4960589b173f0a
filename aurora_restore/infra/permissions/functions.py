"""What a function may do whatever the restores are."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from aurora_restore.infra.notifications import Notifications
from aurora_restore.infra.tables import Tables
from aurora_restore.permissions.arns import Arns
from aurora_restore.permissions.statements import RoleStatement, allow, deny
from aurora_restore.shared.documents.environment import Environment
from aurora_restore.shared.documents.regions import partition_of
from aurora_restore.shared.names import (
    COPY_LEASES_KEY,
    COPY_QUEUE_KEY_PREFIX,
    LOCK_KEY_PREFIX,
    PAUSE_KEY_PREFIX,
    RUNS_KEY_PREFIX,
    TARGET_KEY_PREFIX,
    config_path,
)
from aurora_restore.shared.pipeline import PipelineFunction, Step

# https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
ATTACH_TO_VPC: Final = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
)

_WATCHED: Final = [
    f"{prefix}*"
    for prefix in (LOCK_KEY_PREFIX, PAUSE_KEY_PREFIX, RUNS_KEY_PREFIX, TARGET_KEY_PREFIX)
]
"""The keys of the state table that are read to watch the restores; no operation's is among them."""


@dataclass(frozen=True, kw_only=True)
class FunctionPermissions:
    """The statements of each step's role on what the stack holds once for all restores."""

    environment: Environment
    tables: Tables
    notifications: Notifications

    def of(self, function: PipelineFunction, *, attached: bool) -> Iterator[RoleStatement]:
        """Yield a function's statements; ``attached`` is whether it is in the VPC."""
        if isinstance(function, Step):
            yield from self._of_step(function)
        if function.watches:
            yield allow(
                "dynamodb:Query",
                [self.tables.state.table_arn],
                {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": _WATCHED}},
            )
            yield allow("ssm:GetParametersByPath", [self._parameters().removesuffix("/*")])
        if attached:
            yield from self._attach_to_vpc(function)

    def _of_step(self, step: Step) -> Iterator[RoleStatement]:
        yield allow(
            ("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"),
            [self.tables.state.table_arn],
        )
        yield allow("dynamodb:PutItem", [self.tables.audit.table_arn])
        if step.publishes:
            # What a failed step has recorded of its error, to announce what to do about it.
            yield allow("dynamodb:Query", [self.tables.audit.table_arn])
        yield allow(
            ("ssm:GetParameter", "ssm:GetParametersByPath"),
            [self._parameters(), self._parameters().removesuffix("/*")],
        )
        yield from self._lock(step)
        if step.publishes:
            yield allow("sns:Publish", self.notifications.topic_arns)
            if keys := self.notifications.key_arns:
                yield allow(("kms:Decrypt", "kms:GenerateDataKey*"), keys)

    def _lock(self, step: Step) -> Iterator[RoleStatement]:
        """Yield what the target's lock needs, which is an item of the state table.

        A step that finds it taken asks whether the holder's execution is over. An execution
        releases it in the step that takes none; a direct call that changes something, itself.
        https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
        """
        if step.locks:
            arns = Arns(environment=self.environment, partition=self._partition)
            yield allow("states:DescribeExecution", [arns.executions()])
        if step.changes_aws or not step.locks:
            keys = [f"{LOCK_KEY_PREFIX}*"]
            if step.copies_snapshots:
                # A copy that has waited for its turn leaves the queue.
                keys.append(f"{COPY_QUEUE_KEY_PREFIX}*")
            if step.releases_copies:
                keys.append(COPY_LEASES_KEY)
            yield allow(
                "dynamodb:DeleteItem",
                [self.tables.state.table_arn],
                {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": keys}},
            )

    def _attach_to_vpc(self, function: PipelineFunction) -> Iterator[RoleStatement]:
        """Yield what lets Lambda make a function's network interfaces, but not the function itself.

        https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html
        """
        environment = self.environment
        arn = (
            f"arn:{self._partition}:lambda:{environment.region}:{environment.account}"
            f":function:{function.function_name(environment.name_prefix)}"
        )
        yield allow(ATTACH_TO_VPC, ["*"])
        yield deny(ATTACH_TO_VPC, ["*"], {"ArnEquals": {"lambda:SourceFunctionArn": arn}})

    def _parameters(self) -> str:
        environment = self.environment
        path = config_path(environment.name_prefix)
        return (
            f"arn:{self._partition}:ssm:{environment.region}:{environment.account}"
            f":parameter{path}/*"
        )

    @property
    def _partition(self) -> str:
        return partition_of(self.environment.region)
