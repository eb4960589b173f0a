"""Tells, at the end of a test session, how much was swept."""

import logging
from collections.abc import Iterator

import pytest

from tests.sweeps.report import PROPERTY


@pytest.fixture(autouse=True)
def no_logs() -> Iterator[None]:
    """A sweep's functions fail by the hundred, and pytest would show all that they log."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What the tests have recorded, which comes from other processes, too, with their reports."""
    reports = [*terminalreporter.stats.get("passed", []), *terminalreporter.stats.get("failed", [])]
    lines = [
        str(value)
        for report in reports
        for name, value in getattr(report, "user_properties", [])
        if name == PROPERTY
    ]
    if lines:
        terminalreporter.section("sweeps")
        for line in lines:
            terminalreporter.line(line)
