"""The ARNs that the kinds of resources in the pipeline's declaration stand for.

The types of RDS resources that an action is on follow the Service Authorization Reference:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonrds.html
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol, assert_never

from aurora_restore.shared.documents.restore import Restore, Source
from aurora_restore.shared.documents.switch import Cname
from aurora_restore.shared.grants import Resource
from aurora_restore.shared.names import (
    COPY_SUFFIX,
    clusters_beside,
    endpoint_parameter,
    final_snapshot_names,
    instance_names,
    intermediate_snapshot_prefix,
    state_machine_name,
)
from aurora_restore.shared.pipeline import Step


class RestoresOfEnvironment(Protocol):
    """What the ARNs depend on, which an environment has, and a deployment of it."""

    @property
    def account(self) -> str:
        """Return the account of the stack."""

    @property
    def region(self) -> str:
        """Return the Region of the stack and of the targets."""

    @property
    def name_prefix(self) -> str:
        """Return the beginning of every deployed name."""

    @property
    def restores(self) -> Mapping[str, Restore]:
        """Return the restores by name."""


@dataclass(frozen=True, kw_only=True)
class Arns:
    """What an environment's restores name, as ARNs."""

    environment: RestoresOfEnvironment
    partition: str

    def of(self, resource: Resource) -> list[str]:
        """Return what an action on a kind of resource is allowed on; empty where there is none."""
        match resource:
            case Resource.SOURCE_SNAPSHOTS:
                return [self.rds("cluster-snapshot:*", *place) for place in self.source_places()]
            case Resource.TARGET_SNAPSHOTS:
                return [self.rds("cluster-snapshot:*")]
            case Resource.TARGET_COPIES:
                return [self.rds(f"cluster-snapshot:*{COPY_SUFFIX}")]
            case Resource.FINAL_SNAPSHOTS:
                return [
                    self.rds(f"cluster-snapshot:{final_snapshot_names(name)}")
                    for name in self._targets()
                ]
            case Resource.INTERMEDIATE_SNAPSHOTS:
                environment = self.environment
                prefix = intermediate_snapshot_prefix(environment.name_prefix, environment.region)
                return [
                    self.rds(f"cluster-snapshot:{prefix}*", region)
                    for region in self._intermediate_regions()
                ]
            case Resource.TARGET_CLUSTERS:
                return [self.rds(f"cluster:{name}") for name in self._targets()]
            case Resource.REPLACED_CLUSTERS:
                targets = (restore.target for restore in self._restores())
                return [
                    self.rds(f"cluster:{each.cluster_id}")
                    for each in targets
                    if not each.is_switched
                ]
            case Resource.SWITCHED_CLUSTERS:
                return [
                    self.rds(f"cluster:{names}")
                    for restore in self._restores()
                    if restore.target.is_switched
                    for names in (
                        restore.target.cluster_id,
                        *clusters_beside(restore.target.cluster_id),
                    )
                ]
            case Resource.PUBLISHED_CLUSTERS:
                return [
                    self.rds(f"cluster:{names}")
                    for restore in self._restores()
                    if restore.publishes_endpoint
                    for names in clusters_beside(restore.target.cluster_id)
                ]
            case Resource.ENDPOINT_PARAMETERS:
                return [
                    f"arn:{self.partition}:ssm:{self.environment.region}"
                    f":{self.environment.account}:parameter"
                    + endpoint_parameter(self.environment.name_prefix, name)
                    for name, restore in self.environment.restores.items()
                    if restore.target.is_switched
                ]
            case Resource.HOSTED_ZONES:
                zones = sorted({cname.hosted_zone_id for cname in self.cnames()})
                return [f"arn:{self.partition}:route53:::hostedzone/{zone}" for zone in zones]
            case Resource.DNS_CHANGES:
                return [f"arn:{self.partition}:route53:::change/*"] if self.cnames() else []
            case Resource.TARGET_INSTANCES:
                return [self.rds("db:*")]
            case Resource.NAMED_INSTANCES:
                return self._instances_named_after(self._restores())
            case Resource.TARGET_ENDPOINTS:
                return [self.rds("cluster-endpoint:*")]
            case Resource.TARGET_DEPLOYMENTS:
                return [self.rds("deployment:*")]
            case Resource.TARGET_INTEGRATIONS:
                return [self.rds("integration:*")]
            case Resource.TARGET_PROXIES:
                return [self.rds("db-proxy:*"), self.rds("target-group:*")]
            case Resource.PROXY_TARGETS:
                return [self.rds("target-group:*")]
            case Resource.SCALABLE_TARGETS:
                environment = self.environment
                return [
                    f"arn:{self.partition}:application-autoscaling:{environment.region}"
                    f":{environment.account}:scalable-target/*"
                ]
            case Resource.ADOPTED_INSTANCES:
                return self._instances_named_after(
                    restore for restore in self._restores() if restore.target.adopt
                )
            case Resource.GROUPS:
                return [self.rds(f"{kind}:*") for kind in ("cluster-pg", "og", "pg", "subgrp")]
            case Resource.TARGET_KEYS:
                return _configured(each.target.kms_key_id for each in self._restores())
            case Resource.OWN_KEYS:
                return [self._keys(self.environment.region, self.environment.account)]
            case Resource.SOURCE_KEYS:
                return [self._keys(region, account) for region, account in self.source_places()]
            case Resource.INTERMEDIATE_KEYS:
                return _configured(each.source.intermediate_kms_key_id for each in self._restores())
            case Resource.SOURCE_ROLES:
                return _configured(each.source.role_arn for each in self._restores())
            case Resource.OWN_ROLES:
                return [f"arn:{self.partition}:iam::{self.environment.account}:role/*"]
            case Resource.EXECUTIONS:
                return [self.executions()]
            case Resource.ANY:
                return ["*"]
            case _:
                assert_never(resource)

    def listed(self, resource: Resource) -> list[str]:
        """Return what a Describe action must be allowed on.

        A call that lists, or that asks for something already gone, is on all resources of a type;
        snapshots are also listed by cluster. A list of what other accounts share is on the
        caller's own account.
        """
        own = self.environment.account
        match resource:
            case Resource.SOURCE_SNAPSHOTS:
                places = [
                    *self.source_places(),
                    *((region, own) for region in self.source_regions()),
                ]
                kinds = ["cluster", "cluster-snapshot"]
            case Resource.TARGET_SNAPSHOTS:
                places, kinds = [(self.environment.region, own)], ["cluster", "cluster-snapshot"]
            case Resource.TARGET_CLUSTERS:
                places, kinds = [(self.environment.region, own)], ["cluster"]
            case Resource.TARGET_ENDPOINTS:
                places = [(self.environment.region, own)]
                kinds = ["cluster", "cluster-endpoint"]
            case Resource.INTERMEDIATE_SNAPSHOTS:
                places = [(region, own) for region in self._intermediate_regions()]
                kinds = ["cluster-snapshot"]
            case _:
                return self.of(resource)
        return [self.rds(f"{kind}:*", *place) for place in places for kind in kinds]

    def cnames(self) -> list[Cname]:
        """Return the records that lead to targets that are switched."""
        return [
            restore.switch.cname
            for restore in self._restores()
            if restore.target.is_switched and restore.switch.cname is not None
        ]

    def executions(self) -> str:
        """Return the executions of the state machine."""
        environment = self.environment
        return (
            f"arn:{self.partition}:states:{environment.region}:{environment.account}"
            f":execution:{state_machine_name(environment.name_prefix)}:*"
        )

    def sources(self) -> list[str]:
        """Return the source clusters."""
        return sorted(
            {
                self.rds(
                    f"cluster:{restore.source.cluster_id}",
                    restore.source.region,
                    restore.source.account_id,
                )
                for restore in self._restores()
            }
        )

    def source_instances(self) -> list[str]:
        """Return the instances that are named after a source cluster.

        Where a target's name begins with the source's, as ``orders-staging`` with ``orders``, the
        names that AWS's console gives and those that end with a number stand for all: others are
        the target's own.
        """
        return sorted(
            {
                self.rds(f"db:{name}", source.region, source.account_id)
                for source in (restore.source for restore in self._restores())
                for name in self._instance_names_of(source)
            }
        )

    def source_places(self) -> list[tuple[str, str]]:
        """Return the Region and account of each source."""
        return sorted(
            {
                (restore.source.region, restore.source.account_id or self.environment.account)
                for restore in self._restores()
            }
        )

    def source_regions(self) -> set[str]:
        """Return the Regions of the sources."""
        return {region for region, _ in self.source_places()}

    def function_roles(self, steps: Iterable[Step]) -> list[str]:
        """Return the roles of steps' functions, which are known before they exist."""
        environment = self.environment
        names = [step.role_name(environment.name_prefix, environment.region) for step in steps]
        return [f"arn:{self.partition}:iam::{environment.account}:role/{name}" for name in names]

    def rds(self, resource: str, region: str | None = None, account: str | None = None) -> str:
        """Return a resource of RDS, in the environment's Region and account by default."""
        region = region or self.environment.region
        account = account or self.environment.account
        return f"arn:{self.partition}:rds:{region}:{account}:{resource}"

    def _instances_named_after(self, restores: Iterable[Restore]) -> list[str]:
        """Return the instances that are named after the restores' targets."""
        return [
            self.rds(f"db:{name}")
            for restore in restores
            for name in instance_names(restore.target.cluster_id)
        ]

    def _instance_names_of(self, source: Source) -> Iterable[str]:
        """Return the names of a source's instances that are no target's."""
        place = (source.region, source.account_id or self.environment.account)
        beside = place == (self.environment.region, self.environment.account)
        if beside and any(name.startswith(f"{source.cluster_id}-") for name in self._targets()):
            return [
                source.cluster_id,
                *(f"{source.cluster_id}-{rest}" for rest in ("?", "??", "instance-*")),
            ]
        return instance_names(source.cluster_id)

    def _keys(self, region: str, account: str) -> str:
        """Return the keys of a Region and account."""
        return f"arn:{self.partition}:kms:{region}:{account}:key/*"

    def _restores(self) -> Iterable[Restore]:
        return self.environment.restores.values()

    def _targets(self) -> list[str]:
        return [restore.target.cluster_id for restore in self._restores()]

    def _intermediate_regions(self) -> list[str]:
        return sorted(
            {
                restore.source.region
                for restore in self._restores()
                if restore.source.copy_route == "two-steps"
            }
        )


def _configured(arns: Iterable[str | None]) -> list[str]:
    """Return each configured ARN once."""
    return sorted({arn for arn in arns if arn})
