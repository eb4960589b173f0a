"""Facts about stopping and starting clusters, and about rebooting their instances."""

from collections.abc import Callable

import pytest

from tests.unit.embedded_aws.rds.rds_bench import ENGINE, HERE, TIMINGS, RdsBench, refused

DAY = 24 * 60 * 60


def stop(rds_bench: RdsBench, name: str = "orders") -> None:
    """Stops a cluster, and waits until it is stopped."""
    rds_bench.rds().stop_db_cluster(DBClusterIdentifier=name)
    rds_bench.advance(TIMINGS.stop_cluster)


def start(rds_bench: RdsBench) -> None:
    rds_bench.rds().start_db_cluster(DBClusterIdentifier="orders")


def statuses(rds_bench: RdsBench) -> list[str]:
    """The statuses of the cluster and of its two instances."""
    instances = [rds_bench.instance(f"orders-{n}")["DBInstanceStatus"] for n in (1, 2)]
    return [rds_bench.cluster()["Status"], *instances]


def test_a_cluster_stops_and_starts_with_its_instances(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    rds_bench.new_instance("orders-1")
    rds_bench.new_instance("orders-2")

    rds_bench.rds().stop_db_cluster(DBClusterIdentifier="orders")
    assert statuses(rds_bench) == ["stopping"] * 3
    assert not rds_bench.accepts_connections()
    rds_bench.advance(TIMINGS.stop_cluster)
    assert statuses(rds_bench) == ["stopped"] * 3
    assert not rds_bench.accepts_connections()

    start(rds_bench)
    assert statuses(rds_bench) == ["starting"] * 3
    assert not rds_bench.accepts_connections()
    rds_bench.advance(TIMINGS.start_cluster)
    assert statuses(rds_bench) == ["available"] * 3
    assert rds_bench.accepts_connections()


@pytest.mark.parametrize(
    ("status", "call"),
    [
        ("stopping", stop),
        ("stopping", start),
        ("stopped", stop),
        ("starting", start),
        ("starting", stop),
        ("available", start),
        ("modifying", stop),
    ],
)
def test_only_an_available_cluster_is_stopped_and_only_a_stopped_one_started(
    rds_bench: RdsBench, status: str, call: Callable[[RdsBench], None]
) -> None:
    rds_bench.admin.set_status(rds_bench.new_cluster()["DBClusterArn"], status)

    with refused("InvalidDBClusterStateFault"):
        call(rds_bench)


def test_a_cluster_is_not_stopped_while_an_instance_or_itself_is_being_changed(
    rds_bench: RdsBench,
) -> None:
    rds_bench.new_cluster()
    rds_bench.new_instance()
    rds_bench.rds().reboot_db_instance(DBInstanceIdentifier="orders-1")
    with refused("InvalidDBInstanceState"):
        stop(rds_bench)
    rds_bench.advance(TIMINGS.reboot_instance)

    rds_bench.rds().modify_db_cluster(
        DBClusterIdentifier="orders", NewDBClusterIdentifier="renamed", ApplyImmediately=True
    )
    assert rds_bench.cluster()["Status"] == "available"
    with refused("InvalidDBClusterStateFault"):
        stop(rds_bench)


def test_a_member_of_a_global_cluster_and_a_source_of_replicas_are_not_stopped(
    rds_bench: RdsBench,
) -> None:
    rds = rds_bench.rds()
    member = rds_bench.new_cluster("member")["DBClusterArn"]
    rds.create_global_cluster(GlobalClusterIdentifier="world", SourceDBClusterIdentifier=member)
    source = rds_bench.new_cluster("source")["DBClusterArn"]
    rds.create_db_cluster(
        DBClusterIdentifier="replica", Engine=ENGINE, ReplicationSourceIdentifier=source
    )

    for name in ("member", "source"):
        with refused("InvalidDBClusterStateFault"):
            stop(rds_bench, name)


def test_a_stopped_cluster_takes_no_change_no_other_name_and_no_instance_more_or_less(
    rds_bench: RdsBench,
) -> None:
    rds_bench.new_cluster()
    rds_bench.new_instance()
    stop(rds_bench)
    rds = rds_bench.rds()

    with refused("InvalidDBClusterStateFault"):
        rds.modify_db_cluster(DBClusterIdentifier="orders", BackupRetentionPeriod=3)
    with refused("InvalidDBClusterStateFault"):
        rds.modify_db_cluster(
            DBClusterIdentifier="orders", NewDBClusterIdentifier="renamed", ApplyImmediately=True
        )
    with refused("InvalidDBClusterStateFault"):
        rds_bench.new_instance("orders-2")
    for change in (rds.delete_db_instance, rds.reboot_db_instance, rds.modify_db_instance):
        with refused("InvalidDBInstanceState"):
            change(DBInstanceIdentifier="orders-1")


def test_a_stopped_cluster_starts_by_itself_after_seven_days(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    rds_bench.new_instance()
    stop(rds_bench)
    rds_bench.advance(3 * DAY)
    start(rds_bench)
    rds_bench.advance(TIMINGS.start_cluster)
    stop(rds_bench)

    rds_bench.advance(7 * DAY - 1)
    assert rds_bench.cluster()["Status"] == "stopped"
    rds_bench.advance(1)
    assert rds_bench.cluster()["Status"] == "starting"
    rds_bench.advance(TIMINGS.start_cluster)
    assert rds_bench.accepts_connections()


def test_a_cluster_is_started_only_if_its_key_is_usable(rds_bench: RdsBench) -> None:
    key = rds_bench.new_key()
    rds_bench.new_cluster(StorageEncrypted=True, KmsKeyId=key)
    stop(rds_bench)

    rds_bench.kms(region=HERE).disable_key(KeyId=key.rpartition("/")[2])
    with refused("KMSKeyNotAccessibleFault"):
        start(rds_bench)


@pytest.mark.parametrize(("operation", "status"), [("stop", "stopping"), ("start", "starting")])
def test_stopping_and_starting_may_take_any_time(
    rds_bench: RdsBench, operation: str, status: str
) -> None:
    rds_bench.new_cluster()
    rds_bench.new_instance()
    if operation == "start":
        stop(rds_bench)
    rds_bench.admin.next_outcome(f"{operation}-cluster", never_ends=True)

    {"stop": stop, "start": start}[operation](rds_bench)
    rds_bench.advance(DAY)

    assert rds_bench.cluster()["Status"] == status
    assert not rds_bench.accepts_connections()
