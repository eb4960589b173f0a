"""One embedded RDS with real PostgreSQL for all tests here; each test finds it empty."""

from collections.abc import Iterator

import pytest

from embedded_aws.rds import EmbeddedRds
from tests.integration.embedded_aws.rds.databases import EmbeddedDatabases


@pytest.fixture(scope="package")
def embedded_rds() -> Iterator[EmbeddedRds]:
    with EmbeddedRds(speed=6000) as running:
        yield running


@pytest.fixture(scope="package")
def _shared_databases(embedded_rds: EmbeddedRds) -> EmbeddedDatabases:
    return EmbeddedDatabases(embedded_rds)


@pytest.fixture
def databases(_shared_databases: EmbeddedDatabases) -> EmbeddedDatabases:
    _shared_databases.embedded.admin.reset()
    return _shared_databases
