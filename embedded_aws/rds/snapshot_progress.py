"""The transfer of a snapshot's data: its progress, and the queue of waiting copies."""

from collections.abc import Callable

from embedded_aws.rds.backend import RdsBackend
from embedded_aws.rds.models import AVAILABLE, COPYING, DBClusterSnapshot, Location
from embedded_aws.rds.transitions import Operation, RunningTransition, StatusTransition


def _nothing() -> None:
    return


class SnapshotProgress:
    """Starts transfers, reports their progress, and keeps to AWS's limit of copies in progress."""

    def __init__(self, backend: RdsBackend) -> None:
        self._backend = backend

    def start(
        self,
        snapshot: DBClusterSnapshot,
        transition: StatusTransition,
        ended: Callable[[], None] = _nothing,
    ) -> None:
        """Start the transfer of the snapshot's data."""
        snapshot.begun = self._backend.scheduler.now
        snapshot.seconds = transition.seconds

        def show(status: str) -> None:
            snapshot.status = status

        def done(final: str) -> None:
            snapshot.reached = 100 if final == AVAILABLE else self.percent(snapshot)
            snapshot.status = final
            ended()

        snapshot.transition = RunningTransition(
            self._backend.scheduler, transition, show=show, done=done
        )

    def percent(self, snapshot: DBClusterSnapshot) -> int:
        """Return ``PercentProgress``; 0 for a copy that waits in the queue."""
        if snapshot.reached is not None:
            return snapshot.reached
        if snapshot.begun is None:
            return 0
        fraction = self._backend.scheduler.fraction_of(snapshot.begun, snapshot.seconds)
        return min(99, int(100 * fraction))

    def start_queued_copies(self, location: Location) -> None:
        """Start waiting copies while the limit allows it.

        Source: Aurora User Guide, *DB cluster snapshot copying*: five copies in progress per
        destination Region per account; a copy that waits shows no progress. Whether a copy beyond
        them waits at all, ``Rules`` says.
        """
        waiting = [one for one in self._copies(location) if one.transition is None]
        limit = self._backend.rules.copies_in_progress
        free = max(0, limit - self.copies_under_way(location))
        for snapshot in waiting[:free]:
            default = StatusTransition.spread(
                (COPYING,), self._backend.timings.copy_snapshot, AVAILABLE
            )
            transition = self._backend.overrides.apply(Operation.COPY_SNAPSHOT, default)
            self.start(snapshot, transition, ended=lambda: self.start_queued_copies(location))

    def copies_under_way(self, location: Location) -> int:
        """Return how many copies are in progress; those that wait in the queue are not."""
        return sum(
            one.transition is not None and one.transition.running for one in self._copies(location)
        )

    def _copies(self, location: Location) -> list[DBClusterSnapshot]:
        snapshots = self._backend.at(location).snapshots.values()
        return [one for one in snapshots if one.source_arn is not None]
