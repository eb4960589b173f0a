"""What is asked of IAM's simulation, and what its results mean."""

from typing import Any

import pytest

from aurora_restore.cli.doctor.permissions import (
    Denial,
    DeployedRestores,
    context_of,
    decide_permissions,
    denials_in,
    simulations,
)
from aurora_restore.cli.findings import Level
from aurora_restore.permissions.arns import Arns
from aurora_restore.permissions.scopes import AllowedAction, permissions_of
from aurora_restore.shared.pipeline import STEPS
from tests.unit.cli.doctor.given import restore

ACCOUNT = "222222222222"
ARN = f"arn:aws:rds:eu-central-1:{ACCOUNT}:cluster:staging"


def test_every_grant_of_every_step_is_simulated() -> None:
    place = DeployedRestores(ACCOUNT, "eu-central-1", "aurora-restore", {"orders": restore()})
    arns = Arns(environment=place, partition="aws")

    for step in STEPS:
        permissions = list(permissions_of(step, arns))
        asked = {
            (action, arn)
            for actions, found, _ in simulations(permissions, ACCOUNT)
            for action in actions
            for arn in found
        }
        assert asked == {(each.action, arn) for each in permissions for arn in each.arns}


def test_what_another_account_decides_about_is_left_out() -> None:
    foreign = AllowedAction("rds:X", ["arn:aws:rds:eu-central-1:111111111111:cluster:p", ARN], {})
    only_foreign = AllowedAction("sts:AssumeRole", ["arn:aws:iam::111111111111:role/r"], {})

    assert list(simulations([foreign, only_foreign], ACCOUNT)) == [(["rds:X"], [ARN], {})]


def test_actions_on_the_same_are_asked_together() -> None:
    permissions = [AllowedAction(name, [ARN], {}) for name in ("rds:A", "rds:B")]

    assert list(simulations(permissions, ACCOUNT)) == [(["rds:A", "rds:B"], [ARN], {})]


@pytest.mark.parametrize(
    ("conditions", "value", "kind"),
    [
        ({"StringEquals": {"k": "v"}}, "v", "string"),
        ({"StringEquals": {"k": ["v", "w"]}}, "v", "string"),
        ({"Bool": {"k": "true"}}, "true", "boolean"),
        ({"Null": {"k": "false"}}, "present", "string"),
        ({"ForAllValues:StringEquals": {"k": "v"}}, "v", "stringList"),
    ],
)
def test_the_conditions_are_fulfilled(
    conditions: dict[str, dict[str, object]], value: str, kind: str
) -> None:
    assert context_of(conditions) == [
        {"ContextKeyName": "k", "ContextKeyValues": [value], "ContextKeyType": kind}
    ]


def result(**fields: Any) -> dict[str, Any]:
    """A result of the simulation."""
    return {"EvalActionName": "rds:DeleteDBCluster", "EvalResourceName": ARN, **fields}


def test_what_is_allowed_is_no_denial() -> None:
    assert list(denials_in(result(EvalDecision="allowed"))) == []


def test_each_resource_has_its_own_decision() -> None:
    (denial,) = denials_in(
        result(
            EvalDecision="implicitDeny",
            ResourceSpecificResults=[
                {"EvalResourceName": "a", "EvalResourceDecision": "allowed"},
                {"EvalResourceName": "b", "EvalResourceDecision": "implicitDeny"},
            ],
        )
    )

    assert (denial.arn, denial.is_explicit) == ("b", False)


@pytest.mark.parametrize(
    ("fields", "remedy"),
    [
        ({"EvalDecision": "implicitDeny"}, "Deploy the stack again"),
        ({"EvalDecision": "explicitDeny"}, "A statement denies it"),
        (
            {
                "EvalDecision": "explicitDeny",
                "OrganizationsDecisionDetail": {"AllowedByOrganizations": False},
            },
            "service control policy",
        ),
        (
            {
                "EvalDecision": "implicitDeny",
                "PermissionsBoundaryDecisionDetail": {"AllowedByPermissionsBoundary": False},
            },
            "permissions boundary",
        ),
    ],
    ids=["nothing allows it", "a statement", "organization", "boundary"],
)
def test_the_remedy_says_who_denies(fields: dict[str, Any], remedy: str) -> None:
    (found,) = decide_permissions({"role": list(denials_in(result(**fields)))})

    assert found.level is Level.PROBLEM
    assert f"rds:DeleteDBCluster on {ARN}" in found.text
    assert remedy in found.remedy


def test_good_roles_are_counted_and_a_missing_one_is_named() -> None:
    found = list(decide_permissions({"a": [], "b": None, "c": []}))

    assert [(each.level, each.text) for each in found] == [
        (Level.PROBLEM, "There is no role b."),
        (Level.OK, "2 of 3 roles may do what their steps declare."),
    ]


def test_many_denials_are_counted() -> None:
    denials = [Denial(action=f"rds:{n}", arn=ARN, is_explicit=False) for n in range(8)]

    (found,) = decide_permissions({"role": denials})

    assert found.text.endswith("and 3 more.")
