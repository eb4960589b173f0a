"""Policies of roles, as the CDK has them."""

from collections.abc import Iterable

from aws_cdk import aws_iam as iam

from aurora_restore.permissions.packing import RolePolicy
from aurora_restore.permissions.statements import RoleStatement


def add_statements(role: iam.Role, statements: Iterable[RoleStatement]) -> None:
    """Add statements to the role's inline policy."""
    for statement in statements:
        role.add_to_policy(_of_cdk(statement))


def attach_policies(role: iam.Role, policies: Iterable[RolePolicy]) -> None:
    """Give the role what the policies say: the first one inline, the others as managed policies.

    They are below the role in the tree, so that what needs the role waits for them, too.
    """
    for number, policy in enumerate(policies):
        if number == 0:
            add_statements(role, policy.statements)
            continue
        iam.ManagedPolicy(
            role,
            f"Policy{number}",
            document=iam.PolicyDocument(
                minimize=False, statements=[_of_cdk(each) for each in policy.statements]
            ),
            roles=[role],
        )


def _of_cdk(statement: RoleStatement) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        effect=iam.Effect.ALLOW if statement.effect == "Allow" else iam.Effect.DENY,
        actions=list(statement.actions),
        resources=list(statement.resources),
        conditions=statement.conditions or None,
    )
