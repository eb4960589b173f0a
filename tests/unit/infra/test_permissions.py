"""Each role holds what its row declares, on what the configuration names, and nothing else."""

import pytest

from aurora_restore.shared.pipeline import STEP_NAMES, STEPS, TAG_MANAGED_BY, Resource, Step
from tests.unit.infra.iam import allows, listed
from tests.unit.infra.synthesis import ABSENT, Document, Synthesis, example, restore, synthesise

BASE = {
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "ssm:GetParameter",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}
ATTACHED = {
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
}
PUBLISHES = {"kms:Decrypt", "kms:GenerateDataKey*", "sns:Publish"}
DEAD_LETTERS = {"sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage"}

SOURCE = "arn:aws:rds:us-east-1:111111111111"
TARGET = "arn:aws:rds:us-west-2:222222222222"
TAGGED = {f"aws:ResourceTag/{TAG_MANAGED_BY}": "aurora-restore"}
GIVEN_TAG = {f"aws:RequestTag/{TAG_MANAGED_BY}": "aurora-restore"}
KEY = "arn:aws:kms:us-west-2:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab"
SOURCE_KEY = "arn:aws:kms:us-east-1:111111111111:key/any"
BY_RDS = {"kms:ViaService": "rds.us-west-2.amazonaws.com", "kms:GrantIsForAWSResource": "true"}

steps = pytest.mark.parametrize("step", STEPS, ids=STEP_NAMES)


@steps
def test_a_role_allows_exactly_what_its_row_declares(stack: Synthesis, step: Step) -> None:
    allowed = {
        action
        for statement in stack.statements(step.name)
        if statement["Effect"] == "Allow"
        for action in listed(statement["Action"])
    }

    assert allowed == (
        BASE
        | {action for grant in step.grants for action in grant.actions}
        | ({"secretsmanager:GetSecretValue"} if step.reads_secrets else set())
        | ({"secretsmanager:PutSecretValue"} if step.writes_secrets else set())
        | (PUBLISHES | DEAD_LETTERS if step.publishes else set())
        | (ATTACHED if step.reaches_database else set())
    )


@steps
def test_a_role_is_its_function_s_own(stack: Synthesis, step: Step) -> None:
    roles = [function["Role"]["Fn::GetAtt"][0] for _, function in stack.functions().values()]
    _, function = stack.functions()[step.name]

    assert roles.count(function["Role"]["Fn::GetAtt"][0]) == 1
    role = stack.resources[function["Role"]["Fn::GetAtt"][0]]["Properties"]
    assert "ManagedPolicyArns" not in role
    assert role["AssumeRolePolicyDocument"]["Statement"] == [
        {
            "Action": "sts:AssumeRole",
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
        }
    ]


@steps
def test_only_tracing_and_network_interfaces_are_on_every_resource(
    stack: Synthesis, step: Step
) -> None:
    everywhere = {
        action
        for statement in stack.statements(step.name)
        if "*" in listed(statement["Resource"])
        for action in listed(statement["Action"])
    }

    assert {str(action).partition(":")[0] for action in everywhere} <= {"xray", "ec2"}


@steps
def test_a_role_writes_to_its_own_log_group_only(stack: Synthesis, step: Step) -> None:
    (resource,) = (
        statement["Resource"]
        for statement in stack.statements(step.name)
        if "logs:PutLogEvents" in statement["Action"]
    )
    group = stack.resources[resource["Fn::GetAtt"][0]]["Properties"]

    assert group["LogGroupName"] == f"/aws/lambda/aurora-restore-{step.name}"


