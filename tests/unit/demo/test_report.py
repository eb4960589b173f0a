"""The summary says what was found, fits a terminal, and shows nobody JSON for a sentence."""

import io
from pathlib import Path

import pytest
from rich.console import Console, RenderableType

from aurora_restore.cli.progress import ExecutionFailure
from aurora_restore.proof.checks import (
    Check,
    Expected,
    LoginAttempt,
    TableReading,
    compare_tables,
    judge_login,
)
from demo import report
from embedded_aws.aws import PublishedMessage

FOLDER = Path("kept")


def shown(renderable: RenderableType, *, width: int = 80, file: io.StringIO | None = None) -> str:
    output = file or io.StringIO()
    Console(file=output, width=width, highlight=False, markup=False).print(renderable)
    return output.getvalue()


def test_tables_are_shown_side_by_side_within_80_columns() -> None:
    reading = TableReading(rows=100_000, checksum="0123456789abcdef")
    other = TableReading(rows=99_999, checksum="fedcba9876543210")
    verdicts = compare_tables(
        {"public.pgbench_accounts": reading, "shop.order_lines": reading},
        {"public.pgbench_accounts": reading, "shop.order_lines": other, "shop.extra": other},
    )
    text = shown(report.tables(verdicts))
    accounts, lines, extra = (row.split() for row in text.splitlines()[3:])
    assert accounts == [
        "pgbench_accounts",
        "100,000",
        "100,000",
        "01234567",
        "01234567",
        "identical",
    ]
    assert lines == ["shop.order_lines", "100,000", "99,999", "01234567", "fedcba98", "DIFFERENT"]
    assert extra == ["shop.extra", "-", "99,999", "-", "fedcba98", "NOT", "IN", "SOURCE"]


def test_logins_are_shown_in_a_line_each_within_80_columns() -> None:
    expected = Expected(source=False, restored=True, verdict="set up", reads=True, writes=True)
    able = LoginAttempt(logged_in=True, reads=True, writes=True)
    verdict = judge_login(
        "readonly_user", "staging's application", expected, LoginAttempt(logged_in=False), able
    )
    _, _, row = shown(report.logins([verdict])).splitlines()
    assert row.rstrip().endswith("refused   yes: read, write   set up")


def test_a_check_says_what_shows_it_or_what_was_found_instead() -> None:
    text = shown(
        report.checks(
            [
                Check(promise="It holds", held=True, found="not"),
                Check(promise="It does", held=True, evidence="three times", found="not"),
                Check(promise="So", held=False, evidence="three times", found="not"),
            ]
        )
    )
    assert [" ".join(row.split()) for row in text.splitlines()] == [
        "yes It holds",
        "yes It does: three times",
        "NO So: not",
    ]


def test_the_notification_is_shown_word_for_word() -> None:
    message = PublishedMessage(
        subject="Done [ok]", message="{}", email='All [is] well: {"a": [1]}', attributes={}
    )
    assert shown(report.announcement(message)) == (
        'Subject: Done [ok]\n\nAll [is] well: {"a": [1]}\n'
    )
    assert shown(report.announcement(None)) == "Nothing was published.\n"


@pytest.mark.parametrize(
    ("step", "logs"),
    [
        (
            "delete-rds",
            "kept/functions/aurora-restore-delete-rds.log and kept/execution-history.json",
        ),
        (None, "Look at kept/execution-history.json"),
    ],
)
def test_a_failure_names_step_error_sentence_and_logs(step: str | None, logs: str) -> None:
    why = ExecutionFailure(step=step, error_type="RefusedError", message="it is protected")
    text = shown(report.failure(why, FOLDER), width=120)
    assert f"Step: {step or 'none was entered'}" in text
    assert "Error: RefusedError\nit is protected\n" in text
    assert logs in text


def test_everything_that_is_kept_is_named() -> None:
    text = shown(report.kept(FOLDER))
    for path in ("kept/config/", "kept/execution-history.json", "kept/functions/"):
        assert path in text


def test_each_further_execution_has_a_line_of_its_own() -> None:
    assert shown(report.kept(FOLDER, ["", "second"])).splitlines()[-1].split()[:4] == [
        "kept/second/",
        "the",
        "same",
        "of",
    ]
