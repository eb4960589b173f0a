"""How the emulator keeps time, is set up, and lets tests arrange what happens."""

import json
import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from moto.rds.models import rds_backends

from embedded_aws.rds import AdminError, ManualClock, RealClock, Rules, Timings, moto_patch
from embedded_aws.rds.data_plane import DataPlaneError, Login, scram
from embedded_aws.rds.data_plane.none import NoDataPlane
from embedded_aws.rds.in_process import in_process
from embedded_aws.rds.models import Location
from embedded_aws.rds.names import identifier
from embedded_aws.rds.options import Options
from embedded_aws.rds.scheduler import Scheduler
from embedded_aws.rds.transitions import (
    Operation,
    StatusTransition,
    TransitionOverride,
    TransitionOverrides,
)
from tests.unit.embedded_aws.rds.rds_bench import HERE, OTHER, OWNER, TIMINGS, RdsBench, refused

# time


def test_changes_happen_in_the_order_of_their_time_and_see_it_as_the_present() -> None:
    clock = ManualClock()
    schedule = Scheduler(clock)
    start, seen = clock.now(), list[tuple[str, float]]()

    def note(name: str) -> None:
        seen.append((name, (schedule.now - start).total_seconds()))

    def first() -> None:
        note("first")
        schedule.after(5, lambda: note("inserted"))

    schedule.after(20, lambda: note("second"))
    schedule.after(10, first)
    schedule.after(100, lambda: note("later"))
    cancelled = schedule.after(12, lambda: note("never"))
    assert cancelled is not None
    cancelled.cancel()
    clock.advance(50)
    schedule.run_due()

    assert seen == [("first", 10), ("inserted", 15), ("second", 20)]
    assert schedule.now == start + timedelta(seconds=50)


def test_what_takes_for_ever_does_not_happen() -> None:
    schedule = Scheduler(ManualClock())

    assert schedule.after(math.inf, lambda: None) is None
    assert schedule.fraction_of(schedule.now, math.inf) == 0


def test_a_real_clock_shortens_durations_and_not_timestamps() -> None:
    clock = RealClock(speed=1000)
    schedule = Scheduler(clock)
    before = datetime.now(UTC)

    entry = schedule.after(60, lambda: None)

    assert abs((clock.now() - before).total_seconds()) < 1
    assert entry is not None
    assert (entry.due - before).total_seconds() < 1
    with pytest.raises(ValueError, match="positive"):
        RealClock(speed=0)


def test_a_manual_clock_does_not_go_back() -> None:
    with pytest.raises(ValueError, match="back"):
        ManualClock().advance(-1)


def test_instant_timings_are_over_at_the_next_look() -> None:
    with in_process(timings=Timings.instant()) as rds:
        client = rds.session(OWNER, HERE).client("rds")
        made = client.create_db_cluster(
            DBClusterIdentifier="orders",
            Engine="aurora-postgresql",
            MasterUsername="postgres",
            MasterUserPassword="first-password",
        )
        found = client.describe_db_clusters(DBClusterIdentifier="orders")

    assert made["DBCluster"]["Status"] == "creating"
    assert found["DBClusters"][0]["Status"] == "available"


def test_unknown_timings_are_refused() -> None:
    with pytest.raises(ValueError, match="copy_snapshots"):
        Timings().with_changes({"copy_snapshots": 1})


# outcomes


def test_an_outcome_is_used_once_and_only_by_its_operation() -> None:
    overrides = TransitionOverrides()
    default = StatusTransition.spread(("copying",), 100, "available")
    overrides.add(Operation.COPY_SNAPSHOT, TransitionOverride(final="failed", statuses=("a", "b")))

    assert overrides.apply(Operation.RESTORE_CLUSTER, default) == default
    other = overrides.apply(Operation.COPY_SNAPSHOT, default)
    assert ([phase.status for phase in other.phases], other.final) == (["a", "b"], "failed")
    assert other.seconds == 100
    assert overrides.apply(Operation.COPY_SNAPSHOT, default) == default


