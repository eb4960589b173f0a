"""The emulator as a process: where it listens, how it ends, and that nothing outlives it."""

import ipaddress
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import boto3
import psutil
import pytest

from embedded_aws.rds import AdminError, EmbeddedRds, EmbeddedRdsError, Rules, Timings
from embedded_aws.rds.data_plane import Login
from embedded_aws.rds.data_plane.cache import cache_directory
from embedded_aws.rds.data_plane.postgres import PostgresDataPlane
from tests.integration.embedded_aws.rds.databases import (
    HERE,
    OTHER,
    OWNER,
    EmbeddedDatabases,
    wait_until,
)

PARENT = """
import sys, time
from pathlib import Path
from embedded_aws.rds.data_plane import Login
from embedded_aws.rds.data_plane.cache import cache_directory
from embedded_aws.rds.data_plane.postgres import PostgresDataPlane
from embedded_aws.rds import EmbeddedRds
rds = EmbeddedRds(Path(sys.argv[1]), speed=6000).start()
client = rds.admin.session("111122223333", "eu-west-1").client(
    "rds", endpoint_url=rds.endpoint_url
)
client.create_db_cluster(
    DBClusterIdentifier="orders", Engine="aurora-postgresql",
    MasterUsername="postgres", MasterUserPassword="first-password",
)
while client.describe_db_clusters()["DBClusters"][0]["Status"] != "available":
    time.sleep(0.02)
client.create_db_instance(
    DBInstanceIdentifier="orders-1", DBInstanceClass="db.t4g.medium",
    Engine="aurora-postgresql", DBClusterIdentifier="orders",
)
while client.describe_db_instances()["DBInstances"][0]["DBInstanceStatus"] != "available":
    time.sleep(0.02)
print(rds.pid, flush=True)
time.sleep(60)
"""


def family(pid: int) -> list[psutil.Process]:
    """A process and everything below it."""
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


def all_gone(processes: list[psutil.Process]) -> bool:
    return not any(
        process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in processes
    )


@pytest.mark.parametrize("victim", ["parent", "emulator"])
def test_nothing_outlives_a_killed_parent_or_emulator(tmp_path: Path, victim: str) -> None:
    root = str(Path(__file__).parents[4])
    parent = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", PARENT, str(tmp_path)],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": root},
    )
    try:
        assert parent.stdout is not None
        emulator = int(parent.stdout.readline())
        processes = family(emulator)
        names = {process.name() for process in processes}
        assert "postgres" in names
        os.kill(parent.pid if victim == "parent" else emulator, signal.SIGKILL)
        wait_until(lambda: all_gone(processes))
    finally:
        parent.kill()
        parent.wait()
        if parent.stdout is not None:
            parent.stdout.close()


def test_sigterm_ends_servers_and_takes_the_data_away(tmp_path: Path) -> None:
    with EmbeddedRds(tmp_path, speed=6000) as rds:
        EmbeddedDatabases(rds).served_cluster()
        processes = family(rds.pid)
        commands = [process.cmdline() for process in processes]
        (data,) = {
            Path(command[command.index("-D") + 1]) for command in commands if "-D" in command
        }
        assert data.exists()
        os.kill(rds.pid, signal.SIGTERM)
        wait_until(lambda: all_gone(processes))

    assert not data.exists()
    assert (tmp_path / "emulator.log").read_text() == ""


@pytest.fixture
def reachable_directory(tmp_path: Path) -> Iterator[Path]:
    """A directory that an unprivileged user reaches, which pytest's own are not when root tests."""
    if os.getuid():
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir="/var/tmp") as made:
        Path(made).chmod(0o755)
        yield Path(made)


def test_stopping_leaves_logs_but_no_process_and_no_data(
    reachable_directory: Path,
) -> None:
    with EmbeddedRds(reachable_directory, speed=6000, in_memory=False) as rds:
        EmbeddedDatabases(rds).served_cluster()
        processes = family(rds.pid)
        log = Path(rds.admin.servers()[0]["log"])
        assert len(list(reachable_directory.glob("postgres/volumes/*/PG_VERSION"))) == 1
    assert all_gone(processes)
    assert not list(reachable_directory.glob("postgres/volumes/*"))
    assert "listening on Unix socket" in log.read_text()


def test_an_empty_volume_is_made_once_per_machine(tmp_path: Path) -> None:
    for run in ("first", "second"):
        data_plane = PostgresDataPlane(tmp_path / run)
        try:
            owner = Login("postgres", "first-password")
            data_plane.create("orders", label="orders", owner=owner, database=None, major=17)
        finally:
            data_plane.stop()

    assert list(cache_directory().glob("template-17-*"))
    assert not list((tmp_path / "second" / "logs").glob("template-*.log"))


def test_everything_listens_on_the_loopback_address_only(databases: EmbeddedDatabases) -> None:
    databases.served_cluster()

    listening = [
        connection.laddr.ip
        for process in family(databases.embedded.pid)
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    ]

    assert len(listening) >= 2
    assert all(ipaddress.ip_address(address).is_loopback for address in listening)


def test_the_servers_do_not_run_as_root(databases: EmbeddedDatabases) -> None:
    databases.served_cluster()

    users = {
        process.uids().effective
        for process in family(databases.embedded.pid)
        if process.name() == "postgres"
    }

    assert users
    assert 0 not in users


def test_account_and_region_come_from_the_signature(databases: EmbeddedDatabases) -> None:
    databases.new_cluster("orders")

    assert databases.rds(OTHER).describe_db_clusters()["DBClusters"] == []
    assert databases.rds(OWNER, "us-east-1").describe_db_clusters()["DBClusters"] == []
    assert len(databases.rds().describe_db_clusters()["DBClusters"]) == 1


