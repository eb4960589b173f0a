"""A target whose password RDS manages, and which a proxy leads to, has both again after a run."""

import json
from typing import Any

import pytest

from aurora_restore.shared.names import TAG_MANAGED_BY
from tests.integration.pipeline.stage import (
    ACCOUNT,
    MASK,
    MASTER,
    PATIENCE_SECONDS,
    PREFIX,
    TARGET,
    TARGET_REGION,
    Deployed,
    PipelineStage,
)

PROXY = "orders-proxy"

pytestmark = pytest.mark.usefixtures("clean")


def make_managed(stage: PipelineStage) -> str:
    """A target with a managed password, which a proxy logs in with; return its secret's ARN."""
    rds = stage.rds(TARGET_REGION)
    stage.make_cluster(TARGET_REGION, TARGET, "old-target-password")
    rds.modify_db_cluster(
        DBClusterIdentifier=TARGET, ManageMasterUserPassword=True, ApplyImmediately=True
    )
    stage.eventually(lambda: secret_of_target(stage)["SecretStatus"] == "active")
    arn = str(secret_of_target(stage)["SecretArn"])
    (group,) = rds.describe_db_subnet_groups(
        DBSubnetGroupName=stage.network(TARGET_REGION).subnet_group
    )["DBSubnetGroups"]
    rds.create_db_proxy(
        DBProxyName=PROXY,
        EngineFamily="POSTGRESQL",
        Auth=[{"AuthScheme": "SECRETS", "SecretArn": arn, "IAMAuth": "DISABLED"}],
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/proxy",
        VpcSubnetIds=[each["SubnetIdentifier"] for each in group["Subnets"]],
        Tags=[{"Key": TAG_MANAGED_BY, "Value": PREFIX}],
    )
    rds.register_db_proxy_targets(DBProxyName=PROXY, DBClusterIdentifiers=[TARGET])
    return arn


def secret_of_target(stage: PipelineStage) -> dict[str, Any]:
    return dict(stage.cluster(TARGET_REGION, TARGET)["MasterUserSecret"])


def password_in(stage: PipelineStage, secret: str) -> str:
    """The password in a secret that RDS manages, which the emulator of RDS keeps itself."""
    secrets = stage.admin.session(ACCOUNT, TARGET_REGION).client(
        "secretsmanager", endpoint_url=stage.aws.rds.endpoint_url
    )
    value = secrets.get_secret_value(SecretId=secret)["SecretString"]
    return str(json.loads(value)["password"])


def test_a_run_that_failed_after_the_deletion_puts_back_what_the_old_cluster_had(
    stage: PipelineStage, app: Deployed
) -> None:
    former = make_managed(stage)
    good = stage.restore_document(TARGET_REGION)
    good["database"]["scripts"] = [{"path": MASK}]
    lacking = {**good["database"], "scripts": [{"path": "sql/lacking.sql"}]}
    stage.configure(app, {**good, "database": lacking})
    failed = stage.run(app)
    assert failed["error"] == "ConfigurationError", failed.get("cause")
    assert "MasterUserSecret" not in stage.cluster(TARGET_REGION, TARGET)
    stage.configure(app, good)

    stage.aws.redrive(failed["executionArn"])
    execution = dict(stage.aws.wait(failed["executionArn"], timeout=PATIENCE_SECONDS))

    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    secret = secret_of_target(stage)["SecretArn"]
    assert secret != former
    rds = stage.rds(TARGET_REGION)
    (proxy,) = rds.describe_db_proxies(DBProxyName=PROXY)["DBProxies"]
    assert [each["SecretArn"] for each in proxy["Auth"]] == [secret]
    targets = rds.describe_db_proxy_targets(DBProxyName=PROXY)["Targets"]
    assert {each["RdsResourceId"] for each in targets} == {TARGET, f"{TARGET}-a"}
    assert stage.can_log_in(TARGET_REGION, TARGET, MASTER, password_in(stage, secret))
    own = stage.secret(app, "MasterSecret")["password"]
    assert not stage.can_log_in(TARGET_REGION, TARGET, MASTER, own)
    (announced,) = stage.announcements(app, failed["name"])[-1:]
    assert announced["details"]["managed_secret_arn"] == secret

    again = stage.invoke(app, "put-back-access", {"operation_id": failed["name"]})

    assert again["statusCode"] == 200
    assert secret_of_target(stage)["SecretArn"] == secret
