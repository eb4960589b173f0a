"""The ARNs that the kinds of resources in the pipeline's declaration stand for.

The types of RDS resources that an action is on follow the Service Authorization Reference:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonrds.html
"""

from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
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
from aurora_restore.shared.pipeline import AFTER_RUN, Hook, Step


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
    def event_bus_arn(self) -> str | None:
        """Return the bus that outcomes are published to; None where they are not."""

    @property
    def restores(self) -> Mapping[str, Restore]:
        """Return the restores by name."""

    @property
    def target_prefix(self) -> str | None:
        """Return how every target begins, if the roles go by it instead of by names."""


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
                    for name in self._names_of(self._restores())
                ]
            case Resource.INTERMEDIATE_SNAPSHOTS:
                environment = self.environment
                prefix = intermediate_snapshot_prefix(environment.name_prefix, environment.region)
                return [
                    self.rds(f"cluster-snapshot:{prefix}*", region)
                    for region in self._intermediate_regions()
                ]
            case Resource.TARGET_CLUSTERS:
                return [self.rds(f"cluster:{name}") for name in self._names_of(self._restores())]
            case Resource.REPLACED_CLUSTERS:
                # The prefix is that of the others as well, and they may not be deleted like these.
                replaced = [each for each in self._restores() if not each.target.is_switched]
                return [self.rds(f"cluster:{name}") for name in self._names_of_all(replaced)]
            case Resource.SWITCHED_CLUSTERS:
                switched = [each for each in self._restores() if each.target.is_switched]
                return [
                    self.rds(f"cluster:{names}")
                    for name in self._names_of(switched)
                    for names in (name, *clusters_beside(name))
                ]
            case Resource.PUBLISHED_CLUSTERS:
                published = [each for each in self._restores() if each.publishes_endpoint]
                return [
                    self.rds(f"cluster:{names}")
                    for name in self._names_of(published)
                    for names in clusters_beside(name)
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
                return list(self.cnames_by_zone())
            case Resource.DNS_CHANGES:
                change = f"arn:{self.partition}:route53:::change/*"
                return [change] if self.cnames_by_zone() else []
            case Resource.TARGET_INSTANCES:
                return [self.rds("db:*")]
            case Resource.NAMED_INSTANCES:
                return self._instances_named_after(self._names_of(self._restores()))
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
            case Resource.MANAGED_SECRETS:
                environment = self.environment
                return [
                    f"arn:{self.partition}:secretsmanager:{environment.region}"
                    f":{environment.account}:secret:rds!cluster-*"
                ]
            case Resource.SCALABLE_TARGETS:
                environment = self.environment
                return [
                    f"arn:{self.partition}:application-autoscaling:{environment.region}"
                    f":{environment.account}:scalable-target/*"
                ]
            case Resource.ADOPTED_INSTANCES:
                # Others of the prefix may not be changed without the environment's tag.
                adopted = [each for each in self._restores() if each.target.adopt]
                return self._instances_named_after(self._names_of_all(adopted))
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
            case Resource.AFTER_RUN_HOOKS:
                return self.hook_functions(AFTER_RUN)
            case Resource.EVENT_BUS:
                return _configured([self.environment.event_bus_arn])
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

    def clusters_that_serve(self) -> list[str]:
        """Return what the ARNs of clusters that serve as targets are like, in whatever place.

        It is for what is in their place anyway, as the secret of a cluster is.
        """
        serving = [*self.of(Resource.TARGET_CLUSTERS), *self.of(Resource.PUBLISHED_CLUSTERS)]
        return ["*:" + ":".join(arn.split(":")[5:]) for arn in serving]

    def cnames_by_zone(self) -> dict[str, list[Cname]]:
        """Return the records that lead to targets that are switched, by their hosted zones."""
        cnames: dict[str, list[Cname]] = {}
        for restore in self._restores():
            if restore.target.is_switched and (cname := restore.switch.cname) is not None:
                zone = f"arn:{self.partition}:route53:::hostedzone/{cname.hosted_zone_id}"
                cnames.setdefault(zone, []).append(cname)
        return cnames

    def hook_functions(self, *hooks: Hook) -> list[str]:
        """Return the configured functions of these hooks."""
        found = [each.hooks.of(hook) for each in self._restores() for hook in hooks]
        return _configured(None if each is None else each.function for each in found)

    def executions(self) -> str:
        """Return the executions of the state machine."""
        environment = self.environment
        return (
            f"arn:{self.partition}:states:{environment.region}:{environment.account}"
            f":execution:{state_machine_name(environment.name_prefix)}:*"
        )

    def never_changed(self, kinds: Collection[str]) -> list[str]:
        """Return the sources ("cluster") and their instances ("db"), which no function may change.

        In a Region or an account of sources alone these are all clusters and instances. Where the
        targets are as well, they are those of the sources' names.
        """
        own = (self.environment.region, self.environment.account)
        places = [place for place in self.source_places() if place != own]
        of_sources = [kind for kind in ("cluster", "db") if kind in kinds]
        sources, instances = self._sources_beside_targets
        return [
            *(self.rds(f"{kind}:*", *place) for place in places for kind in of_sources),
            *(sources if of_sources else []),
            *(instances if "db" in of_sources else []),
        ]

    @cached_property
    def _sources_beside_targets(self) -> tuple[list[str], list[str]]:
        """Return the source clusters where the targets are, and the instances named after them.

        One pattern stands for a cluster and for an instance of the same name.

        Where a target's name begins with the source's, as ``orders-staging`` with ``orders``, the
        names that AWS's console gives and those that end with a number stand for all: others are
        the target's own.
        """
        clusters: set[str] = set()
        instances: set[str] = set()
        targets = sorted(restore.target.cluster_id for restore in self._restores())
        for source in (restore.source for restore in self._restores()):
            if self._place_of(source) == (self.environment.region, self.environment.account):
                clusters.add(source.cluster_id)
                instances.update(_instance_names_of(source, targets))
        return (
            [self.rds(f"*:{name}") for name in sorted(clusters)],
            [self.rds(f"db:{name}") for name in sorted(instances - clusters)],
        )

    def source_places(self) -> list[tuple[str, str]]:
        """Return the Region and account of each source."""
        return sorted({self._place_of(restore.source) for restore in self._restores()})

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

    def _names_of(self, restores: Iterable[Restore]) -> list[str]:
        """Return the targets of restores, in the wildcards of IAM if there is a prefix of all."""
        names = [restore.target.cluster_id for restore in restores]
        prefix = self.environment.target_prefix
        return [f"{prefix}*"] if names and prefix is not None else names

    def _names_of_all(self, restores: Collection[Restore]) -> list[str]:
        """Return the same, where the prefix may stand for the restores only if they are all."""
        if len(restores) == len(self.environment.restores):
            return self._names_of(restores)
        return [restore.target.cluster_id for restore in restores]

    def _instances_named_after(self, names: Iterable[str]) -> list[str]:
        """Return the instances that are named after targets."""
        return [self.rds(f"db:{each}") for name in names for each in instance_names(name)]

    def _place_of(self, source: Source) -> tuple[str, str]:
        return source.region, source.account_id or self.environment.account

    def _keys(self, region: str, account: str) -> str:
        """Return the keys of a Region and account."""
        return f"arn:{self.partition}:kms:{region}:{account}:key/*"

    def _restores(self) -> Iterable[Restore]:
        return self.environment.restores.values()

    def _intermediate_regions(self) -> list[str]:
        return sorted(
            {
                restore.source.region
                for restore in self._restores()
                if restore.source.copy_route == "two-steps"
            }
        )


def _instance_names_of(source: Source, targets: Sequence[str]) -> Iterable[str]:
    """Return the names of the instances, beside targets in order, that are a source's."""
    start = f"{source.cluster_id}-"
    first = bisect_left(targets, start)
    if any(name.startswith(start) for name in targets[first : first + 1]):
        return [source.cluster_id, *(f"{start}{rest}" for rest in ("?", "??", "instance-*"))]
    return instance_names(source.cluster_id)


def _configured(arns: Iterable[str | None]) -> list[str]:
    """Return each configured ARN once."""
    return sorted({arn for arn in arns if arn})
