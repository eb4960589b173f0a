"""Unit tests decide things; they reach no network, not even this machine's."""

from collections.abc import Iterator

import pytest
from pytest_socket import disable_socket, enable_socket

from tests.unit.bench import Bench, bench_in_memory


@pytest.fixture(autouse=True)
def _no_sockets() -> Iterator[None]:
    disable_socket(allow_unix_socket=True)
    yield
    enable_socket()


@pytest.fixture
def bench() -> Iterator[Bench]:
    """One environment with one restore, in an AWS that lives in this process's memory."""
    with bench_in_memory() as made:
        yield made
