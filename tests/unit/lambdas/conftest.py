import pytest

from aurora_restore.shared import switch_run
from tests.unit.bench import Bench
from tests.unit.scene import Scene, make_scene


@pytest.fixture
def scene(bench: Bench) -> Scene:
    return make_scene(bench)


@pytest.fixture
def _seldom_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A switch looks less often than every second, so that long waits take less time to test."""
    monkeypatch.setattr(switch_run, "LOOK_EVERY_SECONDS", 6)
