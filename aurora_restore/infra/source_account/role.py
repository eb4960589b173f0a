"""What the pipeline of an environment may do in a source account.

There it makes manual copies of automated snapshots, which cannot be shared themselves, shares them
with the environment's account, and deletes them after the restore:
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-share-snapshot.html
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from aws_cdk import aws_iam as iam

from aurora_restore.infra.permissions.arns import Arns
from aurora_restore.infra.permissions.keys import key_scope, through_rds
from aurora_restore.infra.permissions.statements import (
    Conditions,
    allow,
    carries_tag,
    deny_changes,
    gives_tag,
)
from aurora_restore.shared.documents.environment import Environment, Source
from aurora_restore.shared.names import shared_snapshot_prefix
from aurora_restore.shared.pipeline import SOURCE_ROLE_ACTIONS, STEPS, assumes_source_role

_READ_WITH_KEY: Final = ("kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:ReEncryptFrom")
_WRITE_WITH_KEY: Final = ("kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncryptTo")


def source_accounts(environment: Environment) -> list[str]:
    """The accounts in which the pipeline works by a role, in the order of the configuration."""
    accounts = [
        restore.source.account_id
        for restore in environment.restores.values()
        if restore.source.role_arn and restore.source.account_id
    ]
    return list(dict.fromkeys(accounts))


def sources_in(environment: Environment, account: str) -> list[Source]:
    """The sources in an account whose snapshots are shared by the role there."""
    return [
        restore.source
        for restore in environment.restores.values()
        if restore.source.role_arn and restore.source.account_id == account
    ]


@dataclass(frozen=True, kw_only=True)
class SourceAccess:
    """The permissions of the role in one source account, and who may assume it."""

    environment: Environment
    account: str
    partition: str

    @property
    def sources(self) -> list[Source]:
        return sources_in(self.environment, self.account)

    def trusted(self) -> iam.IPrincipal:
        """The functions that work in source accounts, and nobody else of their account.

        They are named in a condition: as principals, IAM would refuse those that do not exist yet,
        and forget those that were deleted
        (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html).
        """
        functions = self._arns.function_roles(filter(assumes_source_role, STEPS))
        return iam.AccountPrincipal(self.environment.account).with_conditions(
            {"ArnEquals": {"aws:PrincipalArn": functions}}
        )

    def statements(self) -> Iterator[iam.PolicyStatement]:
        """What the role may do; never, change a source."""
        for action in SOURCE_ROLE_ACTIONS:
            for names, conditions in self._scopes(action):
                if names:
                    yield allow(action, names, conditions)
        yield deny_changes(self._each("cluster:{cluster_id}"))
        for source in self.sources:
            if source.kms_key_id:
                yield from self._keys(source, source.kms_key_id)

    def _scopes(self, action: str) -> Iterator[tuple[list[str], Conditions | None]]:
        """The ARNs that an action is allowed on, and under what conditions.

        IAM knows no action apart for either end of a copy, nor with whom a snapshot is shared: so a
        snapshot that may be copied from may in name be copied to, if it is not there yet.
        """
        prefix = self.environment.name_prefix
        own = self._each(f"cluster-snapshot:{shared_snapshot_prefix(prefix)}*")
        match action:
            case "rds:DescribeAccountAttributes":
                yield ["*"], None
            case "rds:DescribeDBClusterSnapshots":
                yield self._each("cluster:{cluster_id}", "cluster-snapshot:*"), None
            case "rds:CopyDBClusterSnapshot":
                yield [*self._automated(), *self._named(), *own], gives_tag(prefix)
            case "rds:AddTagsToResource":
                yield own, gives_tag(prefix)
            case "rds:ModifyDBClusterSnapshotAttribute":
                yield own, carries_tag(prefix)
                yield self._named(), None
            case "rds:DeleteDBClusterSnapshot":
                yield own, carries_tag(prefix)
            case _:
                raise ValueError(f"nothing says what {action} is on in a source account")

    def _keys(self, source: Source, shared_key: str) -> Iterator[iam.PolicyStatement]:
        """Read with any key of the account, for only the cluster knows its own; write with one."""
        anywhere = f"arn:{self.partition}:kms:{source.region}:{self.account}:key/*"
        for action in _READ_WITH_KEY:
            yield allow(action, [anywhere], through_rds(action, [source.region]))
        for action in _WRITE_WITH_KEY:
            yield allow(action, *key_scope(shared_key, through_rds(action, [source.region])))

    def _automated(self) -> list[str]:
        return [self._snapshots(source, source.automated_names) for source in self.sources]

    def _named(self) -> list[str]:
        return [
            self._snapshots(source, source.manual_names)
            for source in self.sources
            if source.manual_names
        ]

    def _snapshots(self, source: Source, names: str) -> str:
        return self._arns.rds(f"cluster-snapshot:{names}", source.region, self.account)

    def _each(self, *resources: str) -> list[str]:
        """Resources of each source's Region; ``{cluster_id}`` stands for its cluster."""
        return [
            self._arns.rds(
                resource.format(cluster_id=source.cluster_id), source.region, self.account
            )
            for source in self.sources
            for resource in resources
        ]

    @property
    def _arns(self) -> Arns:
        return Arns(environment=self.environment, partition=self.partition)
