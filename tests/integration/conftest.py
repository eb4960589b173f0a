"""One embedded AWS for all integration tests of a session."""

from collections.abc import Iterator

import pytest

from embedded_aws.aws import EmbeddedAws


@pytest.fixture(scope="session")
def aws() -> Iterator[EmbeddedAws]:
    """The embedded AWS, into which nothing has been deployed yet."""
    with EmbeddedAws() as running:
        yield running
