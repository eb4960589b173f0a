"""A self-test is killed at ten moments; after each, ``--clean`` leaves the account as it was."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from aurora_restore.cli.exit_codes import ExitCode
from embedded_aws.aws import EmbeddedAws, EmbeddedAwsConfig
from tests.support.account import everything_in
from tests.support.selftest import ACCOUNT, REGION, SelfTestCommand, SelfTestProcess

NETWORK = "10.0.0.0/24"


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SelfTestCommand]:
    """The command, in an account that is prepared for the CDK and has a cluster of somebody."""
    config = EmbeddedAwsConfig(account=ACCOUNT, region=REGION, wait_scale=0.01)
    with EmbeddedAws(config) as aws:
        aws.bootstrap({f"aws://{ACCOUNT}/{REGION}"})
        aws.client("rds", region=REGION).create_db_cluster(
            DBClusterIdentifier="production",
            Engine="aurora-postgresql",
            MasterUsername="postgres",
            MasterUserPassword="of-nobody-here",
        )
        yield SelfTestCommand(aws, tmp_path_factory.mktemp("selftest"))


def has_network(aws: EmbeddedAws) -> bool:
    """Whether the VPC of a run is there."""
    cidr = {"Name": "cidr", "Values": [NETWORK]}
    return bool(aws.client("ec2", region=REGION).describe_vpcs(Filters=[cidr])["Vpcs"])


def has_functions(aws: EmbeddedAws) -> bool:
    """Whether the first functions of an environment are there."""
    functions = aws.client("lambda", region=REGION).list_functions()["Functions"]
    return any("setup-db-users" in each["FunctionName"] for each in functions)


def has_two_snapshots(aws: EmbeddedAws) -> bool:
    """Whether RDS has begun with the second snapshot of a run."""
    rds = aws.client("rds", region=REGION)
    return len(rds.describe_db_cluster_snapshots()["DBClusterSnapshots"]) > 1


def has_old_cluster(aws: EmbeddedAws) -> bool:
    """Whether the cluster that served has given its name away."""
    clusters = aws.client("rds", region=REGION).describe_db_clusters()["DBClusters"]
    return any(each["DBClusterIdentifier"].endswith("-old") for each in clusters)


@dataclass(frozen=True)
class Moment:
    """When a run is killed: the text that it has printed, and what has to be in the account."""

    name: str
    printed: str
    has_come: Callable[[EmbeddedAws], bool] = lambda _aws: True


MOMENTS = (
    Moment("before the first call", r"Deploying the network"),
    Moment("the first stack is being made", r"Deploying the network", has_network),
    Moment("the target is being made", r"Creating the first target"),
    Moment("the source is being filled", r"Filling the source"),
    Moment("a snapshot is being made", r"Taking a snapshot of \S+-source"),
    Moment("the environment is being deployed", r"strategy replace", has_functions),
    Moment("the old target is being deleted", r"delete-rds +done"),
    Moment("the restored cluster is in quarantine", r"setup-db-users"),
    Moment("two snapshots are there", r"Taking a snapshot of \S+-target", has_two_snapshots),
    Moment("the name changes hands", r"switch-cluster", has_old_cluster),
)


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda each: each.name)
def test_nothing_is_left_when_a_run_was_killed(command: SelfTestCommand, moment: Moment) -> None:
    before = everything_in(command.aws, REGION)
    assert "rds DBClusters production" in before
    command.begin().kill_when(
        lambda text: bool(re.search(moment.printed, text)) and moment.has_come(command.aws)
    )
    (run,) = command.runs()

    cleaning = command.clean(run)

    assert cleaning.finish() == 0, cleaning.text
    assert f"Nothing of run {run} is left" in cleaning.text
    assert everything_in(command.aws, REGION) == before
    assert command.runs() == []


def test_a_run_that_is_interrupted_deletes_what_it_made(command: SelfTestCommand) -> None:
    before = everything_in(command.aws, REGION)
    run = command.begin()
    run.interrupt_when(lambda _text: has_network(command.aws))

    assert run.finish() == ExitCode.INTERRUPTED, run.text
    assert "ended early: It was interrupted." in run.text
    assert everything_in(command.aws, REGION) == before
    assert command.runs() == []


def test_a_cleaning_that_was_killed_goes_on(command: SelfTestCommand) -> None:
    before = everything_in(command.aws, REGION)
    command.begin().kill_when(lambda text: "Filling the source" in text)
    (run,) = command.runs()
    command.clean(run).kill_when(lambda text: "Deleting cluster" in text)
    # On another machine there is no record; the tags of the first stack say enough.
    for record in command.records.glob("*.json"):
        record.unlink()

    cleaning: SelfTestProcess = command.clean(run)

    assert cleaning.finish() == 0, cleaning.text
    assert everything_in(command.aws, REGION) == before
