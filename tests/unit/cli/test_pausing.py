"""Until when a schedule is paused, and what is asked before anything is changed."""

import sys
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
import typer

from aurora_restore.cli import acting, listing, rolling_back
from aurora_restore.cli.errors import CommandError
from aurora_restore.cli.exit_codes import ExitCode
from aurora_restore.cli.pausing import end_of_pause
from aurora_restore.cli.report.reading import read_pauses
from aurora_restore.shared.notices.notice import sentence
from aurora_restore.shared.pause import PauseStore
from tests.unit.bench import Bench

NOW = datetime(2026, 5, 15, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-05-16", datetime(2026, 5, 16, tzinfo=UTC)),
        ("2026-05-16T06:00Z", datetime(2026, 5, 16, 6, tzinfo=UTC)),
        ("2026-05-16T06:00+02:00", datetime(2026, 5, 16, 4, tzinfo=UTC)),
    ],
)
def test_a_day_or_a_moment_ends_a_pause(text: str, moment: datetime) -> None:
    assert end_of_pause(text, NOW) == moment


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tomorrow", "neither a day like 2026-12-24 nor a moment"),
        ("2026-05-15", "is not in the future; it is 2026-05-15T12:00Z now"),
        ("2026-05-16T06:00", "add a Z for UTC"),
    ],
)
def test_an_end_that_cannot_be_meant_is_refused(text: str, said: str) -> None:
    with pytest.raises(CommandError) as caught:
        end_of_pause(text, NOW)

    assert caught.value.code is ExitCode.USAGE
    assert said in caught.value.sentence


def test_a_pause_that_cannot_be_read_is_said_and_prevents_no_look_and_no_roll_back(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.store.put({"operation_id": "pause#staging", "step": "pause", "until": "soon"})
    kept = PauseStore(bench.store, "staging")
    nothing: Any = SimpleNamespace(read=lambda: None, at_work=lambda _: None)
    deployment: Any = SimpleNamespace(
        pause_of=lambda _: kept, record_of=lambda _: nothing, lock_of=lambda _: nothing, rds=None
    )
    restore: Any = SimpleNamespace(
        target=SimpleNamespace(cluster_id="shop", is_switched=True),
        schedule=SimpleNamespace(enabled=True),
    )

    assert rolling_back.look(deployment, "staging", restore).schedule_goes_on
    assert listing.find_pauses(deployment, ["staging"], NOW) == []
    assert read_pauses(bench.store, ["staging"], NOW) == {}

    assert capsys.readouterr().err.count("Attention: the item pause#staging") == 3


class Pipe:
    def isatty(self) -> bool:
        return False


class Terminal:
    def isatty(self) -> bool:
        return True


def test_without_a_terminal_nobody_is_asked_and_nothing_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdin", Pipe())

    acting.require_consent("Stop it?", yes=True)
    acting.require_name("This switches shop back.", "shop", given="shop")
    with pytest.raises(CommandError, match="--yes") as unasked:
        acting.require_consent("Stop it?", yes=False)
    with pytest.raises(CommandError, match="--yes shop") as unnamed:
        acting.require_name("Back?", "shop", given=None)

    assert (unasked.value.code, unnamed.value.code) == (ExitCode.USAGE, ExitCode.USAGE)


def test_only_the_targets_own_name_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CommandError, match="that is not shop") as given:
        acting.require_name("Back?", "shop", given="other")
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(typer, "prompt", lambda _: "other")
    with pytest.raises(CommandError, match="That is not shop") as typed:
        acting.require_name("Back?", "shop", given=None)

    assert (given.value.code, typed.value.code) == (ExitCode.USAGE, ExitCode.REFUSED)
    monkeypatch.setattr(typer, "prompt", lambda _: " shop ")
    acting.require_name("Back?", "shop", given=None)


def test_no_answer_but_yes_is_a_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(typer, "confirm", lambda _: False)

    with pytest.raises(CommandError, match="Nothing was changed") as caught:
        acting.require_consent("Stop it?", yes=False)

    assert caught.value.code is ExitCode.REFUSED


def test_ctrl_c_at_a_question_is_an_interruption(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: str) -> None:
        raise typer.Abort

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(typer, "confirm", interrupt)
    monkeypatch.setattr(typer, "prompt", interrupt)

    with pytest.raises(KeyboardInterrupt):
        acting.require_consent("Stop it?", yes=False)
    with pytest.raises(KeyboardInterrupt):
        acting.require_name("Back?", "shop", given=None)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("See ../plan", "See ../plan."),
        ("Wait...", "Wait..."),
        ("It is over.", "It is over."),
        ("Why?", "Why?"),
    ],
)
def test_a_reason_ends_as_a_sentence_and_is_otherwise_as_it_was_written(
    text: str, shown: str
) -> None:
    assert sentence(text) == shown
