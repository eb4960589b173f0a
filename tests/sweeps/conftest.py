"""Tells, at the end of a test session, how much was swept."""

import pytest

from tests.sweeps.report import PROPERTY


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
