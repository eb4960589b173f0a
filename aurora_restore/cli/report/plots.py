"""The plots of a restore: what each shows, in which unit, and the table of the same numbers."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Final
from xml.etree.ElementTree import Element

from aurora_restore.cli.output import duration, moment
from aurora_restore.cli.report.charts import (
    Bar,
    BarMark,
    Size,
    bars_over_time,
    counts,
    counts_size,
    points_over_time,
)
from aurora_restore.cli.report.runs import Run, RunOutcome
from aurora_restore.cli.report.scales import TimeAxis, Unit, time_unit
from aurora_restore.cli.report.summary import count_failures
from aurora_restore.shared.cost import ApproximateCost
from aurora_restore.shared.notices.expense import BASIS_OF_PRICES
from aurora_restore.shared.pipeline import STEP_NAMES

Drawing = tuple[Size, list[Element]]

_MOST_COLOURS: Final = 7
_MOST_ROWS: Final = 12
OTHER_STEPS: Final = "other steps"
_LEAST_SHARE: Final = 0.01
"""Of the time of all runs, for a step to have a colour."""
_MARKS: Final = {
    RunOutcome.FAILED: BarMark.FAILED,
    RunOutcome.STOPPED: BarMark.STOPPED,
    RunOutcome.RUNNING: BarMark.RUNNING,
}
_MARK_TEXTS: Final = {
    BarMark.FAILED: "failed",
    BarMark.STOPPED: "stopped by hand",
    BarMark.CONTINUED: "failed, continued, succeeded",
    BarMark.RUNNING: "running",
    BarMark.PARTLY_KNOWN: "this much, and what is not known",
    BarMark.UNKNOWN: "not known",
}
_SHORTEST_COSTS: Final = 0.01
"""How far an axis of US dollars goes at least, so that fractions of a cent do not fill the page."""


@dataclass(frozen=True, kw_only=True)
class NumberTable:
    """The numbers of a plot: the first column names the row."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class Plot:
    """One plot, for a page to place."""

    name: str
    """What its ids begin with."""
    title: str
    text: str
    """What it shows, in a sentence or two."""
    draw: Callable[[Size], Drawing]
    table: NumberTable
    legend: Sequence[tuple[str, str]] = ()
    """CSS classes, and what each stands for."""


@dataclass(frozen=True, kw_only=True)
class Times:
    """What all plots of a report have in common."""

    now: datetime
    axis: TimeAxis
    """The time axis of all plots."""


def colours_of_steps(runs: Iterable[Run]) -> dict[str, str]:
    """Return the CSS class of each step that gets a colour: those that take the most time.

    All other steps are shown as one.
    """
    total: Counter[str] = Counter()
    for run in runs:
        total.update(run.step_seconds)
    least = _LEAST_SHARE * total.total()
    chosen = {step for step, took in total.most_common(_MOST_COLOURS) if took >= least}
    in_order = [step for step in STEP_NAMES if step in chosen]
    return {step: f"s{number}" for number, step in enumerate(in_order, start=1)}


def plots_of(runs: Sequence[Run], times: Times, colours: dict[str, str]) -> Iterator[Plot]:
    """Yield the plots of a restore that have something to show."""
    if runs:
        yield _durations(runs, times, colours)
    if any(run.snapshot_age_seconds is not None for run in runs):
        yield _snapshot_ages(runs, times)
    if any(run.interruption_seconds is not None for run in runs):
        yield _interruptions(runs, times)
    if any(run.failures for run in runs):
        yield _failures(runs)
    if any(run.is_over for run in runs):
        yield _costs([run for run in runs if run.is_over], times)


