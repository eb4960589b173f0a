"""Each role holds what its row declares, on what the configuration names, and nothing else."""

import pytest

from aurora_restore.permissions.restores import RestorePermissions
from aurora_restore.shared.documents.environment import Environment
from aurora_restore.shared.documents.schema import parse_configuration
from aurora_restore.shared.grants import Resource
from aurora_restore.shared.names import COPY_LEASES_KEY, TAG_KEEP_UNTIL, TAG_MANAGED_BY
from aurora_restore.shared.pipeline import FUNCTIONS, STEP_NAMES, STEPS, Step, get_step
from tests.support.iam import Context, Policy, listed
from tests.support.policies import policies_of
from tests.unit.infra.examples import published as published_example
from tests.unit.infra.synthesis import (
    ABSENT,
    Document,
    Synthesis,
    environment,
    example,
    restore,
)

BASE = {
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "ssm:GetParameter",
    "ssm:GetParametersByPath",
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
TO_LOCK = {"states:DescribeExecution"}
TO_UNLOCK = {"dynamodb:DeleteItem"}
PUBLISHES = {"kms:Decrypt", "kms:GenerateDataKey*", "sns:Publish"}
DEAD_LETTERS = {"sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage"}

SOURCE = "arn:aws:rds:us-east-1:111111111111"
TARGET = "arn:aws:rds:us-west-2:222222222222"
TAGGED = {f"aws:ResourceTag/{TAG_MANAGED_BY}": "aurora-restore"}
GIVEN_TAG = {f"aws:RequestTag/{TAG_MANAGED_BY}": "aurora-restore"}
KEY = "arn:aws:kms:us-west-2:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab"
SOURCE_KEY = "arn:aws:kms:us-east-1:111111111111:key/any"
OF_ANOTHER = {f"aws:ResourceTag/{TAG_MANAGED_BY}": "another-environment"}
COPY = f"{TARGET}:cluster-snapshot:daily-backup-2026-05-15-copy"
INSIGHTS_KEY = "arn:aws:kms:us-west-2:222222222222:key/of-performance-insights"
BY_RDS = {"kms:ViaService": "rds.us-west-2.amazonaws.com", "kms:GrantIsForAWSResource": "true"}

# The example names nothing of these kinds.
ABSENT_HERE = {
    Resource.ADOPTED_INSTANCES,
    Resource.AFTER_RUN_HOOKS,
    Resource.SWITCHED_CLUSTERS,
    Resource.DNS_CHANGES,
    Resource.ENDPOINT_PARAMETERS,
    Resource.HOSTED_ZONES,
    Resource.INTERMEDIATE_KEYS,
    Resource.INTERMEDIATE_SNAPSHOTS,
    Resource.PUBLISHED_CLUSTERS,
    Resource.SOURCE_ROLES,
}

steps = pytest.mark.parametrize("step", STEPS, ids=STEP_NAMES)


@pytest.fixture(scope="module")
def policies() -> dict[str, Policy]:
    """The policies of the example's functions."""
    return policies_of(environment(example()))


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
        | (TO_LOCK if step.locks else set())
        | (TO_UNLOCK if step.changes_aws or not step.locks else set())
        | {
            action
            for grant in step.grants
            if grant.resource not in ABSENT_HERE
            for action in grant.actions
        }
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
def test_only_what_knows_no_resource_is_on_every_resource(stack: Synthesis, step: Step) -> None:
    everywhere = {
        action
        for statement in stack.statements(step.name)
        if "*" in listed(statement["Resource"])
        for action in listed(statement["Action"])
    }

    unscoped = {
        action
        for grant in step.grants
        if grant.resource is Resource.ANY
        for action in grant.actions
    }
    assert everywhere - unscoped <= {
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
        *(ATTACHED if step.reaches_database else ()),
    }


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
        ("copy-snapshot", "rds:CopyDBClusterSnapshot", COPY, GIVEN_TAG),
        ("copy-snapshot", "rds:DeleteDBClusterSnapshot", COPY, TAGGED),
        ("copy-snapshot", "kms:CreateGrant", KEY, BY_RDS),
        ("copy-snapshot", "kms:DescribeKey", KEY, {}),
        ("copy-snapshot", "kms:Decrypt", SOURCE_KEY, BY_RDS),
        ("snapshot-check", "kms:DescribeKey", SOURCE_KEY, {}),
        ("delete-rds", "kms:DescribeKey", SOURCE_KEY, {}),
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
        ("restore-snapshot", "rds:CreateDBInstance", f"{TARGET}:db:orders-staging-1", {}),
        ("restore-snapshot", "rds:CreateDBInstance", f"{TARGET}:cluster:orders-staging", {}),
        (
            "check-restore-status",
            "rds:CreateDBInstance",
            f"{TARGET}:db:orders-staging-1",
            GIVEN_TAG,
        ),
        # The key of Performance Insights is known when the old instances are looked at.
        ("check-restore-status", "kms:CreateGrant", INSIGHTS_KEY, BY_RDS),
        ("check-restore-status", "kms:Decrypt", INSIGHTS_KEY, BY_RDS),
        ("check-restore-status", "kms:DescribeKey", INSIGHTS_KEY, BY_RDS),
        ("check-restore-status", "kms:GenerateDataKey", INSIGHTS_KEY, BY_RDS),
        ("snapshot-check", "kms:DescribeKey", INSIGHTS_KEY, {}),
        ("delete-rds", "kms:DescribeKey", INSIGHTS_KEY, {}),
        ("check-restore-status", "rds:CreateDBInstance", f"{TARGET}:cluster:orders-staging", {}),
        ("check-restore-status", "rds:CreateDBInstance", f"{TARGET}:pg:default", {}),
        ("archive-snapshot", "rds:DeleteDBClusterSnapshot", COPY, TAGGED),
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
    policies: dict[str, Policy], step: str, action: str, resource: str, context: Context
) -> None:
    assert policies[step].allows(action, resource, context)


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
        ("rds:CreateDBInstance", f"{TARGET}:db:a", GIVEN_TAG),
        ("rds:AddTagsToResource", f"{TARGET}:db:a", GIVEN_TAG),
        ("rds:AddTagsToResource", f"{TARGET}:db:orders-staging-1", {**GIVEN_TAG, **OF_ANOTHER}),
        ("rds:AddTagsToResource", f"{TARGET}:cluster-snapshot:a", GIVEN_TAG),
        ("rds:AddTagsToResource", COPY, {**GIVEN_TAG, **OF_ANOTHER}),
        ("rds:CopyDBClusterSnapshot", f"{TARGET}:cluster-snapshot:a", {}),
        ("rds:CopyDBClusterSnapshot", f"{TARGET}:cluster-snapshot:a", GIVEN_TAG),
        ("rds:CopyDBClusterSnapshot", COPY, {}),
        ("rds:ModifyDBClusterSnapshotAttribute", f"{TARGET}:cluster-snapshot:a", TAGGED),
        ("sts:AssumeRole", "arn:aws:iam::111111111111:role/aurora-restore-source-access", {}),
        ("rds:DeleteDBClusterSnapshot", COPY, {}),
        ("rds:DeleteDBClusterSnapshot", f"{TARGET}:cluster-snapshot:a", TAGGED),
        ("rds:DeleteDBClusterSnapshot", f"{SOURCE}:cluster-snapshot:a", TAGGED),
        ("kms:Decrypt", SOURCE_KEY, {}),
        ("kms:CreateGrant", KEY, {"kms:ViaService": BY_RDS["kms:ViaService"]}),
        ("kms:Decrypt", INSIGHTS_KEY, {}),
        ("kms:CreateGrant", INSIGHTS_KEY, {"kms:ViaService": BY_RDS["kms:ViaService"]}),
        ("kms:Encrypt", KEY.replace("1234abcd", "another0"), BY_RDS),
        ("ssm:GetParameter", "arn:aws:ssm:us-west-2:222222222222:parameter/other", {}),
        ("states:StartExecution", "arn:aws:states:us-west-2:222222222222:stateMachine:a", {}),
        ("iam:PassRole", "arn:aws:iam::222222222222:role/any", {}),
    ],
)
@steps
def test_what_would_do_harm_is_not(
    policies: dict[str, Policy], step: Step, action: str, resource: str, context: Context
) -> None:
    assert not policies[step.name].allows(action, resource, context)


