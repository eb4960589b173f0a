"""Runs of the past, made up as they could have been: the same ones each time."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from aurora_restore.cli.report.page import Period
from aurora_restore.cli.report.runs import Run, RunFailure, RunOutcome
from aurora_restore.shared.cost import ApproximateCost, CostPart
from aurora_restore.shared.errors import InsufficientCapacityError, ScriptFailedError
from aurora_restore.shared.pause import Pause
from aurora_restore.shared.sequences import REPLACE, StepSequence

UNTIL = datetime(2026, 3, 31, 12, tzinfo=UTC)
PERIOD = Period(since=UNTIL - timedelta(days=30), until=UNTIL)
QUARTER = Period(since=UNTIL - timedelta(days=90), until=UNTIL)

TYPICAL_SECONDS = {
    "check-copy-status": 1500,
    "check-delete-status": 420,
    "check-restore-status": 1300,
    "setup-db-users": 240,
    "hand-over": 60,
    "switch-cluster": 45,
    "verify-switch": 30,
}
"""How long steps take; those that are not named take seconds."""
FAILURES = (
    ("restore-snapshot", InsufficientCapacityError),
    ("setup-db-users", ScriptFailedError),
)

PAUSE = Pause(
    restore="orders",
    by="arn:aws:sts::222222222222:assumed-role/operator/jane",
    since="2026-03-29T08:15:00.000000Z",
    until="2026-04-07T00:00:00.000000Z",
    reason="The testers need Friday's data until the release.",
)


def cost(transfer: float | None) -> ApproximateCost:
    """What a run has cost whose transfer to another Region has cost so much, or nobody knows."""
    return ApproximateCost(
        (
            CostPart("state transitions", 0.01, "400 transitions"),
            CostPart("transfer of the copy to the other Region", transfer, "from its size"),
            CostPart("storage of the copy", 4.2, "200 GiB", is_monthly=True),
        )
    )


class PastRuns:
    """Makes runs of one restore, night after night."""

    def __init__(self, restore: str = "orders", sequence: StepSequence = REPLACE) -> None:
        self._restore = restore
        self._sequence = sequence
        self._random = random.Random(restore)  # noqa: S311 - the same each time is the point

    def nights(self, count: int, *, until: datetime = UNTIL, failing: float = 0.07) -> list[Run]:
        """One run each night, some of which fail."""
        last = until.replace(hour=3, minute=0)
        return [
            self.run(last - timedelta(days=count - 1 - night), fails=self._chance(failing, night))
            for night in range(count)
        ]

    def run(self, started: datetime, *, fails: bool = False) -> Run:
        """One run."""
        started += timedelta(seconds=self._random.randrange(90))
        steps: dict[str, float] = {}
        failures: Sequence[RunFailure] = ()
        bad_step, error = self._random.choice(FAILURES)
        for step in self._sequence.steps:
            steps[step] = TYPICAL_SECONDS.get(step, 3) * self._random.uniform(0.85, 1.3)
            if fails and step == bad_step:
                break
        ended = started + timedelta(seconds=sum(steps.values()))
        if fails:
            message = f"{error.__name__} of instance {self._restore}-1 in eu-central-1b"
            failures = (
                RunFailure(moment=ended, step=bad_step, error_type=error.__name__, message=message),
            )
        return Run(
            operation_id=f"{self._restore}-{started:%Y%m%dT%H%M%S}",
            restore=self._restore,
            sequence=self._sequence.name,
            started=started,
            ended=ended,
            outcome=RunOutcome.FAILED if fails else RunOutcome.SUCCEEDED,
            step_seconds=steps,
            failures=tuple(failures),
            snapshot_age_seconds=self._random.uniform(2, 4) * 3600,
            interruption_seconds=None if fails else self._interruption(steps),
            approximate_cost=cost(self._random.uniform(3, 5)),
        )

    def _interruption(self, steps: dict[str, float]) -> float:
        if self._sequence is not REPLACE:
            return self._random.uniform(8, 40)
        return sum(steps.values()) - steps["check-copy-status"]

    def _chance(self, failing: float, night: int) -> bool:
        return night > 0 and self._random.random() < failing
