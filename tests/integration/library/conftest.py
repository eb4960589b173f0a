from collections.abc import Iterator

import pytest

from tests.integration.library.installation import InstalledPackage, install
from tests.integration.pipeline.stage import PipelineStage, running_stage


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PipelineStage]:
    """The embedded AWS with the source cluster and yesterday's snapshot of it."""
    with running_stage(tmp_path_factory.mktemp("library")) as running:
        yield running


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> InstalledPackage:
    """The built package in a virtual environment of its own."""
    return install(tmp_path_factory.mktemp("installed"))