def test_a_source_is_denied_even_where_its_name_is_allowed() -> None:
    """The same name in another Region is another cluster."""
    changed = example({"restores.staging.source.cluster_id": "orders-staging"})
    policy = policies_of(environment(changed))["delete-rds"]

    assert policy.allows("rds:DeleteDBCluster", f"{TARGET}:cluster:orders-staging")
    assert {
        "Effect": "Deny",
        "Action": [
            "rds:AddTagsToResource",
            "rds:Delete*",
            "rds:Modify*",
            "rds:RemoveTagsFromResource",
        ],
        "Resource": [f"{SOURCE}:cluster:*", f"{SOURCE}:db:*"],
    } in policy.statements


def test_a_source_is_denied_to_those_that_may_change_such_a_thing(
    policies: dict[str, Policy],
) -> None:
    def denied(step: str) -> set[str]:
        sources = {f"{SOURCE}:cluster:*", f"{SOURCE}:db:*"}
        refusals = [each for each in policies[step].statements if each["Effect"] == "Deny"]
        return sources & {arn for each in refusals for arn in listed(each["Resource"])}

    assert denied("hand-over") == {f"{SOURCE}:cluster:*", f"{SOURCE}:db:*"}
    assert denied("put-back-access") == {f"{SOURCE}:cluster:*"}
    assert denied("archive-snapshot") == set()


