"""From the grants in a row of the pipeline to IAM statements on an environment's ARNs.

Actions, and what they depend on, follow the Service Authorization Reference:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonrds.html
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from aws_cdk import aws_iam as iam

from aurora_restore.infra.permissions.arns import Arns
from aurora_restore.infra.permissions.keys import KeyGrants, Scope
from aurora_restore.infra.permissions.statements import (
    Conditions,
    allow,
    carries_tag,
    deny_changes,
    gives_tag,
)
from aurora_restore.shared.documents.environment import Environment
from aurora_restore.shared.pipeline import Resource, Step

_ADD_TAGS: Final = "rds:AddTagsToResource"
_COPY: Final = "rds:CopyDBClusterSnapshot"
_DELETE_SNAPSHOT: Final = "rds:DeleteDBClusterSnapshot"

_ON_TAGGED: Final = frozenset({_DELETE_SNAPSHOT, "rds:DeleteDBInstance", "rds:ModifyDBInstance"})
"""Allowed on what carries the environment's tag, because its name is not known beforehand."""
_WITH_TAG: Final = frozenset(
    {
        ("rds:CreateDBInstance", Resource.TARGET_INSTANCES),
        (_COPY, Resource.TARGET_SNAPSHOTS),
        (_COPY, Resource.INTERMEDIATE_SNAPSHOTS),
        (_ADD_TAGS, Resource.INTERMEDIATE_SNAPSHOTS),
    }
)
"""Allowed where the environment's tag is among those that are given."""
_CHANGES_A_CLUSTER: Final = frozenset({"rds:DeleteDBCluster", "rds:ModifyDBCluster"})

_PASSES_ROLES_TO: Final = {
    "rds:CreateDBInstance": ("monitoring.rds.amazonaws.com",),
    "rds:RestoreDBClusterFromSnapshot": ("monitoring.rds.amazonaws.com", "rds.amazonaws.com"),
}
"""Which services an action hands roles to: for enhanced monitoring, and for S3 or Lambda access."""


@dataclass(frozen=True, kw_only=True)
class Grants:
    """The statements for the grants of each step, in one environment."""

    environment: Environment
    partition: str

    @property
    def arns(self) -> Arns:
        return Arns(environment=self.environment, partition=self.partition)

    def of(self, step: Step) -> Iterator[iam.PolicyStatement]:
        """What a step may do; never, whatever its grants say, change a source."""
        granted = [(action, grant.resource) for grant in step.grants for action in grant.actions]
        for action, resource in granted:
            for arns, conditions in self._scopes(step, action, resource):
                if arns:
                    yield allow(action, arns, conditions)
        actions = {action for action, _ in granted}
        yield from self._pass_roles(actions)
        if _CHANGES_A_CLUSTER & actions:
            yield deny_changes(self.arns.sources())

    def _scopes(self, step: Step, action: str, resource: Resource) -> Iterator[Scope]:
        """The ARNs that an action is allowed on, and under what conditions."""
        arns = self.arns
        if action.startswith("kms:"):
            yield from KeyGrants(arns=arns).scopes(step, action, resource)
        elif action.startswith("rds:Describe"):
            yield arns.listed(resource), None
        elif (action, resource) == (_ADD_TAGS, Resource.TARGET_SNAPSHOTS):
            yield self._tagging(step)
        elif action == "rds:CreateDBClusterSnapshot":
            # DeleteDBCluster makes the final snapshot: an action on the cluster and the snapshot.
            yield [*arns.final_snapshots(), *arns.of(Resource.TARGET_CLUSTERS)], None
        else:
            yield arns.of(resource), self._tag_condition(action, resource)
            if action == "rds:DeleteDBInstance":
                yield arns.adopted_instances(), None

    def _tagging(self, step: Step) -> Scope:
        """Which snapshots of the target's account a step may tag.

        One that copies gives its copies their tags as it makes them; one that prunes copies marks
        those that are the pipeline's already; any other has to do with final snapshots alone,
        which DeleteDBCluster makes without the pipeline's tag.
        """
        actions = {
            action
            for grant in step.grants
            if grant.resource is Resource.TARGET_SNAPSHOTS
            for action in grant.actions
        }
        snapshots = self.arns.of(Resource.TARGET_SNAPSHOTS)
        if _COPY in actions:
            return snapshots, gives_tag(self.environment.name_prefix)
        if _DELETE_SNAPSHOT in actions:
            return snapshots, carries_tag(self.environment.name_prefix)
        return self.arns.final_snapshots(), None

    def _tag_condition(self, action: str, resource: Resource) -> Conditions | None:
        if action in _ON_TAGGED:
            return carries_tag(self.environment.name_prefix)
        if (action, resource) in _WITH_TAG:
            return gives_tag(self.environment.name_prefix)
        return None

    def _pass_roles(self, actions: set[str]) -> Iterator[iam.PolicyStatement]:
        """A restored cluster gets back the roles of the one before, whatever their names.

        Which these are is known when the old cluster is looked at, not at deployment: so it may be
        any role of the account, but handed to RDS only. A role also has to trust RDS itself
        (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html).
        """
        services = {service for action in actions for service in _PASSES_ROLES_TO.get(action, ())}
        if services:
            yield allow(
                "iam:PassRole",
                [self.arns.own_roles()],
                {"StringEquals": {"iam:PassedToService": sorted(services)}},
            )
