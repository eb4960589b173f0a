"""The rows of the pipeline say of themselves what a reviewer would look for."""

import pytest

from aurora_restore.shared.grants import Condition, Resource
from aurora_restore.shared.pipeline import STEP_NAMES, STEPS, Step

READING = (":Describe", ":Get", ":List", ":AssumeRole")
# What a function of the user's own changes is not changed by the step that asks for it.
CALLING = ("lambda:InvokeFunction",)
DESTROYING = ("rds:Delete", "rds:Modify")
# Their ARNs name whatever there is of a kind, because names are not known beforehand.
NAMELESS = {
    Resource.INTERMEDIATE_SNAPSHOTS,
    Resource.SOURCE_SNAPSHOTS,
    Resource.TARGET_INSTANCES,
    Resource.TARGET_SNAPSHOTS,
}

steps = pytest.mark.parametrize("step", STEPS, ids=STEP_NAMES)


@steps
def test_a_row_says_whether_its_step_changes_aws(step: Step) -> None:
    changing = [
        action
        for grant in step.grants
        for action in grant.actions
        if not any(mark in action for mark in (*READING, *CALLING))
    ]

    assert step.changes_aws == (bool(changing) or step.reaches_database)


@steps
def test_what_is_not_known_by_name_is_destroyed_by_its_tag_only(step: Step) -> None:
    for grant in step.grants:
        if grant.resource in NAMELESS and grant.condition is not Condition.CARRIES_TAG:
            destroying = {each for each in grant.actions if each.startswith(DESTROYING)}
            # With DeleteDBCluster, a snapshot is only what the deletion leaves.
            assert destroying <= {"rds:DeleteDBCluster"}


@steps
def test_a_key_is_used_through_services_only(step: Step) -> None:
    for grant in step.grants:
        for action in grant.actions:
            if action == "kms:CreateGrant":
                assert grant.condition in {
                    Condition.GRANT_THROUGH_RDS,
                    Condition.GRANT_FOR_MANAGED_SECRETS,
                }
            elif action.startswith("kms:") and action != "kms:DescribeKey":
                assert grant.condition in {Condition.THROUGH_RDS, Condition.FOR_MANAGED_SECRETS}


@steps
def test_a_role_is_passed_to_rds_only(step: Step) -> None:
    for grant in step.grants:
        if "iam:PassRole" in grant.actions:
            assert grant.condition is Condition.PASSED_TO_RDS
