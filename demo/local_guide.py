"""What `make local` shows when everything runs: how to use it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.text import Text

from demo.local_settings import NAMES, SOURCE_PROFILE, LocalSettings
from demo.scenario import Scenario
from embedded_aws.environment import repository

Command = tuple[str, str]
"""A command, and what it is for."""
CUSTOMERS: Final = "SELECT name, email FROM shop.customers LIMIT 3"
_INDENT: Final = "  "


def guide(console: Console, scenario: Scenario, settings: LocalSettings, folder: Path) -> None:
    """Show the settings, and the commands to try."""
    exports, config, services = (folder / name for name in NAMES)
    console.print()
    console.print(Text("It is ready, and stays until Ctrl-C. In another terminal:", "bold"))
    _show(console, [f"cd {repository()}", f"source {exports.relative_to(repository())}"])
    console.print()
    console.print("For the AWS CLI, boto3 and any other SDK this sets:")
    variables = settings.exports(config, services)
    _show(console, [f"export {name}={value}" for name, value in variables.items()])
    console.print()
    console.print(f"Source: {scenario.source}")
    console.print(f"Target: {scenario.target}")
    for command, purpose in commands(scenario):
        if purpose:
            console.print()
            console.print(Text(purpose, "dim"))
        _show(console, command.split("\n"))
    console.print()


def commands(scenario: Scenario) -> Iterator[Command]:
    """Yield the commands to try, with what they are for."""
    source, target = scenario.source, scenario.target
    profile = "" if source.account == target.account else f" --profile {SOURCE_PROFILE}"
    yield "aurora-restore plan", "What a run would do, without doing it:"
    yield "aurora-restore start --watch", "A run, to its end, in less than a minute:"
    yield "aurora-restore list", "The runs so far, and what is known of one:"
    yield "aurora-restore show OPERATION", ""
    yield "aurora-restore report", "A report of them, to open in a browser:"
    yield (
        f"aurora-restore init --from-cluster {target.name} --environment mine \\\n"
        f"    --snapshot-source arn:aws:rds:{source.region}:{source.account}:cluster:{source.name}",
        "A configuration, written to config/mine.json from what is there:",
    )
    yield (
        "aws rds describe-db-clusters --query 'DBClusters[].DBClusterIdentifier'",
        "The clusters of the target's account and Region:",
    )
    yield (
        f"aws rds describe-db-cluster-snapshots --region {source.region}{profile} \\\n"
        "    --query 'DBClusterSnapshots[].DBClusterSnapshotIdentifier'",
        "Production's daily snapshots:",
    )
    yield (
        f"psql service={source.name} -c '{CUSTOMERS}'",
        "Production's customers, and the target's once a run has masked them:",
    )
    yield f"psql service={target.name} -c '{CUSTOMERS}'", ""


def _show(console: Console, lines: Sequence[str]) -> None:
    for line in lines:
        console.print(Text(f"{_INDENT}{line}"), soft_wrap=True)
