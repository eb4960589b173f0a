"""The role in a source account: for whom it is, what it may do there, and what never."""

import json
from typing import Any

import pytest

from aurora_restore.infra.source_account.key_policy import key_policy_statements
from aurora_restore.permissions.source_role import source_accounts
from aurora_restore.shared.grants import SOURCE_ROLE_GRANTS, Resource
from aurora_restore.shared.names import TAG_MANAGED_BY
from aurora_restore.shared.pipeline import (
    STEP_NAMES,
    STEPS,
    Step,
)
from tests.support.iam import Context, Policy, Trust
from tests.support.policies import source_policies_of
from tests.unit.infra.synthesis import (
    ABSENT,
    Document,
    Synthesis,
    cross_account,
    environment,
    source_stack_of,
    synthesise,
)

ACCOUNT = "111111111111"
SOURCE = f"arn:aws:rds:eu-central-1:{ACCOUNT}"
SHARED = f"{SOURCE}:cluster-snapshot:orders-restore-shared-2026-05-15"
AUTOMATED = f"{SOURCE}:cluster-snapshot:rds:orders-production-2026-05-15-03-04"
MANUAL = f"{SOURCE}:cluster-snapshot:daily-2026-05-15"
CLUSTER = f"{SOURCE}:cluster:orders-production"
KEY = f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
OTHER_KEY = f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/of-the-cluster"
TAGGED = {f"aws:ResourceTag/{TAG_MANAGED_BY}": "orders-restore"}
GIVEN_TAG = {f"aws:RequestTag/{TAG_MANAGED_BY}": "orders-restore"}
OF_ANOTHER = {f"aws:ResourceTag/{TAG_MANAGED_BY}": "another-environment"}
BY_RDS = {
    "kms:ViaService": "rds.eu-central-1.amazonaws.com",
    "kms:GrantIsForAWSResource": "true",
}
ROLE = "arn:aws:iam::222222222222:role/orders-restore-eu-west-1-"
SNAPSHOT_NAME = {"restores.staging.source.snapshot_name": "daily-{date}"}

GRANTED = {action for grant in SOURCE_ROLE_GRANTS for action in grant.actions}


def role_of(document: Document) -> tuple[Policy, Trust]:
    return source_policies_of(environment(document))[ACCOUNT]


@pytest.fixture(scope="module")
def source_stack() -> Synthesis:
    return source_stack_of(environment(cross_account()), ACCOUNT)


@pytest.fixture(scope="module")
def role() -> tuple[Policy, Trust]:
    """The role of the example, which shares automated snapshots."""
    return role_of(cross_account())


@pytest.fixture(scope="module")
def by_name() -> Policy:
    """The permissions where the snapshots have a configured name."""
    return role_of(cross_account(SNAPSHOT_NAME))[0]


@pytest.mark.parametrize("step", STEPS, ids=STEP_NAMES)
def test_it_trusts_the_functions_that_work_there(role: tuple[Policy, Trust], step: Step) -> None:
    assert role[1].admits(ROLE + step.name) == step.assumes_source_role


@pytest.mark.parametrize(
    "principal",
    [
        ROLE + "copy-snapshot-2",
        ROLE.replace("eu-west-1", "eu-west-2") + "copy-snapshot",
        ROLE.replace("orders-restore", "another") + "copy-snapshot",
        ROLE.replace("2" * 12, "3" * 12) + "copy-snapshot",
        ROLE.replace("2" * 12, ACCOUNT) + "copy-snapshot",
        "arn:aws:iam::222222222222:role/Admin",
        "arn:aws:iam::222222222222:root",
    ],
)
def test_it_trusts_nobody_else(role: tuple[Policy, Trust], principal: str) -> None:
    assert not role[1].admits(principal)


def test_the_functions_have_the_roles_that_it_trusts() -> None:
    stack = synthesise(cross_account())
    roles = {
        step: stack.resources[function["Role"]["Fn::GetAtt"][0]]["Properties"]["RoleName"]
        for step, (_, function) in stack.functions().items()
    }

    assert roles == {name: f"orders-restore-eu-west-1-{name}" for name in STEP_NAMES}


def test_it_allows_exactly_what_is_declared(role: tuple[Policy, Trust]) -> None:
    assert role[0].actions == {
        *GRANTED,
        "kms:CreateGrant",
        "kms:Decrypt",
        "kms:DescribeKey",
        "kms:Encrypt",
        "kms:GenerateDataKey*",
        "kms:ReEncryptFrom",
        "kms:ReEncryptTo",
    }


