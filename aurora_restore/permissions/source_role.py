"""What the pipeline of an environment may do in a source account.

There it makes manual copies of automated snapshots, which cannot be shared themselves, shares them
with the environment's account, and deletes them after the restore:
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-share-snapshot.html
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, assert_never

from aurora_restore.permissions.arns import Arns
from aurora_restore.permissions.conditions import Conditions, conditions_of, key_scopes
from aurora_restore.permissions.packing import RolePolicy, packed
from aurora_restore.permissions.statements import RoleStatement, allow, deny_changes
from aurora_restore.shared.documents.environment import Environment
from aurora_restore.shared.documents.restore import Source
from aurora_restore.shared.grants import SOURCE_ROLE_GRANTS, Condition, SourceResource
from aurora_restore.shared.names import shared_snapshot_prefix
from aurora_restore.shared.pipeline import STEPS

_READ_WITH_KEY: Final = {
    "kms:CreateGrant": Condition.GRANT_THROUGH_RDS,
    "kms:Decrypt": Condition.THROUGH_RDS,
    "kms:DescribeKey": Condition.THROUGH_RDS,
    "kms:ReEncryptFrom": Condition.THROUGH_RDS,
}
_WRITE_WITH_KEY: Final = {
    "kms:Encrypt": Condition.THROUGH_RDS,
    "kms:GenerateDataKey*": Condition.THROUGH_RDS,
    "kms:ReEncryptTo": Condition.THROUGH_RDS,
}


def source_accounts(environment: Environment) -> list[str]:
    """Return the accounts in which the pipeline works by a role, in configured order."""
    accounts = [
        restore.source.account_id
        for restore in environment.restores.values()
        if restore.source.role_arn and restore.source.account_id
    ]
    return list(dict.fromkeys(accounts))


def sources_in(environment: Environment, account: str) -> list[Source]:
    """Return the sources in an account whose snapshots are shared by the role there."""
    return [
        restore.source
        for restore in environment.restores.values()
        if restore.source.role_arn and restore.source.account_id == account
    ]


@dataclass(frozen=True, kw_only=True)
class SourceRolePermissions:
    """The permissions of the role in one source account, and who may assume it."""

    environment: Environment
    account: str
    partition: str

    @property
    def sources(self) -> list[Source]:
        """Return the sources in the account."""
        return sources_in(self.environment, self.account)

    @property
    def trusted(self) -> list[str]:
        """Return the roles that may assume it: of the functions that work in source accounts."""
        return self._arns.function_roles(step for step in STEPS if step.assumes_source_role)

    def policies(self) -> list[RolePolicy]:
        """Return the policies of the role. It may never change a source."""
        return packed(self._statements())

    def _statements(self) -> Iterator[RoleStatement]:
        for grant in SOURCE_ROLE_GRANTS:
            if arns := self._arns_of(grant.resource):
                yield allow(grant.actions, arns, self._conditions(grant.condition))
        yield deny_changes(self._each("cluster:*", "db:*"))
        keys: dict[str, set[str]] = {}
        for source in self.sources:
            if source.kms_key_id:
                keys.setdefault(source.region, set()).add(source.kms_key_id)
        for region, shared_keys in keys.items():
            yield from self._keys(region, shared_keys)

    def _arns_of(self, resource: SourceResource) -> list[str]:
        """Return the ARNs that a grant in the source account is on; empty where there is none."""
        copies = self._each(
            f"cluster-snapshot:{shared_snapshot_prefix(self.environment.name_prefix)}*"
        )
        match resource:
            case SourceResource.ANY:
                return ["*"]
            case SourceResource.CLUSTERS_AND_SNAPSHOTS:
                return self._each("cluster:*", "cluster-snapshot:*")
            case SourceResource.SHAREABLE_SNAPSHOTS:
                return [*self._automated(), *self._named(), *copies]
            case SourceResource.CONFIGURED_SNAPSHOTS:
                return self._named()
            case SourceResource.COPIES:
                return copies
            case _:
                assert_never(resource)

    def _keys(self, region: str, shared_keys: Iterable[str]) -> Iterator[RoleStatement]:
        """Read with any key there, for only the cluster knows its own; write with the shared."""
        anywhere = f"arn:{self.partition}:kms:{region}:{self.account}:key/*"
        for action, condition in _READ_WITH_KEY.items():
            yield allow(action, [anywhere], self._conditions(condition, region))
        for action, condition in _WRITE_WITH_KEY.items():
            conditions = self._conditions(condition, region)
            for keys, held in key_scopes(sorted(shared_keys), conditions):
                yield allow(action, keys, held)

    def _conditions(self, condition: Condition | None, *regions: str) -> Conditions:
        return conditions_of(condition, name_prefix=self.environment.name_prefix, regions=regions)

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
        """Return resources of each Region that a source is in."""
        return [
            self._arns.rds(resource, region, self.account)
            for region in sorted({source.region for source in self.sources})
            for resource in resources
        ]

    @property
    def _arns(self) -> Arns:
        return Arns(environment=self.environment, partition=self.partition)
