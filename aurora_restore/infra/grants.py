"""From the grants in a row of the pipeline to IAM statements on an environment's ARNs.

Actions and the types of resource that they are on follow the Service Authorization Reference:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonrds.html
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, assert_never

from aws_cdk import aws_iam as iam

from aurora_restore.shared.models import Environment
from aurora_restore.shared.pipeline import TAG_MANAGED_BY, Resource, Step, state_machine_name

Conditions = Mapping[str, Mapping[str, object]]

_ON_TAGGED: Final = frozenset(
    {"rds:DeleteDBClusterSnapshot", "rds:DeleteDBInstance", "rds:ModifyDBInstance"}
)
"""Allowed on what carries the environment's tag, because its name is not known beforehand."""
_WITH_TAG: Final = frozenset({"rds:CreateDBInstance"})
"""Allowed where the environment's tag is among those that are given."""
_CHANGES_A_CLUSTER: Final = frozenset({"rds:DeleteDBCluster", "rds:ModifyDBCluster"})


def allow(
    actions: str | Iterable[str], resources: Iterable[str], conditions: Conditions | None = None
) -> iam.PolicyStatement:
    """A statement that allows actions on resources."""
    return iam.PolicyStatement(
        actions=[actions] if isinstance(actions, str) else list(actions),
        resources=sorted(set(resources)),
        conditions=conditions,
    )


