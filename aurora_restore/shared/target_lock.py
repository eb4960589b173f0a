"""One operation per target at a time.

The lock is an item of the state table, under a key of its own, written on condition. Its holder is
an operation in an execution; once that execution is over, the lock can be taken over. A direct call
holds it under the id of its request, and at most until Lambda would end it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from aurora_restore.shared.aws_utils import Clients, call, code_of
from aurora_restore.shared.common import is_timestamp, parse_timestamp, timestamp
from aurora_restore.shared.errors import (
    HOLDER,
    HOLDER_GIVES_WAY,
    AwsError,
    CorruptStateError,
    OperationInProgressError,
)
from aurora_restore.shared.names import LOCK_KEY_PREFIX
from aurora_restore.shared.state_utils import CONDITION_FAILED, IS_NEW, StateStore

LOCK_STEP: Final = "lock"
DIRECT_CALL: Final = "direct call"
DIRECT_CALL_LASTS: Final = timedelta(minutes=15)
"""No Lambda function runs longer, so a direct call that is older has ended."""
NO_EXECUTION: Final = "ExecutionDoesNotExist"
UNFINISHED: Final = frozenset({"RUNNING", "PENDING_REDRIVE"})
_HOLDER: Final = ("holder", "execution", "taken_at", "ends_by", "gives_way", "redrive_count")
"""The attributes of a lock's item. Only a direct call's has ``ends_by``, only that of an operation
that gives way to others has ``gives_way``, and only a redriven execution's has
``redrive_count``."""


def direct_call(request_id: str) -> str:
    """Return what stands for the execution while a function that was called directly has the lock.

    Lambda gives every call an id of its own, and gives it again if it repeats a call that died.
    """
    return f"{DIRECT_CALL} {request_id}"


def start_of(execution_arn: str, clients: Clients) -> datetime | None:
    """Return when an execution was started, however often it was redriven; None if it is gone."""
    try:
        found = call(clients.step_functions.describe_execution, executionArn=execution_arn)
    except AwsError as error:
        if code_of(error) == NO_EXECUTION:
            return None
        raise
    return found["startDate"].astimezone(UTC)


@dataclass(frozen=True)
class Holder:
    """Who works on a target: an operation, in an execution or in one direct call."""

    operation_id: str
    execution: str
    """The ARN of the execution, or what ``direct_call`` returns."""
    taken_at: str
    ends_by: str | None = None
    """When a direct call is over at the latest; None in an execution."""
    gives_way: bool = False
    """Whether another operation that finds it waits until it is done, instead of failing."""
    redrive_count: int = 0
    """How often the execution had been redriven: a function of an earlier run may live on."""

    @property
    def is_direct_call(self) -> bool:
        """Return whether it is a direct call."""
        return self.execution.startswith(DIRECT_CALL)

    @property
    def over_by(self) -> datetime:
        """Return when a direct call is over at the latest."""
        if self.ends_by is not None:
            return parse_timestamp(self.ends_by)
        return parse_timestamp(self.taken_at) + DIRECT_CALL_LASTS

    def is_like(self, other: "Holder") -> bool:
        """Return whether both are the same operation in the same run or direct call.

        boto3 repeats a write whose response was lost, and DynamoDB then refuses the second one.
        """
        return self._identity == other._identity

    @property
    def _identity(self) -> tuple[str, str, int]:
        return self.operation_id, self.execution, self.redrive_count


def is_over(holder: Holder, clients: Clients, moment: datetime) -> bool:
    """Return whether an execution or a direct call has ended, so that it works on nothing more."""
    if holder.is_direct_call:
        return holder.over_by < moment
    try:
        found = call(clients.step_functions.describe_execution, executionArn=holder.execution)
    except AwsError as error:
        if code_of(error) == NO_EXECUTION:
            return True
        raise
    return found["status"] not in UNFINISHED


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

    def take(
        self,
        operation_id: str,
        execution: str,
        moment: datetime,
        *,
        lasting: timedelta | None = None,
        gives_way: bool = False,
        redrive_count: int = 0,
    ) -> str | None:
        """Take the lock, or keep it if this operation holds it in this execution or direct call.

        Returns when that had taken it before, since when nobody else has had it; None if it had
        not. ``lasting`` is for how long a direct call may still run. A redriven execution takes it
        from its own earlier run. Raises OperationInProgressError with the holder's id if another
        operation holds it, or this one in another execution, a later run of it, or a direct call.
        """
        ends_by = None if lasting is None else timestamp(moment + lasting)
        wanted = Holder(
            operation_id, execution, timestamp(moment), ends_by, gives_way, redrive_count
        )
        replaced = self._write(wanted, None)
        if replaced is not None:
            return replaced.get("taken_at")
        holder = self.holder()
        if holder is None or is_over(holder, self.clients, moment):
            if self._write(wanted, holder) is not None:
                return None
            holder = self.holder()
        if holder is not None and holder.is_like(wanted):
            return None
        raise _in_progress(self.cluster_id, wanted.operation_id, holder)

    def require_held(self, operation_id: str, execution: str, redrive_count: int) -> None:
        """Raise OperationInProgressError unless this run of an execution still holds the lock.

        Takes nothing: a function whose execution was stopped may find the lock free, after another
        operation has done its work.
        """
        wanted = Holder(operation_id, execution, "", redrive_count=redrive_count)
        holder = self.holder()
        if holder is None or not holder.is_like(wanted):
            raise _in_progress(self.cluster_id, operation_id, holder)

    def other_at_work(
        self, operation_id: str, execution: str | None, moment: datetime
    ) -> Holder | None:
        """Return the holder if it is this operation in another execution or direct call.

        None if nobody else works on the operation; the target may be held by any operation.
        """
        holder = self.holder()
        if holder is None or holder.operation_id != operation_id or holder.execution == execution:
            return None
        return None if is_over(holder, self.clients, moment) else holder

    def at_work(self, moment: datetime) -> Holder | None:
        """Return who works on the target; None if nobody does, or what holds the lock is over."""
        holder = self.holder()
        return None if holder is None or is_over(holder, self.clients, moment) else holder

    def refuse_beside(self, operation_id: str, execution: str | None, moment: datetime) -> None:
        """Raise OperationInProgressError if another execution or call works on the operation."""
        if other := self.other_at_work(operation_id, execution, moment):
            raise _in_progress(self.cluster_id, operation_id, other)

    def release(self, operation_id: str, execution: str) -> None:
        """Release the lock if the operation holds it in this execution or direct call."""
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
            if code_of(error) != CONDITION_FAILED:
                raise

    def holder(self) -> Holder | None:
        """Return the holder of the lock, or None if it is free.

        Raises CorruptStateError if the item is not one that a lock has written.
        """
        items = self.store.load_all(self.key)
        if not items:
            return None
        found = [items[0].get(name) for name in _HOLDER]
        holder, execution, taken_at, ends_by, gives_way, redrive_count = found
        if not (
            isinstance(holder, str)
            and isinstance(execution, str)
            and is_timestamp(taken_at)
            and (ends_by is None or is_timestamp(ends_by))
            and gives_way in (None, True)
            and (redrive_count is None or isinstance(redrive_count, int))
        ):
            raise CorruptStateError(
                f"the lock of cluster {self.cluster_id} cannot be read: the item {self.key} of "
                f"table {self.store.state_table} is not as the pipeline writes it",
                table=self.store.state_table,
                lock=self.key,
            )
        return Holder(
            holder, execution, str(taken_at), ends_by, bool(gives_way), redrive_count or 0
        )

    def _write(self, wanted: Holder, instead_of: Holder | None) -> Mapping[str, Any] | None:
        """Write the lock, unless another holder than ``instead_of`` has it.

        Returns the item that it replaces, which is empty if there was none; None if it is not
        written.
        """
        expected = instead_of or wanted
        values: dict[str, Any] = {
            ":holder": expected.operation_id,
            ":execution": expected.execution,
            ":redrives": expected.redrive_count,
        }
        condition = (
            "holder = :holder AND execution = :execution "
            "AND (attribute_not_exists(redrive_count) OR redrive_count <= :redrives)"
        )
        if instead_of is not None:
            condition += " AND taken_at = :taken_at"
            values[":taken_at"] = instead_of.taken_at
        item: dict[str, Any] = {
            "operation_id": self.key,
            "step": LOCK_STEP,
            "holder": wanted.operation_id,
            "execution": wanted.execution,
            "taken_at": wanted.taken_at,
        }
        if wanted.ends_by is not None:
            item["ends_by"] = wanted.ends_by
        if wanted.gives_way:
            item["gives_way"] = True
        if wanted.redrive_count:
            item["redrive_count"] = wanted.redrive_count
        return self.store.replace_if(item, f"{IS_NEW} OR ({condition})", values)


def _in_progress(
    cluster_id: str, operation_id: str, holder: Holder | None
) -> OperationInProgressError:
    if holder is None:
        return OperationInProgressError(
            f"another operation is at work on cluster {cluster_id}; this one has changed nothing"
        )
    where, limit = "", ""
    details: dict[str, Any] = {HOLDER: holder.operation_id, "holder_execution": holder.execution}
    if holder.gives_way:
        details[HOLDER_GIVES_WAY] = True
    if holder.operation_id == operation_id:
        where = " in a direct call" if holder.is_direct_call else " in another execution"
    if holder.is_direct_call:
        limit = f", until {timestamp(holder.over_by)} at the latest"
    return OperationInProgressError(
        f"operation {holder.operation_id} is at work on cluster {cluster_id}{where}{limit}; this "
        f"{'call' if where else 'one'} has changed nothing",
        **details,
    )
