"""The scopes of KMS actions: which keys, through which service.

RDS uses a key with its caller's permissions, and lives on with a grant:
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Overview.Encryption.Keys.html
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from aurora_restore.infra.permissions.arns import Arns
from aurora_restore.infra.permissions.statements import Conditions
from aurora_restore.shared.pipeline import Resource, Step

Scope = tuple[list[str], Conditions | None]


def through_rds(action: str, regions: Iterable[str]) -> dict[str, dict[str, object]]:
    """A key may be used through RDS only, and granted to AWS services only.

    https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
    """
    services = [f"rds.{region}.amazonaws.com" for region in sorted(set(regions))]
    conditions: dict[str, dict[str, object]] = {"StringEquals": {"kms:ViaService": services}}
    if action == "kms:CreateGrant":
        conditions["Bool"] = {"kms:GrantIsForAWSResource": "true"}
    return conditions


def key_scope(arn: str, conditions: dict[str, dict[str, object]]) -> Scope:
    """A configured key under conditions.

    An alias is not a resource of these actions: it is a condition on the key
    (https://docs.aws.amazon.com/kms/latest/developerguide/alias-authorization.html).
    """
    place, _, name = arn.rpartition(":")
    if name.startswith("alias/"):
        named: dict[str, object] = {"kms:ResourceAliases": name}
        return [f"{place}:key/*"], {**conditions, "ForAnyValue:StringEquals": named}
    return [arn], conditions


@dataclass(frozen=True, kw_only=True)
class KeyGrants:
    """The keys that each step may use, and how."""

    arns: Arns

    def scopes(self, step: Step, action: str, resource: Resource) -> Iterator[Scope]:
        """The ARNs that an action on a kind of keys is allowed on, and under what conditions.

        A key is described by the preflight itself; all else is done by RDS.
        """
        places = self.arns.source_places()
        regions = {self.arns.environment.region, *(region for region, _ in places)}
        conditions = {} if action == "kms:DescribeKey" else through_rds(action, regions)
        if resource is Resource.SOURCE_KEYS:
            yield (
                [
                    f"arn:{self.arns.partition}:kms:{region}:{account}:key/*"
                    for region, account in places
                ],
                conditions,
            )
            described = action == "kms:DescribeKey"
            keys = self._intermediate() if described or _copies_in_two_steps(step) else []
        else:
            keys = self._of_targets()
        for key in keys:
            yield key_scope(key, conditions)

    def _of_targets(self) -> list[str]:
        restores = self.arns.environment.restores.values()
        return sorted({each.target.kms_key_id for each in restores if each.target.kms_key_id})

    def _intermediate(self) -> list[str]:
        """What a first copy is encrypted with is what the second one is decrypted with."""
        sources = [each.source for each in self.arns.environment.restores.values()]
        keys = {each.intermediate_kms_key_id for each in sources if each.intermediate_kms_key_id}
        return sorted(keys)


def _copies_in_two_steps(step: Step) -> bool:
    return any(
        grant.resource is Resource.INTERMEDIATE_SNAPSHOTS
        and "rds:CopyDBClusterSnapshot" in grant.actions
        for grant in step.grants
    )
