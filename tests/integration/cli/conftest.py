"""One deployed stage for all tests of the command line, and a way to run it there."""

import io
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import pytest

from aurora_restore.cli.main import run
from embedded_aws.environment import identity, sealed
from embedded_aws.vpc import give_way_out
from tests.integration.pipeline.stage import (
    ACCOUNT,
    LEAP_DAY,
    MASK,
    PREFIX,
    TARGET,
    TARGET_REGION,
    Deployed,
    PipelineStage,
    running_stage,
)


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PipelineStage]:
    """The embedded AWS with the source cluster and yesterday's snapshot of it."""
    with running_stage(tmp_path_factory.mktemp("cli")) as running:
        network = running.network(TARGET_REGION)
        give_way_out(running.aws.client("ec2", region=TARGET_REGION), network.vpc_id)
        yield running


@pytest.fixture(scope="session")
def app(stage: PipelineStage) -> Deployed:
    """The app in another Region than the source, with the one restore ``staging``."""
    return stage.deploy(TARGET_REGION, scripts=[MASK], schedule=LEAP_DAY)


@pytest.fixture(scope="session")
def succeeded(stage: PipelineStage, app: Deployed) -> str:
    """The id of an operation that has replaced the target, which is as it left it."""
    stage.make_cluster(TARGET_REGION, TARGET, "old-target-password")
    execution = stage.run(app)
    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    return str(execution["name"])


@pytest.fixture(scope="session")
def failed(stage: PipelineStage, app: Deployed, succeeded: str) -> str:
    """The id of an operation that failed before it changed anything: the day has no snapshot."""
    execution = stage.run(app, {"date": "2020-02-29"})
    assert execution["error"] == "SnapshotNotFoundError"
    return str(execution["name"])


@dataclass(frozen=True)
class Finished:
    """What a command has printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def widest(self) -> int:
        """The width of the longest line on standard output that could have been broken."""
        lines = [line for line in self.out.splitlines() if " " in line.strip()]
        return max(map(len, lines), default=0)


@dataclass(frozen=True)
class CommandLine:
    """``aurora-restore`` in an environment that leads it to the stage."""

    environment: Mapping[str, str]

    def __call__(self, *arguments: str, width: int | None = None, **variables: str) -> Finished:
        """Run a command, as if piped; ``width`` is that of the terminal it is shown in."""
        columns = {} if width is None else {"COLUMNS": str(width)}
        out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in "12")
        with (
            patch.dict(os.environ, {**self.environment, **columns, **variables}, clear=True),
            pytest.MonkeyPatch.context() as streams,
        ):
            streams.setattr(sys, "stdout", out)
            streams.setattr(sys, "stderr", err)
            code = run(arguments)
        return Finished(code, _written(out), _written(err))


def _written(stream: Any) -> str:
    stream.seek(0)
    return str(stream.read())


@pytest.fixture(scope="session")
def environment(stage: PipelineStage, app: Deployed) -> Mapping[str, str]:
    """The environment variables by which the command line finds the stage."""
    return sealed(
        {
            **stage.aws.endpoints.variables(),
            **identity(ACCOUNT, TARGET_REGION),
            "AURORA_RESTORE_NAME_PREFIX": PREFIX,
        }
    )


@pytest.fixture(scope="session")
def cli(environment: Mapping[str, str]) -> CommandLine:
    """The command line, on the stage."""
    return CommandLine(environment)
