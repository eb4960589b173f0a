"""What the functions may do on a snapshot's way through this account in the source's Region."""

import pytest

from aurora_restore.shared.names import TAG_MANAGED_BY
from aurora_restore.shared.pipeline import STEP_NAMES, STEPS, Step
from tests.support.iam import Context, Policy
from tests.support.policies import policies_of
from tests.unit.infra.synthesis import cross_account, environment

IN_SOURCE_REGION = "arn:aws:rds:eu-central-1:222222222222"
STEP_COPY = f"{IN_SOURCE_REGION}:cluster-snapshot:orders-restore-step-eu-west-1-a"
# Of an environment with the same prefix, which restores into another Region.
ANOTHERS_STEP_COPY = f"{IN_SOURCE_REGION}:cluster-snapshot:orders-restore-step-eu-west-2-a"
TAGGED = {f"aws:ResourceTag/{TAG_MANAGED_BY}": "orders-restore"}
OF_ANOTHER = {f"aws:ResourceTag/{TAG_MANAGED_BY}": "another-environment"}
GIVEN_TAG = {f"aws:RequestTag/{TAG_MANAGED_BY}": "orders-restore"}
STEP_KEY = "arn:aws:kms:eu-central-1:222222222222:key/on-the-way"
BY_RDS_THERE = {
    "kms:ViaService": "rds.eu-central-1.amazonaws.com",
    "kms:GrantIsForAWSResource": "true",
}
SOURCE_ROLE = "arn:aws:iam::111111111111:role/orders-restore-source-access"

steps = pytest.mark.parametrize("step", STEPS, ids=STEP_NAMES)


@pytest.fixture(scope="module")
def two_steps() -> dict[str, Policy]:
    """The policies where a snapshot of another account is copied to this one first."""
    source = "restores.staging.source"
    document = cross_account(
        {f"{source}.copy_route": "two-steps", f"{source}.intermediate_kms_key_id": STEP_KEY}
    )
    return policies_of(environment(document))


@steps
def test_the_role_in_the_source_account_is_for_those_that_work_there(
    two_steps: dict[str, Policy], step: Step
) -> None:
    policy = two_steps[step.name]

    assert policy.allows("sts:AssumeRole", SOURCE_ROLE) == step.assumes_source_role
    assert not policy.allows("sts:AssumeRole", f"{SOURCE_ROLE}-2")
    assert not policy.allows("sts:AssumeRole", SOURCE_ROLE.replace("1" * 12, "3" * 12))


@pytest.mark.parametrize(
    ("step", "action", "resource", "context"),
    [
        ("copy-snapshot", "rds:CopyDBClusterSnapshot", STEP_COPY, GIVEN_TAG),
        # The second copy is of this one: the source's Region sees none of its tags.
        ("copy-snapshot", "rds:CopyDBClusterSnapshot", STEP_COPY, {}),
        ("copy-snapshot", "rds:AddTagsToResource", STEP_COPY, GIVEN_TAG),
        ("copy-snapshot", "rds:DeleteDBClusterSnapshot", STEP_COPY, TAGGED),
        ("copy-snapshot", "rds:DescribeDBClusterSnapshots", STEP_COPY, {}),
        ("copy-snapshot", "kms:CreateGrant", STEP_KEY, BY_RDS_THERE),
        ("copy-snapshot", "kms:Decrypt", STEP_KEY, BY_RDS_THERE),
        ("archive-snapshot", "rds:DeleteDBClusterSnapshot", STEP_COPY, TAGGED),
        ("archive-snapshot", "rds:DescribeDBClusterSnapshots", STEP_COPY, {}),
    ],
)
def test_a_copy_on_the_way_is_made_and_deleted(
    two_steps: dict[str, Policy], step: str, action: str, resource: str, context: Context
) -> None:
    assert two_steps[step].allows(action, resource, context)


@pytest.mark.parametrize(
    ("action", "resource", "context"),
    [
        ("rds:CopyDBClusterSnapshot", ANOTHERS_STEP_COPY, GIVEN_TAG),
        ("rds:AddTagsToResource", ANOTHERS_STEP_COPY, GIVEN_TAG),
        ("rds:DeleteDBClusterSnapshot", ANOTHERS_STEP_COPY, TAGGED),
        ("rds:CopyDBClusterSnapshot", f"{IN_SOURCE_REGION}:cluster-snapshot:other", GIVEN_TAG),
        ("rds:AddTagsToResource", STEP_COPY, {}),
        ("rds:AddTagsToResource", STEP_COPY, {**GIVEN_TAG, **OF_ANOTHER}),
        ("rds:DeleteDBClusterSnapshot", STEP_COPY, {}),
        ("rds:DeleteDBClusterSnapshot", STEP_COPY, OF_ANOTHER),
        ("rds:DeleteDBClusterSnapshot", f"{IN_SOURCE_REGION}:cluster-snapshot:other", TAGGED),
        ("rds:ModifyDBClusterSnapshotAttribute", STEP_COPY, TAGGED),
        ("kms:Decrypt", STEP_KEY, {}),
        ("kms:Decrypt", f"{STEP_KEY}-2", BY_RDS_THERE),
    ],
)
@steps
def test_a_copy_on_the_way_is_bounded(
    two_steps: dict[str, Policy], step: Step, action: str, resource: str, context: Context
) -> None:
    assert not two_steps[step.name].allows(action, resource, context)


def test_without_two_steps_nothing_is_copied_to_the_source_s_region() -> None:
    policies = policies_of(environment(cross_account()))

    for policy in policies.values():
        assert not policy.allows("rds:CopyDBClusterSnapshot", STEP_COPY, GIVEN_TAG)
        assert not policy.allows("rds:DeleteDBClusterSnapshot", STEP_COPY, TAGGED)
