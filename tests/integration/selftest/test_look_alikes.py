"""What has a name of a run is left by ``--clean`` unless everything else fits, too."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

import pytest

from aurora_restore.cli.exit_codes import ExitCode
from aurora_restore.cli.selftest.records import (
    ExpectedResource,
    RecordFile,
    ResourceKind,
    SelfTestRecord,
    record_file,
)
from aurora_restore.proof import naming
from embedded_aws.aws import EmbeddedAws, EmbeddedAwsConfig
from tests.support.account import everything_in
from tests.support.selftest import (
    ACCOUNT,
    REGION,
    SelfTestCommand,
    SelfTestProcess,
    make_production,
)

RUN = "k3j9x2ab"
OTHER = "m4p8w6cd"
NAMES = {
    ResourceKind.CLUSTER: naming.target_cluster(RUN),
    ResourceKind.SNAPSHOT: naming.snapshot_name(RUN),
    ResourceKind.TABLE: f"{naming.prefix_of(RUN)}-state",
    ResourceKind.SECRET: f"{naming.prefix_of(RUN)}-master-credentials",
    ResourceKind.STACK: naming.environment_stack(RUN),
}
NOW = datetime.now(UTC)
LATER = NOW + timedelta(hours=1)


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SelfTestCommand]:
    """The command, in an account in which no run has ever been."""
    config = EmbeddedAwsConfig(account=ACCOUNT, region=REGION, wait_scale=0.01)
    with EmbeddedAws(config) as aws:
        make_production(aws)
        yield SelfTestCommand(aws, tmp_path_factory.mktemp("selftest"))


def make_everything(aws: EmbeddedAws, run_of_tag: str) -> Mapping[ResourceKind, str]:
    """Make a thing of each kind under the run's names, and return what AWS calls them."""
    tags = [{"Key": naming.TAG_SELF_TEST, "Value": run_of_tag}]
    rds = aws.client("rds")
    cluster = rds.create_db_cluster(
        DBClusterIdentifier=NAMES[ResourceKind.CLUSTER],
        Engine="aurora-postgresql",
        MasterUsername="postgres",
        MasterUserPassword="of-nobody-here",
        Tags=tags,
    )["DBCluster"]["DbClusterResourceId"]
    rds.get_waiter("db_cluster_available").wait(WaiterConfig={"Delay": 1})
    rds.create_db_cluster_snapshot(
        DBClusterIdentifier=NAMES[ResourceKind.CLUSTER],
        DBClusterSnapshotIdentifier=NAMES[ResourceKind.SNAPSHOT],
        Tags=tags,
    )
    table = aws.client("dynamodb").create_table(
        TableName=NAMES[ResourceKind.TABLE],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        Tags=tags,
    )
    secret = aws.client("secretsmanager").create_secret(
        Name=NAMES[ResourceKind.SECRET], SecretString="{}", Tags=tags
    )
    stack = aws.client("cloudformation").create_stack(
        StackName=NAMES[ResourceKind.STACK],
        TemplateBody='{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}',
        Tags=tags,
    )
    return {
        ResourceKind.CLUSTER: cluster,
        ResourceKind.SNAPSHOT: cluster,
        ResourceKind.TABLE: table["TableDescription"]["TableId"],
        ResourceKind.SECRET: secret["ARN"],
        ResourceKind.STACK: stack["StackId"],
    }


def lines(known: Mapping[ResourceKind, str], since: datetime) -> tuple[ExpectedResource, ...]:
    """What the record of a run says that has made all of it."""
    return tuple(
        ExpectedResource(kind=kind, name=NAMES[kind], since=since, resource_id=resource_id)
        for kind, resource_id in known.items()
    )


def start_cleaning(
    command: SelfTestCommand, expected: tuple[ExpectedResource, ...], started: datetime = NOW
) -> SelfTestProcess:
    """Clean up by a record that names this, of a run that has begun then."""
    record = SelfTestRecord(
        run=RUN, account=ACCOUNT, region=REGION, started=started, expected=expected
    )
    RecordFile(record_file(command.records, RUN), record).begin()
    return command.clean(RUN)


def require_left(cleaning: SelfTestProcess, why: str) -> None:
    """Demand that a cleaning deletes nothing, and says of each thing why."""
    assert cleaning.finish() == ExitCode.FAILED, cleaning.text
    said = [line for line in cleaning.text.splitlines() if line.startswith("Left: ")]
    assert len(said) == len(NAMES), cleaning.text
    assert all(why in line for line in said), cleaning.text


def test_one_difference_is_enough_to_leave_a_thing(command: SelfTestCommand) -> None:
    empty = everything_in(command.aws, REGION)
    known = make_everything(command.aws, RUN)
    others = {kind: f"{each}0" for kind, each in known.items()}
    made = everything_in(command.aws, REGION)
    assert len(made - empty) > len(NAMES)

    require_left(start_cleaning(command, lines(others, NOW)), "and the run's was")
    require_left(start_cleaning(command, lines(known, LATER)), "before the run wrote it down")
    require_left(start_cleaning(command, lines(known, NOW), LATER), "it was made before the run")
    require_left(start_cleaning(command, ()), "the run's record does not name it")
    assert everything_in(command.aws, REGION) == made

    cleaning = start_cleaning(command, lines(known, NOW))
    assert cleaning.finish() == ExitCode.DONE, cleaning.text
    assert everything_in(command.aws, REGION) == empty


def test_the_tag_of_another_run_is_enough_to_leave_a_thing(command: SelfTestCommand) -> None:
    known = make_everything(command.aws, OTHER)
    made = everything_in(command.aws, REGION)

    require_left(start_cleaning(command, lines(known, NOW)), "it lacks the tag")
    assert everything_in(command.aws, REGION) == made
