"""The end of the sessions on a cluster that has been retired, on the writer and a reader."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

import pytest

from aurora_restore.shared.postgres import ending, retired_sessions
from aurora_restore.shared.postgres.connection import DatabaseLogin, DatabaseServer
from aurora_restore.shared.postgres.retired_sessions import (
    EndedSessions,
    RetiredServers,
    WhyNotEnded,
    end_retired_sessions,
)
from embedded_aws.rds.data_plane import Endpoint
from embedded_aws.rds.data_plane.builds import MAJORS
from embedded_aws.rds.data_plane.postgres import PostgresDataPlane
from tests.integration.database.conftest import (
    DATABASE,
    MASTER,
    NEWEST,
    OPERATION,
    Restored,
    opened,
)
from tests.integration.database.roles import setup_of

ETL = DatabaseLogin("etl", "old-etl-password")
MONITORING = DatabaseLogin("monitoring", "old-monitoring-password")
LATER = replace(OPERATION, cluster_resource_id="cluster-LATER", operation_id="op-2")


@dataclass(frozen=True)
class BeforeAndAfter:
    """What served before, with a reader; and what serves now, of the same snapshot."""

    retired: Restored
    reader: DatabaseServer
    live: Restored

    def as_retired(self, *servers: DatabaseServer) -> RetiredServers:
        return RetiredServers(
            servers=servers or (self.retired.server, self.reader),
            names=("localhost",),
            key=None,
            key_of_the_live_one=LATER,
        )


@pytest.fixture(scope="module", params=MAJORS)
def clusters(
    data_plane: PostgresDataPlane,
    snapshots: Callable[[int], str],
    request: pytest.FixtureRequest,
) -> Iterator[BeforeAndAfter]:
    snapshot = snapshots(request.param)
    with (
        opened(data_plane, "retired", request.param, snapshot) as retired,
        opened(data_plane, "live", request.param, snapshot) as live,
    ):
        data_plane.set_readers("retired", ["retired-2"])
        shown = data_plane.instance_endpoint("retired", "retired-2", Endpoint("", 0))
        setup_of(live, LATER).mark_set_up()
        yield BeforeAndAfter(
            retired, replace(retired.server, host=shown.host, port=shown.port), live
        )
        data_plane.set_readers("retired", [])


@contextmanager
def at_work(*servers: DatabaseServer) -> Iterator[Callable[[], int]]:
    """Three sessions of clients on each server; returns how many are still there."""
    with ExitStack() as stack:
        sessions = [
            stack.enter_context(server.session(login, DATABASE))
            for server in servers
            for login in (ETL, MONITORING, MASTER)
        ]

        def count() -> int:
            alive = 0
            for session in sessions:
                try:
                    session.run("SELECT 1")
                    alive += 1
                except Exception:  # noqa: S112
                    continue
            return alive

        yield count


def test_every_session_ends_on_the_writer_and_on_the_reader(clusters: BeforeAndAfter) -> None:
    with (
        at_work(clusters.retired.server, clusters.reader) as alive,
        at_work(clusters.live.server) as alive_on_the_live_one,
    ):
        assert alive() == 6
        ended = end_retired_sessions(clusters.as_retired(), MASTER, DATABASE)

        assert ended == EndedSessions(ended=6)
        assert alive() == 0
        assert alive_on_the_live_one() == 3


def test_an_instance_that_is_named_twice_is_counted_once(clusters: BeforeAndAfter) -> None:
    server = clusters.retired.server
    with at_work(server):
        cluster = clusters.as_retired(server, server)
        assert end_retired_sessions(cluster, MASTER, DATABASE) == EndedSessions(ended=3)


def test_where_nobody_is_there_is_nothing_to_end(clusters: BeforeAndAfter) -> None:
    assert end_retired_sessions(clusters.as_retired(), MASTER, DATABASE) == EndedSessions()


def test_a_session_that_is_at_work_ends_too(clusters: BeforeAndAfter) -> None:
    with clusters.retired.server.session(ETL, DATABASE) as session:
        session.run("BEGIN")
        session.run("CREATE TEMPORARY TABLE held (n int)")
        assert end_retired_sessions(
            clusters.as_retired(clusters.retired.server), MASTER, DATABASE
        ) == EndedSessions(ended=1)


def test_the_cluster_that_serves_keeps_its_sessions_wherever_its_endpoint_is_named(
    clusters: BeforeAndAfter,
) -> None:
    server = clusters.live.server
    with at_work(server) as alive:
        ended = end_retired_sessions(clusters.as_retired(server), MASTER, DATABASE)

        assert ended == EndedSessions(
            obstacles={f"{server.host}:{server.port}": WhyNotEnded.ANOTHER_CLUSTER}
        )
        assert alive() == 3


@pytest.mark.parametrize(
    ("changed", "login", "obstacle"),
    [
        ({}, DatabaseLogin(MASTER.user, "canary-unknown"), WhyNotEnded.LOGIN_REFUSED),
        ({"port": 1}, MASTER, WhyNotEnded.UNREACHABLE),
    ],
)
def test_what_prevents_it_is_said_and_the_other_instances_are_done_nevertheless(
    clusters: BeforeAndAfter,
    changed: dict[str, object],
    login: DatabaseLogin,
    obstacle: WhyNotEnded,
) -> None:
    server = replace(clusters.retired.server, **changed)  # type: ignore[arg-type]
    other = clusters.retired.server
    with at_work(other):
        cluster = clusters.as_retired(server, other)
        ended = end_retired_sessions(cluster, login, DATABASE)

    assert ended.obstacles[f"{server.host}:{server.port}"] is obstacle
    assert ended.ended == (3 if login is MASTER else 0)


def test_a_writer_that_was_renamed_is_known_by_another_of_its_names(
    clusters: BeforeAndAfter,
) -> None:
    server = replace(clusters.retired.server, host="127.1")
    with at_work(clusters.retired.server):
        ended = end_retired_sessions(clusters.as_retired(server), MASTER, DATABASE)

    assert ended == EndedSessions(ended=3)


def test_a_certificate_of_another_cluster_keeps_the_master_user_away(
    clusters: BeforeAndAfter,
) -> None:
    server = replace(clusters.retired.server, host="127.1")
    cluster = replace(clusters.as_retired(server), names=("another.cluster-x",))

    ended = end_retired_sessions(cluster, MASTER, DATABASE)

    assert set(ended.obstacles.values()) == {WhyNotEnded.ANOTHER_CLUSTER}


@pytest.mark.parametrize("clusters", NEWEST, indirect=True)
def test_instances_that_take_too_long_leave_time_for_the_rest_of_the_step(
    clusters: BeforeAndAfter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retired_sessions, "MOST_SECONDS", -1.0)
    with at_work(clusters.retired.server) as alive:
        ended = end_retired_sessions(clusters.as_retired(), MASTER, DATABASE)

        assert set(ended.obstacles.values()) == {WhyNotEnded.NO_TIME}
        assert len(ended.obstacles) == 2
        assert alive() == 3


@pytest.mark.parametrize("clusters", NEWEST, indirect=True)
def test_clients_that_keep_coming_back_are_not_waited_for_for_ever(
    clusters: BeforeAndAfter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ending, "PATIENCE_SECONDS", 0.3)
    server = clusters.retired.server
    came_back: list[float] = []
    with ExitStack() as stack:

        def come_back(_: float) -> None:
            came_back.append(time.monotonic())
            stack.enter_context(server.session(ETL, DATABASE))

        stack.enter_context(server.session(ETL, DATABASE))
        monkeypatch.setattr(time, "sleep", come_back)
        ended = end_retired_sessions(clusters.as_retired(server), MASTER, DATABASE)

    assert ended.obstacles == {f"{server.host}:{server.port}": WhyNotEnded.KEEP_COMING}
    assert ended.ended >= len(came_back)
