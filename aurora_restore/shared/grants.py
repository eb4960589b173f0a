"""What a role may do in AWS: kinds of resources, conditions, and the rows that name them.

A grant says everything that its statement will say, except for the ARNs, which depend on the
environment.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar


class Resource(StrEnum):
    """What a grant of a function's role is on. The stack turns each into the narrowest ARNs."""

    SOURCE_SNAPSHOTS = "snapshots in the source's Region and account"
    TARGET_SNAPSHOTS = "snapshots in the target's Region and account"
    TARGET_COPIES = "the copies in the target's Region, whose names end with `-copy`"
    FINAL_SNAPSHOTS = "the final snapshots of the configured target clusters"
    INTERMEDIATE_SNAPSHOTS = "this account's own copies in the source's Region"
    TARGET_CLUSTERS = "the configured target clusters"
    REPLACED_CLUSTERS = "the configured target clusters that are replaced, not switched"
    SWITCHED_CLUSTERS = (
        "the clusters of a target that is switched: the one of its name, and those beside it"
    )
    TARGET_INSTANCES = "instances in the target's Region and account"
    NAMED_INSTANCES = "the instances named after a configured target"
    ADOPTED_INSTANCES = "the instances named after a target with `adopt`"
    TARGET_ENDPOINTS = "custom endpoints in the target's Region and account"
    TARGET_DEPLOYMENTS = "blue/green deployments in the target's Region and account"
    TARGET_INTEGRATIONS = "zero-ETL integrations in the target's Region and account"
    TARGET_PROXIES = "RDS proxies in the target's Region and account"
    PROXY_TARGETS = "the target groups of these proxies"
    MANAGED_SECRETS = "the secrets in which RDS manages the master passwords of clusters"
    SCALABLE_TARGETS = "scalable targets in the target's Region and account"
    PUBLISHED_CLUSTERS = "the clusters beside a target that is switched by its endpoint"
    ENDPOINT_PARAMETERS = "the SSM parameters that say where switched targets are reached"
    HOSTED_ZONES = "the configured hosted zones of Route 53"
    DNS_CHANGES = "changes of records in Route 53"
    GROUPS = "the subnet and parameter groups that a restore names"
    TARGET_KEYS = "the configured customer keys of the targets"
    OWN_KEYS = "keys in the target's Region and account"
    SOURCE_KEYS = "keys in the source's Region and account"
    INTERMEDIATE_KEYS = "the configured customer keys of this account's own copies"
    SOURCE_ROLES = "the configured roles in the source accounts"
    OWN_ROLES = "any role of this account"
    AFTER_RUN_HOOKS = "the configured functions of the hook `after-run`"
    EVENT_BUS = "the configured event bus"
    EXECUTIONS = "the executions of the state machine"
    ANY = "any resource: the action supports no narrower scope"


class SourceResource(StrEnum):
    """What a grant of the role in a source account is on."""

    CLUSTERS_AND_SNAPSHOTS = "the clusters and snapshots of the source's Region and account"
    SHAREABLE_SNAPSHOTS = "the source's automated and configured snapshots, and the copies of them"
    CONFIGURED_SNAPSHOTS = "the manual snapshots that the configuration names"
    COPIES = "the copies that the pipeline makes there"
    ANY = "any resource: the action supports no narrower scope"


class Condition(StrEnum):
    """Under which condition a grant allows its actions."""

    CARRIES_TAG = "the resource carries the environment's tag"
    GIVES_TAG = "the call gives the environment's tag"
    MARKS_AS_OWN = "the call gives the environment's tag, and the resource carries no other's"
    THROUGH_RDS = "RDS makes the call for the function"
    GRANT_THROUGH_RDS = "RDS makes the call for the function, and the grant is for an AWS service"
    SCALES_READERS = "it is about the number of readers of an Aurora cluster"
    EXPIRES = "the resource carries the environment's tag, and one that says until when it is kept"
    REMOVES_EXPIRY = (
        "the resource carries the environment's tag, and no tag is removed but the expiry"
    )
    UPSERTS_CNAMES = "it makes or changes CNAME records with the configured names"
    MANAGES_CREDENTIALS = "the call lets RDS manage the master password"
    OF_TARGETS = "the secret is that of a target's cluster, by the tag that RDS gives it"
    FOR_MANAGED_SECRETS = "RDS or Secrets Manager makes the call for the function"
    GRANT_FOR_MANAGED_SECRETS = (
        "RDS or Secrets Manager makes the call for the function, and the grant is for an AWS "
        "service"
    )
    PASSED_TO_RDS = "the role is passed to RDS or to its enhanced monitoring"


_Kind = TypeVar("_Kind", Resource, SourceResource)


@dataclass(frozen=True)
class Grant(Generic[_Kind]):
    """IAM actions that are allowed on a kind of resource, under a condition if one is given."""

    resource: _Kind
    actions: tuple[str, ...]
    condition: Condition | None = None


# What the pipeline does in a source account, through the role that the source stack makes there.
SOURCE_ROLE_GRANTS: tuple[Grant[SourceResource], ...] = (
    Grant(SourceResource.COPIES, ("rds:AddTagsToResource",), Condition.MARKS_AS_OWN),
    # IAM has no action of its own for either end of a copy: what may be copied from may in name be
    # copied to, if it does not exist yet.
    Grant(SourceResource.SHAREABLE_SNAPSHOTS, ("rds:CopyDBClusterSnapshot",), Condition.GIVES_TAG),
    Grant(SourceResource.COPIES, ("rds:DeleteDBClusterSnapshot",), Condition.CARRIES_TAG),
    Grant(SourceResource.ANY, ("rds:DescribeAccountAttributes",)),
    # A list is on all clusters, even if a filter names one.
    Grant(SourceResource.CLUSTERS_AND_SNAPSHOTS, ("rds:DescribeDBClusterSnapshots",)),
    # Nor has it a condition on the account that a snapshot is shared with.
    Grant(SourceResource.COPIES, ("rds:ModifyDBClusterSnapshotAttribute",), Condition.CARRIES_TAG),
    Grant(SourceResource.CONFIGURED_SNAPSHOTS, ("rds:ModifyDBClusterSnapshotAttribute",)),
)
