"""The flow of a snapshot's data: its progress, and the queue of copies that wait for a place."""

from collections.abc import Callable

from embedded_aws.rds.backend import Backend
from embedded_aws.rds.course import Run
from embedded_aws.rds.models import AVAILABLE, COPYING, Place, Snapshot
from embedded_aws.rds.progress import Course, Operation


def _nothing() -> None:
    return


class Transfers:
    """Begins transfers, tells their progress, and keeps to AWS's limit of copies under way."""

    def __init__(self, backend: Backend) -> None:
        self._world = backend

    def begin(
        self, snapshot: Snapshot, course: Course, ended: Callable[[], None] = _nothing
    ) -> None:
        """Lets the snapshot's data flow from now on."""
        snapshot.begun = self._world.schedule.now
        snapshot.seconds = course.seconds

        def show(status: str) -> None:
            snapshot.status = status

        def done(final: str) -> None:
            snapshot.reached = 100 if final == AVAILABLE else self.progress(snapshot)
            snapshot.status = final
            ended()

        snapshot.run = Run(self._world.schedule, course, show=show, done=done)

    def progress(self, snapshot: Snapshot) -> int:
        """``PercentProgress``; a copy that waits in the queue shows none."""
        if snapshot.reached is not None:
            return snapshot.reached
        if snapshot.begun is None:
            return 0
        fraction = self._world.schedule.fraction_of(snapshot.begun, snapshot.seconds)
        return min(99, int(100 * fraction))

    def admit(self, place: Place) -> None:
        """Lets waiting copies begin while places are free.

        Source: Aurora User Guide, *DB cluster snapshot copying*: five copies in progress per
        destination Region per account; a copy that waits shows no progress.
        """
        copies = [
            one for one in self._world.site(place).snapshots.values() if one.source_arn is not None
        ]
        under_way = sum(one.run is not None and one.run.running for one in copies)
        waiting = [one for one in copies if one.run is None]
        free = max(0, self._world.rules.copies_in_progress - under_way)
        for snapshot in waiting[:free]:
            usual = Course.spread((COPYING,), self._world.timings.copy_snapshot, AVAILABLE)
            course = self._world.outcomes.course(Operation.COPY_SNAPSHOT, usual)
            self.begin(snapshot, course, ended=lambda: self.admit(place))