def test_a_source_is_denied_even_where_it_is_a_target() -> None:
    """No configuration with such a target is deployed; were it, nothing could delete the source."""
    near = {"cluster_id": "orders-staging", "region": "us-west-2"}
    document = example({"restores.staging.source": near})
    unchecked = parse_configuration(Environment, document, source="test")
    policy = Policy(
        [
            statement.document
            for each in RestorePermissions(environment=unchecked).policies_of(
                get_step("delete-rds")
            )
            for statement in each.statements
        ]
    )

    assert not policy.allows("rds:DeleteDBCluster", f"{TARGET}:cluster:orders-staging", TAGGED)
    assert policy.allows("rds:DescribeDBClusters", f"{TARGET}:cluster:*")


@pytest.fixture(scope="module")
def fleet() -> dict[str, Policy]:
    """Two restores of one source, in one account and Region, with adopted secrets."""
    near: Document = {"cluster_id": "orders", "region": "us-west-2"}
    document = example(
        {
            "restores.staging": restore({"source": near, "target.adopt": True}),
            "restores.test": restore({"source": near, "target.cluster_id": "orders-test"}),
            "secrets.master": "shared/master",
            "secrets.app": "arn:aws:secretsmanager:us-west-2:222222222222:secret:app-a1b2C3",
            "network.lambda_vpc": "all",
        }
    )
    return policies_of(environment(document))


def test_a_source_beside_its_targets_is_not_one_of_them(fleet: dict[str, Policy]) -> None:
    policy = fleet["delete-rds"]

    assert policy.allows("rds:DeleteDBCluster", f"{TARGET}:cluster:orders-staging")
    assert policy.allows("rds:DeleteDBCluster", f"{TARGET}:cluster:orders-test")
    assert not policy.allows("rds:DeleteDBCluster", f"{TARGET}:cluster:orders")


