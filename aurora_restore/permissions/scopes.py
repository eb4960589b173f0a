"""What each function may do: actions, on which ARNs, under which conditions.

Actions, and what they depend on, follow the Service Authorization Reference:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonrds.html
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from aurora_restore.permissions.arns import Arns
from aurora_restore.permissions.conditions import (
    Conditions,
    Scope,
    conditions_of,
    in_batches,
    key_scopes,
)
from aurora_restore.shared.grants import Condition, Grant, Resource
from aurora_restore.shared.pipeline import PipelineFunction

_READS: Final = "rds:Describe"


@dataclass(frozen=True)
class AllowedAction:
    """An action that is allowed on ARNs under conditions."""

    action: str
    arns: list[str]
    conditions: Conditions


def permissions_of(function: PipelineFunction, arns: Arns) -> Iterator[AllowedAction]:
    """Yield what the grants of a function come to in an environment."""
    for grant in function.grants:
        for action in grant.actions:
            for found, conditions in _scopes(action, grant, arns):
                if found:
                    yield AllowedAction(action, found, conditions)


def _scopes(action: str, grant: Grant[Resource], arns: Arns) -> Iterator[Scope]:
    """Yield the ARNs that an action is allowed on, and the conditions for them.

    The alias of a key, and the names of records in a hosted zone, are conditions of their own.
    """
    if grant.condition is Condition.UPSERTS_CNAMES:
        for zone, cnames in arns.cnames_by_zone().items():
            for names in in_batches([each.names for each in cnames]):
                yield [zone], _conditions(grant.condition, arns, names)
        return
    if grant.condition is Condition.OF_TARGETS:
        # The tag may be in the request or on the resource, so each cluster is named for both.
        for clusters in in_batches(((arn,) for arn in arns.clusters_that_serve()), times=2):
            yield (
                arns.of(grant.resource),
                _conditions(grant.condition, arns, clusters=clusters),
            )
        return
    conditions = _conditions(grant.condition, arns)
    match grant.resource:
        case Resource.TARGET_KEYS | Resource.INTERMEDIATE_KEYS:
            yield from key_scopes(arns.of(grant.resource), conditions)
        case resource if action.startswith(_READS):
            yield arns.listed(resource), conditions
        case resource:
            yield arns.of(resource), conditions


def _conditions(
    condition: Condition | None,
    arns: Arns,
    cnames: Iterable[str] = (),
    clusters: Sequence[str] = (),
) -> Conditions:
    return conditions_of(
        condition,
        name_prefix=arns.environment.name_prefix,
        regions={arns.environment.region, *arns.source_regions()},
        cnames=cnames,
        clusters=clusters,
    )
