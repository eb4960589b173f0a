"""Lines of the functions' logs, as a person reads them."""

import json
from datetime import UTC, datetime
from typing import Any

from aurora_restore.cli.log_lines import LogLine

MOMENT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def line(text: str) -> LogLine:
    return LogLine(MOMENT, "copy-snapshot", "1", text)


def of(**document: Any) -> LogLine:
    return line(json.dumps(document))


def test_what_every_line_has_is_left_out_and_the_rest_follows_the_message() -> None:
    shown = of(level="INFO", message="copied", operation_id="op-1", service="x", attempts=2)

    assert list(shown.readable()) == [
        "03-04 05:06:07  copy-snapshot         INFO    copied attempts=2"
    ]


def test_a_stack_trace_stands_below_its_message() -> None:
    shown = of(level="ERROR", message="failed", exception="Traceback:\n  here")

    assert list(shown.readable())[1:] == ["    Traceback:", "      here"]


def test_a_line_that_is_no_json_is_shown_as_it_is() -> None:
    (shown,) = line("Task timed out after 30 s\n").readable()

    assert shown.endswith("Task timed out after 30 s")


def test_metrics_are_no_messages() -> None:
    assert not of(_aws={}, StepDuration=[1]).is_message
    assert of(message="copied").is_message