def test_an_operation_can_be_made_never_to_end(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    rds_bench.new_snapshot("monday")
    rds_bench.admin.next_outcome("copy-snapshot", never_ends=True)
    rds_bench.copy("monday", region=HERE)

    rds_bench.advance(10**7)

    stuck = rds_bench.snapshot("copied")
    assert (stuck["Status"], stuck["PercentProgress"]) == ("copying", 0)


def test_an_operation_can_be_given_unheard_of_statuses(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    rds_bench.new_snapshot("monday")
    rds_bench.admin.next_outcome(
        "restore-cluster", statuses=["creating", "pondering"], seconds=100, final="available"
    )
    rds_bench.restore("monday")

    rds_bench.advance(50)
    assert rds_bench.cluster("restored")["Status"] == "pondering"
    rds_bench.advance(50)
    assert rds_bench.cluster("restored")["Status"] == "available"


def test_a_deletion_can_fail(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    rds_bench.new_instance()
    rds_bench.admin.fail_next("delete-instance", status="incompatible-network")
    rds_bench.rds().delete_db_instance(DBInstanceIdentifier="orders-1")

    rds_bench.advance(TIMINGS.delete_instance)

    assert rds_bench.instance()["DBInstanceStatus"] == "incompatible-network"


def test_a_status_can_be_set_and_stays(rds_bench: RdsBench) -> None:
    arn = rds_bench.new_cluster()["DBClusterArn"]

    rds_bench.admin.set_status(arn, "maintenance")
    rds_bench.advance(10**6)

    assert rds_bench.cluster()["Status"] == "maintenance"


def error_of_a_snapshot_without_retries() -> Any:
    """Take a snapshot with a client that does not retry, and return the error response."""
    client = boto3.client(
        "rds",
        region_name=HERE,
        config=Config(retries={"total_max_attempts": 1}),
        aws_access_key_id=OWNER,
        aws_secret_access_key="x",
    )
    with pytest.raises(ClientError) as caught:
        client.create_db_cluster_snapshot(
            DBClusterSnapshotIdentifier="monday", DBClusterIdentifier="orders"
        )
    return caught.value.response


def test_a_request_can_be_refused_before_it_is_carried_out(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    rds_bench.admin.refuse_next(
        "CreateDBClusterSnapshot", code="InvalidDBClusterStateFault", message="no & never <now>"
    )

    with pytest.raises(ClientError) as caught:
        rds_bench.new_snapshot("monday")
    assert caught.value.response["Error"]["Message"] == "no & never <now>"
    assert rds_bench.new_snapshot("monday")["Status"] == "available"
    rds_bench.admin.refuse_next("DescribeDBSubnetGroups", code="AccessDenied", status=403)
    with refused("AccessDenied"):
        rds_bench.rds().describe_db_subnet_groups()
    rds_bench.rds().describe_db_subnet_groups()


def test_an_answer_can_be_lost_after_the_request_was_carried_out(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    rds_bench.admin.refuse_next(
        "CreateDBClusterSnapshot", code="ServiceUnavailable", status=503, after_doing=True
    )
    error = error_of_a_snapshot_without_retries()

    assert error["ResponseMetadata"]["HTTPStatusCode"] == 503
    assert rds_bench.snapshot("monday")["Status"] == "creating"


def test_every_call_is_recorded_with_its_error_and_without_its_parameters(
    rds_bench: RdsBench,
) -> None:
    with refused("DBClusterNotFoundFault"):
        rds_bench.rds(OTHER).modify_db_cluster(
            DBClusterIdentifier="unknown", MasterUserPassword="never-recorded"
        )

    (call,) = rds_bench.admin.calls()
    assert (call["account"], call["region"], call["action"]) == (OTHER, HERE, "ModifyDBCluster")
    assert call["error"] == "DBClusterNotFoundFault"
    assert "never-recorded" not in json.dumps(rds_bench.admin.calls())


def test_an_admin_request_that_makes_no_sense_is_refused(rds_bench: RdsBench) -> None:
    admin = rds_bench.admin

    for name, arguments in (
        ("unknown", {}),
        ("fail_next", {"operation": "unknown"}),
        ("fail_next", {"nonsense": 1}),
        ("set_status", {"arn": "no arn", "status": "x"}),
        ("set_status", {"arn": f"arn:aws:rds:{HERE}:{OWNER}:cluster:unknown", "status": "x"}),
        ("take_automated_snapshot", {"cluster": "unknown", "account": OWNER, "region": HERE}),
        ("set_timings", {"nonsense": 1}),
    ):
        with pytest.raises(AdminError):
            admin.call(name, arguments)


def test_the_servers_are_shown_per_cluster(rds_bench: RdsBench) -> None:
    arn = rds_bench.new_cluster()["DBClusterArn"]
    rds_bench.new_instance()

    (server,) = rds_bench.admin.servers()

    assert (server["cluster_arn"], server["accepting"]) == (arn, True)


def test_an_automated_snapshot_needs_a_time_with_a_zone(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()

    with pytest.raises(AdminError, match="time zone"):
        rds_bench.new_automated_snapshot(at="2026-11-20T05:00:00")
    zoned = rds_bench.new_automated_snapshot(at="2026-11-20T05:00:00+02:00")
    assert zoned["DBClusterSnapshotIdentifier"] == "rds:orders-2026-11-20-03-00"


# accounts


def test_a_registered_key_of_motos_default_account_is_not_taken_for_unknown(
    rds_bench: RdsBench,
) -> None:
    rds_bench.admin.set_rules(default_account="000000000000")
    key = rds_bench.admin.credentials("123456789012")

    client = boto3.client(
        "rds",
        region_name=HERE,
        aws_access_key_id=key["access_key_id"],
        aws_secret_access_key=key["secret_access_key"],
    )
    client.describe_db_clusters()

    assert rds_bench.admin.calls()[-1]["account"] == "123456789012"


# what is left to moto


def test_moto_serves_parameter_and_subnet_groups_and_their_tags(rds_bench: RdsBench) -> None:
    rds = rds_bench.rds()
    made = rds.create_db_cluster_parameter_group(
        DBClusterParameterGroupName="mine",
        DBParameterGroupFamily="aurora-postgresql16",
        Description="mine",
        Tags=[{"Key": "a", "Value": "1"}],
    )["DBClusterParameterGroup"]
    arn = f"arn:aws:rds:{HERE}:{OWNER}:cluster-pg:mine"

    found = rds.describe_db_cluster_parameter_groups(DBClusterParameterGroupName="mine")
    assert found["DBClusterParameterGroups"][0]["DBParameterGroupFamily"] == "aurora-postgresql16"
    assert made["DBClusterParameterGroupName"] == "mine"
    assert rds.list_tags_for_resource(ResourceName=arn)["TagList"] == [{"Key": "a", "Value": "1"}]
    rds.delete_db_cluster_parameter_group(DBClusterParameterGroupName="mine")


def test_the_engines_default_parameter_groups_exist(rds_bench: RdsBench) -> None:
    rds, name = rds_bench.rds(), "default.aurora-postgresql16"

    cluster = rds.describe_db_cluster_parameter_groups(DBClusterParameterGroupName=name)
    instance = rds.describe_db_parameter_groups(DBParameterGroupName=name)

    assert cluster["DBClusterParameterGroups"][0]["DBParameterGroupFamily"] == (
        "aurora-postgresql16"
    )
    assert instance["DBParameterGroups"][0]["DBParameterGroupFamily"] == "aurora-postgresql16"
    with refused("DBParameterGroupNotFound"):
        rds.describe_db_cluster_parameter_groups(DBClusterParameterGroupName="unknown")


def test_motos_own_classes_are_back_when_the_emulator_is_gone() -> None:
    before = rds_backends.backend
    with in_process():
        assert rds_backends.backend is moto_patch.AuroraBackend
    assert rds_backends.backend is before


def test_another_version_of_moto_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moto_patch, "MOTO_VERSION", "0.0.0")

    with pytest.raises(RuntimeError, match="moto"), in_process():
        pass


# small parts


@given(st.from_regex(r"\A[A-Za-z](-?[A-Za-z0-9]){0,31}\Z"))
def test_well_formed_identifiers_are_accepted(name: str) -> None:
    assert identifier(name, "X") == name.lower()


def test_a_scram_verifier_is_the_one_of_rfc_7677() -> None:
    salt = bytes.fromhex("5b6d99689d12 358eec a04b14 1236fa81")

    assert scram.verifier("pencil", salt) == (
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
        "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
        "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
    )
    assert scram.verifier("pencil") != scram.verifier("pencil")


def test_options_survive_the_command_line(tmp_path: Path) -> None:
    options = Options(
        data_dir=tmp_path,
        port=1234,
        speed=7.5,
        with_data=False,
        timings=Timings(copy_snapshot=5, restore_cluster_statuses=("creating", "migrating")),
        rules=Rules(default_account="000000000000", manual_snapshots=3),
    )

    assert Options.parse(options.arguments()) == options


def test_a_location_is_an_account_and_a_region() -> None:
    assert (
        Location("1", "cn-north-1").arn("cluster", "x") == "arn:aws-cn:rds:cn-north-1:1:cluster:x"
    )


# a data plane in trouble


class BrokenDataPlane(NoDataPlane):
    """Cannot do what it is asked."""

    def __init__(self, *broken: str) -> None:
        super().__init__()
        self.broken = set(broken)

    def open(self, storage: str, *, logical_replication: bool = False) -> None:
        self._do("open")
        super().open(storage)

    def capture(self, storage: str) -> str:
        self._do("capture")
        return super().capture(storage)

    def set_password(self, storage: str, login: Login) -> None:
        self._do("set_password")
        super().set_password(storage, login)

    def _do(self, what: str) -> None:
        if what in self.broken:
            raise DataPlaneError(f"{what} is broken")


@pytest.fixture
def broken_bench() -> Iterator[tuple[RdsBench, BrokenDataPlane]]:
    clock, data_plane = ManualClock(), BrokenDataPlane()
    with in_process(clock=clock, timings=TIMINGS, data_plane=data_plane) as emulator:
        yield RdsBench(emulator, clock, data_plane), data_plane


def test_an_instance_whose_server_does_not_start_has_failed(
    broken_bench: tuple[RdsBench, BrokenDataPlane],
) -> None:
    bench, data_plane = broken_bench
    data_plane.broken.add("open")
    bench.new_cluster()

    assert bench.new_instance()["DBInstanceStatus"] == "failed"
    assert bench.admin.problems() == ["open is broken"]


def test_a_password_that_could_not_be_set_stays_pending(
    broken_bench: tuple[RdsBench, BrokenDataPlane],
) -> None:
    bench, data_plane = broken_bench
    bench.new_cluster()
    bench.new_instance()
    data_plane.broken.add("set_password")
    bench.rds().modify_db_cluster(
        DBClusterIdentifier="orders", MasterUserPassword="second-password"
    )
    bench.advance(1000)

    assert bench.cluster()["PendingModifiedValues"] == {"MasterUserPassword": "****"}
    assert bench.admin.problems() == ["set_password is broken"]


def test_a_request_that_the_data_plane_cannot_serve_is_an_internal_failure(
    broken_bench: tuple[RdsBench, BrokenDataPlane],
) -> None:
    bench, data_plane = broken_bench
    bench.new_cluster()
    data_plane.broken.add("capture")
    error = error_of_a_snapshot_without_retries()

    assert error["Error"]["Code"] == "InternalFailure"
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 500
    with refused("DBClusterSnapshotNotFoundFault"):
        bench.snapshot("monday")
