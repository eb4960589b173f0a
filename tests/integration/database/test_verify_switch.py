"""verify-switch as a whole, on two real clusters of the same snapshot."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from aurora_restore.lambdas.verify_switch import VerifySwitchHandler
from aurora_restore.shared.database_step import MOST_CONNECTION_FAILURES
from aurora_restore.shared.errors import PrivilegeCheckError, WrongClusterError
from aurora_restore.shared.names import CA_BUNDLE
from aurora_restore.shared.postgres.connection import DatabaseLogin
from aurora_restore.shared.postgres.journal import JournalKey
from aurora_restore.shared.recorded_cluster import RecordedCluster, RetiredCluster
from aurora_restore.shared.state_utils import SUCCESS
from aurora_restore.shared.target_record import TargetRecord, TargetRecordStore
from embedded_aws.rds.data_plane.postgres import PostgresDataPlane
from tests.integration.database.conftest import (
    DATABASE,
    MASTER,
    NEWEST,
    OLDEST,
    Restored,
    opened,
)
from tests.integration.database.roles import APP, KEPT, READONLY, set_up_access, setup_of
from tests.unit.bench import ACCOUNT, REGION, RESTORE, Bench, bench_in_memory

OPERATION = "op-1"
TARGET = RESTORE["target"]["cluster_id"]
ETL = DatabaseLogin("etl", "old-etl-password")
UNCERTIFIED = "127.1"
"""This machine by a name that is in no certificate."""


@dataclass(frozen=True)
class SwitchedClusters:
    """What served before, what serves now, and an AWS in memory that knows of the switch."""

    before: Restored
    now: Restored
    bench: Bench

    def key(self, resource_id: str) -> JournalKey:
        return JournalKey(
            account=ACCOUNT, region=REGION, cluster_resource_id=resource_id, operation_id=OPERATION
        )

    def let_serve(self, serving: Restored) -> None:
        """Let the target's name, which no certificate has, lead to a cluster."""
        live = RecordedCluster(
            resource_id="cluster-NOW",
            cluster_id=TARGET,
            restored_by=OPERATION,
            writer_endpoint=UNCERTIFIED,
            reader_endpoint=UNCERTIFIED,
            port=serving.server.port,
            instance_endpoints=(f"localhost:{self.now.server.port}",),
        )
        retired = RecordedCluster(
            resource_id="cluster-BEFORE",
            cluster_id=f"{TARGET}-old",
            instance_endpoints=(f"localhost:{self.before.server.port}",),
        )
        record = TargetRecord(
            restored_by=OPERATION,
            resource_id="cluster-NOW",
            switched_by=OPERATION,
            live=live,
            retired=RetiredCluster(
                cluster=retired,
                retired_at="2026-11-01T00:00:00.000000Z",
                retired_by=OPERATION,
                keep_until="2026-11-02T00:00:00.000000Z",
            ),
        )
        TargetRecordStore(self.bench.store, ACCOUNT, REGION, TARGET).write(record, None)
        facts = {
            "sequence": "switch",
            "new_cluster_id": TARGET,
            "cluster_resource_id": "cluster-NOW",
            "application_database": DATABASE,
        }
        self.bench.store.save(OPERATION, "switch-cluster", SUCCESS, facts, self.bench.clock())

    def verify(self) -> dict[str, Any]:
        self.bench.advance(1)
        return self.bench.step(VerifySwitchHandler)


@pytest.fixture(params=[*OLDEST, *NEWEST])
def clusters(
    data_plane: PostgresDataPlane, snapshots: Callable[[int], str], request: pytest.FixtureRequest
) -> Iterator[SwitchedClusters]:
    snapshot = snapshots(request.param)
    with (
        opened(data_plane, "before", request.param, snapshot) as before,
        opened(data_plane, "now", request.param, snapshot) as now,
        bench_in_memory() as bench,
    ):
        _configure(bench, now)
        made = SwitchedClusters(before, now, bench)
        key = made.key("cluster-NOW")
        setup_of(now, key).lock_out(KEPT)
        set_up_access(now, key)
        setup_of(now, key).mark_set_up()
        yield made


def _configure(bench: Bench, cluster: Restored) -> None:
    bench.configure(
        {
            **RESTORE,
            "target": {**RESTORE["target"], "strategy": "switch"},
            "database": {"databases": [DATABASE], "keep_logins": list(KEPT)},
        }
    )
    secrets = bench.clients.secrets_manager
    secrets.put_secret_value(
        SecretId=bench.environment.master_secret,
        SecretString=json.dumps(
            {"username": MASTER.user, "password": MASTER.password, "database": DATABASE}
        ),
    )
    secrets.put_secret_value(
        SecretId=bench.environment.app_secret,
        SecretString=json.dumps(
            {
                "app_username": APP.user,
                "app_password": APP.password,
                "readonly_username": READONLY.user,
                "readonly_password": READONLY.password,
            }
        ),
    )
    bench.inject = lambda _: {"read_asset": {CA_BUNDLE: cluster.server.ca_bundle}.__getitem__}


def test_it_proves_what_serves_and_ends_what_is_left_on_the_old_cluster(
    clusters: SwitchedClusters,
) -> None:
    clusters.let_serve(clusters.now)
    with (
        clusters.before.server.session(ETL, DATABASE),
        clusters.now.server.session(APP, DATABASE) as application,
    ):
        answer = clusters.verify()

        assert answer["statusCode"] == 200
        assert application.scalar("SELECT 1") == 1
    body = answer["body"]
    assert body["retired_sessions_ended"] == 1
    assert body["retired_sessions_left"] == []
    assert body["certificate_matches"] is False
    assert "localhost" in body["certificate"]
    secret = json.loads(
        clusters.bench.clients.secrets_manager.get_secret_value(
            SecretId=clusters.bench.environment.app_secret
        )["SecretString"]
    )
    assert (secret["host"], secret["port"]) == (UNCERTIFIED, clusters.now.server.port)
    assert (secret["dbname"], secret["username"]) == (DATABASE, APP.user)


def test_it_does_not_take_the_old_cluster_for_the_new_one(clusters: SwitchedClusters) -> None:
    # The two have the same master password, the same roles, and certificates of the same names.
    setup_of(clusters.before).lock_out(KEPT)
    set_up_access(clusters.before)
    clusters.let_serve(clusters.before)

    for _ in range(MOST_CONNECTION_FAILURES - 1):
        assert clusters.verify()["statusCode"] == 202
    with pytest.raises(WrongClusterError):
        clusters.verify()


def test_it_finds_what_has_changed_since_the_proof(clusters: SwitchedClusters) -> None:
    clusters.let_serve(clusters.now)
    with clusters.now.session(MASTER) as connection:
        connection.run('GRANT INSERT ON customers TO "read ""only"')

    with pytest.raises(PrivilegeCheckError):
        clusters.verify()
