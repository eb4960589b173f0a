"""The Gantt chart of an execution in text."""

import io

from rich.console import Console, RenderableType

from aurora_restore.cli.timeline import Span, timeline
from tests.unit.demo.histories import BEGINNING, HistoryMaker, progress_of, whole_run


class Latin(io.StringIO):
    encoding = "latin-1"


def shown(renderable: RenderableType, *, width: int = 80, file: io.StringIO | None = None) -> str:
    output = file or io.StringIO()
    Console(file=output, width=width, highlight=False, markup=False).print(renderable)
    return output.getvalue()


def test_the_timeline_has_a_row_with_a_bar_for_each_step() -> None:
    rows = shown(timeline(progress_of(whole_run().events))).splitlines()[2:]
    assert len(rows) == 12
    copy = rows[2]
    assert copy.split()[:8] == [
        "3",
        "check-copy-status",
        "2.0",
        "s",
        "11.0",
        "s",
        "6",
        copy.split()[7],
    ]
    starts = [row.index("━") for row in rows]
    assert starts == sorted(starts)
    assert max(row.count("━") for row in rows) == copy.count("━")


def test_the_timeline_leaves_out_what_did_not_begin() -> None:
    history = HistoryMaker().enter("snapshot-check").end("ExecutionFailed")
    rows = shown(timeline(progress_of(history.events))).splitlines()[2:]
    assert [row.split() for row in rows[1:2]] == [["2", "copy-snapshot"]]
    assert shown(timeline(BEGINNING)).count("━") == 0


def test_a_bar_is_drawn_with_what_the_terminal_can_encode() -> None:
    text = shown(Span(0.5, 1.0), width=10, file=Latin())
    assert text.rstrip("\n") == "     ====="
