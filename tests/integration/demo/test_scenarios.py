"""Every scenario, one after another in the same embedded AWS: each notice's advice leads out."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.scenarios.declaration import ALL, SCENARIOS
from tests.integration.demo.conftest import DEMO, DemoProgram
from tests.integration.demo.outputs import assert_nothing_is_left

PATIENCE_SECONDS = 900.0
"""Seven scenarios, on a machine that may have others to run."""
RESTORED = (
    "No original value is left in any table, view or statistic of the copy: ",
    "The pipeline has proven the masking of every column: ",
    "Until the databases were set up another host was refused: ",
    "An application finds shop-staging by its secret alone",
    "No password is in a log, the state, the history or the notification",
)
REFUSED = (
    "The target was replaced once",
    "An execution that has lost and is redriven is refused at its first step",
    "The execution that lost came to no second step, and the target stays the same cluster",
)


@pytest.fixture
def played(tmp_path: Path) -> Iterator[DemoProgram]:
    """The demo with every scenario, just started."""
    program = DemoProgram([*DEMO, "--scenario", ALL], tmp_path)
    yield program
    program.end()


def test_what_each_notice_advises_leads_to_success(played: DemoProgram) -> None:
    assert played.wait(PATIENCE_SECONDS) == 0, played.output
    assert_nothing_is_left(played)
    assert played.output.splitlines()[-1] == "All of it held."
    parts = dict(part.split("\n", 1) for part in played.output.split("\nScenario ")[1:])
    assert list(parts) == [scenario.name for scenario in SCENARIOS]
    for scenario in SCENARIOS:
        said = " ".join(parts[scenario.name].split())
        failure = f" yes It failed at {scenario.step} with {scenario.error.__name__} "
        assert failure in said, scenario.name
        assert f"FAILED at {scenario.step}" in said
        assert f"$ {scenario.program} " in said
        for promise in RESTORED:
            assert f" yes {promise}" in said, (scenario.name, promise)
        assert said.index("WHAT TO DO") < said.index(" yes It failed")
    for promise in REFUSED:
        assert f" yes {promise}" in " ".join(parts["lost-race"].split())
