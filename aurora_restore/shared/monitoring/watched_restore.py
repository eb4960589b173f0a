"""What is known of a restore at a moment, read from the state table."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from aurora_restore.shared.aws_utils import Clients
from aurora_restore.shared.common import DeployedRestore, parse_timestamp
from aurora_restore.shared.documents.restore import Restore
from aurora_restore.shared.interruption import interruptions
from aurora_restore.shared.lambda_environment import LambdaEnvironment
from aurora_restore.shared.monitoring.overdue import duration_ratio, overdue_hours
from aurora_restore.shared.monitoring.run_record import HELD_BACK, RunRecord, RunRecordStore
from aurora_restore.shared.next_starts import NextStart, next_start_of
from aurora_restore.shared.pause import Pause, PauseStore
from aurora_restore.shared.state_utils import StateStore
from aurora_restore.shared.target_lock import Holder, TargetLock, start_of
from aurora_restore.shared.target_record import TargetRecord, TargetRecordStore


@dataclass(frozen=True, kw_only=True)
class WatchedRestore:
    """What is known of a restore, and what follows from it."""

    name: str
    restore: Restore
    deployed: datetime
    """When its configuration was deployed last."""
    runs: tuple[RunRecord, ...]
    """The past runs that are known, the one that began last first; starts held back are among them.
    """
    pause: Pause | None
    """The last pause of its schedule, which may have ended."""
    record: TargetRecord | None
    worker: Holder | None
    """Who works on the target now."""
    at_work_since: datetime | None
    """Since when the execution of a run is under way, or of another operation on the target."""
    now: datetime

    @property
    def last_run(self) -> RunRecord | None:
        """Return the run that began last and is over."""
        return next((run for run in self.runs if run.outcome != HELD_BACK), None)

    @property
    def last_success(self) -> RunRecord | None:
        """Return the success that began last."""
        return next((run for run in self.runs if run.has_succeeded), None)

    @property
    def pause_in_force(self) -> Pause | None:
        """Return the pause of the schedule; None if it is not paused."""
        return self.pause if self.pause is not None and self.pause.is_in_force(self.now) else None

    @property
    def refreshed(self) -> datetime | None:
        """Return when the cluster that serves was handed over, as the target's record has it."""
        record = self.record
        if record is None:
            return None
        at = record.handed_over_at if record.live is None else record.live.handed_over_at
        return None if at is None else parse_timestamp(at)

    @cached_property
    def overdue_hours(self) -> float | None:
        """Return for how many hours a success is overdue; None where none is expected."""
        return overdue_hours(
            self.restore.schedule,
            self.runs,
            self.pause,
            deployed=self.deployed,
            refreshed=self.refreshed,
            now=self.now,
        )

    @cached_property
    def duration_ratio(self) -> float | None:
        """Return how long it takes beside the median; None while that is not known."""
        return duration_ratio(self.runs, self.at_work_since, self.now)

    @property
    def interruption_seconds(self) -> float | None:
        """Return for how long the last success has kept clients from working."""
        ordered = self.runs[::-1]
        found = dict(zip(ordered, interruptions(ordered), strict=True))
        return None if self.last_success is None else found[self.last_success]

    @property
    def next_start(self) -> NextStart | None:
        """Return when it starts next by its schedule; None if it has none."""
        schedule = self.restore.schedule
        return None if schedule is None else next_start_of(self.name, schedule, self.now)


def look_at_restore(
    name: str,
    deployed: DeployedRestore,
    environment: LambdaEnvironment,
    clients: Clients,
    now: datetime,
) -> WatchedRestore:
    """Return what is known of a restore. Raises AuroraRestoreError if an item cannot be read."""
    store = StateStore.of(environment, clients)
    place = (environment.account_id, clients.region, deployed.restore.target.cluster_id)
    worker = TargetLock(store, clients, *place).at_work(now)
    is_run = worker is not None and not worker.is_direct_call and not worker.gives_way
    return WatchedRestore(
        name=name,
        restore=deployed.restore,
        deployed=deployed.moment,
        runs=RunRecordStore(store, name).read(),
        pause=PauseStore(store, name).read(),
        record=TargetRecordStore(store, *place).read(),
        worker=worker,
        at_work_since=start_of(worker.execution, clients) if worker and is_run else None,
        now=now,
    )