@dataclass(frozen=True, kw_only=True)
class Grants:
    """The statements for the grants of each step, in one environment."""

    environment: Environment
    partition: str

    def of(self, step: Step) -> Iterator[iam.PolicyStatement]:
        """What a step may do; never, whatever its grants say, change a source."""
        granted = [(action, grant.resource) for grant in step.grants for action in grant.actions]
        for action, resource in granted:
            for arns, conditions in self._scopes(action, resource):
                if arns:
                    yield allow(action, arns, conditions)
        sources = self._sources()
        if sources and _CHANGES_A_CLUSTER & {action for action, _ in granted}:
            yield iam.PolicyStatement(
                effect=iam.Effect.DENY,
                actions=["rds:Delete*", "rds:Modify*"],
                resources=sources,
            )

    def _scopes(
        self, action: str, resource: Resource
    ) -> Iterator[tuple[list[str], Conditions | None]]:
        """The ARNs that an action is allowed on, and under what conditions."""
        if action.startswith("kms:"):
            yield from self._keys(action, resource)
        elif action.startswith("rds:Describe"):
            yield self._listed(resource), None
        else:
            yield self._arns(resource), self._tag_condition(action, resource)
            if action == "rds:DeleteDBInstance":
                yield self._adopted_instances(), None

    def _tag_condition(self, action: str, resource: Resource) -> Conditions | None:
        prefix = self.environment.name_prefix
        if action in _ON_TAGGED:
            return {"StringEquals": {f"aws:ResourceTag/{TAG_MANAGED_BY}": prefix}}
        if action in _WITH_TAG and resource is Resource.TARGET_INSTANCES:
            return {"StringEquals": {f"aws:RequestTag/{TAG_MANAGED_BY}": prefix}}
        return None

    def _arns(self, resource: Resource) -> list[str]:
        environment = self.environment
        match resource:
            case Resource.SOURCE_SNAPSHOTS:
                return [
                    self._rds("cluster-snapshot:*", region, account)
                    for region, account in self._source_places()
                ]
            case Resource.TARGET_SNAPSHOTS:
                return [self._rds("cluster-snapshot:*")]
            case Resource.TARGET_CLUSTERS:
                return [self._rds(f"cluster:{name}") for name in self._targets()]
            case Resource.TARGET_INSTANCES:
                return [self._rds("db:*")]
            case Resource.GROUPS:
                return [self._rds(f"{kind}:*") for kind in ("cluster-pg", "og", "pg", "subgrp")]
            case Resource.EXECUTIONS:
                name = state_machine_name(environment.name_prefix)
                return [
                    f"arn:{self.partition}:states:{environment.region}:{environment.account}"
                    f":execution:{name}:*"
                ]
            case Resource.ANY:
                return ["*"]
            case Resource.TARGET_KEYS | Resource.SOURCE_KEYS:
                raise ValueError(f"only kms actions are on {resource}")
            case _:
                assert_never(resource)

    def _listed(self, resource: Resource) -> list[str]:
        """What a Describe action must be allowed on.

        A call that lists, or that asks for something already gone, is on all resources of a type;
        snapshots are listed by cluster, too. A list of what other accounts share is on the
        caller's own account.
        """
        places = [(self.environment.region, self.environment.account)]
        match resource:
            case Resource.SOURCE_SNAPSHOTS:
                regions = {region for region, _ in self._source_places()}
                places = [*self._source_places(), *((r, self.environment.account) for r in regions)]
                kinds = ["cluster", "cluster-snapshot"]
            case Resource.TARGET_SNAPSHOTS:
                kinds = ["cluster", "cluster-snapshot"]
            case Resource.TARGET_CLUSTERS:
                kinds = ["cluster"]
            case _:
                return self._arns(resource)
        return [self._rds(f"{kind}:*", *place) for place in places for kind in kinds]

    def _keys(
        self, action: str, resource: Resource
    ) -> Iterator[tuple[list[str], Conditions | None]]:
        """Keys may be used through RDS only, and granted to AWS services only.

        An alias is not a resource of these actions: it is a condition on the key
        (https://docs.aws.amazon.com/kms/latest/developerguide/alias-authorization.html).
        """
        conditions: dict[str, dict[str, object]] = {}
        if action != "kms:DescribeKey":
            regions = {self.environment.region, *(region for region, _ in self._source_places())}
            services = [f"rds.{region}.amazonaws.com" for region in sorted(regions)]
            conditions["StringEquals"] = {"kms:ViaService": services}
        if action == "kms:CreateGrant":
            conditions["Bool"] = {"kms:GrantIsForAWSResource": "true"}
        if resource is Resource.SOURCE_KEYS:
            yield (
                [
                    f"arn:{self.partition}:kms:{region}:{account}:key/*"
                    for region, account in self._source_places()
                ],
                conditions,
            )
            return
        configured = {
            restore.target.kms_key_id
            for restore in self.environment.restores.values()
            if restore.target.kms_key_id
        }
        yield [arn for arn in configured if ":key/" in arn], conditions
        for place, _, alias in (arn.rpartition(":") for arn in sorted(configured)):
            if alias.startswith("alias/"):
                named = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": alias}}
                yield [f"{place}:key/*"], {**conditions, **named}

    def _adopted_instances(self) -> list[str]:
        """The instances of clusters that the pipeline did not make, so carry no tag of it."""
        return [
            self._rds(f"db:{restore.target.cluster_id}*")
            for restore in self.environment.restores.values()
            if restore.target.adopt
        ]

    def _targets(self) -> list[str]:
        return [restore.target.cluster_id for restore in self.environment.restores.values()]

    def _sources(self) -> list[str]:
        """The source clusters; not those which are another restore's target."""
        sources = {
            self._rds(
                f"cluster:{restore.source.cluster_id}",
                restore.source.region,
                restore.source.account_id or self.environment.account,
            )
            for restore in self.environment.restores.values()
        }
        return sorted(sources.difference(self._arns(Resource.TARGET_CLUSTERS)))

    def _source_places(self) -> list[tuple[str, str]]:
        """The Region and account of each source."""
        return sorted(
            {
                (restore.source.region, restore.source.account_id or self.environment.account)
                for restore in self.environment.restores.values()
            }
        )

    def _rds(self, resource: str, region: str | None = None, account: str | None = None) -> str:
        region = region or self.environment.region
        account = account or self.environment.account
        return f"arn:{self.partition}:rds:{region}:{account}:{resource}"
