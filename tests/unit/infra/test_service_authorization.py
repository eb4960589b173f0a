"""Every statement of every policy that is deployed, against what AWS says of its actions.

The Service Authorization Reference says for each action which resources it can be allowed on, which
condition keys a call of it has, and which actions it depends on. A statement that contradicts it
is accepted by IAM and allows nothing, or less than it seems to.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import pytest

from aurora_restore.infra.source_account.key_policy import key_policy_statements
from aurora_restore.permissions.source_role import source_accounts
from aurora_restore.shared.pipeline import STEP_NAMES
from tests.support.iam import matches
from tests.support.service_authorization import ANY, IamAction, overlap, reference
from tests.support.template_statements import Statement, TemplateStatements
from tests.unit.infra.examples import EXAMPLES
from tests.unit.infra.synthesis import environment, source_stack_of, stack_of

# Actions on every resource although AWS knows narrower ones, or has none of its own for them.
ON_EVERYTHING: Final[Mapping[str, str]] = {
    "ec2:AssignPrivateIpAddresses": "network interfaces have no ARN before Lambda makes them",
    "ec2:CreateNetworkInterface": "network interfaces have no ARN before Lambda makes them",
    "ec2:DeleteNetworkInterface": "network interfaces have no ARN before Lambda makes them",
    "ec2:UnassignPrivateIpAddresses": "network interfaces have no ARN before Lambda makes them",
}

# Condition keys that AWS documents elsewhere than in the table of the action.
DOCUMENTED_ELSEWHERE: Final[Mapping[str, str]] = {
    "lambda:SourceFunctionArn": "every call from a function has it "
    "(https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html)",
}

# What an action depends on only in cases that the pipeline never makes, by the step whose role may
# do without it; an empty name stands for every role.
EVERY_ROLE: Final = ""
NOT_NEEDED: Final[Mapping[tuple[str, str, str], str]] = {
    (EVERY_ROLE, "ec2:CreateNetworkInterface", "ec2:CreateTags"): (
        "Lambda puts no tags on network interfaces"
    ),
    **{
        (EVERY_ROLE, action, f"rds:{name}TenantDatabase"): "Aurora has no tenant databases"
        for action, name in (
            ("rds:CreateDBInstance", "Create"),
            ("rds:DeleteDBInstance", "Delete"),
            ("rds:ModifyDBInstance", "Create"),
        )
    },
    **{
        (EVERY_ROLE, action, f"secretsmanager:{name}"): "it lets RDS manage no master password"
        for action, names in (
            ("rds:CreateDBInstance", ("CreateSecret", "TagResource")),
            ("rds:ModifyDBCluster", ("CreateSecret", "RotateSecret", "TagResource")),
            ("rds:ModifyDBInstance", ("CreateSecret", "RotateSecret", "TagResource")),
        )
        for name in names
    },
    ("delete-rds", "rds:DeleteDBInstance", "rds:CreateDBSnapshot"): (
        "a member of a cluster has no final snapshot of its own"
    ),
    **{
        ("delete-rds", action, name): (
            "it lifts the deletion protection, or finishes what switch-cluster has begun"
        )
        for action in ("rds:ModifyDBCluster", "rds:ModifyDBInstance")
        for name in ("iam:PassRole", "kms:CreateGrant", "kms:Decrypt", "kms:GenerateDataKey")
    },
    ("hand-over", "rds:ModifyDBInstance", "rds:AddTagsToResource"): "it gives instances no tags",
    ("put-back-access", "rds:ModifyDBProxy", "iam:PassRole"): "it leaves a proxy its role",
    **{
        ("put-back-access", "rds:ModifyDBCluster", name): (
            "it lets RDS manage the master password only"
        )
        for name in ("iam:PassRole", "rds:ModifyDBInstance")
    },
    **{
        ("switch-cluster", action, name): (
            "it renames, attaches security groups and sets the master password only"
        )
        for action in ("rds:ModifyDBCluster", "rds:ModifyDBInstance")
        for name in (
            "iam:PassRole",
            "kms:CreateGrant",
            "kms:Decrypt",
            "kms:DescribeKey",
            "kms:GenerateDataKey",
        )
    },
    (
        "switch-cluster",
        "application-autoscaling:RegisterScalableTarget",
        "application-autoscaling:TagResource",
    ): "it gives scalable targets no tags",
    **{
        ("hand-over", action, name): "it attaches security groups only"
        for action in ("rds:ModifyDBCluster", "rds:ModifyDBInstance")
        for name in (
            "iam:PassRole",
            "kms:CreateGrant",
            "kms:Decrypt",
            "kms:DescribeKey",
            "kms:GenerateDataKey",
        )
    },
}


@dataclass(frozen=True)
class JudgedStatement:
    """A statement, in one of the examples."""

    example: str
    statement: Statement

    def __str__(self) -> str:
        return f"{self.example}: {self.statement}"


@pytest.fixture(scope="module")
def judged() -> list[JudgedStatement]:
    """Every statement of every policy of all examples."""
    return [JudgedStatement(name, each) for name in EXAMPLES for each in _statements(name)]


def _statements(example: str) -> Iterator[Statement]:
    checked = environment(EXAMPLES[example]())
    stacks = [(stack_of(checked), checked.account, checked.region)]
    for account in source_accounts(checked):
        source = source_stack_of(checked, account)
        stacks.append((source, account, source.stack.region))
        for each in key_policy_statements(checked, partition="aws"):
            yield Statement("the source's key", "resource", each, (_ANY_KEY,))
    for stack, account, region in stacks:
        yield from TemplateStatements(stack, account, region).all()


_ANY_KEY: Final = "arn:aws:kms:eu-central-1:111111111111:key/*"


def actions_of(statement: Statement) -> list[IamAction]:
    """The actions that a statement's patterns stand for."""
    return [each for pattern in statement.actions for each in reference().actions(pattern)]


