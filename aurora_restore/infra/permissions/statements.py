"""IAM statements, in the few forms that the stacks write."""

from collections.abc import Iterable

from aws_cdk import aws_iam as iam

from aurora_restore.permissions.conditions import Conditions


def allow(
    actions: str | Iterable[str], resources: Iterable[str], conditions: Conditions | None = None
) -> iam.PolicyStatement:
    """Return a statement that allows actions on resources."""
    return iam.PolicyStatement(
        actions=[actions] if isinstance(actions, str) else list(actions),
        resources=sorted(set(resources)),
        conditions=conditions,
    )


def deny(
    actions: Iterable[str], resources: Iterable[str], conditions: Conditions | None = None
) -> iam.PolicyStatement:
    """Return a statement that denies actions on resources, whatever another one allows."""
    return iam.PolicyStatement(
        effect=iam.Effect.DENY,
        actions=list(actions),
        resources=sorted(set(resources)),
        conditions=conditions,
    )


def deny_changes(sources: Iterable[str]) -> iam.PolicyStatement:
    """Return a statement that denies every change of a source, its tags included."""
    return deny(
        ("rds:AddTagsToResource", "rds:Delete*", "rds:Modify*", "rds:RemoveTagsFromResource"),
        sources,
    )
