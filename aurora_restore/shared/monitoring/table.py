"""The table of the dashboard: a row of facts for each restore, and the HTML of all rows.

The HTML is what a custom widget of CloudWatch shows: no script runs in it, and its style is its
own. What is wrong is said in words, and not by its colour alone. Every text is escaped.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final
from xml.etree.ElementTree import Element

from aurora_restore.shared.documents.schedule_expression import describe_start
from aurora_restore.shared.markup import element, to_fragment
from aurora_restore.shared.metric_names import SLOW_RATIO
from aurora_restore.shared.monitoring.run_record import RunRecord
from aurora_restore.shared.monitoring.watched_restore import WatchedRestore
from aurora_restore.shared.notices.notice import duration
from aurora_restore.shared.visible import visible_line

UNKNOWN: Final = "—"
_LONGEST_TEXT: Final = 160


class Tone(StrEnum):
    """How urgent a cell is."""

    PLAIN = "plain"
    QUIET = "quiet"
    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


class Standing(StrEnum):
    """What a restore needs, the most urgent first."""

    UNREADABLE = "unreadable"
    OVERDUE = "overdue"
    FAILED = "failed"
    NEVER = "never refreshed"
    PAUSED = "paused"
    FINE = "fine"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What a cell says: the fact, and below it more of it."""

    text: str
    more: str = ""
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, kw_only=True)
class Row:
    """What the table says of a restore."""

    restore: str
    standing: Standing
    target: Cell
    last_success: Cell
    data: Cell
    took: Cell
    drift: Cell
    interruption: Cell
    next_start: Cell

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Return the cells in the order of the columns."""
        return (
            self.last_success,
            self.data,
            self.target,
            self.took,
            self.drift,
            self.interruption,
            self.next_start,
        )


COLUMNS: Final = (
    "Restore",
    "Last success",
    "Age of data",
    "Target",
    "Duration",
    "Drift",
    "Interruption",
    "Next start",
)

_NOTHING: Final = Cell(text=UNKNOWN, tone=Tone.QUIET)


def row_of(facts: WatchedRestore) -> Row:
    """Return the row of a restore."""
    success = facts.last_success
    return Row(
        restore=facts.name,
        standing=_standing(facts),
        target=_target(facts),
        last_success=_last_success(facts),
        data=_data(success, facts.now),
        took=_took(facts),
        drift=_drift(success),
        interruption=_interruption(facts),
        next_start=_next_start(facts),
    )


def unreadable_row(restore: str, cluster_id: str, reason: str) -> Row:
    """Return the row of a restore of which something cannot be read."""
    return Row(
        restore=restore,
        standing=Standing.UNREADABLE,
        last_success=Cell(text="cannot be read", more=reason, tone=Tone.BAD),
        data=_NOTHING,
        target=Cell(text=cluster_id),
        took=_NOTHING,
        drift=_NOTHING,
        interruption=_NOTHING,
        next_start=_NOTHING,
    )


def _standing(facts: WatchedRestore) -> Standing:
    last = facts.last_run
    if facts.overdue_hours:
        return Standing.OVERDUE
    if last is not None and not last.has_succeeded and facts.at_work_since is None:
        return Standing.FAILED
    if facts.last_success is None and facts.refreshed is None:
        return Standing.NEVER
    return Standing.FINE if facts.pause_in_force is None else Standing.PAUSED


def _last_success(facts: WatchedRestore) -> Cell:
    success = facts.last_success
    ended = facts.refreshed if success is None else success.ended
    late = facts.overdue_hours
    overdue = f"overdue by {duration(late * 3600)}" if late else ""
    tone = Tone.BAD if late else Tone.PLAIN
    if ended is None:
        return Cell(text=overdue or "never", more="no run has succeeded", tone=tone)
    ago = f"{_since(ended, facts.now)} ago"
    return Cell(
        text=overdue or ago, more=f"{ago}, {_moment(ended)}" if late else _moment(ended), tone=tone
    )


def _data(success: RunRecord | None, now: datetime) -> Cell:
    if success is None or success.snapshot_created_at is None:
        return _NOTHING
    taken = datetime.fromisoformat(success.snapshot_created_at)
    return Cell(text=_since(taken, now), more=f"snapshot of {_moment(taken)}")


def _target(facts: WatchedRestore) -> Cell:
    cluster, last = facts.restore.target.cluster_id, facts.last_run
    if facts.worker is not None:
        since = facts.at_work_since
        text = "run under way" if since is None else f"run under way for {_since(since, facts.now)}"
        return Cell(text=text, more=f"{cluster}, operation {facts.worker.operation_id}")
    if last is None or last.target is None:
        return Cell(text=UNKNOWN, more=cluster, tone=Tone.QUIET)
    if last.has_succeeded:
        return Cell(text=last.target, more=cluster, tone=Tone.GOOD)
    where = f" at {last.failed_at}" if last.failed_at else ""
    error = f" with {last.error_type}" if last.error_type else ""
    failed = f"the last run failed{where}{error}, {_since(last.ended, facts.now)} ago"
    return Cell(text=last.target, more=f"{cluster}: {failed}", tone=Tone.BAD)


def _took(facts: WatchedRestore) -> Cell:
    success, ratio = facts.last_success, facts.duration_ratio
    if success is None:
        return _NOTHING
    text = duration(success.seconds)
    if ratio is None:
        return Cell(text=text)
    return Cell(
        text=text,
        more=f"{ratio:.1f} times the median",
        tone=Tone.WARNING if ratio >= SLOW_RATIO else Tone.PLAIN,
    )


def _drift(success: RunRecord | None) -> Cell:
    if success is None or success.drift is None:
        return _NOTHING
    if success.drift == 0:
        return Cell(text="none")
    settings = "setting differs" if success.drift == 1 else "settings differ"
    return Cell(text=f"{success.drift} {settings}", more=success.operation, tone=Tone.WARNING)


def _interruption(facts: WatchedRestore) -> Cell:
    seconds = facts.interruption_seconds
    return _NOTHING if seconds is None else Cell(text=duration(seconds))


def _next_start(facts: WatchedRestore) -> Cell:
    pause, coming = facts.pause_in_force, facts.next_start
    if pause is not None:
        end = "until it is unpaused" if pause.end is None else f"until {_moment(pause.end)}"
        reason = "" if pause.reason is None else f": {pause.reason}"
        return Cell(text="paused", more=f"{end}{reason}", tone=Tone.WARNING)
    if coming is None:
        return Cell(text="by hand only", more="it has no schedule")
    if not coming.schedule.enabled:
        return Cell(text="by hand only", more="its schedule is disabled", tone=Tone.WARNING)
    if coming.start is not None:
        return Cell(
            text=f"in {duration((coming.start - facts.now).total_seconds())}",
            more=describe_start(coming.start),
        )
    if coming.never:
        return Cell(text="never again", more=str(coming.schedule), tone=Tone.WARNING)
    return Cell(text=str(coming.schedule))


def _since(moment: datetime, now: datetime) -> str:
    return duration((now - moment).total_seconds())


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def table_page(rows: Iterable[Row], now: datetime, *, is_dark: bool) -> str:
    """Return the table as a part of a page, the most urgent restores first."""
    order = list(Standing)
    ordered = sorted(rows, key=lambda row: (order.index(row.standing), row.restore))
    theme = "dark" if is_dark else "light"
    return to_fragment(
        element(
            "div",
            element("style", _STYLE),
            element("p", _summary(ordered), f" Looked at {_moment(now)}.", class_="summary"),
            element(
                "table",
                element("thead", element("tr", *(element("th", name) for name in COLUMNS))),
                element("tbody", *map(_row_element, ordered)),
            ),
            class_=f"cwdb-no-default-styles aurora-restore {theme}",
        )
    )


def _summary(rows: Sequence[Row]) -> str:
    count = "1 restore" if len(rows) == 1 else f"{len(rows)} restores"
    found = {each: sum(row.standing is each for row in rows) for each in Standing}
    said = [f"{number} {standing}" for standing, number in found.items() if number]
    return f"{count}: {', '.join(said)}." if said else f"{count}."


def _row_element(row: Row) -> Element:
    name = element(
        "th",
        element("div", _short(row.restore)),
        element("span", str(row.standing), class_=f"standing {row.standing.name.lower()}"),
        scope="row",
    )
    return element("tr", name, *map(_cell_element, row.cells))


def _cell_element(cell: Cell) -> Element:
    more = element("span", _short(cell.more), class_="more") if cell.more else None
    return element("td", element("span", _short(cell.text), class_=cell.tone), more)


def _short(text: str) -> str:
    line = visible_line(text)
    return line if len(line) <= _LONGEST_TEXT else f"{line[: _LONGEST_TEXT - 1]}…"


_STYLE: Final = """
.aurora-restore { font: 14px/1.45 "Amazon Ember", "Helvetica Neue", Roboto, Arial, sans-serif;
  color: #16191f; background: #ffffff; padding: 4px 8px 12px; }
.aurora-restore p.summary { margin: 4px 0 10px; color: #545b64; }
.aurora-restore table { border-collapse: collapse; width: 100%;
  font-variant-numeric: tabular-nums; }
.aurora-restore th, .aurora-restore td { text-align: left; vertical-align: top;
  padding: 8px 18px 8px 0; border-bottom: 1px solid #d5dbdb; font-weight: 400; }
.aurora-restore thead th { color: #545b64; font-size: 12px; font-weight: 700; white-space: nowrap;
  padding-top: 2px; padding-bottom: 6px; border-bottom: 2px solid #aab7b8; }
.aurora-restore tbody th { font-weight: 700; white-space: nowrap; }
.aurora-restore .more { display: block; color: #687078; font-size: 12px; }
.aurora-restore .quiet { color: #687078; }
.aurora-restore .good { color: #1d8102; }
.aurora-restore .warning { color: #8a5a00; font-weight: 700; }
.aurora-restore .bad { color: #d13212; font-weight: 700; }
.aurora-restore td:nth-child(2), .aurora-restore td:nth-child(3), .aurora-restore td:nth-child(5),
.aurora-restore td:nth-child(6), .aurora-restore td:nth-child(7) { white-space: nowrap; }
.aurora-restore .standing { display: inline-block; padding: 0 7px; border-radius: 9px;
  font-size: 11px; font-weight: 700; background: #e9ebed; color: #414d5c; }
.aurora-restore .fine { background: #e3f3de; color: #1d6a05; }
.aurora-restore .paused, .aurora-restore .never { background: #fbeec8; color: #6f4a00; }
.aurora-restore .overdue, .aurora-restore .failed, .aurora-restore .unreadable {
  background: #d13212; color: #ffffff; }
.aurora-restore.dark { color: #eaeded; background: #1a2029; }
.aurora-restore.dark p.summary, .aurora-restore.dark thead th, .aurora-restore.dark .more,
.aurora-restore.dark .quiet { color: #a2acb8; }
.aurora-restore.dark th, .aurora-restore.dark td { border-bottom-color: #3b4552; }
.aurora-restore.dark .good { color: #6aaf35; }
.aurora-restore.dark .warning { color: #e9b949; }
.aurora-restore.dark .bad { color: #ff7f66; }
.aurora-restore.dark .standing { background: #3b4552; color: #d5dbdb; }
.aurora-restore.dark .fine { background: #234b1a; color: #b6dda6; }
.aurora-restore.dark .paused, .aurora-restore.dark .never { background: #54420f; color: #f3d78a; }
.aurora-restore.dark .overdue, .aurora-restore.dark .failed, .aurora-restore.dark .unreadable {
  background: #c23a1e; color: #ffffff; }
"""
