"""What archive-snapshot does so that a common copy stays as long as a restore needs it."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

from aurora_restore.shared.common import get_restore_names
from aurora_restore.shared.errors import SnapshotNotFoundError
from aurora_restore.shared.job import Job
from aurora_restore.shared.rds.arns import Place, RdsArn
from aurora_restore.shared.rds.reads import find_snapshot
from aurora_restore.shared.rds.statuses import DELETING
from aurora_restore.shared.snapshots.calls import delete_snapshot
from aurora_restore.shared.snapshots.leases import Claim, CommonCopy, CommonCopyStore
from aurora_restore.shared.snapshots.routes import Route
from aurora_restore.shared.target_lock import Holder, is_over

Releases = Mapping[str, frozenset[str]]
"""By the ARN of a copy, the restores whose leases on it end."""


@dataclass(frozen=True)
class CopyRelease:
    """The common copies that an operation can reach, and the end of leases on them."""

    job: Job

    @cached_property
    def copies(self) -> Mapping[str, CommonCopy]:
        """Return the common copies where this operation makes copies, by their ARNs."""
        found = self._store.all()
        return {each.arn: each for each in found if self._reaches(RdsArn.parse(each.arn).place)}

    @cached_property
    def held(self) -> frozenset[str]:
        """Return the ARNs of the copies that this restore has a lease on."""
        name = self.job.restore_name
        return frozenset(arn for arn, copy in self.copies.items() if name in copy.users)

    @property
    def intermediate(self) -> frozenset[str]:
        """Return those of them that are needed no longer once a restore is done."""
        here = self.job.place
        return frozenset(arn for arn in self.held if RdsArn.parse(arn).place != here)

    def releases(self, unneeded: Collection[str]) -> Releases:
        """Return which leases end: this restore's on what it does not need, and those left behind.

        A copy whose deletion an earlier call has begun and not ended is among them, without any.
        """
        own, moment = frozenset({self.job.restore_name}), self.job.clock()
        found = {
            arn: ((own if arn in unneeded else frozenset()) | self._ended) & copy.users.keys()
            for arn, copy in self.copies.items()
        }
        return {
            arn: names
            for arn, names in found.items()
            if names
            or (
                (claim := self.copies[arn].deleting)
                and claim.may_be_taken_over(self.job.operation_id, moment)
            )
        }

    def other_users(self, arn: str, releases: Releases) -> tuple[str, ...]:
        """Return the other restores that use a copy then, by name; none if it is not a common one.

        A restore whose lease ends is none of them any more.
        """
        copy = self.copies.get(arn)
        others = () if copy is None else copy.others(self.job.restore_name)
        return tuple(name for name in others if name not in releases.get(arn, ()))

    def deleted_by(self, releases: Releases) -> list[str]:
        """Return the names of the copies that are deleted then, as far as is known now."""
        unused = (
            RdsArn.parse(arn)
            for arn, names in releases.items()
            if not self.copies[arn].users.keys() - names
        )
        return [arn.name for arn in unused if self._is_deletable(arn)]

    def make(self, releases: Releases) -> None:
        """End leases, and delete each copy that nobody has a lease on then."""
        for arn, names in sorted(releases.items()):
            self._release(arn, names)

    def _release(self, arn: str, names: frozenset[str]) -> None:
        claim = Claim(operation_id=self.job.operation_id, at=self.job.now)
        known = self.copies[arn].users

        def decide(found: CommonCopy) -> CommonCopy:
            # A restore that has come back since has another lease.
            ended = {name for name in names if found.users.get(name) == known[name]}
            return found.released(ended, claim).claimed(claim)

        copy = self._store.change(arn, decide)
        if copy.deleting == claim:
            self._delete(RdsArn.parse(arn))
            self._store.remove(copy)

    def _delete(self, arn: RdsArn) -> None:
        """Delete a copy that the pipeline made, if it is there."""
        if not self._is_deletable(arn):
            return
        deletion = delete_snapshot(arn.name, arn.region, "no restore uses it any more")
        with suppress(SnapshotNotFoundError):
            deletion.make(self.job.rds.at(arn.place))

    def _is_deletable(self, arn: RdsArn) -> bool:
        """Return whether a copy is there to be deleted.

        People may have deleted it, and may have made a snapshot of its name.
        """
        existing = find_snapshot(self.job.rds.at(arn.place), arn.name)
        if existing is None or existing["Status"] == DELETING:
            return False
        return self.job.owner.of_environment(existing)

    @cached_property
    def _ended(self) -> frozenset[str]:
        """Return the restores with leases that are no longer configured, and do nothing any more.

        No operation of such a restore can go on, because each step reads its configuration first.
        """
        job = self.job
        using = {name for copy in self.copies.values() for name in copy.users}
        if not using - {job.restore_name}:
            return frozenset()
        removed = using - get_restore_names(job.environment, job.clients) - {job.restore_name}
        return frozenset(name for name in removed if self._is_over(name))

    def _is_over(self, restore: str) -> bool:
        """Return whether no operation of a restore that has a lease is in progress."""
        leases = [each.users[restore] for each in self.copies.values() if restore in each.users]
        holders = {Holder(each.operation_id, each.execution, each.since) for each in leases}
        return all(is_over(each, self.job.clients, self.job.clock()) for each in holders)

    def _reaches(self, place: Place) -> bool:
        """Return whether the function may look at copies in a place, and delete them."""
        job = self.job
        if place == job.place:
            return True
        if place == job.source_place:
            return job.source.role_arn is not None
        half_way = Place(job.account_id, job.source_place.region)
        return job.source.route is Route.TWO_STEPS and place == half_way

    @property
    def _store(self) -> CommonCopyStore:
        return CommonCopyStore(self.job.store)