@pytest.mark.parametrize(
    ("action", "resource", "context"),
    [
        ("rds:DescribeDBClusterSnapshots", AUTOMATED, {}),
        ("rds:DescribeDBClusterSnapshots", f"{SOURCE}:cluster-snapshot:*", {}),
        ("rds:DescribeDBClusterSnapshots", CLUSTER, {}),
        # A list is on all clusters, even if a filter names one.
        ("rds:DescribeDBClusterSnapshots", f"{SOURCE}:cluster:*", {}),
        ("rds:CopyDBClusterSnapshot", AUTOMATED, GIVEN_TAG),
        ("rds:CopyDBClusterSnapshot", SHARED, GIVEN_TAG),
        ("rds:AddTagsToResource", SHARED, GIVEN_TAG),
        ("rds:ModifyDBClusterSnapshotAttribute", SHARED, TAGGED),
        ("rds:DeleteDBClusterSnapshot", SHARED, TAGGED),
        ("kms:CreateGrant", OTHER_KEY, BY_RDS),
        ("kms:Decrypt", OTHER_KEY, BY_RDS),
        ("kms:DescribeKey", OTHER_KEY, BY_RDS),
        ("kms:CreateGrant", KEY, BY_RDS),
        ("kms:GenerateDataKeyWithoutPlaintext", KEY, BY_RDS),
    ],
)
def test_what_sharing_needs_is_allowed(
    role: tuple[Policy, Trust], action: str, resource: str, context: Context
) -> None:
    assert role[0].allows(action, resource, context)


@pytest.mark.parametrize(
    ("action", "resource", "context"),
    [
        ("rds:DeleteDBCluster", CLUSTER, TAGGED),
        ("rds:ModifyDBCluster", CLUSTER, TAGGED),
        ("rds:CopyDBClusterSnapshot", AUTOMATED, {}),
        ("rds:CopyDBClusterSnapshot", MANUAL, GIVEN_TAG),
        (
            "rds:CopyDBClusterSnapshot",
            AUTOMATED.replace("orders-production", "payroll-production"),
            GIVEN_TAG,
        ),
        (
            "rds:CopyDBClusterSnapshot",
            AUTOMATED.replace("orders-production", "orders-production-eu"),
            GIVEN_TAG,
        ),
        ("rds:AddTagsToResource", SHARED, {}),
        ("rds:AddTagsToResource", MANUAL, GIVEN_TAG),
        ("rds:AddTagsToResource", CLUSTER, GIVEN_TAG),
        ("rds:ModifyDBClusterSnapshotAttribute", SHARED, {}),
        ("rds:ModifyDBClusterSnapshotAttribute", SHARED, OF_ANOTHER),
        ("rds:ModifyDBClusterSnapshotAttribute", MANUAL, TAGGED),
        ("rds:DeleteDBClusterSnapshot", SHARED, {}),
        ("rds:DeleteDBClusterSnapshot", SHARED, OF_ANOTHER),
        ("rds:DeleteDBClusterSnapshot", MANUAL, TAGGED),
        ("rds:DeleteDBClusterSnapshot", AUTOMATED, TAGGED),
        ("rds:DeleteDBClusterSnapshot", SHARED.replace("eu-central-1", "eu-west-1"), TAGGED),
        ("rds:RestoreDBClusterFromSnapshot", AUTOMATED, GIVEN_TAG),
        ("rds:AddTagsToResource", SHARED, {**GIVEN_TAG, **OF_ANOTHER}),
        ("rds:DescribeDBClusters", CLUSTER, {}),
        ("kms:Decrypt", OTHER_KEY, {}),
        ("kms:Encrypt", OTHER_KEY, BY_RDS),
        ("kms:CreateGrant", KEY, {"kms:ViaService": BY_RDS["kms:ViaService"]}),
        ("kms:Decrypt", KEY, {"kms:ViaService": "s3.eu-central-1.amazonaws.com"}),
        ("kms:Decrypt", KEY.replace("eu-central-1", "eu-west-1"), BY_RDS),
        ("kms:ScheduleKeyDeletion", KEY, BY_RDS),
        ("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/Admin", {}),
    ],
)
def test_all_else_is_not(
    role: tuple[Policy, Trust], action: str, resource: str, context: Context
) -> None:
    assert not role[0].allows(action, resource, context)


def test_a_source_is_denied_whatever_else_its_account_allows(role: tuple[Policy, Trust]) -> None:
    (deny,) = (each for each in role[0].statements if each["Effect"] == "Deny")

    assert deny["Action"] == [
        "rds:AddTagsToResource",
        "rds:Delete*",
        "rds:Modify*",
        "rds:RemoveTagsFromResource",
    ]
    assert deny["Resource"] == [f"{SOURCE}:cluster:*", f"{SOURCE}:db:*"]


@pytest.mark.parametrize(
    ("action", "resource", "context", "allowed"),
    [
        ("rds:CopyDBClusterSnapshot", MANUAL, GIVEN_TAG, True),
        ("rds:CopyDBClusterSnapshot", MANUAL, {}, False),
        ("rds:CopyDBClusterSnapshot", AUTOMATED, GIVEN_TAG, True),
        ("rds:ModifyDBClusterSnapshotAttribute", MANUAL, {}, True),
        ("rds:ModifyDBClusterSnapshotAttribute", f"{MANUAL}-2", {}, False),
        ("rds:ModifyDBClusterSnapshotAttribute", MANUAL.replace("2026", "payroll-2026"), {}, False),
        ("rds:ModifyDBClusterSnapshotAttribute", SHARED, {}, False),
        ("rds:DeleteDBClusterSnapshot", MANUAL, TAGGED, False),
        ("rds:AddTagsToResource", MANUAL, GIVEN_TAG, False),
    ],
)
def test_a_snapshot_of_the_configured_name_is_shared_and_stays(
    by_name: Policy, action: str, resource: str, context: Context, allowed: bool
) -> None:
    assert by_name.allows(action, resource, context) == allowed


