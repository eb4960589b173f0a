from collections.abc import Iterator
from dataclasses import asdict

import pytest

from embedded_aws.rds.timings import Timings
from tests.integration.pipeline.stage import (
    LEAP_DAY,
    MASK,
    SOURCE_REGION,
    TARGET_REGION,
    Deployed,
    PipelineStage,
    running_stage,
)


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PipelineStage]:
    """The embedded AWS with the source cluster and yesterday's snapshot of it."""
    with running_stage(tmp_path_factory.mktemp("stage")) as running:
        yield running


@pytest.fixture(scope="session")
def app(stage: PipelineStage) -> Deployed:
    """The app in another Region than the source."""
    return stage.deploy(TARGET_REGION, scripts=[MASK], schedule=LEAP_DAY)


@pytest.fixture(scope="session")
def app_beside_the_source(stage: PipelineStage) -> Deployed:
    """The app in the source's own Region."""
    return stage.deploy(SOURCE_REGION)


@pytest.fixture
def clean(stage: PipelineStage, app: Deployed) -> Iterator[None]:
    """No target, no copy, and the configuration as deployed."""
    stage.remove_target(TARGET_REGION)
    document = stage.restore_document(TARGET_REGION)
    document["database"]["scripts"] = [{"path": MASK}]
    stage.configure(app, document)
    yield
    stage.admin.set_timings(**asdict(Timings()))