def resources_of(statement: Statement, action: IamAction) -> list[str]:
    """The ARNs of a statement that are of a type which the action knows."""
    return [each for each in statement.resources if each == ANY or action.types_of(each)]


def test_every_action_exists(judged: list[JudgedStatement]) -> None:
    assert [
        f"{each}: there is no action {pattern}"
        for each in judged
        for pattern in each.statement.actions
        if not reference().actions(pattern)
    ] == []


def test_every_resource_is_of_a_type_that_its_action_knows(judged: list[JudgedStatement]) -> None:
    """A wildcard in an action may stand for one that knows other types: a denial is of all."""
    wrong = []
    for each in judged:
        statement = each.statement
        own = statement.kind == "resource" and set(statement.resources) == {ANY}
        for pattern in statement.actions:
            actions = reference().actions(pattern)
            for resource in statement.resources:
                knowing = [action for action in actions if action.types_of(resource)]
                fits = len(knowing) == len(actions) if statement.allows else bool(knowing)
                if not (own or fits or resource == ANY):
                    wrong.append(f"{each}: {pattern} cannot be on {resource}")
    assert wrong == []


def test_what_is_on_every_resource_knows_no_narrower_one(judged: list[JudgedStatement]) -> None:
    """A resource's own policy says ``*`` for that resource; a denial may well be of all."""
    wide = {
        action.name
        for each in judged
        if each.statement.kind == "identity" and each.statement.allows
        for action in actions_of(each.statement)
        if ANY in each.statement.resources and action.types
    }
    assert wide == set(ON_EVERYTHING)


def test_every_condition_is_on_a_key_that_the_call_has(judged: list[JudgedStatement]) -> None:
    wrong, elsewhere = [], set()
    for each in judged:
        statement = each.statement
        for key in statement.condition_keys:
            if key in DOCUMENTED_ELSEWHERE:
                elsewhere.add(key)
                continue
            for action in actions_of(statement):
                wrong += [
                    f"{each}: {action.name} on {resource} has no key {key}"
                    for resource in resources_of(statement, action) or [ANY]
                    if not action.knows(key, resource)
                ]
    assert wrong == []
    assert elsewhere == set(DOCUMENTED_ELSEWHERE)


def roles_of(judged: list[JudgedStatement]) -> Mapping[tuple[str, str], list[Statement]]:
    """The statements of each role that allow something, by example and role."""
    roles: dict[tuple[str, str], list[Statement]] = {}
    for each in judged:
        if each.statement.kind == "identity" and each.statement.allows:
            roles.setdefault((each.example, each.statement.holder), []).append(each.statement)
    return roles