def test_the_instances_of_an_adopted_cluster_need_no_tag(fleet: dict[str, Policy]) -> None:
    policy = fleet["delete-rds"]

    assert policy.allows("rds:DeleteDBInstance", f"{TARGET}:db:orders-staging")
    assert policy.allows("rds:DeleteDBInstance", f"{TARGET}:db:orders-staging-instance-1")
    assert not policy.allows("rds:DeleteDBInstance", f"{TARGET}:db:orders-staging2-instance-1")
    assert not policy.allows("rds:DeleteDBInstance", f"{TARGET}:db:orders-test-instance-1")


def test_an_alias_stands_for_its_key() -> None:
    alias = "arn:aws:kms:us-west-2:222222222222:alias/staging"
    document = example({"restores.staging.target.kms_key_id": alias})
    policy = policies_of(environment(document))["restore-snapshot"]
    aliases = {"kms:ResourceAliases": ["alias/other", "alias/staging"]}

    assert policy.allows("kms:CreateGrant", KEY, {**BY_RDS, **aliases})
    assert not policy.allows("kms:CreateGrant", KEY, BY_RDS)


def test_a_grant_without_an_arn_makes_no_statement() -> None:
    document = example({"restores.staging.target.kms_key_id": ABSENT})
    policy = policies_of(environment(document))["copy-snapshot"]

    assert all(listed(statement["Resource"]) for statement in policy.statements)
    assert not policy.allows("kms:DescribeKey", KEY)


def test_an_adopted_secret_may_be_under_a_customer_key(fleet: dict[str, Policy]) -> None:
    secret = "arn:aws:secretsmanager:us-west-2:222222222222:secret:shared/master-AbCdEf"
    key = "arn:aws:kms:us-west-2:222222222222:key/any"
    through = {"kms:ViaService": "secretsmanager.us-west-2.amazonaws.com"}
    policy = fleet["check-restore-status"]

    assert policy.allows("secretsmanager:GetSecretValue", secret)
    assert policy.allows("kms:Decrypt", key, {**through, "kms:EncryptionContext:SecretARN": secret})
    assert not policy.allows(
        "kms:Decrypt", key, {**through, "kms:EncryptionContext:SecretARN": "another"}
    )
    assert not policy.allows("secretsmanager:PutSecretValue", secret)


def test_an_attached_function_cannot_use_lambda_s_network_permissions(
    fleet: dict[str, Policy],
) -> None:
    arn = "arn:aws:lambda:us-west-2:222222222222:function:aurora-restore-snapshot-check"
    policy = fleet["snapshot-check"]

    assert policy.allows("ec2:CreateNetworkInterface", "*")
    assert not policy.allows("ec2:CreateNetworkInterface", "*", {"lambda:SourceFunctionArn": arn})


def test_every_kind_of_resource_is_granted_somewhere() -> None:
    granted = {grant.resource for each in FUNCTIONS for grant in each.grants}

    assert granted | {Resource.ANY} == set(Resource)


STATE_TABLE = "arn:aws:dynamodb:us-west-2:222222222222:table/aurora-restore-state"


@steps
def test_only_a_lock_or_a_place_in_the_queue_may_be_deleted_from_the_state_table(
    policies: dict[str, Policy], step: Step
) -> None:
    policy = policies[step.name]
    lock = {"dynamodb:LeadingKeys": ["lock#222222222222/us-west-2/orders-staging"]}

    assert policy.allows("dynamodb:DeleteItem", STATE_TABLE, lock) == (
        step.changes_aws or not step.locks
    )
    place = {"dynamodb:LeadingKeys": ["copy-queue#222222222222/us-west-2"]}
    assert policy.allows("dynamodb:DeleteItem", STATE_TABLE, place) == step.copies_snapshots
    assert not policy.allows(
        "dynamodb:DeleteItem", STATE_TABLE, {"dynamodb:LeadingKeys": ["an-operation"]}
    )


@steps
def test_only_the_step_that_deletes_copies_may_forget_who_uses_them(
    policies: dict[str, Policy], step: Step
) -> None:
    leases = {"dynamodb:LeadingKeys": [COPY_LEASES_KEY]}

    assert policies[step.name].allows("dynamodb:DeleteItem", STATE_TABLE, leases) == (
        step.name == "archive-snapshot"
    )


