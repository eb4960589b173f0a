"""What the stack's two secrets hold: who may log in to the target, and where."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aurora_restore.shared.postgres.connection import DatabaseLogin, DatabaseServer
from demo.scenario import Scenario
from embedded_aws.aws import EmbeddedAws


@dataclass(frozen=True, kw_only=True)
class StagingLogins:
    """Everybody whom a secret lets in, and the endpoint that the application's secret names."""

    master: DatabaseLogin
    application: DatabaseLogin
    readonly: DatabaseLogin
    endpoint: DatabaseServer
    """Where an application connects that knows its secret alone."""
    database: str


def read_staging_logins(
    aws: EmbeddedAws, scenario: Scenario, outputs: Mapping[str, str]
) -> StagingLogins:
    """Return what both secrets hold when a run has written the endpoint."""
    master = _read(aws, scenario, outputs["MasterSecret"])
    app = _read(aws, scenario, outputs["AppSecret"])
    return StagingLogins(
        master=DatabaseLogin(master["username"], master["password"]),
        application=DatabaseLogin(app["username"], app["password"]),
        readonly=DatabaseLogin(app["readonly_username"], app["readonly_password"]),
        endpoint=DatabaseServer(
            app["host"],
            int(app["port"]),
            aws.rds.ca_bundle.read_text(encoding="ascii"),
            certified_as=scenario.certified_as,
        ),
        database=app["dbname"],
    )


def read_first_logins(
    aws: EmbeddedAws, scenario: Scenario, outputs: Mapping[str, str]
) -> tuple[DatabaseLogin, DatabaseLogin]:
    """Return the master user and the application, as both secrets hold them before any run."""
    master = _read(aws, scenario, outputs["MasterSecret"])
    app = _read(aws, scenario, outputs["AppSecret"])
    return (
        DatabaseLogin(master["username"], master["password"]),
        DatabaseLogin(app["app_username"], app["app_password"]),
    )


def _read(aws: EmbeddedAws, scenario: Scenario, secret: str) -> Mapping[str, Any]:
    client = aws.client(
        "secretsmanager", account=scenario.target.account, region=scenario.target.region
    )
    held: Mapping[str, Any] = json.loads(client.get_secret_value(SecretId=secret)["SecretString"])
    return held