def _durations(runs: Sequence[Run], times: Times, colours: dict[str, str]) -> Plot:
    unit = time_unit(max(sum(run.step_seconds.values()) for run in runs))
    bars = [_duration_bar(run, times, colours, unit) for run in runs]
    steps = [step for step in STEP_NAMES if any(step in run.step_seconds for run in runs)]
    shown = [step for step in colours if step in steps]
    others = [("s0", OTHER_STEPS)] if len(shown) < len(steps) else []
    return Plot(
        name="durations",
        title="Durations by step",
        text="How long each run has worked, and which step took how much of it. The time between a "
        "failure and its continuation is not drawn.",
        draw=lambda size: (
            size,
            bars_over_time(size, times.axis, bars, f"Duration ({unit.name})"),
        ),
        legend=[*((colours[step], step) for step in shown), *others, *_legend_of_marks(bars)],
        table=NumberTable(
            columns=("Start (UTC)", "Operation", "Outcome", "In all", *steps, "Stood still"),
            rows=[
                (
                    moment(run.started),
                    run.operation_id,
                    str(run.outcome),
                    duration(run.seconds(times.now)),
                    *(duration(run.step_seconds.get(step)) for step in steps),
                    duration(run.idle_seconds or None),
                )
                for run in runs
            ],
        ),
    )


def _duration_bar(run: Run, times: Times, colours: dict[str, str], unit: Unit) -> Bar:
    parts = [
        (kind, run.step_seconds[step] / unit.size)
        for step, kind in colours.items()
        if step in run.step_seconds
    ]
    others = sum(took for step, took in run.step_seconds.items() if step not in colours)
    took = duration(run.seconds(times.now))
    return Bar(
        moment=run.started,
        parts=[*parts, ("s0", others / unit.size)],
        text=f"{moment(run.started)} {run.operation_id}: {run.outcome}, {took}",
        mark=BarMark.CONTINUED if _is_continued(run) else _MARKS.get(run.outcome),
    )


def _legend_of_marks(bars: Iterable[Bar]) -> list[tuple[str, str]]:
    found = {bar.mark for bar in bars}
    return [(f"mark {mark}", text) for mark, text in _MARK_TEXTS.items() if mark in found]


def _is_continued(run: Run) -> bool:
    return run.outcome is RunOutcome.SUCCEEDED and run.was_continued


def _snapshot_ages(runs: Sequence[Run], times: Times) -> Plot:
    known = [(run, run.snapshot_age_seconds) for run in runs]
    return _values(
        times,
        name="ages",
        title="Age of the snapshot",
        text="How old production's snapshot was when the run that restored it began.",
        quantity="Age",
        values=[(run, age) for run, age in known if age is not None],
        draw=points_over_time,
    )


def _interruptions(runs: Sequence[Run], times: Times) -> Plot:
    known = [(run, run.interruption_seconds) for run in runs]
    return _values(
        times,
        name="interruptions",
        title="Interruption",
        text="For how long clients could not work: from the deletion of the old cluster to the "
        "hand-over of the new one, or while the target was switched.",
        quantity="Interruption",
        values=[(run, seconds) for run, seconds in known if seconds is not None],
        draw=bars_over_time,
    )


def _values(
    times: Times,
    *,
    name: str,
    title: str,
    text: str,
    quantity: str,
    values: Sequence[tuple[Run, float]],
    draw: Callable[[Size, TimeAxis, Sequence[Bar], str], list[Element]],
) -> Plot:
    """Return a plot of one duration of each run."""
    unit = time_unit(max(seconds for _, seconds in values))
    bars = [
        Bar(
            moment=run.started,
            parts=[("single", seconds / unit.size)],
            text=f"{moment(run.started)} {run.operation_id}: {duration(seconds)}",
        )
        for run, seconds in values
    ]
    return Plot(
        name=name,
        title=title,
        text=text,
        draw=lambda size: (size, draw(size, times.axis, bars, f"{quantity} ({unit.name})")),
        table=NumberTable(
            columns=("Start (UTC)", "Operation", quantity),
            rows=[
                (moment(run.started), run.operation_id, duration(seconds))
                for run, seconds in values
            ],
        ),
    )


