"""From the grants in a row of the pipeline to IAM statements on an environment's ARNs."""

from collections.abc import Iterable, Iterator

from aurora_restore.permissions.arns import Arns
from aurora_restore.permissions.conditions import REMOVES_ANOTHER_TAG
from aurora_restore.permissions.scopes import AllowedAction, permissions_of
from aurora_restore.permissions.statements import (
    RoleStatement,
    allow,
    deny,
    deny_changes,
    is_change,
)
from aurora_restore.shared.grants import Condition
from aurora_restore.shared.pipeline import PipelineFunction


def statements_of(function: PipelineFunction, arns: Arns) -> Iterator[RoleStatement]:
    """Yield what a function may do; never, whatever its grants say, change a source.

    The denial is of the kinds of resources that the function changes: of others it may change none.
    """
    allowed = list(permissions_of(function, arns))
    for each in allowed:
        yield allow(each.action, each.arns, each.conditions)
    for grant in function.grants:
        if grant.condition is Condition.REMOVES_EXPIRY:
            yield deny(grant.actions, [arns.rds("cluster:*")], REMOVES_ANOTHER_TAG)
    yield deny_changes(arns.never_changed(_kinds_changed(allowed)))


def _kinds_changed(allowed: Iterable[AllowedAction]) -> set[str]:
    """Return the kinds of resources that may be changed, as ARNs of RDS name them."""
    return {arn.split(":")[5] for each in allowed if is_change(each.action) for arn in each.arns}
