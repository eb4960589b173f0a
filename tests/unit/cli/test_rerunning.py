"""When `rerun` asks, what it says before, and that it starts nothing without the answer."""

import io
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest
import typer

from aurora_restore.cli import acting, main, rerunning
from aurora_restore.cli.exit_codes import ExitCode
from aurora_restore.cli.rerun_decision import RerunFacts
from tests.unit.cli.test_rerun_decision import LATER, execution, facts, failure

FOREIGN = facts(failure("ForeignClusterError", step="restore-snapshot"))


class Started:
    """What was started in place of an execution in AWS."""

    def __init__(self) -> None:
        self.steps: list[str | None] = []
        self.looks: list[RerunFacts] = []

    def look(self, *_: object) -> object:
        return (self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]), execution()

    def redrive(self, *_: object) -> None:
        self.steps.append(None)

    def resume(self, _deployment: object, _name: str, _after: object, step: str, _why: str) -> None:
        self.steps.append(step)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    made = Started()
    monkeypatch.setattr(rerunning, "look", made.look)
    monkeypatch.setattr(rerunning, "_redrive", made.redrive)
    monkeypatch.setattr(rerunning, "_resume", made.resume)
    return made


def rerun(*options: str) -> int:
    return main.run(["--region", "us-west-2", "rerun", "op-1", *options])


def answer(monkeypatch: pytest.MonkeyPatch, given: Callable[[str], bool]) -> None:
    monkeypatch.setattr(acting, "_require_terminal", lambda _: None)
    monkeypatch.setattr(typer, "confirm", given)


def test_without_an_answer_nothing_is_started_and_what_has_to_be_done_is_said(
    started: Started, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    started.looks = [FOREIGN]

    assert rerun() == ExitCode.USAGE

    shown = capsys.readouterr()
    assert "Find out who has made the cluster." in " ".join(shown.out.split())
    assert "add --yes" in shown.err
    assert started.steps == []


def test_no_starts_nothing_and_yes_starts_it(
    started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    started.looks = [FOREIGN]

    answer(monkeypatch, lambda _: False)
    assert rerun() == ExitCode.REFUSED
    assert started.steps == []
    answer(monkeypatch, lambda question: "may delete my-cluster" in question)
    assert rerun() == ExitCode.DONE
    assert rerun("--yes") == ExitCode.DONE
    assert started.steps == ["delete-rds", "delete-rds"]


def test_ctrl_c_at_the_question_has_its_documented_exit_code(
    started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: str) -> bool:
        raise typer.Abort

    started.looks = [FOREIGN]
    answer(monkeypatch, interrupt)

    assert rerun() == ExitCode.INTERRUPTED
    assert started.steps == []


def test_what_has_changed_while_the_question_was_open_is_not_started(
    started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, lambda _: True)
    for changed in (replace(FOREIGN, worker=LATER), facts(failure(step="delete-rds"))):
        started.looks = [FOREIGN, changed]
        assert rerun() == ExitCode.REFUSED
    assert started.steps == []


def test_past_the_deletion_it_goes_on_without_a_question_and_says_first_what_it_needs(
    started: Started, capsys: pytest.CaptureFixture[str]
) -> None:
    started.looks = [facts(failure("ScriptFailedError"))]

    assert rerun() == ExitCode.DONE

    out = " ".join(capsys.readouterr().out.split())
    assert started.steps == [None]
    assert out.index("Fix the script and deploy.") < out.index("Its execution is redriven")
