"""The app of these tests, deployed once."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from aurora_restore.local.world import World


@pytest.fixture(scope="session")
def outputs(world: World) -> Mapping[str, str]:
    """The outputs of the deployed stack."""
    app = Path(__file__).parent / "probe_app"
    return world.deploy("tests", app_directory=app)["Probe-tests"]
