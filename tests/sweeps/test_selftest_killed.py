"""A self-test is killed at ten moments; after each, ``--clean`` leaves the account as it was."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from embedded_aws.aws import EmbeddedAws, EmbeddedAwsConfig
from tests.support.account import everything_in
from tests.support.selftest import ACCOUNT, REGION, SelfTestCommand, SelfTestProcess


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


@dataclass(frozen=True)
class Moment:
    """When a run is killed: the text that it has printed, and what has to be in the account."""

    name: str
    printed: str
    there: str = ""


MOMENTS = (
    Moment("before the first call", r"Deploying the network"),
    Moment("the first stack is being made", r"Deploying the network", "ec2 Vpcs vpc-"),
    Moment("the target is being made", r"Creating the first target"),
    Moment("the source is being filled", r"Filling the source"),
    Moment("a snapshot is being made", r"Taking a snapshot of \S+-source"),
    Moment("the environment is being deployed", r"strategy replace", "lambda Functions"),
    Moment("the old target is being deleted", r"5/11 check-delete-status|delete-rds +done"),
    Moment("the restored cluster is in quarantine", r"setup-db-users"),
    Moment("two snapshots are there", r"Taking a snapshot of \S+-target"),
    Moment("the name changes hands", r"switch-cluster"),
)


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda each: each.name)
def test_nothing_is_left_when_a_run_was_killed(command: SelfTestCommand, moment: Moment) -> None:
    before = everything_in(command.aws, REGION)
    assert "rds DBClusters production" in before
    command.begin().kill_when(has_come(command, moment, before))
    (run,) = command.runs()

    cleaning = command.clean(run)

    assert cleaning.finish() == 0, cleaning.text
    assert f"Nothing of run {run} is left" in cleaning.text
    assert everything_in(command.aws, REGION) == before
    assert command.runs() == []


def has_come(
    command: SelfTestCommand, moment: Moment, before: frozenset[str]
) -> Callable[[str], bool]:
    """Whether a moment has come, by what the run has printed and made."""

    def come(text: str) -> bool:
        if not re.search(moment.printed, text):
            return False
        made = everything_in(command.aws, REGION) - before if moment.there else frozenset()
        return not moment.there or any(each.startswith(moment.there) for each in made)

    return come


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
