"""What each step may do: actions, on which ARNs, under which conditions.

Actions, and what they depend on, follow the Service Authorization Reference:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonrds.html
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from aurora_restore.permissions.arns import Arns
from aurora_restore.permissions.conditions import Conditions, Scope, conditions_of, key_scope
from aurora_restore.shared.grants import Resource
from aurora_restore.shared.pipeline import Step

_READS: Final = "rds:Describe"


@dataclass(frozen=True)
class AllowedAction:
    """An action that is allowed on ARNs under conditions."""

    action: str
    arns: list[str]
    conditions: Conditions


def permissions_of(step: Step, arns: Arns) -> Iterator[AllowedAction]:
    """Yield what the grants of a step come to in an environment."""
    environment = arns.environment
    for grant in step.grants:
        conditions = conditions_of(
            grant.condition,
            name_prefix=environment.name_prefix,
            regions={environment.region, *arns.source_regions()},
            cnames=[name for cname in arns.cnames() for name in cname.names],
        )
        for action in grant.actions:
            for found, held in _scopes(action, grant.resource, conditions, arns):
                if found:
                    yield AllowedAction(action, found, held)


def _scopes(action: str, resource: Resource, conditions: Conditions, arns: Arns) -> Iterator[Scope]:
    """Yield the ARNs that an action is allowed on; a key's alias is a condition of its own."""
    match resource:
        case Resource.TARGET_KEYS | Resource.INTERMEDIATE_KEYS:
            for key in arns.of(resource):
                yield key_scope(key, conditions)
        case _ if action.startswith(_READS):
            yield arns.listed(resource), conditions
        case _:
            yield arns.of(resource), conditions


def changes_rds(step: Step) -> bool:
    """Return whether a step changes anything in RDS."""
    actions = (action for grant in step.grants for action in grant.actions)
    return any(each.startswith("rds:") and not each.startswith(_READS) for each in actions)
