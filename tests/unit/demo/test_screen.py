"""What is shown: a line per change, or a table that fits the terminal."""

import io
import itertools
from collections.abc import Callable

import pytest
from rich.console import Console

from aurora_restore.cli.course import lines_of, steps_view
from aurora_restore.cli.progress import ExecutionProgress
from aurora_restore.shared.sequences import REPLACE, ROLL_BACK
from demo.screen import (
    Activity,
    LiveScreen,
    PlainScreen,
    Screen,
    activities_view,
    make_console,
    screen_for,
)
from tests.unit.demo.histories import BEGINNING, HistoryMaker, at, progress_of, whole_run


def console(*, terminal: bool = False, width: int = 80) -> Console:
    return Console(
        file=io.StringIO(),
        width=width,
        force_terminal=terminal,
        color_system=None,
        highlight=False,
        markup=False,
        legacy_windows=False,
    )


def written(screen: Screen) -> str:
    assert isinstance(screen.console.file, io.StringIO)
    return screen.console.file.getvalue()


def ticking() -> Callable[[], float]:
    """A clock that goes on by a second whenever it is looked at."""
    return itertools.count().__next__


def lines(before: ExecutionProgress, after: ExecutionProgress) -> list[str]:
    return list(lines_of(before, after, at(60)))


def test_the_lines_of_a_run_report_each_step_once_and_what_it_waits_for() -> None:
    progress, reported = BEGINNING, []
    events = whole_run().events
    for length in range(1, len(events) + 1):
        now = progress_of(events[:length])
        reported += lines(progress, now)
        progress = now
    assert reported[:2] == [
        " 1/12 snapshot-check        running",
        " 1/12 snapshot-check        done in 1.0 s: snapshot-check is done",
    ]
    assert [line for line in reported if "check-copy-status" in line] == [
        " 3/12 check-copy-status     running",
        " 3/12 check-copy-status     waits: not yet, 0 %",
        " 3/12 check-copy-status     waits: not yet, 40 %",
        " 3/12 check-copy-status     waits: not yet, 60 %",
        " 3/12 check-copy-status     waits: not yet, 80 %",
        " 3/12 check-copy-status     done in 11.0 s: check-copy-status is done",
    ]
    assert " 7/12 check-restore-status  waits: the master password" in reported
    assert reported[-1] == "12/12 sns-notification      done in 1.0 s: sns-notification is done"


def test_a_failed_step_is_reported_with_its_error() -> None:
    history = HistoryMaker().enter("delete-rds").end("ExecutionFailed", {"error": "RefusedError"})
    (line,) = lines(BEGINNING, progress_of(history.events))
    assert line == " 4/12 delete-rds            FAILED after 1.0 s: RefusedError"


def test_a_plain_screen_writes_a_line_with_the_time_for_each_change() -> None:
    screen = PlainScreen(console(), ticking())
    with screen.busy(), screen.activity("Making it") as activity:
        activity.done("Made it, with [brackets]", then="Filling it")
        activity.done("Filled it")
    with screen.watching("name", REPLACE) as show:
        show(BEGINNING)
        show(progress_of(HistoryMaker().enter("snapshot-check").events))
    assert written(screen).splitlines() == [
        "  3.0 s  Made it, with [brackets] (1.0 s)",
        "  5.0 s  Filled it (2.0 s)",
        "  6.0 s   1/12 snapshot-check        running",
    ]


def test_a_plain_screen_counts_the_steps_of_the_sequence_that_it_watches() -> None:
    screen = PlainScreen(console(), ticking())
    with screen.watching("name", ROLL_BACK) as show:
        show(progress_of(HistoryMaker().enter("verify-switch").events, ROLL_BACK))
    assert written(screen).splitlines() == ["  1.0 s   2/4 verify-switch         running"]


def test_a_plain_line_is_never_broken() -> None:
    screen = PlainScreen(console(width=20), ticking())
    screen.say("word " * 20)
    assert len(written(screen).splitlines()) == 1


def test_the_phases_that_are_under_way_are_shown_with_their_time() -> None:
    screen = PlainScreen(console(), ticking())
    making, filling = Activity(screen, "Making it"), Activity(screen, "Filling it")
    making.done("Made it")
    shown = console()
    shown.print(activities_view((making, filling), 12))
    assert isinstance(shown.file, io.StringIO)
    assert shown.file.getvalue().rstrip().endswith("Filling it … 10 s")
    assert "Making" not in shown.file.getvalue()


def test_a_live_screen_reports_what_is_done_and_shows_the_steps() -> None:
    screen = LiveScreen(console(terminal=True), ticking())
    with screen.busy(), screen.activity("Making it") as activity:
        activity.done("Made it", then="Filling it")
    with screen.watching("name", REPLACE) as show:
        show(progress_of(HistoryMaker().enter("snapshot-check").events))
    text = written(screen)
    assert "Made it (1.0 s)" in text
    assert "Execution name" in text
    assert "1 snapshot-check" in text


@pytest.mark.parametrize("width", [60, 80, 100])
def test_the_table_of_steps_fits_the_terminal(width: int) -> None:
    history = whole_run().events
    for progress in (
        progress_of(history),
        progress_of(history[:40]),
        BEGINNING,
    ):
        shown = console(width=width)
        shown.print(steps_view(progress, at(60), "3e06964c-5365-464c-944b-8ba418f92f6a"))
        assert isinstance(shown.file, io.StringIO)
        rows = shown.file.getvalue().splitlines()
        assert max(map(len, rows)) <= width
        assert len(rows) == 17


def test_the_table_of_steps_shows_state_time_and_percentage() -> None:
    history = HistoryMaker().done("copy-snapshot").wait("check-copy-status", percent_progress=40)
    shown = console()
    shown.print(steps_view(progress_of(history.events), at(2.5), "name"))
    assert isinstance(shown.file, io.StringIO)
    rows = [row for row in shown.file.getvalue().splitlines() if "check-copy-status" in row]
    assert len(rows) == 1
    for part in (" 3 check-copy-status", "running", "1.5 s", "40 %"):
        assert part in rows[0]


def test_a_terminal_gets_the_live_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    assert isinstance(screen_for(console(terminal=True)), LiveScreen)
    assert isinstance(screen_for(console()), PlainScreen)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(screen_for(console(terminal=True)), PlainScreen)


def test_without_a_terminal_the_console_is_wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    assert make_console().width == 110
    monkeypatch.setenv("COLUMNS", "90")
    assert make_console().width == 90
