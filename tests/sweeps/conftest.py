"""Tells, at the end of a test session, how much was swept."""

import pytest

from tests.sweeps.report import LINES


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if LINES:
        terminalreporter.section("sweeps")
        for line in LINES:
            terminalreporter.line(line)
