"""From the grants in a row of the pipeline to IAM statements on an environment's ARNs.

Actions, and what they depend on, follow the Service Authorization Reference:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonrds.html
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from aws_cdk import aws_iam as iam

from aurora_restore.infra.permissions.arns import Arns
from aurora_restore.infra.permissions.conditions import Conditions, Scope, conditions_of, key_scope
from aurora_restore.infra.permissions.statements import allow, deny_changes
from aurora_restore.shared.documents.environment import Environment
from aurora_restore.shared.grants import Resource
from aurora_restore.shared.pipeline import Step

_READS: Final = "rds:Describe"


@dataclass(frozen=True, kw_only=True)
class GrantStatements:
    """The statements for the grants of each step, in one environment."""

    environment: Environment
    partition: str

    @property
    def arns(self) -> Arns:
        """Return the ARNs that the environment's restores name."""
        return Arns(environment=self.environment, partition=self.partition)

    def of(self, step: Step) -> Iterator[iam.PolicyStatement]:
        """Yield what a step may do; never, whatever its grants say, change a source."""
        for grant in step.grants:
            conditions = conditions_of(
                grant.condition,
                name_prefix=self.environment.name_prefix,
                regions={self.environment.region, *self.arns.source_regions()},
                cnames=[name for cname in self.arns.cnames() for name in cname.names],
            )
            for action in grant.actions:
                for arns, held in self._scopes(action, grant.resource, conditions):
                    if arns:
                        yield allow(action, arns, held)
        if any(_changes_rds(action) for grant in step.grants for action in grant.actions):
            yield deny_changes([*self.arns.sources(), *self.arns.source_instances()])

    def _scopes(self, action: str, resource: Resource, conditions: Conditions) -> Iterator[Scope]:
        """Yield the ARNs that an action is allowed on; a key's alias is a condition of its own."""
        match resource:
            case Resource.TARGET_KEYS | Resource.INTERMEDIATE_KEYS:
                for key in self.arns.of(resource):
                    yield key_scope(key, conditions)
            case _ if action.startswith(_READS):
                yield self.arns.listed(resource), conditions
            case _:
                yield self.arns.of(resource), conditions


def _changes_rds(action: str) -> bool:
    return action.startswith("rds:") and not action.startswith(_READS)