@steps
def test_who_takes_the_lock_may_ask_whether_its_holder_is_over(
    policies: dict[str, Policy], step: Step
) -> None:
    execution = "arn:aws:states:us-west-2:222222222222:execution:aurora-restore-pipeline:a"

    assert policies[step.name].allows("states:DescribeExecution", execution)
    assert not policies[step.name].allows(
        "states:DescribeExecution", execution.replace("pipeline", "other")
    )


FINAL = f"{TARGET}:cluster-snapshot:orders-staging-final-20260515040000"


@pytest.mark.parametrize(
    ("step", "resource", "context", "allowed"),
    [
        ("check-delete-status", FINAL, GIVEN_TAG, True),
        ("check-delete-status", FINAL, {}, False),
        ("check-delete-status", COPY, {}, False),
        ("check-delete-status", COPY, TAGGED, False),
        ("delete-rds", FINAL, {}, True),
        ("delete-rds", COPY, TAGGED, False),
        ("copy-snapshot", COPY, GIVEN_TAG, True),
        ("copy-snapshot", COPY, {}, False),
        ("archive-snapshot", COPY, TAGGED, True),
        ("archive-snapshot", COPY, GIVEN_TAG, False),
        ("restore-snapshot", COPY, {**TAGGED, **GIVEN_TAG}, False),
    ],
)
def test_a_snapshot_is_tagged_by_whom_it_concerns(
    policies: dict[str, Policy], step: str, resource: str, context: Context, allowed: bool
) -> None:
    assert policies[step].allows("rds:AddTagsToResource", resource, context) == allowed


def test_a_final_snapshot_is_made_of_a_target_only(policies: dict[str, Policy]) -> None:
    policy, action = policies["delete-rds"], "rds:CreateDBClusterSnapshot"

    assert policy.allows(action, FINAL)
    assert policy.allows(action, f"{TARGET}:cluster:orders-staging")
    assert not policy.allows(action, COPY)
    assert not policy.allows(action, f"{TARGET}:cluster:orders")
    assert policies["archive-snapshot"].allows("rds:DeleteDBClusterSnapshot", FINAL, TAGGED)
    assert not policies["archive-snapshot"].allows("rds:DeleteDBClusterSnapshot", FINAL)


@pytest.mark.parametrize(
    ("step", "service", "allowed"),
    [
        ("restore-snapshot", "rds.amazonaws.com", True),
        ("restore-snapshot", "monitoring.rds.amazonaws.com", True),
        ("check-restore-status", "monitoring.rds.amazonaws.com", True),
        ("check-restore-status", "rds.amazonaws.com", True),
        ("restore-snapshot", "lambda.amazonaws.com", False),
        ("delete-rds", "rds.amazonaws.com", False),
    ],
)
def test_a_role_is_handed_to_rds_only(
    policies: dict[str, Policy], step: str, service: str, allowed: bool
) -> None:
    role = "arn:aws:iam::222222222222:role/teams/orders-to-s3"
    to_service = {"iam:PassedToService": service}

    assert policies[step].allows("iam:PassRole", role, to_service) == allowed
    assert not policies[step].allows("iam:PassRole", role.replace("2" * 12, "1" * 12), to_service)


@pytest.fixture(scope="module")
def published() -> dict[str, Policy]:
    """The policies where a switch renames nothing."""
    return policies_of(environment(published_example()))


@pytest.fixture(scope="module")
def renamed() -> dict[str, Policy]:
    """The policies where a switch gives the target's name to the new cluster."""
    return policies_of(environment(example({"restores.staging.target.strategy": "switch"})))


