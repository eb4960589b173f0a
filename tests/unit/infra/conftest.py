"""One synthesis of the example for all tests."""

import pytest

from tests.unit.infra.synthesis import Synthesis, example, synthesise


@pytest.fixture(scope="session")
def stack() -> Synthesis:
    """The stack of the tests' example environment."""
    return synthesise(example())
