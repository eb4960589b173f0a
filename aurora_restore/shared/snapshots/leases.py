"""Which restores use a copy that they have in common: an item of the state table for each copy.

A restore takes a lease on a copy before it looks at it, starts it or restores from it, and holds it
until its retention no longer keeps the copy. The operation that gives up the last lease marks the
copy as being deleted in the same write, so that nobody begins to use it meanwhile.

A copy keeps its name when it is made again. An operation that is about to delete one therefore
writes that first, and for ``LONGEST_CALL`` no other takes the deletion over, or uses the name: by
then the function that wrote it has ended, and cannot delete what was made since.

Every change is one write, on the condition that the item is as it was read. The decisions are pure:
they return the item as it is to be, and the store repeats them until no other write came between.
"""

import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any, Final

from aurora_restore.shared.common import parse_timestamp
from aurora_restore.shared.documents.fields import Moment, OperationId, RestoreName, Text
from aurora_restore.shared.documents.schema import parse, to_json
from aurora_restore.shared.errors import ValidationError
from aurora_restore.shared.names import COPY_LEASES_KEY
from aurora_restore.shared.state_utils import IS_NEW, StateStore, corrupt_item

LONGEST_CALL: Final = timedelta(minutes=15)
"""No Lambda function runs longer."""


@dataclass(frozen=True, kw_only=True)
class Lease:
    """That a restore uses a copy, in one operation: the target's lock admits no other."""

    operation_id: OperationId
    execution: Text
    """The ARN of the operation's execution, or what stands for a direct call."""
    redrive_count: int
    """How often the execution had been redriven."""
    since: Moment
    restarts_before: int
    """How often the copy had been started again before this run of the execution."""

    def is_of_same_run(self, other: "Lease | None") -> bool:
        """Return whether two leases are of one run of one execution, or of one direct call."""
        return other is not None and (
            (self.operation_id, self.execution, self.redrive_count)
            == (other.operation_id, other.execution, other.redrive_count)
        )


@dataclass(frozen=True, kw_only=True)
class Claim:
    """That an operation is about to delete a copy."""

    operation_id: OperationId
    at: Moment

    def may_be_taken_over(self, operation_id: str, moment: datetime) -> bool:
        """Return whether the function that wrote it has ended.

        That is so where the operation itself has come back, or no function can still run.
        """
        age = moment - parse_timestamp(self.at)
        return self.operation_id == operation_id or age > LONGEST_CALL


@dataclass(frozen=True, kw_only=True)
class CommonCopy:
    """Who uses a copy, and what is being done to it."""

    arn: Text
    users: Mapping[RestoreName, Lease]
    restarts: int = 0
    """How often it had failed and was started again."""
    restarting: Claim | None = None
    """The operation that deletes the failed copy and starts it again."""
    deleting: Claim | None = None
    """Who deletes it, because no restore uses it."""
    revision: int = 0
    """Which write the item is of; 0 stands for none. An item that is made again has another."""

    def taken(self, restore: str, lease: Lease, moment: datetime) -> "CommonCopy":
        """Return it with a restore's lease; as it is while it is being deleted."""
        if self.deleting is not None and moment - parse_timestamp(self.deleting.at) <= LONGEST_CALL:
            return self
        if lease.is_of_same_run(self.users.get(restore)):
            return self
        lease = replace(lease, restarts_before=self.restarts)
        return replace(self, users={**self.users, restore: lease}, deleting=None)

    def released(self, restores: Collection[str], claim: Claim) -> "CommonCopy":
        """Return it without the leases of some restores, and claimed if nobody else has one."""
        users = {name: lease for name, lease in self.users.items() if name not in restores}
        if users or not self.users:
            return replace(self, users=users)
        return replace(self, users=users, deleting=claim)

    def claimed(self, claim: Claim) -> "CommonCopy":
        """Return it with another's deletion taken over, if that may be."""
        if self.deleting is None or not self.deleting.may_be_taken_over(
            claim.operation_id, parse_timestamp(claim.at)
        ):
            return self
        return replace(self, deleting=claim)

    def restarted(self, restore: str, seen: int, claim: Claim, *, is_first: bool) -> "CommonCopy":
        """Return it as one that an operation starts again; as it is if another one does.

        ``seen`` is how often it had been started again when it was looked at and had failed;
        ``is_first`` is whether the run had not counted it before, so that it counts from now on.
        """
        moment = parse_timestamp(claim.at)
        if self.restarts != seen or self.is_restarted_by_other(claim.operation_id, moment):
            return self
        if self.restarting is not None:
            # The same failure, whose end an earlier call has not come to.
            return replace(self, restarting=claim)
        users = dict(self.users)
        if is_first and restore in users:
            users[restore] = replace(users[restore], restarts_before=seen + 1)
        return replace(self, users=users, restarts=seen + 1, restarting=claim)

    def is_restarted_by_other(self, operation_id: str, moment: datetime) -> bool:
        """Return whether another operation deletes the failed copy and starts it again."""
        return self.restarting is not None and not self.restarting.may_be_taken_over(
            operation_id, moment
        )

    def started(self) -> "CommonCopy":
        """Return it as started again, so that its next failure is another one."""
        return replace(self, restarting=None)

    def restarts_in_run(self, restore: str) -> int:
        """Return how often it was started again since a restore's run began to use it."""
        return self.restarts - self.users[restore].restarts_before

    def others(self, restore: str) -> tuple[str, ...]:
        """Return the other restores that use it, by name."""
        return tuple(sorted(self.users.keys() - {restore}))