@pytest.mark.parametrize("way", ["renamed", "published"])
@pytest.mark.parametrize(
    "name", ["orders-staging", "orders-staging-ar-0a1b2c3d", "orders-staging-ar-0a1b2c3d-old"]
)
def test_no_role_may_delete_a_cluster_of_a_switched_target_that_does_not_expire(
    request: pytest.FixtureRequest, way: str, name: str
) -> None:
    """Whatever the code says: what serves has no such tag, under whichever name."""
    policies: dict[str, Policy] = request.getfixturevalue(way)
    cluster = f"{TARGET}:cluster:{name}"
    expires = {**TAGGED, f"aws:ResourceTag/{TAG_KEEP_UNTIL}": "2026-05-16T03:00:00Z"}

    for policy in policies.values():
        assert not policy.allows("rds:DeleteDBCluster", cluster, TAGGED)
    assert policies["delete-rds"].allows("rds:DeleteDBCluster", cluster, expires)
    of_another = {**expires, **OF_ANOTHER}
    assert not policies["delete-rds"].allows("rds:DeleteDBCluster", cluster, of_another)


@pytest.mark.parametrize("way", ["renamed", "published"])
@pytest.mark.parametrize("step", ["switch-cluster", "delete-rds"])
def test_the_expiry_can_be_given_and_taken_of_every_cluster_of_a_switched_target(
    request: pytest.FixtureRequest, way: str, step: str
) -> None:
    policy: Policy = request.getfixturevalue(way)[step]

    for name in ("orders-staging", "orders-staging-ar-0a1b2c3d", "orders-staging-ar-0a1b2c3d-old"):
        cluster = f"{TARGET}:cluster:{name}"
        expiry = {**TAGGED, "aws:TagKeys": [TAG_KEEP_UNTIL]}
        assert policy.allows("rds:RemoveTagsFromResource", cluster, expiry)
        others = {**TAGGED, "aws:TagKeys": [TAG_KEEP_UNTIL, TAG_MANAGED_BY]}
        assert not policy.allows("rds:RemoveTagsFromResource", cluster, others)
        assert policy.allows("rds:AddTagsToResource", cluster, {**TAGGED, **GIVEN_TAG})


ZONE = "arn:aws:route53:::hostedzone/Z0123456789"
_CHANGE = "route53:ChangeResourceRecordSets"
UPSERT = {
    f"{_CHANGE}Actions": ["UPSERT"],
    f"{_CHANGE}NormalizedRecordNames": ["orders.db.example.com", "orders-ro.db.example.com"],
    f"{_CHANGE}RecordTypes": ["CNAME"],
}


@pytest.mark.parametrize("step", ["switch-cluster", "delete-rds"])
def test_a_role_changes_the_configured_records_and_no_others(
    published: dict[str, Policy], step: str
) -> None:
    policy = published[step]

    assert policy.allows(_CHANGE, ZONE, UPSERT)
    for key, value in (
        ("Actions", "DELETE"),
        ("NormalizedRecordNames", "www.example.com"),
        ("RecordTypes", "A"),
    ):
        assert not policy.allows(_CHANGE, ZONE, {**UPSERT, f"{_CHANGE}{key}": [value]})
    assert not policy.allows(_CHANGE, ZONE.replace("0123456789", "9876543210"), UPSERT)


@steps
def test_only_steps_that_switch_write_the_endpoint(
    published: dict[str, Policy],
    renamed: dict[str, Policy],
    policies: dict[str, Policy],
    step: Step,
) -> None:
    parameter = "arn:aws:ssm:us-west-2:222222222222:parameter/aurora-restore/endpoints/staging"
    writes = step.name in ("delete-rds", "switch-cluster")

    assert published[step.name].allows("ssm:PutParameter", parameter) == writes
    assert not published[step.name].allows("ssm:PutParameter", parameter + "-other")
    assert renamed[step.name].allows("ssm:PutParameter", parameter) == writes
    assert not policies[step.name].allows("ssm:PutParameter", parameter)
    has_secret = "secretsmanager:PutSecretValue" in published[step.name].actions
    assert has_secret == (writes or bool(step.writes_secrets))
