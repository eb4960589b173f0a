"""Restores with secrets of their own, and secrets that say where the restored cluster is."""

import json
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pg8000.native
import pytest

from tests.integration.pipeline.stage import (
    ACCOUNT,
    DATABASE,
    SOURCE_REGION,
    TARGET,
    Deployed,
    PipelineStage,
)

REGION = "ca-central-1"
BILLING = "billing-production"
BILLING_MASTER = "billing_owner"
BILLING_PASSWORD = "canary-billing-master-8"
BILLING_TARGET = "billing-staging"
ADOPTED = "billing/app"
FOREIGN = "canary-foreign-host.example"
OF_BILLING = {
    "app_username": "billing_app",
    "readonly_username": "billing_reports",
    "team": "billing",
    "host": FOREIGN,
}


@dataclass(frozen=True)
class Fleet:
    """Two restores in one environment, of sources with different master users."""

    stage: PipelineStage
    app: Deployed
    restores: dict[str, Any]

    def run(self, restore: str) -> dict[str, Any]:
        execution = self.stage.run(self.app, {"restore": restore})
        assert execution["status"] == "SUCCEEDED", execution.get("cause")
        return execution

    def secret(self, name: str) -> dict[str, Any]:
        client = self.stage.aws.client("secretsmanager", region=REGION)
        value: dict[str, Any] = json.loads(client.get_secret_value(SecretId=name)["SecretString"])
        return value

    def logged_in_by_the_secret(self, name: str) -> list[Any]:
        """Who an application is, and where, that knows nothing but its secret."""
        secret = self.secret(name)
        assert secret["engine"] == "postgres"
        connection = pg8000.native.Connection(
            secret["username"],
            host=secret["host"],
            port=secret["port"],
            database=secret["dbname"],
            password=secret["password"],
            ssl_context=ssl.create_default_context(cafile=str(self.stage.ca_bundle)),
        )
        try:
            return list(connection.run("SELECT session_user::text, current_database()::text")[0])
        finally:
            connection.close()


@pytest.fixture(scope="module")
def fleet(stage: PipelineStage) -> Iterator[Fleet]:
    stage.make_cluster(SOURCE_REGION, BILLING, BILLING_PASSWORD, master=BILLING_MASTER)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    stage.admin.take_automated_snapshot(
        BILLING, account=ACCOUNT, region=SOURCE_REGION, at=yesterday.isoformat()
    )
    client = stage.aws.client("secretsmanager", region=REGION)
    client.create_secret(Name=ADOPTED, SecretString=json.dumps(OF_BILLING))
    billing = stage.restore_document(REGION, cluster_id=BILLING_TARGET)
    billing["source"]["cluster_id"] = BILLING
    billing["secrets"] = {"master_username": BILLING_MASTER, "app": ADOPTED}
    restores = {"staging": stage.restore_document(REGION), "billing": billing}
    yield Fleet(stage, stage.deploy_restores(REGION, restores), restores)
    stage.remove_target(REGION)


def test_two_restores_with_different_master_users_work_in_one_environment(fleet: Fleet) -> None:
    fleet.run("staging")
    left_alone = fleet.run("billing")

    stage = fleet.stage
    own = fleet.secret("aurora-restore/billing/master-credentials")
    assert own["username"] == BILLING_MASTER
    for cluster, secret in (
        (TARGET, stage.secret(fleet.app, "MasterSecret")),
        (BILLING_TARGET, own),
    ):
        assert stage.cluster(REGION, cluster)["MasterUsername"] == secret["username"]
        assert stage.can_log_in(REGION, cluster, secret["username"], secret["password"])
    assert not stage.can_log_in(REGION, BILLING_TARGET, BILLING_MASTER, BILLING_PASSWORD)

    # The secret that the stack made says where to connect; the foreign one is left alone.
    common = "aurora-restore-app-credentials"
    assert fleet.logged_in_by_the_secret(common) == ["app_user", DATABASE]
    assert fleet.secret(common)["port"] == stage.cluster(REGION, TARGET)["Port"]
    adopted = fleet.secret(ADOPTED)
    assert {key: adopted[key] for key in OF_BILLING} == OF_BILLING
    assert set(adopted) - set(OF_BILLING) == {"app_password", "readonly_password"}
    said = stage.state(fleet.app, left_alone["name"])["hand-over"]["details"]["app_secret_endpoint"]
    assert "restores.billing.secrets.app_secret_endpoint to true" in said
    assert FOREIGN not in said
    (announced,) = stage.announcements(fleet.app, left_alone["name"])
    assert announced["details"]["app_secret_endpoint"] == said

    # With the option, and with nothing else changed, the next run writes into it.
    billing = fleet.restores["billing"]
    secrets = {**billing["secrets"], "app_secret_endpoint": True}
    stage.aws.client("ssm", region=REGION).put_parameter(
        Name="/aurora-restore/restores/billing",
        Value=json.dumps({**billing, "secrets": secrets}),
        Type="String",
        Overwrite=True,
    )
    fleet.run("billing")

    assert fleet.logged_in_by_the_secret(ADOPTED) == ["billing_app", DATABASE]
    assert fleet.secret(ADOPTED)["team"] == "billing"
    assert fleet.secret(ADOPTED)["port"] == stage.cluster(REGION, BILLING_TARGET)["Port"]
