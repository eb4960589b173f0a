"""No secret is in any record or response, whatever goes wrong."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from aurora_restore.shared.pipeline import STEP_NAMES
from tests.integration.pipeline.stage import (
    DATABASE,
    MASTER,
    SOURCE_PASSWORD,
    TARGET,
    TARGET_REGION,
    Deployed,
    PipelineStage,
)

CUT_OFF = "canary-cut-off-7d10"
REFUSED_BY_RDS = "canary@refused/by-rds-93fe"
IN_THE_WRONG_FIELD = "canary-in-the-wrong-field-51ab"
MASTER_PASSWORD = "canary-master-4b0c"
APP_PASSWORD = "canary-app-d2e8"
READONLY_PASSWORD = "canary-readonly-6f37"
NOT_THE_CLUSTERS = "canary-not-the-clusters-a919"

SECRETS = frozenset(
    {
        SOURCE_PASSWORD,
        CUT_OFF,
        REFUSED_BY_RDS,
        IN_THE_WRONG_FIELD,
        MASTER_PASSWORD,
        APP_PASSWORD,
        READONLY_PASSWORD,
        NOT_THE_CLUSTERS,
    }
)

GOOD_MASTER = {"username": MASTER, "password": MASTER_PASSWORD, "database": DATABASE}
GOOD_APP = {
    "app_username": "app_user",
    "app_password": APP_PASSWORD,
    "readonly_username": "readonly_user",
    "readonly_password": READONLY_PASSWORD,
}
BAD_SECRETS = [
    ("MasterSecret", json.dumps({"username": MASTER, "password": CUT_OFF})[:-1]),
    ("MasterSecret", json.dumps({**GOOD_MASTER, "password": REFUSED_BY_RDS})),
    ("MasterSecret", json.dumps({**GOOD_MASTER, "username": IN_THE_WRONG_FIELD})),
    ("AppSecret", json.dumps({"app_user": APP_PASSWORD, "app_password": [READONLY_PASSWORD]})),
]


@pytest.fixture
def secrets(stage: PipelineStage, app: Deployed, clean: None) -> Iterator[None]:
    """The secrets as they were, after the test."""
    before = {name: stage.secret(app, name) for name in ("MasterSecret", "AppSecret")}
    yield
    for name, value in before.items():
        stage.put_secret(app, name, json.dumps(value))


def everything_recorded(
    stage: PipelineStage, app: Deployed, execution: dict[str, Any]
) -> Iterator[str]:
    """All that is left of a run: tables, history, notices, every log there is."""
    operation = execution["name"]
    yield str(stage.state(app, operation))
    yield str(stage.audit_events(app, operation))
    yield str(stage.aws.history(execution["executionArn"]))
    yield str(execution)
    yield str(stage.announcements(app, operation))
    for step in STEP_NAMES:
        yield stage.aws.lambda_logs(f"aurora-restore-{step}")
    for server in stage.admin.servers():
        yield stage.postgres_log(server)


@pytest.mark.usefixtures("secrets")
def test_no_secret_is_revealed_by_a_run_that_fails_wherever_it_uses_one(
    stage: PipelineStage, app: Deployed
) -> None:
    stage.put_secret(app, "MasterSecret", json.dumps(GOOD_MASTER))
    stage.put_secret(app, "AppSecret", json.dumps(GOOD_APP))
    recorded: list[str] = []
    for output, value in BAD_SECRETS:
        good = json.dumps(stage.secret(app, output))
        stage.put_secret(app, output, value)
        refused = stage.run(app)
        assert refused["error"] == "PreflightError"
        recorded += everything_recorded(stage, app, refused)
        stage.put_secret(app, output, good)
    stage.admin.fail_next("restore-cluster", times=2)
    failed = stage.run(app)
    assert failed["status"] == "FAILED", stage.steps_entered(failed["executionArn"])
    assert failed["error"] == "RestoreFailedError"
    document = stage.restore_document(TARGET_REGION)
    lacking = {**document, "database": {"scripts": [{"path": "sql/lacking.sql"}]}}
    stage.configure(app, lacking)
    stage.aws.redrive(failed["executionArn"])
    stopped = stage.aws.wait(failed["executionArn"], timeout=90)
    assert stopped["error"] == "ConfigurationError", stopped.get("cause")

    stage.put_secret(app, "MasterSecret", json.dumps({**GOOD_MASTER, "password": NOT_THE_CLUSTERS}))
    answer = stage.invoke(app, "setup-db-users", {"operation_id": failed["name"]})

    assert answer["body"]["error_type"] == "InvalidPasswordError"
    stage.configure(app, document)
    stage.aws.redrive(failed["executionArn"])
    execution = dict(stage.aws.wait(failed["executionArn"], timeout=90))
    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    recorded += [str(answer), *everything_recorded(stage, app, execution)]
    assert TARGET in "".join(recorded)
    for text in recorded:
        assert not [secret for secret in SECRETS if secret in text]
    assert stage.can_log_in(app.region, TARGET, "app_user", APP_PASSWORD)
