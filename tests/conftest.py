"""What holds for every test session."""

import itertools
import signal
from collections import defaultdict

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from tests.sweeps.report import PROPERTY

# A shell lets what it starts in the background ignore Ctrl-C, and so the children of that.
signal.signal(signal.SIGINT, signal.default_int_handler)

SPREAD = ("test_crash_sweep.py", "test_fault_sweep.py", "test_switch_sweep.py")
"""Files with long tests that share nothing."""
LONGEST = (
    *("test_selftest_killed.py", "test_sql_sweep.py", "test_wiring_sweep.py"),
    *("test_selftest.py", "test_privileges.py"),
)
"""Files that take long in one process: begun late, one would keep it while the others rest."""
TOGETHER = ("tests/integration/cli/", "tests/integration/demo/")
"""Folders whose files share something: a deployed stage, and the folder that a demo writes to."""

LONG_SECONDS = 60.0
SHOWN = 30
"""How many of the files that took longest are shown at the end."""


class Scheduling(LoadFileScheduling):  # type: ignore[misc]
    """The tests of a file stay in one process, for what they share is dear, unless it is spread."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        together = next((each for each in TOGETHER if file.startswith(each)), file)
        return nodeid if file.endswith(SPREAD) else together


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    return Scheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest in one process, and end with what is spread."""
    items.sort(key=lambda item: (item.path.name in SPREAD) - (item.path.name in LONGEST))


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say where the time went, and what the tests have recorded in all processes."""
    _show_longest(terminalreporter)
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


def _show_longest(terminalreporter: pytest.TerminalReporter) -> None:
    """Of a run of minutes, the files that took longest, and how long it was in all."""
    seconds: defaultdict[str, float] = defaultdict(float)
    for report in itertools.chain.from_iterable(terminalreporter.stats.values()):
        if isinstance(report, pytest.TestReport):
            seconds[report.nodeid.partition("::")[0]] += report.duration
    total = sum(seconds.values())
    if total < LONG_SECONDS:
        return
    longest = sorted(seconds.items(), key=lambda item: -item[1])[:SHOWN]
    terminalreporter.section("seconds by file, in all processes together")
    for file, taken in [*longest, ("all files", total)]:
        terminalreporter.line(f"{taken:8.0f} {file}")
