"""Whether a restore is overdue, or takes longer than usual. Pure: facts in, numbers out.

A restore is overdue from the moment at which the first scheduled start after its last success
should have led to another one: that start, with how long a run usually takes and a margin on top.
So it goes by the schedule's own days, and not by how old the data is: what starts on working days
is not overdue on a Sunday.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import Final

from aurora_restore.shared.documents.schedule import Schedule
from aurora_restore.shared.documents.schedule_expression import first_start_after
from aurora_restore.shared.monitoring.run_record import HELD_BACK, RunRecord
from aurora_restore.shared.pause import Pause

LEAST_MARGIN: Final = timedelta(hours=1)
SHARE_OF_MARGIN: Final = 0.5
"""The margin as a share of the usual duration, if that is more."""
FIRST_DURATION: Final = timedelta(hours=6)
"""How long a run is expected to take at most while none has succeeded."""
JUDGED_BY: Final = 10
"""How many of the last successes the median is of, at most."""
FEWEST: Final = 3
"""How many successes it takes to say what is usual."""


def usual_seconds(runs: Sequence[RunRecord]) -> float | None:
    """Return the median duration of the last successes, the latest run first; None without any."""
    took = [run.seconds for run in runs if run.has_succeeded][:JUDGED_BY]
    return median(took) if took else None


def overdue_hours(
    schedule: Schedule | None,
    runs: Sequence[RunRecord],
    pause: Pause | None,
    *,
    deployed: datetime,
    refreshed: datetime | None,
    now: datetime,
) -> float | None:
    """Return for how many hours a success is overdue, 0 if it is not.

    None where nothing starts by itself, or where it cannot be known when. ``runs`` are the past
    ones, the latest first; ``pause`` is the last of the schedule, in force or over; ``deployed``
    is when the configuration was deployed last, and ``refreshed`` when the target has got its
    data, as far as that is known without a record of the run.
    """
    if schedule is None or not schedule.enabled:
        return None
    if pause is not None and pause.is_in_force(now):
        return 0.0
    start = _awaited_start(schedule, runs, pause, deployed=deployed, refreshed=refreshed)
    if start is None:
        return None
    usual = usual_seconds(runs)
    takes = FIRST_DURATION if usual is None else timedelta(seconds=usual)
    late = now - (start + takes + max(LEAST_MARGIN, takes * SHARE_OF_MARGIN))
    return max(0.0, late / timedelta(hours=1))


def _awaited_start(
    schedule: Schedule,
    runs: Sequence[RunRecord],
    pause: Pause | None,
    *,
    deployed: datetime,
    refreshed: datetime | None,
) -> datetime | None:
    """Return the first start that should have led to a success; None if there is none.

    Nothing is expected of a start that a pause holds back, nor of those of a schedule before it
    was deployed. While nothing has ever succeeded, the first failed run is one, too.
    """
    since = [run.started for run in runs if run.outcome == HELD_BACK][:1]
    if pause is not None and pause.end is not None:
        since.append(pause.end)
    success = next((run for run in runs if run.has_succeeded), None)
    if success is not None:
        since.append(success.started)
        if success.schedule is not None and success.schedule != str(schedule):
            since.append(deployed)
    elif refreshed is not None:
        since.append(refreshed)
    else:
        return _first_of_all(schedule, runs, [*since, deployed])
    return first_start_after(schedule, max(since))


def _first_of_all(
    schedule: Schedule, runs: Sequence[RunRecord], since: Sequence[datetime]
) -> datetime | None:
    """Return the first start of a restore that has never succeeded: a failed one, or a planned."""
    excused = max(since[:-1], default=None)
    failed = [
        run.started
        for run in runs
        if run.outcome != HELD_BACK and (excused is None or run.started > excused)
    ]
    planned = first_start_after(schedule, max(since))
    return min([*failed, *([] if planned is None else [planned])], default=None)


def duration_ratio(
    runs: Sequence[RunRecord], at_work_since: datetime | None, now: datetime
) -> float | None:
    """Return how long a restore takes beside the median of its successes; None if that is unknown.

    It is that of the last success beside those before it, or of the run that is under way, if it
    has taken longer already. ``runs`` are the past ones, the latest first.
    """
    took = [run.seconds for run in runs if run.has_succeeded]
    found = []
    if at_work_since is not None:
        found.append(_beside((now - at_work_since).total_seconds(), took))
    if took:
        found.append(_beside(took[0], took[1:]))
    return max((each for each in found if each is not None), default=None)


def _beside(seconds: float, others: Sequence[float]) -> float | None:
    usual = median(others[:JUDGED_BY]) if len(others) >= FEWEST else 0.0
    return seconds / usual if usual > 0 else None
