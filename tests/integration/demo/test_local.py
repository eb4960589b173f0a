"""The world to try things in: a terminal that sources its settings works with it alone."""

import configparser
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from aurora_restore.shared.postgres.connection import DatabaseLogin, DatabaseServer
from demo.local_settings import NAMES
from demo.local_world import FOLDER, LOCK
from embedded_aws.environment import repository
from tests.integration.demo.conftest import DemoProgram
from tests.integration.demo.outputs import assert_nothing_is_left

LOCAL = [sys.executable, "-m", "demo.local"]
FILES = [repository() / FOLDER / name for name in (*NAMES, LOCK)]
ENDED = "Everything that was started has ended, and what it had written is removed."
LOOK = """
import boto3, json, os
clusters = boto3.client("rds").describe_db_clusters()["DBClusters"]
snapshots = boto3.client("rds", region_name="us-east-2").describe_db_cluster_snapshots()
print(json.dumps({
    "account": boto3.client("sts").get_caller_identity()["Account"],
    "clusters": [each["DBClusterIdentifier"] for each in clusters],
    "snapshots": [each["SnapshotType"] for each in snapshots["DBClusterSnapshots"]],
    "machines": len(boto3.client("stepfunctions").list_state_machines()["stateMachines"]),
    "other": str(os.environ.get("AWS_ENDPOINT_URL_S3")),
}))
"""
INIT = (
    *(sys.executable, "-m", "aurora_restore.cli", "init", "--output", "-", "--restore", "staging"),
    *("--from-cluster", "shop-staging", "--snapshot-source"),
    "arn:aws:rds:us-east-2:111122223333:cluster:shop-production",
)


@pytest.fixture
def local(tmp_path: Path) -> Iterator[DemoProgram]:
    """The world, just started."""
    program = DemoProgram(LOCAL, tmp_path)
    yield program
    program.end()


def in_terminal(*command: str, home: Path) -> str:
    """What a command prints in a terminal that has settings of its own, and sources those."""
    settings = {"PATH": "/usr/bin:/bin", "HOME": str(home), "AWS_PROFILE": "of-mine"}
    terminal = subprocess.run(  # noqa: S603
        ["/bin/bash", "-ec", f'source {FILES[0]}; exec "$@"', "-", *command],
        env={**settings, "AWS_SESSION_TOKEN": "of mine", "AWS_ENDPOINT_URL_S3": "http://no"},
        cwd=repository(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert terminal.returncode == 0, terminal.stderr
    return terminal.stdout


def test_a_second_terminal_works_with_it_until_ctrl_c(local: DemoProgram, tmp_path: Path) -> None:
    local.wait_for("It is ready, and stays until Ctrl-C.")

    assert json.loads(in_terminal(sys.executable, "-c", LOOK, home=tmp_path)) == {
        "account": "111122223333",
        "clusters": ["shop-staging"],
        "snapshots": ["automated"],
        "machines": 1,
        "other": "None",
    }
    listed = in_terminal(
        sys.executable, "-m", "aurora_restore.cli", "list", "--json", home=tmp_path
    )
    assert json.loads(listed) == {"operations": [], "pauses": [], "next_starts": []}
    services = configparser.RawConfigParser()
    services.read(in_terminal("printenv", "PGSERVICEFILE", home=tmp_path).strip())
    for name, table in {
        "shop-production": "shop.customers",
        "shop-staging": "public.experiment",
    }.items():
        found = services[name]
        authorities = Path(found["sslrootcert"]).read_text(encoding="ascii")
        server = DatabaseServer(found["host"], int(found["port"]), authorities)
        login = DatabaseLogin(found["user"], found["password"])
        with server.session(login, found["dbname"]) as session:
            assert session.scalar("SELECT to_regclass(:table) IS NOT NULL", table=table)

    written = json.loads(in_terminal(*INIT, home=tmp_path))
    (deployed,) = (repository() / FOLDER).glob(f"aws-{local.pid}-*/config/demo.json")
    configured = json.loads(deployed.read_text())
    for name, value in configured["network"].items():
        assert written["network"][name] == value
    ours, theirs = written["restores"]["staging"], configured["restores"]["staging"]
    assert ours["source"].items() >= theirs["source"].items()
    assert {**ours["target"], "port": 5432}.items() >= theirs["target"].items()

    second = subprocess.run(  # noqa: S603
        LOCAL, cwd=repository(), capture_output=True, text=True, timeout=60, check=False
    )
    assert second.returncode == 1
    assert "`make local` is running in this directory already, as process" in second.stdout

    local.send(signal.SIGINT)
    assert local.wait() == 0, local.output
    assert local.output.splitlines()[-1] == ENDED
    assert_nothing_is_left(local)
    assert [file for file in FILES if file.exists()] == []


def test_ctrl_c_while_it_starts_ends_everything(local: DemoProgram) -> None:
    local.wait_for("Started the embedded AWS")
    local.send(signal.SIGTERM)
    assert local.wait() == 143
    assert_nothing_is_left(local)
    assert [file for file in FILES if file.exists()] == []