def test_without_a_key_no_key_is_used() -> None:
    changes = {"restores.staging.source.kms_key_id": ABSENT}
    stack = source_stack_of(environment(cross_account(changes)), ACCOUNT)

    assert role_of(cross_account(changes))[0].actions == GRANTED
    assert set(stack.template.to_json()["Outputs"]) == {"RoleArn"}


def test_an_alias_stands_for_its_key() -> None:
    alias = f"arn:aws:kms:eu-central-1:{ACCOUNT}:alias/shared-snapshots"
    policy, _ = role_of(cross_account({"restores.staging.source.kms_key_id": alias}))
    named = {"kms:ResourceAliases": ["alias/shared-snapshots"]}

    assert policy.allows("kms:Encrypt", KEY, {**BY_RDS, **named})
    assert not policy.allows("kms:Encrypt", KEY, BY_RDS)


def test_each_source_account_has_a_role_for_its_own_sources() -> None:
    first: dict[str, Any] = cross_account()["restores"]["staging"]
    second = {
        "source": {
            "cluster_id": "billing",
            "region": "eu-north-1",
            "account_id": "333333333333",
            "role_arn": "arn:aws:iam::333333333333:role/orders-restore-source-access",
        },
        "target": {**first["target"], "cluster_id": "billing-staging"},
    }
    third = {
        "source": {**first["source"], "cluster_id": "stock", "region": "us-east-1"},
        "target": {**first["target"], "cluster_id": "stock-staging"},
    }
    del third["source"]["kms_key_id"]
    by_hand = {
        "source": {"cluster_id": "shop", "region": "eu-west-1", "account_id": "444444444444"},
        "target": {**first["target"], "cluster_id": "shop-staging"},
    }
    fleet = environment(
        cross_account(
            {
                "restores.billing": second,
                "restores.stock": third,
                "restores.shop": by_hand,
            }
        )
    )
    roles = source_policies_of(fleet)
    describe = "rds:DescribeDBClusterSnapshots"
    billing = "arn:aws:rds:eu-north-1:333333333333:cluster-snapshot:a"

    assert source_accounts(fleet) == list(roles) == [ACCOUNT, "333333333333"]
    assert roles[ACCOUNT][0].allows(describe, AUTOMATED)
    assert roles[ACCOUNT][0].allows(describe, AUTOMATED.replace("eu-central-1", "us-east-1"))
    assert not roles[ACCOUNT][0].allows(describe, billing)
    assert roles["333333333333"][0].allows(describe, billing)
    assert not roles["333333333333"][0].allows(describe, AUTOMATED)
    assert roles["333333333333"][1].admits(ROLE + "copy-snapshot")


def test_its_stack_stands_alone(source_stack: Synthesis) -> None:
    """No bootstrap stack, no parameters, no assets: the template is all that the account needs."""
    template = source_stack.template.to_json()

    assert source_stack.stack.environment == f"aws://{ACCOUNT}/eu-central-1"
    assert source_stack.stack.tags.tag_values()["service"] == "orders-restore"
    assert set(template) == {"Description", "Outputs", "Resources"}
    assert {each["Type"] for each in template["Resources"].values()} == {
        "AWS::IAM::Role",
        "AWS::IAM::Policy",
    }
    source_stack.template.has_resource_properties(
        "AWS::IAM::Role", {"RoleName": "orders-restore-source-access"}
    )


def test_the_key_s_policy_is_told(source_stack: Synthesis) -> None:
    said = source_stack.template.to_json()["Outputs"]["KeyPolicyStatements"]["Value"]

    assert json.loads(said) == key_policy_statements(environment(cross_account()), partition="aws")


def test_the_key_s_policy_lets_each_function_do_what_it_is_granted_and_no_more() -> None:
    statements = key_policy_statements(environment(cross_account()), partition="aws")
    policy = Policy(statements)
    granted = {
        step.name: {
            action
            for grant in step.grants
            if grant.resource is Resource.SOURCE_KEYS
            for action in grant.actions
        }
        for step in STEPS
    }
    known = {action for actions in granted.values() for action in actions}

    for statement in statements:
        assert statement["Principal"] == {"AWS": "arn:aws:iam::222222222222:root"}
    for step, actions in granted.items():
        caller = {"aws:PrincipalArn": ROLE + step}
        allowed = {action for action in known if policy.allows(action, KEY, {**caller, **BY_RDS})}
        assert allowed == actions
        assert policy.allows("kms:DescribeKey", KEY, caller) == ("kms:DescribeKey" in actions)
        assert not policy.allows("kms:CreateGrant", KEY, caller)
        for action in ("kms:ListGrants", "kms:RevokeGrant"):
            allowed_too = policy.allows(action, KEY, {**caller, **BY_RDS})
            assert allowed_too == ("kms:CreateGrant" in actions)