@pytest.mark.parametrize(
    ("step", "action", "resource", "context"),
    [
        ("snapshot-check", "rds:DescribeDBClusterSnapshots", f"{SOURCE}:cluster-snapshot:a", {}),
        # What other accounts share is listed in one's own account.
        (
            "snapshot-check",
            "rds:DescribeDBClusterSnapshots",
            "arn:aws:rds:us-east-1:222222222222:cluster-snapshot:*",
            {},
        ),
        ("copy-snapshot", "rds:CopyDBClusterSnapshot", f"{SOURCE}:cluster-snapshot:a", {}),
        ("copy-snapshot", "rds:CopyDBClusterSnapshot", f"{TARGET}:cluster-snapshot:a", {}),
        ("copy-snapshot", "rds:DeleteDBClusterSnapshot", f"{TARGET}:cluster-snapshot:a", TAGGED),
        ("copy-snapshot", "kms:CreateGrant", KEY, BY_RDS),
        ("copy-snapshot", "kms:DescribeKey", KEY, {}),
        ("copy-snapshot", "kms:Decrypt", SOURCE_KEY, BY_RDS),
        ("delete-rds", "rds:DeleteDBCluster", f"{TARGET}:cluster:orders-staging", {}),
        ("delete-rds", "rds:DeleteDBCluster", f"{TARGET}:cluster-snapshot:last", {}),
        ("delete-rds", "rds:ModifyDBCluster", f"{TARGET}:cluster:orders-staging", {}),
        ("delete-rds", "rds:DeleteDBInstance", f"{TARGET}:db:any", TAGGED),
        ("restore-snapshot", "rds:RestoreDBClusterFromSnapshot", f"{TARGET}:subgrp:any", {}),
        ("restore-snapshot", "rds:RestoreDBClusterFromSnapshot", f"{TARGET}:og:default:a", {}),
        (
            "restore-snapshot",
            "rds:RestoreDBClusterFromSnapshot",
            f"{TARGET}:cluster:orders-staging",
            {},
        ),
        ("check-restore-status", "rds:CreateDBInstance", f"{TARGET}:db:any", GIVEN_TAG),
        ("check-restore-status", "rds:CreateDBInstance", f"{TARGET}:cluster:orders-staging", {}),
        ("check-restore-status", "rds:CreateDBInstance", f"{TARGET}:pg:default", {}),
        ("archive-snapshot", "rds:DeleteDBClusterSnapshot", f"{TARGET}:cluster-snapshot:a", TAGGED),
        (
            "sns-notification",
            "states:DescribeExecution",
            "arn:aws:states:us-west-2:222222222222:execution:aurora-restore-pipeline:a",
            {},
        ),
        (
            "setup-db-users",
            "ssm:GetParameter",
            "arn:aws:ssm:us-west-2:222222222222:parameter/aurora-restore/restores/staging",
            {},
        ),
    ],
)
def test_what_a_step_needs_is_allowed(
    stack: Synthesis, step: str, action: str, resource: str, context: dict[str, str]
) -> None:
    assert allows(stack.statements(step), action, resource, context)


@pytest.mark.parametrize(
    ("action", "resource", "context"),
    [
        ("rds:DeleteDBCluster", f"{SOURCE}:cluster:orders-production", TAGGED),
        ("rds:ModifyDBCluster", f"{SOURCE}:cluster:orders-production", TAGGED),
        ("rds:DeleteDBCluster", f"{TARGET}:cluster:orders", TAGGED),
        ("rds:ModifyDBCluster", f"{TARGET}:cluster:orders-staging-2", TAGGED),
        ("rds:DeleteDBInstance", f"{TARGET}:db:orders-staging-1", {}),
        ("rds:ModifyDBInstance", f"{TARGET}:db:orders-staging-1", {}),
        ("rds:DeleteDBInstance", f"{TARGET}:db:a", {next(iter(TAGGED)): "another-environment"}),
        ("rds:CreateDBInstance", f"{TARGET}:db:a", {}),
        ("rds:DeleteDBClusterSnapshot", f"{TARGET}:cluster-snapshot:a", {}),
        ("rds:DeleteDBClusterSnapshot", f"{SOURCE}:cluster-snapshot:a", TAGGED),
        ("kms:Decrypt", SOURCE_KEY, {}),
        ("kms:CreateGrant", KEY, {"kms:ViaService": BY_RDS["kms:ViaService"]}),
        ("kms:Decrypt", KEY.replace("1234abcd", "another0"), BY_RDS),
        ("ssm:GetParameter", "arn:aws:ssm:us-west-2:222222222222:parameter/other", {}),
        ("states:StartExecution", "arn:aws:states:us-west-2:222222222222:stateMachine:a", {}),
        ("iam:PassRole", "arn:aws:iam::222222222222:role/any", {}),
    ],
)
@steps
def test_what_would_do_harm_is_not(
    stack: Synthesis, step: Step, action: str, resource: str, context: dict[str, str]
) -> None:
    assert not allows(stack.statements(step.name), action, resource, context)


