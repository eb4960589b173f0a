"""A second step that logs in: a row and a class are enough, on a real PostgreSQL."""

import json

from aurora_restore.shared.names import CA_BUNDLE
from tests.integration.database.conftest import DATABASE, MASTER, Restored
from tests.support.restored_cluster import let_be_restored
from tests.support.warm_cache import WarmCacheHandler
from tests.unit.bench import RESTORE, bench_in_memory


def test_a_second_step_logs_in_over_tls_with_the_masters_secret(restored: Restored) -> None:
    server = restored.server
    with bench_in_memory() as bench:
        bench.configure(RESTORE | {"database": {"databases": [DATABASE, "postgres"]}})
        bench.clients.secrets_manager.put_secret_value(
            SecretId=bench.environment.master_secret,
            SecretString=json.dumps(
                {"username": MASTER.user, "password": MASTER.password, "database": DATABASE}
            ),
        )
        bench.inject = lambda _: {"read_asset": {CA_BUNDLE: server.ca_bundle}.__getitem__}
        let_be_restored(bench, server.host, server.port)
        bench.advance(1)

        answer = bench.step(WarmCacheHandler)

    assert answer["statusCode"] == 200
    assert answer["body"]["message"] == "The cache is warm"
    assert answer["body"]["databases"] == [DATABASE, "postgres"]
