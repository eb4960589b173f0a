"""The app as a program: version, help, wrong usage, and a reader that goes away."""

import subprocess
import sys

import pytest

from aurora_restore import __version__
from aurora_restore.cli import main
from aurora_restore.cli.errors import usage
from aurora_restore.cli.exit_codes import ExitCode
from aurora_restore.reference.repository import REPOSITORY


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["--version"]) == ExitCode.DONE
    assert capsys.readouterr().out == f"aurora-restore {__version__}\n"


def test_a_wrong_command_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["lst"]) == ExitCode.USAGE
    assert "No such command 'lst'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [(usage("what is wrong"), ExitCode.USAGE), (KeyboardInterrupt(), ExitCode.INTERRUPTED)],
)
def test_an_expected_error_has_no_stack_trace(
    error: BaseException,
    code: ExitCode,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(main, "remember_options", fail)

    assert main.run(["list"]) == code
    assert capsys.readouterr().err in ("what is wrong\n", "")


@pytest.mark.parametrize(
    "command", [["cancel", "op-1", "--yes"], ["pause", "orders"]], ids=lambda each: each[0]
)
def test_a_reason_has_no_control_characters(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.run([*command, "--reason", "done\x1b[2J"]) == ExitCode.USAGE
    assert "--reason" in capsys.readouterr().err


def test_a_reader_that_goes_away_is_no_error_to_report() -> None:
    program = subprocess.Popen(
        [sys.executable, "-m", "aurora_restore.cli", "--version"],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert program.stdout is not None
    program.stdout.close()
    _, errors = program.communicate()

    assert (program.returncode, errors) == (ExitCode.OUTPUT_CLOSED, b"")