def test_an_action_is_allowed_on_every_type_that_a_call_is_on(
    judged: list[JudgedStatement],
) -> None:
    missing = []
    for role, statements in roles_of(judged).items():
        allowed: dict[IamAction, set[str]] = {}
        for statement in statements:
            for action in actions_of(statement):
                allowed.setdefault(action, set()).update(statement.resources)
        missing += [
            f"{role}: {action.name} on no {required}"
            for action, resources in allowed.items()
            for required in action.required
            if not any(_is_of(action, required, each) for each in resources)
        ]
    assert missing == []


def _is_of(action: IamAction, type_name: str, resource: str) -> bool:
    (arn,) = (each.arn for each in action.types if each.name == type_name)
    return overlap(arn, resource)


def test_what_an_action_depends_on_is_allowed_to_the_same_role(
    judged: list[JudgedStatement],
) -> None:
    missing, acknowledged = set(), set()
    for (_, role), statements in roles_of(judged).items():
        patterns = {pattern for statement in statements for pattern in statement.actions}
        for action in {each for statement in statements for each in actions_of(statement)}:
            for dependent in action.dependents:
                if any(matches(pattern.lower(), dependent.lower()) for pattern in patterns):
                    continue
                cases = {(step, action.name, dependent) for step in (EVERY_ROLE, step_of(role))}
                acknowledged |= cases & set(NOT_NEEDED)
                if not cases & set(NOT_NEEDED):
                    missing.add(f"{step_of(role)}: {action.name} needs {dependent}")
    assert sorted(missing) == []
    assert acknowledged == set(NOT_NEEDED)


def step_of(role: str) -> str:
    """The step whose function has a role of that name, or the name if none has."""
    return next((step for step in STEP_NAMES if role.endswith(f"-{step}")), role)


def test_what_was_judged(
    judged: list[JudgedStatement], record_property: Callable[[str, object], None]
) -> None:
    """The rules above have judged every role and every resource with a policy, in all examples."""
    by_kind = {
        kind: {
            (each.example, each.statement.holder) for each in judged if each.statement.kind == kind
        }
        for kind in ("identity", "trust", "resource")
    }
    actions = {action.name for each in judged for action in actions_of(each.statement)}
    services = {name.partition(":")[0] for name in actions}
    for name, value in {
        "statements": len(judged),
        "roles": len(by_kind["identity"]),
        "actions": sorted(actions),
    }.items():
        record_property(name, value)
    print(f"{len(judged)} statements, {len(by_kind['identity'])} roles, {len(actions)} actions")

    for example in EXAMPLES:
        with_policy = [each for each in by_kind["identity"] if each[0] == example]
        with_trust = [each for each in by_kind["trust"] if each[0] == example]
        assert sorted(with_policy) == sorted(with_trust)
        assert len(with_policy) > len(STEP_NAMES)
    assert {"kms", "rds", "dynamodb", "iam", "sts", "sns", "sqs", "secretsmanager"} <= services


# Services that say in no document that they tell whose resource they assume a role for.
WITHOUT_SOURCE_ACCOUNT: Final[Mapping[str, str]] = {
    "lambda.amazonaws.com": "the Lambda Developer Guide names no such key for an execution role, "
    "which can be passed to functions of its own account only",
}


def test_a_service_assumes_a_role_for_this_account_only(judged: list[JudgedStatement]) -> None:
    trusted, unconditional = set(), set()
    for each in judged:
        if each.statement.kind == "trust" and "Service" in each.statement.document["Principal"]:
            service = each.statement.document["Principal"]["Service"]
            trusted.add(service)
            equals = each.statement.document.get("Condition", {}).get("StringEquals", {})
            if equals.get("aws:SourceAccount") != environment(EXAMPLES[each.example]()).account:
                unconditional.add(service)
    assert unconditional == set(WITHOUT_SOURCE_ACCOUNT)
    assert trusted - unconditional == {"scheduler.amazonaws.com", "states.amazonaws.com"}
