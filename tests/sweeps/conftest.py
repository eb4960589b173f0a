"""What the sweeps have in common."""

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def no_logs() -> Iterator[None]:
    """A sweep's functions fail by the hundred, and pytest would show all that they log."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)
