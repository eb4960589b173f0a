"""What copy-snapshot does so that a copy which AWS refuses for now waits for its turn."""

from dataclasses import dataclass
from typing import Final

from aurora_restore.shared.awaited import Awaited
from aurora_restore.shared.aws_utils import code_of
from aurora_restore.shared.errors import AwsError, CopiesInProgressError
from aurora_restore.shared.job import Answer, Job
from aurora_restore.shared.preflight.quotas import MANUAL_SNAPSHOTS, room
from aurora_restore.shared.protocol import RETRY_AFTER
from aurora_restore.shared.snapshots.retention import manual_snapshots
from aurora_restore.shared.snapshots.routes import Hop
from aurora_restore.shared.snapshots.turns import (
    REFUSAL,
    CopyQueue,
    CopyTurn,
    Ticket,
    look_again_after,
    turn_of,
)
from aurora_restore.shared.state_utils import seconds_since
from aurora_restore.shared.waiting import chance_of

WAITING: Final = "waiting for its turn"
"""The status of a copy that is not started yet."""


@dataclass(frozen=True)
class TurnToCopy:
    """One copy of an operation, and the queue of the place that it is copied to."""

    job: Job
    hop: Hop

    @property
    def _queue(self) -> CopyQueue:
        return CopyQueue(self.job.store, self.hop.place)

    def await_turn(self) -> Answer | None:
        """Return the answer that the copy waits behind others; None if it may be started.

        Raises CopiesInProgressError once it has waited for as long as is configured.
        """
        tickets = self._queue.tickets(self.job.clock())
        if not tickets:
            return None
        turn = self._turn(tickets)
        return None if turn.has_come else self._wait(turn)

    def refused(self, error: AwsError) -> Answer:
        """Return the answer that a refused copy waits for its turn.

        Raises ``error`` if AWS has refused it for another reason, such as too many snapshots, and
        CopiesInProgressError once it has waited for as long as is configured.
        """
        hop = self.hop
        if code_of(error) != REFUSAL or any(
            room(self.job.rds.at(hop.place), {MANUAL_SNAPSHOTS: 1}, hop.where)
        ):
            raise error
        return self._wait(self._turn(self._queue.tickets(self.job.clock())), error)

    def end(self) -> None:
        """Leave the queue if this operation has waited: the copy is started, maybe by another."""
        if Awaited.COPY_TURN.value.name in self.job.state.waiting_since:
            self._queue.leave(self.hop.name)

    def _turn(self, tickets: list[Ticket]) -> CopyTurn:
        snapshots = manual_snapshots(self.job.rds.at(self.hop.place))
        return turn_of(self.hop.name, tickets, snapshots)

    def _wait(self, turn: CopyTurn, error: AwsError | None = None) -> Answer:
        job, hop, now = self.job, self.hop, self.job.clock()
        thing = Awaited.COPY_TURN.value.name
        since = job.state.waiting_since.get(thing, job.now)
        waited, minutes = seconds_since(since, now), job.restore.source.copy_wait_minutes
        if waited >= 60 * minutes:
            self._queue.leave(hop.name)
            raise CopiesInProgressError(
                f"the copy {hop.name} {hop.where} was not started in {minutes} minutes, because "
                f"AWS has as many copies to {hop.place.region} in progress as it allows: "
                f"{turn.described()}",
                copy=hop.name,
                copies_before=len(turn.before),
                copies_in_progress=list(turn.in_progress),
            ) from error
        look_after = look_again_after(waited, chance_of(job.operation_id, thing, waited))
        self._queue.wait(turn, since, now, look_after)
        return Answer.wait(
            Awaited.COPY_TURN,
            f"Snapshot copy {hop.where} waits for its turn, {minutes} minutes at most: "
            f"{turn.described()}",
            {
                "copy_status": WAITING,
                "copies_before": len(turn.before),
                "copies_in_progress": list(turn.in_progress),
                "waits_at_most_minutes": minutes,
                RETRY_AFTER: look_after,
            },
        )
