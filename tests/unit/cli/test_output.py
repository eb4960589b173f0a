"""What is printed is what was said, and cannot change what is on the screen already."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from rich.console import Console

from aurora_restore.cli.acting import tell, tell_command
from aurora_restore.cli.course import steps_view
from aurora_restore.cli.executions import Execution
from aurora_restore.cli.listing import ListedOperation, show_list
from aurora_restore.cli.log_lines import LogLine
from aurora_restore.cli.logs import show_lines
from aurora_restore.cli.output import (
    bullets,
    heading,
    indented,
    make_console,
    note,
    pairs,
    part,
    print_json,
    say,
)
from aurora_restore.cli.watching import print_line
from tests.unit.demo.histories import HistoryMaker, at, progress_of
from tests.unit.shared.test_visible import EVIL, SHOWN

NOW = datetime(2026, 3, 4, tzinfo=UTC)
ARN = "arn:aws:secretsmanager:us-west-2:123456789012:secret:orders[bold]"
FAILED = Execution(
    arn="arn:aws:states:us-west-2:1:execution:machine:op-1",
    status="FAILED",
    started=NOW,
    ended=NOW,
    error=EVIL,
)
LINE = LogLine(NOW, "snapshot-check", "1", json.dumps({"level": "ERROR", "message": EVIL}))


def course(console: Console) -> None:
    history = HistoryMaker().done("snapshot-check", EVIL, seconds=90)
    console.print(steps_view(progress_of(history.events), at(100), "op-1"))


PRINTS: dict[str, Callable[[Console], None]] = {
    "say": lambda _: say(EVIL),
    "note": lambda _: note(EVIL),
    "tell": lambda _: tell(EVIL),
    "tell_command": lambda _: tell_command("Type", EVIL),
    "heading": lambda console: heading(console, EVIL),
    "indented": lambda console: indented(console, EVIL),
    "bullets": lambda console: bullets(console, [EVIL]),
    "part": lambda console: part(console, "Names", [EVIL]),
    "listing": lambda console: show_list(
        console, [ListedOperation(execution=FAILED, restore="orders")], NOW
    ),
    "logs": lambda console: show_lines([LINE], console, as_json=False),
    "course": course,
    "pairs": lambda console: pairs(console, {"Name": EVIL}),
}


@pytest.mark.parametrize("name", sorted(PRINTS))
def test_foreign_text_is_shown_and_not_obeyed(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "160")

    PRINTS[name](make_console())

    captured = capsys.readouterr()
    printed = captured.out + captured.err
    assert SHOWN in printed
    assert not any(letter in printed for letter in "\x1b\x9b\x07\x7f\u202e")


@pytest.mark.parametrize("prints", [print_json, print_line], ids=["document", "line"])
def test_json_has_no_control_character_and_means_the_same(
    prints: Callable[[object], None], capsys: pytest.CaptureFixture[str]
) -> None:
    prints({"name": EVIL})

    printed = capsys.readouterr().out
    assert json.loads(printed) == {"name": EVIL}
    assert printed.rstrip("\n").replace("\n", "").isprintable()


@pytest.mark.parametrize("columns", [None, "80"], ids=["piped", "as wide as COLUMNS says"])
def test_an_arn_is_printed_as_it_is(
    columns: str | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if columns is None:
        monkeypatch.delenv("COLUMNS", raising=False)
    else:
        monkeypatch.setenv("COLUMNS", columns)

    say(ARN)
    tell(ARN)
    note(ARN)

    assert tuple(capsys.readouterr()) == (f"{ARN}\n{ARN}\n", f"{ARN}\n")