def test_an_assumed_role_acts_in_its_account(databases: EmbeddedDatabases) -> None:
    session = databases.embedded.admin.session(OTHER, HERE)
    url = databases.embedded.endpoint_url
    role = session.client("sts", endpoint_url=url).assume_role(
        RoleArn=f"arn:aws:iam::{OWNER}:role/reader", RoleSessionName="test"
    )["Credentials"]
    assumed = boto3.Session(
        aws_access_key_id=role["AccessKeyId"],
        aws_secret_access_key=role["SecretAccessKey"],
        aws_session_token=role["SessionToken"],
        region_name=HERE,
    )

    identity = assumed.client("sts", endpoint_url=url).get_caller_identity()
    assumed.client("rds", endpoint_url=url).describe_db_clusters()

    assert identity["Account"] == OWNER
    assert databases.embedded.admin.calls()[-1]["account"] == OWNER


def test_kms_and_ec2_are_served_beside_rds(databases: EmbeddedDatabases) -> None:
    session = databases.embedded.admin.session(OWNER, HERE)
    url = databases.embedded.endpoint_url

    key = session.client("kms", endpoint_url=url).create_key()["KeyMetadata"]["Arn"]
    vpcs = session.client("ec2", endpoint_url=url).describe_vpcs()["Vpcs"]

    assert key.startswith(f"arn:aws:kms:{HERE}:{OWNER}:")
    assert databases.new_cluster(StorageEncrypted=True, KmsKeyId=key)["KmsKeyId"] == key
    assert len(vpcs) == 1


def test_the_environment_leads_an_sdk_to_the_emulator(
    databases: EmbeddedDatabases, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in databases.embedded.environment().items():
        monkeypatch.setenv(name, value)

    session = databases.embedded.admin.session(OWNER, HERE)

    assert session.client("rds").describe_db_clusters()["DBClusters"] == []


def test_the_admin_api_arranges_and_refuses_over_http(databases: EmbeddedDatabases) -> None:
    admin = databases.embedded.admin
    cluster = databases.new_cluster()
    admin.fail_next("create-snapshot")
    databases.rds().create_db_cluster_snapshot(
        DBClusterSnapshotIdentifier="monday", DBClusterIdentifier="orders"
    )

    def status() -> str:
        found = databases.rds().describe_db_cluster_snapshots(DBClusterSnapshotIdentifier="monday")
        return found["DBClusterSnapshots"][0]["Status"]

    wait_until(lambda: status() == "failed")
    admin.next_outcome("create-instance", statuses=["creating", "pondering"], never_ends=True)
    admin.set_timings(delete_cluster=30)
    admin.set_rules(clusters=7)
    admin.set_status(cluster["DBClusterArn"], "maintenance")
    assert databases.cluster()["Status"] == "maintenance"
    admin.set_status(cluster["DBClusterArn"], "available")
    admin.refuse_next("DescribeDBClusters", code="InvalidParameterValue", message="asked for")
    with pytest.raises(databases.rds().exceptions.ClientError, match="asked for"):
        databases.cluster()
    databases.rds().modify_db_cluster(DBClusterIdentifier="orders", BackupRetentionPeriod=9)
    admin.run_maintenance_window(cluster["DBClusterArn"])
    wait_until(lambda: databases.cluster()["BackupRetentionPeriod"] == 9)
    assert admin.problems() == []
    with pytest.raises(AdminError, match="unknown"):
        admin.fail_next("unknown")
    admin.set_timings(delete_cluster=90)
    admin.set_rules(clusters=40)


def test_motos_own_api_is_not_offered(databases: EmbeddedDatabases) -> None:
    with pytest.raises(HTTPError) as caught:
        urlopen(f"{databases.embedded.endpoint_url}/moto-api/reset")  # noqa: S310
    caught.value.close()

    assert caught.value.code == 404


def test_an_emulator_without_data_is_quick_and_serves_statuses(tmp_path: Path) -> None:
    rules = Rules(default_account="000000000000")
    timings = Timings(create_cluster=0)
    with EmbeddedRds(tmp_path, with_data=False, rules=rules, timings=timings) as rds:
        client = boto3.client(
            "rds",
            region_name=HERE,
            endpoint_url=rds.endpoint_url,
            aws_access_key_id="whoever",
            aws_secret_access_key="whatever",
        )
        made = client.create_db_cluster(
            DBClusterIdentifier="orders",
            Engine="aurora-postgresql",
            MasterUsername="postgres",
            MasterUserPassword="first-password",
        )["DBCluster"]

    assert made["DBClusterArn"] == f"arn:aws:rds:{HERE}:000000000000:cluster:orders"
    assert made["Endpoint"].endswith(".rds.amazonaws.com")


def test_an_emulator_that_cannot_start_says_why(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(EmbeddedRdsError, match="in use"):
            EmbeddedRds(tmp_path, port=port, with_data=False).start()


def test_the_command_line_says_when_it_is_ready(tmp_path: Path) -> None:
    root = str(Path(__file__).parents[4])
    process = subprocess.Popen(  # noqa: S603
        [
            sys.executable,
            "-m",
            "embedded_aws.rds",
            f"--data-dir={tmp_path}",
            "--without-data",
            "--account=000011112222",
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": root},
    )
    assert process.stdout is not None
    with process.stdout:
        ready = json.loads(process.stdout.readline())
        assert ready["endpoint_url"].startswith("http://127.0.0.1:")
        assert ready["pid"] == process.pid
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
