"""One operation per target at a time.

The lock is an item of the state table, under a key of its own, written on condition. Its holder is
an operation in an execution; once that execution is over, the lock can be taken over.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from aurora_restore.shared.aws_utils import Clients, call, code_of
from aurora_restore.shared.common import parse_timestamp, timestamp
from aurora_restore.shared.errors import HOLDER, AwsError, OperationInProgressError
from aurora_restore.shared.names import LOCK_KEY_PREFIX
from aurora_restore.shared.state_utils import StateStore

LOCK_STEP: Final = "lock"
DIRECT_CALL: Final = "direct call"
DIRECT_CALL_LASTS: Final = timedelta(minutes=15)
"""No Lambda function runs longer, so a direct call that is older has ended."""
UNFINISHED: Final = frozenset({"RUNNING", "PENDING_REDRIVE"})


@dataclass(frozen=True)
class Holder:
    """The operation that works on a target."""

    operation_id: str
    execution: str
    """The ARN of the execution, or ``DIRECT_CALL``."""
    taken_at: str

    def is_like(self, other: "Holder") -> bool:
        """Return whether both are the same operation in the same execution.

        boto3 repeats a write whose response was lost, and DynamoDB then refuses the second one.
        """
        return (self.operation_id, self.execution) == (other.operation_id, other.execution)


@dataclass(frozen=True)
class TargetLock:
    """The lock of one target cluster."""

    store: StateStore
    clients: Clients
    account_id: str
    region: str
    cluster_id: str

    @property
    def key(self) -> str:
        """Return the lock's partition key in the state table."""
        return f"{LOCK_KEY_PREFIX}{self.account_id}/{self.region}/{self.cluster_id}"

    def take(self, operation_id: str, execution: str, moment: datetime) -> None:
        """Take the lock; do nothing if this operation holds it in this execution.

        Raises OperationInProgressError with the holder's id if another operation, or another
        execution of this one, holds it.
        """
        wanted = Holder(operation_id, execution, timestamp(moment))
        if self._write(wanted, None):
            return
        holder = self.holder()
        if holder is None or self._is_over(holder, moment):
            if self._write(wanted, holder):
                return
            holder = self.holder()
        if holder is not None and holder.is_like(wanted):
            return
        raise _in_progress(self.cluster_id, holder)

    def release(self, operation_id: str, execution: str) -> None:
        """Release the lock if the operation holds it in this execution; otherwise do nothing."""
        try:
            call(
                self.clients.dynamodb.delete_item,
                TableName=self.store.state_table,
                Key={"operation_id": {"S": self.key}, "step": {"S": LOCK_STEP}},
                ConditionExpression="holder = :operation AND execution = :execution",
                ExpressionAttributeValues={
                    ":operation": {"S": operation_id},
                    ":execution": {"S": execution},
                },
            )
        except AwsError as error:
            if code_of(error) != "ConditionalCheckFailedException":
                raise

    def holder(self) -> Holder | None:
        """Return the holder of the lock, or None if it is free."""
        items = self.store.load_all(self.key)
        if not items:
            return None
        item: dict[str, Any] = items[0]
        return Holder(item["holder"], item["execution"], item["taken_at"])

    def _is_over(self, holder: Holder, moment: datetime) -> bool:
        if holder.execution == DIRECT_CALL:
            return parse_timestamp(holder.taken_at) + DIRECT_CALL_LASTS < moment
        try:
            found = call(
                self.clients.step_functions.describe_execution, executionArn=holder.execution
            )
        except AwsError as error:
            if code_of(error) == "ExecutionDoesNotExist":
                return True
            raise
        return found["status"] not in UNFINISHED

    def _write(self, wanted: Holder, instead_of: Holder | None) -> bool:
        """Write the lock, unless another holder than ``instead_of`` has it; return whether."""
        expected = instead_of or wanted
        values = {":holder": expected.operation_id, ":execution": expected.execution}
        condition = "holder = :holder AND execution = :execution"
        if instead_of is not None:
            condition += " AND taken_at = :taken_at"
            values[":taken_at"] = instead_of.taken_at
        try:
            call(
                self.clients.dynamodb.put_item,
                TableName=self.store.state_table,
                Item={
                    "operation_id": {"S": self.key},
                    "step": {"S": LOCK_STEP},
                    "holder": {"S": wanted.operation_id},
                    "execution": {"S": wanted.execution},
                    "taken_at": {"S": wanted.taken_at},
                },
                ConditionExpression=f"attribute_not_exists(operation_id) OR ({condition})",
                ExpressionAttributeValues={name: {"S": value} for name, value in values.items()},
            )
        except AwsError as error:
            if code_of(error) == "ConditionalCheckFailedException":
                return False
            raise
        return True


def _in_progress(cluster_id: str, holder: Holder | None) -> OperationInProgressError:
    if holder is None:
        return OperationInProgressError(
            f"another operation is at work on cluster {cluster_id}; this one has changed nothing"
        )
    return OperationInProgressError(
        f"operation {holder.operation_id} is at work on cluster {cluster_id}; this one has changed "
        "nothing",
        **{HOLDER: holder.operation_id},
        holder_execution=holder.execution,
    )
