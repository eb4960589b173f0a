"""A self-test is killed at ten moments; after each, ``--clean`` leaves the account as it was."""

import re
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from aurora_restore.cli.exit_codes import ExitCode
from aurora_restore.cli.selftest.records import ResourceKind
from aurora_restore.cli.selftest.running import SelfTestRun
from aurora_restore.proof import naming
from aurora_restore.proof.settings import SelfTestSettings
from embedded_aws.aws import EmbeddedAws, EmbeddedAwsConfig
from tests.support.account import everything_in
from tests.support.selftest import ACCOUNT, REGION, Course, SelfTestCommand, make_production
from tests.support.selftest_stacks import SelfTestStacks

NETWORK = "10.0.0.0/24"


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SelfTestCommand]:
    """The command, in an account that is prepared for the CDK and has a cluster of another user."""
    config = EmbeddedAwsConfig(account=ACCOUNT, region=REGION, wait_scale=0.01)
    with EmbeddedAws(config) as aws:
        aws.bootstrap({f"aws://{ACCOUNT}/{REGION}"})
        make_production(aws)
        yield SelfTestCommand(aws, tmp_path_factory.mktemp("selftest"))


@pytest.fixture(scope="module")
def stacks(command: SelfTestCommand, tmp_path_factory: pytest.TempPathFactory) -> SelfTestStacks:
    """The stacks of every run but those that the CDK deploys."""
    settings = SelfTestSettings(
        run="zyxwvuts",
        account=ACCOUNT,
        region=REGION,
        zones=(f"{REGION}a", f"{REGION}b"),
        engine_version="17.5",
        family="aurora-postgresql17",
        ca_bundle=str(command.aws.rds.ca_bundle),
    )
    return SelfTestStacks(command.aws, tmp_path_factory.mktemp("stacks"), settings)


def has_network(aws: EmbeddedAws) -> bool:
    """Whether the VPC of a run is there."""
    cidr = {"Name": "cidr", "Values": [NETWORK]}
    return bool(aws.client("ec2").describe_vpcs(Filters=[cidr])["Vpcs"])


def has_functions(aws: EmbeddedAws) -> bool:
    """Whether the first functions of an environment are there."""
    functions = aws.client("lambda").list_functions()["Functions"]
    return any("setup-db-users" in each["FunctionName"] for each in functions)


def has_two_snapshots(aws: EmbeddedAws) -> bool:
    """Whether RDS has begun with the second snapshot of a run."""
    rds = aws.client("rds")
    return len(rds.describe_db_cluster_snapshots()["DBClusterSnapshots"]) > 1


def has_old_cluster(aws: EmbeddedAws) -> bool:
    """Whether the cluster that served has given its name away."""
    clusters = aws.client("rds").describe_db_clusters()["DBClusters"]
    return any(each["DBClusterIdentifier"].endswith("-old") for each in clusters)


def begin(run: SelfTestRun) -> None:
    """Write down the first stack, as before it is made, and come to no call."""
    run.file.expect(ResourceKind.STACK, naming.source_stack(run.settings.run))
    run.stage("Deploying the network")
    signal.pause()


def prepare(run: SelfTestRun) -> None:
    """Make everything but the environment."""
    run.prepare()


def replace(run: SelfTestRun) -> None:
    """Refresh the target with the strategy replace."""
    run.prepare()
    run.deploy_environment("replace")
    run.refresh("replace", lambda _progress: None)


def switch(run: SelfTestRun) -> None:
    """Refresh the first target with the strategy switch, without a refresh before that."""
    run.prepare()
    run.deploy_environment("switch")
    target = naming.target_cluster(run.settings.run)
    run.take_snapshot(target, naming.target_snapshot_name(run.settings.run))
    run.refresh("switch", lambda _progress: None)


@dataclass(frozen=True)
class Moment:
    """When a run is killed: the text that it has printed, and what has to be in the account."""

    name: str
    course: Course
    printed: str
    has_come: Callable[[EmbeddedAws], bool] = lambda _aws: True


MOMENTS = (
    Moment("before the first call", begin, r"Deploying the network"),
    Moment("the target is being made", prepare, r"Creating the first target"),
    Moment("the source is being filled", prepare, r"Filling the source"),
    Moment("a snapshot is being made", prepare, r"Taking a snapshot of \S+-source"),
    Moment("the environment is being deployed", replace, r"strategy replace", has_functions),
    Moment("the old target is being deleted", replace, r"delete-rds +done"),
    Moment("the restored cluster is in quarantine", replace, r"setup-db-users"),
    Moment(
        "two snapshots are there", switch, r"Taking a snapshot of \S+-target", has_two_snapshots
    ),
    Moment("the name changes hands", switch, r"switch-cluster", has_old_cluster),
)


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda each: each.name)
def test_nothing_is_left_when_a_run_was_killed(
    command: SelfTestCommand, stacks: SelfTestStacks, moment: Moment
) -> None:
    before = everything_in(command.aws, REGION)
    assert "rds DBClusters production" in before
    command.begin_course(moment.course, stacks).kill_when(
        lambda text: bool(re.search(moment.printed, text)) and moment.has_come(command.aws)
    )

    require_clean(command, the_run(command), before)


def test_a_deployment_ends_with_the_run_that_was_killed(command: SelfTestCommand) -> None:
    """The tenth moment: the CDK is just making the first stack."""
    before = everything_in(command.aws, REGION)
    command.begin().kill_when(lambda _text: has_network(command.aws))

    require_clean(command, the_run(command), before)


def the_run(command: SelfTestCommand) -> str:
    """The one run that has a record."""
    (run,) = command.runs()
    return run


def require_clean(command: SelfTestCommand, run: str, before: frozenset[str]) -> None:
    """Clean up after a run, and demand that the account is as it was before."""
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


def test_a_cleaning_that_was_killed_goes_on(
    command: SelfTestCommand, stacks: SelfTestStacks
) -> None:
    before = everything_in(command.aws, REGION)
    command.begin_course(prepare, stacks).kill_when(lambda text: "Filling the source" in text)
    run = the_run(command)
    command.clean(run).kill_when(lambda text: "Deleting cluster" in text)
    # On another machine there is no record; the tags of the first stack say enough.
    for record in command.records.glob("*.json"):
        record.unlink()

    require_clean(command, run, before)