@dataclass(frozen=True)
class CommonCopyStore:
    """Where the environment keeps which restores use which copy, in the state table."""

    store: StateStore

    def all(self) -> list[CommonCopy]:
        """Return all common copies. Raises CorruptStateError if an item is not one."""
        return [self._parsed(item) for item in self.store.load_all(COPY_LEASES_KEY)]

    def of(self, arn: str) -> CommonCopy:
        """Return what is known of a copy; without users if nothing is."""
        item = self.store.item(COPY_LEASES_KEY, arn)
        return CommonCopy(arn=arn, users={}) if item is None else self._parsed(item)

    def change(self, arn: str, decide: Callable[[CommonCopy], CommonCopy]) -> CommonCopy:
        """Write what a decision makes of a copy's item, and return it.

        It is decided again if another write came between. boto3 repeats a write whose response was
        lost, and DynamoDB then refuses the second one: a decision must recognise its own result.
        """
        while True:
            found = self.of(arn)
            wanted = decide(found)
            if wanted == found:
                return found
            written = replace(wanted, revision=_revision_after(found.revision))
            if self._write(written, instead_of=found):
                return written

    def remove(self, copy: CommonCopy) -> None:
        """Delete a copy's item, unless it has been written since."""
        self.store.remove_if(
            COPY_LEASES_KEY, copy.arn, "revision = :revision", {":revision": copy.revision}
        )

    def _write(self, copy: CommonCopy, *, instead_of: CommonCopy) -> bool:
        document: dict[str, Any] = to_json(copy)
        del document["arn"]
        item = {"operation_id": COPY_LEASES_KEY, "step": copy.arn, **document}
        if instead_of.revision == 0:
            return self.store.put_if(item, IS_NEW)
        return self.store.put_if(item, "revision = :revision", {":revision": instead_of.revision})

    def _parsed(self, item: Mapping[str, Any]) -> CommonCopy:
        known = {each.name for each in fields(CommonCopy)}
        found = {name: value for name, value in item.items() if name in known}
        try:
            copy = parse(CommonCopy, {**found, "arn": item.get("step")})
        except ValidationError as error:
            raise corrupt_item(item, self.store.state_table, error.message) from error
        if not copy.revision:
            raise corrupt_item(item, self.store.state_table, "revision: is missing")
        return copy


def _revision_after(revision: int) -> int:
    """Return the next revision; that of a new item is like none of an item that was deleted.

    A write that was decided on that one's condition must not replace the new one.
    """
    return revision + 1 if revision else 1 + secrets.randbits(_REVISION_BITS)


_REVISION_BITS: Final = 48
