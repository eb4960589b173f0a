"""Who connects to a cluster: the network knows it by the process, and lets in whom it should."""

import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pg8000.native
import pytest

from embedded_aws.rds.data_plane import Endpoint, Login
from embedded_aws.rds.data_plane import sources as module
from embedded_aws.rds.data_plane.postgres import PostgresDataPlane
from embedded_aws.rds.data_plane.sources import ConnectionSource, Kind, Sources

OWNER = Login("postgres", "first-password")
CONNECT = """
import socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as connection:
    print("connected", flush=True)
    sys.stdin.read()
"""


class Quarantine:
    """Lets in everybody but those named, and notes who came."""

    def __init__(self) -> None:
        self.seen: list[tuple[Kind, str, str]] = []
        self.refused: set[tuple[Kind, str]] = set()

    def admits(self, source: ConnectionSource, storage: str) -> bool:
        self.seen.append((source.kind, source.name, storage))
        return (source.kind, source.name) not in self.refused


@pytest.fixture
def quarantine() -> Quarantine:
    return Quarantine()


@pytest.fixture
def data_plane(tmp_path: Path, quarantine: Quarantine) -> Iterator[PostgresDataPlane]:
    running = PostgresDataPlane(tmp_path)
    running.obey(quarantine)
    try:
        for name in ("here", "there"):
            running.create(name, label=name, owner=OWNER, database=None, major=17)
            running.open(name)
        yield running
    finally:
        running.stop()


@contextmanager
def connected(data_plane: PostgresDataPlane, storage: str) -> Iterator[Any]:
    connection = pg8000.native.Connection(
        OWNER.username,
        host="localhost",
        port=data_plane.endpoint(storage, Endpoint("", 0)).port,
        password=OWNER.password,
        ssl_context=ssl.create_default_context(cafile=data_plane.ca_bundle),
    )
    try:
        yield connection
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("environment", "parent", "kind", "name"),
    [
        ({}, "", Kind.CLIENT, None),
        ({"AWS_LAMBDA_FUNCTION_NAME": "copy-snapshot"}, "", Kind.FUNCTION, "copy-snapshot"),
        ({}, "cluster-A", Kind.SERVER, "cluster-A"),
    ],
)
def test_a_connection_is_known_by_the_process_that_makes_it(
    environment: dict[str, str], parent: str, kind: Kind, name: str | None
) -> None:
    sources = Sources(lambda: {os.getpid(): parent} if parent else {})
    with socket.create_server(("127.0.0.1", 0)) as server:
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", CONNECT, str(server.getsockname()[1])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | environment,
        )
        with process:
            assert process.stdin is not None
            assert process.stdout is not None
            accepted, client = server.accept()
            with accepted:
                process.stdout.readline()
                for _ in range(2):
                    found = sources.find(client, accepted.getsockname())
                    assert (found.kind, found.pid) == (kind, process.pid)
                    assert name in (None, found.name)
            process.stdin.close()


def test_a_process_that_is_gone_counts_as_a_client() -> None:
    assert Sources(dict).find(("127.0.0.1", 1), ("127.0.0.1", 2)) == ConnectionSource(
        Kind.CLIENT, ""
    )


def test_where_the_kernel_does_not_answer_the_list_of_sockets_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(module, "_diagnosed_inode", refuse)
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
    ):
        found = Sources(dict).find(client.getsockname(), server.getsockname())
    assert found.pid == os.getpid()


def test_a_client_and_another_cluster_are_told_apart(
    data_plane: PostgresDataPlane, quarantine: Quarantine
) -> None:
    port = data_plane.endpoint("there", Endpoint("", 0)).port
    with connected(data_plane, "here") as session:
        session.run("CREATE EXTENSION dblink")
        address = (
            f"host=localhost port={port} user=postgres password=first-password dbname=postgres"
        )
        ask = "SELECT * FROM dblink(:a, 'SELECT 7') AS t(n int)"
        assert session.run(ask, a=address) == [[7]]
        assert quarantine.seen[0][0] is Kind.CLIENT
        assert quarantine.seen[-1] == (Kind.SERVER, "here", "there")

        quarantine.refused.add((Kind.SERVER, "here"))
        with pytest.raises(pg8000.native.DatabaseError, match="'C': '08001'"):
            session.run(ask, a=address)
        with connected(data_plane, "there") as other:
            assert other.run("SELECT 1") == [[1]]


def test_a_client_that_the_policy_refuses_is_reset_and_the_server_hears_nothing(
    data_plane: PostgresDataPlane, quarantine: Quarantine
) -> None:
    with connected(data_plane, "here") as session:
        session.run("SELECT 1")
    quarantine.refused.add(quarantine.seen[0][:2])
    (log,) = (server.log for server in data_plane.servers() if server.label == "here")
    assert log is not None
    before = log.read_text().count("connection received")

    endpoint = data_plane.endpoint("here", Endpoint("", 0))
    with (
        socket.create_connection((endpoint.host, endpoint.port), timeout=10) as client,
        pytest.raises(ConnectionResetError),
    ):
        client.recv(1)
    assert log.read_text().count("connection received") == before