def _failures(runs: Sequence[Run]) -> Plot:
    counted = count_failures(runs)
    rows = [(f"{step}: {error}", count) for step, error, count in counted]
    rest = sum(count for _, count in rows[_MOST_ROWS:])
    shown = rows[:_MOST_ROWS] + ([("all others", rest)] if rest else [])
    return Plot(
        name="failures",
        title="Failures by step and error",
        text="How often a run has failed, by the step that failed and the type of its error. A run "
        "that was continued and failed again counts each time.",
        draw=lambda size: (
            counts_size(size, len(shown)),
            counts(size, shown, "Failures (number)"),
        ),
        table=NumberTable(
            columns=("Step", "Error", "Failures"),
            rows=[(step, error, str(count)) for step, error, count in counted],
        ),
    )


def _costs(runs: Sequence[Run], times: Times) -> Plot:
    """Return the plot of what runs that are over have cost."""
    bars = [_cost_bar(run) for run in runs]
    return Plot(
        name="costs",
        title="Approximate cost",
        text=" ".join(_about_costs(runs)),
        draw=lambda size: (
            size,
            bars_over_time(
                size, times.axis, bars, "Cost (USD, approximate)", shortest=_SHORTEST_COSTS
            ),
        ),
        legend=_legend_of_marks(bars),
        table=NumberTable(
            columns=("Start (UTC)", "Operation", "Cost (USD)", "Not known"),
            rows=[
                (moment(run.started), run.operation_id, *_cost_cells(run.approximate_cost))
                for run in runs
            ],
        ),
    )


def _cost_bar(run: Run) -> Bar:
    cost = run.approximate_cost
    usd, unknown = _cost_cells(cost)
    said = f"{usd} USD" if cost else f"cost {usd}"
    more = f", and what is not known: {unknown}" if unknown else ""
    mark = BarMark.PARTLY_KNOWN if cost else BarMark.UNKNOWN
    return Bar(
        moment=run.started,
        parts=[("single", cost.usd)] if cost else [],
        text=f"{moment(run.started)} {run.operation_id}: {said}{more}",
        mark=mark if run.has_unknown_cost else None,
    )


def _cost_cells(cost: ApproximateCost | None) -> tuple[str, str]:
    """Return the sum of what is known, and the parts that are not."""
    return ("not known", "") if cost is None else (dollars(cost.usd), ", ".join(cost.lacking))


def _about_costs(runs: Sequence[Run]) -> Iterator[str]:
    """Yield what the costs contain, and of how many runs they are not known."""
    costs = [run.approximate_cost for run in runs if run.approximate_cost is not None]
    parts = [part for cost in costs for part in cost.parts]
    once = dict.fromkeys(
        part.what for part in parts if part.usd is not None and not part.is_monthly
    )
    monthly = dict.fromkeys(part.what for part in parts if part.is_monthly)
    if once:
        yield f"What each run that is over has cost: {', '.join(once)}."
        by_month = f", and what is charged by the month: {', '.join(monthly)}" if monthly else ""
        yield f"Left out is the restored cluster itself{by_month}. {BASIS_OF_PRICES}."
    unknown = len(runs) - len(costs)
    if unknown:
        yield (
            f"The cost of {counted_runs(unknown)} is not known: what was recorded is missing or "
            "cannot be read."
        )
    lacking = [cost.lacking for cost in costs if cost.lacking]
    if lacking:
        names = ", ".join(dict.fromkeys(chain.from_iterable(lacking)))
        yield f"Of {counted_runs(len(lacking))} only a part is known. Not known: {names}."


def counted_runs(count: int) -> str:
    """Return how many runs there are, in words."""
    return f"{count} run{'' if count == 1 else 's'}"


def dollars(usd: float) -> str:
    """Return an amount of US dollars, with as many digits as say something."""
    return f"{usd:.2f}" if usd >= 1 else f"{usd:.4f}"
