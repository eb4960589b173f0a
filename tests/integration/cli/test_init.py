"""`init` from the stage's clusters: what it writes can be deployed as the stage itself was."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Template

from aurora_restore.configuration.loading import read_environment
from aurora_restore.infra.stack import AuroraRestoreStack
from tests.integration.cli.conftest import CommandLine
from tests.integration.pipeline.stage import ACCOUNT, SOURCE, SOURCE_REGION, TARGET, PipelineStage
from tests.unit.infra.synthesis import WITHOUT_BUNDLING

SOURCE_ARN = f"arn:aws:rds:{SOURCE_REGION}:{ACCOUNT}:cluster:{SOURCE}"
NEXT = "Whether AWS is ready for it:\n  aurora-restore check --file"
PORTS_OF_THIS_MACHINE = "restores.staging.target.port"


def leaves(document: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value that is no object, by its path."""
    for key, value in document.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{path}{key}.")
        elif key != "$comment":
            yield f"{path}{key}", value


@pytest.mark.usefixtures("succeeded")
def test_it_says_what_the_deployed_configuration_says(
    cli: CommandLine, stage: PipelineStage, tmp_path: Path
) -> None:
    file = tmp_path / "test.json"
    before = stage.changes()

    shown = cli(
        *("init", "--from-cluster", TARGET, "--snapshot-source", SOURCE_ARN),
        *("--restore", "staging", "--output", str(file)),
        width=80,
    )

    assert (shown.code, shown.err) == (0, "")
    assert stage.changes() == before
    assert shown.out.startswith(f"Written: {file}\n")
    assert "notification_emails: who is notified" in shown.out
    assert f"It is valid as it is. {NEXT} {file} --online" in shown.out
    (deployed,) = stage.directory.glob("config-*/test.json")
    written, configured = (dict(leaves(json.loads(each.read_text()))) for each in (file, deployed))
    both = written.keys() & configured.keys() - {PORTS_OF_THIS_MACHINE}
    assert len(both) >= 12
    assert {path: written[path] for path in both} == {path: configured[path] for path in both}
    stack = AuroraRestoreStack(
        cdk.App(context=WITHOUT_BUNDLING), "test", environment=read_environment(file)
    )
    Template.from_stack(stack).resource_count_is("AWS::StepFunctions::StateMachine", 1)


@pytest.mark.usefixtures("succeeded")
def test_it_overwrites_nothing_unless_it_is_forced(cli: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "test.json"
    file.write_text("mine")
    command = ("init", "--from-cluster", TARGET, "--output", str(file))

    shown = cli(*command)

    assert (shown.code, shown.out, file.read_text()) == (5, "", "mine")
    assert "test.json exists." in shown.err
    assert cli(*command, "--force").code == 1
    assert json.loads(file.read_text())["restores"][file.stem]["source"].keys() == {"$comment"}


@pytest.mark.usefixtures("succeeded")
def test_standard_output_gets_the_configuration_alone(cli: CommandLine) -> None:
    shown = cli("init", "--from-cluster", TARGET, "--output", "-")

    assert (shown.code, shown.err) == (0, "")
    assert json.loads(shown.out)["account"] == ACCOUNT


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--from-cluster", "other"], "There is no cluster other in us-west-2."),
        (
            ["--from-cluster", TARGET, "--snapshot-source", SOURCE],
            f"There is no cluster {SOURCE} in us-west-2. Name a source in another Region",
        ),
        (
            [
                "--from-cluster",
                TARGET,
                "--snapshot-source",
                SOURCE_ARN.replace(":cluster:", ":cluster-snapshot:"),
            ],
            "is not the ARN of a cluster",
        ),
        (["--from-cluster", TARGET, "--environment", "a.b"], "cannot be in 'a.b.json'"),
    ],
)
@pytest.mark.usefixtures("succeeded")
def test_what_does_not_exist_is_named(cli: CommandLine, options: list[str], said: str) -> None:
    output = [] if "--environment" in options else ["--output", "-"]
    shown = cli("init", *options, *output)

    assert (shown.code, shown.out) == (2, "")
    assert said in shown.err