def test_a_source_is_denied_even_where_its_name_is_allowed() -> None:
    """The same name in another Region is another cluster."""
    changed = example({"restores.staging.source.cluster_id": "orders-staging"})
    statements = synthesise(changed).statements("delete-rds")

    assert allows(statements, "rds:DeleteDBCluster", f"{TARGET}:cluster:orders-staging")
    assert {
        "Effect": "Deny",
        "Action": ["rds:Delete*", "rds:Modify*"],
        "Resource": f"{SOURCE}:cluster:orders-staging",
    } in statements


@pytest.fixture(scope="module")
def fleet() -> Synthesis:
    """Two restores in a chain, in one account and Region, with adopted secrets."""
    near: Document = {"cluster_id": "orders", "region": "us-west-2"}
    below: Document = {"cluster_id": "orders-staging", "region": "us-west-2"}
    return synthesise(
        example(
            {
                "restores.staging": restore({"source": near, "target.adopt": True}),
                "restores.test": restore({"source": below, "target.cluster_id": "orders-test"}),
                "secrets.master": "shared/master",
                "secrets.app": "arn:aws:secretsmanager:us-west-2:222222222222:secret:app-a1b2C3",
                "network.lambda_vpc": "all",
            }
        )
    )


def test_a_target_may_be_the_source_of_the_next(fleet: Synthesis) -> None:
    statements = fleet.statements("delete-rds")

    assert allows(statements, "rds:DeleteDBCluster", f"{TARGET}:cluster:orders-staging")
    assert allows(statements, "rds:DeleteDBCluster", f"{TARGET}:cluster:orders-test")
    assert not allows(statements, "rds:DeleteDBCluster", f"{TARGET}:cluster:orders")


def test_the_instances_of_an_adopted_cluster_need_no_tag(fleet: Synthesis) -> None:
    statements = fleet.statements("delete-rds")

    assert allows(statements, "rds:DeleteDBInstance", f"{TARGET}:db:orders-staging-instance-1")
    assert not allows(statements, "rds:DeleteDBInstance", f"{TARGET}:db:orders-test-instance-1")


def test_an_alias_stands_for_its_key() -> None:
    alias = "arn:aws:kms:us-west-2:222222222222:alias/staging"
    document = example({"restores.staging.target.kms_key_id": alias})
    statements = synthesise(document).statements("restore-snapshot")
    aliases = {"kms:ResourceAliases": ["alias/other", "alias/staging"]}

    assert allows(statements, "kms:CreateGrant", KEY, {**BY_RDS, **aliases})
    assert not allows(statements, "kms:CreateGrant", KEY, BY_RDS)


def test_a_grant_without_an_arn_makes_no_statement() -> None:
    document = example({"restores.staging.target.kms_key_id": ABSENT})
    statements = synthesise(document).statements("copy-snapshot")

    assert all(listed(statement["Resource"]) for statement in statements)
    assert not allows(statements, "kms:DescribeKey", KEY)


def test_an_adopted_secret_may_be_under_a_customer_key(fleet: Synthesis) -> None:
    secret = "arn:aws:secretsmanager:us-west-2:222222222222:secret:shared/master-AbCdEf"
    key = "arn:aws:kms:us-west-2:222222222222:key/any"
    through = {"kms:ViaService": "secretsmanager.us-west-2.amazonaws.com"}
    statements = fleet.statements("check-restore-status")

    assert allows(statements, "secretsmanager:GetSecretValue", secret)
    assert allows(
        statements, "kms:Decrypt", key, {**through, "kms:EncryptionContext:SecretARN": secret}
    )
    assert not allows(
        statements, "kms:Decrypt", key, {**through, "kms:EncryptionContext:SecretARN": "another"}
    )
    assert not allows(statements, "secretsmanager:PutSecretValue", secret)


def test_an_attached_function_cannot_use_lambda_s_network_permissions(fleet: Synthesis) -> None:
    arn = "arn:aws:lambda:us-west-2:222222222222:function:aurora-restore-snapshot-check"
    statements = fleet.statements("snapshot-check")

    assert allows(statements, "ec2:CreateNetworkInterface", "*")
    assert not allows(
        statements, "ec2:CreateNetworkInterface", "*", {"lambda:SourceFunctionArn": arn}
    )


def test_every_kind_of_resource_is_granted_somewhere() -> None:
    granted = {grant.resource for step in STEPS for grant in step.grants}

    assert granted | {Resource.ANY} == set(Resource)
