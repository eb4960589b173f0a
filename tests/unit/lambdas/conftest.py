import pytest

from tests.unit.bench import Bench
from tests.unit.scene import Scene, make_scene


@pytest.fixture
def scene(bench: Bench) -> Scene:
    return make_scene(bench)
