"""One embedded AWS for all integration tests of a session."""

from collections.abc import Iterator

import pytest

from aurora_restore.local.world import World


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    """The embedded AWS, into which nothing has been deployed yet."""
    with World() as running:
        yield running
