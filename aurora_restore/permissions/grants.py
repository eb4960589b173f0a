"""From the grants in a row of the pipeline to IAM statements on an environment's ARNs."""

from collections.abc import Iterator

from aurora_restore.permissions.arns import Arns
from aurora_restore.permissions.conditions import REMOVES_ANOTHER_TAG
from aurora_restore.permissions.scopes import changes_rds, permissions_of
from aurora_restore.permissions.statements import RoleStatement, allow, deny, deny_changes
from aurora_restore.shared.grants import Condition
from aurora_restore.shared.pipeline import PipelineFunction


def statements_of(function: PipelineFunction, arns: Arns) -> Iterator[RoleStatement]:
    """Yield what a function may do; never, whatever its grants say, change a source."""
    for each in permissions_of(function, arns):
        yield allow(each.action, each.arns, each.conditions)
    for grant in function.grants:
        if grant.condition is Condition.REMOVES_EXPIRY:
            yield deny(grant.actions, [arns.rds("cluster:*")], REMOVES_ANOTHER_TAG)
    if changes_rds(function):
        yield deny_changes(arns.never_changed())
