"""The conditions of grants, and those that a resource brings itself, as IAM writes them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, assert_never

from aurora_restore.shared.grants import Condition
from aurora_restore.shared.names import (
    CLUSTER_TAG_OF_SECRET,
    READER_COUNT,
    TAG_KEEP_UNTIL,
    TAG_MANAGED_BY,
)

Conditions = Mapping[str, Mapping[str, object]]

Scope = tuple[list[str], Conditions]
"""ARNs, and the conditions under which actions on them are allowed."""

REMOVES_ANOTHER_TAG: Final[Conditions] = {
    "ForAnyValue:StringNotEquals": {"aws:TagKeys": TAG_KEEP_UNTIL}
}
"""A tag other than the expiry is removed: this is denied wherever the expiry may be removed."""

# Of the values in one condition: it leaves most of a policy's characters to the rest.
_MOST_CHARACTERS: Final = 3000


def conditions_of(
    condition: Condition | None,
    *,
    name_prefix: str,
    regions: Iterable[str],
    cnames: Iterable[str] = (),
    clusters: Sequence[str] = (),
) -> Conditions:
    """Return what IAM writes for a grant's condition.

    ``cnames`` are the names of the configured records, and ``clusters`` the ARNs of those that
    serve as targets. ``regions`` are those in which RDS may use a
    key for the function: it uses a key with its caller's permissions, and afterwards by a grant
    (https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Overview.Encryption.Keys.html,
    https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html).
    """
    match condition:
        case None:
            return {}
        # The one that is not for other tags is a denial of its own: REMOVES_ANOTHER_TAG.
        case Condition.CARRIES_TAG | Condition.REMOVES_EXPIRY:
            return {"StringEquals": {f"aws:ResourceTag/{TAG_MANAGED_BY}": name_prefix}}
        case Condition.GIVES_TAG:
            return {"StringEquals": {f"aws:RequestTag/{TAG_MANAGED_BY}": name_prefix}}
        case Condition.MARKS_AS_OWN:
            return {
                "StringEquals": {f"aws:RequestTag/{TAG_MANAGED_BY}": name_prefix},
                "StringEqualsIfExists": {f"aws:ResourceTag/{TAG_MANAGED_BY}": name_prefix},
            }
        case Condition.THROUGH_RDS:
            services = [f"rds.{region}.amazonaws.com" for region in sorted(set(regions))]
            return {"StringEquals": {"kms:ViaService": services}}
        case Condition.GRANT_THROUGH_RDS:
            through_rds = conditions_of(
                Condition.THROUGH_RDS, name_prefix=name_prefix, regions=regions, cnames=cnames
            )
            return {**through_rds, "Bool": {"kms:GrantIsForAWSResource": "true"}}
        case Condition.SCALES_READERS:
            return {
                "StringEquals": {
                    "application-autoscaling:scalable-dimension": READER_COUNT,
                    "application-autoscaling:service-namespace": "rds",
                }
            }
        case Condition.EXPIRES:
            return {
                "StringEquals": {f"aws:ResourceTag/{TAG_MANAGED_BY}": name_prefix},
                "Null": {f"aws:ResourceTag/{TAG_KEEP_UNTIL}": "false"},
            }
        case Condition.UPSERTS_CNAMES:
            # https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/specifying-conditions-route53.html
            of_change = "route53:ChangeResourceRecordSets"
            return {
                "ForAllValues:StringEquals": {
                    f"{of_change}Actions": "UPSERT",
                    f"{of_change}NormalizedRecordNames": sorted(cnames),
                    f"{of_change}RecordTypes": "CNAME",
                }
            }
        case Condition.MANAGES_CREDENTIALS:
            return {"Bool": {"rds:ManageMasterUserPassword": "true"}}
        case Condition.OF_TARGETS:
            # Whether RDS gives the tag as it makes the secret, or right after it, is not documented
            # (docs/decisions/0052-...): another cluster's is refused in any case.
            return {
                "StringLikeIfExists": {
                    f"aws:{whose}/{CLUSTER_TAG_OF_SECRET}": list(clusters)
                    for whose in ("RequestTag", "ResourceTag")
                }
            }
        case Condition.FOR_MANAGED_SECRETS:
            services = [
                f"{service}.{region}.amazonaws.com"
                for service in ("rds", "secretsmanager")
                for region in sorted(set(regions))
            ]
            return {"StringEquals": {"kms:ViaService": services}}
        case Condition.GRANT_FOR_MANAGED_SECRETS:
            for_secrets = conditions_of(
                Condition.FOR_MANAGED_SECRETS, name_prefix=name_prefix, regions=regions
            )
            return {**for_secrets, "Bool": {"kms:GrantIsForAWSResource": "true"}}
        case Condition.PASSED_TO_RDS:
            # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
            services = ["monitoring.rds.amazonaws.com", "rds.amazonaws.com"]
            return {"StringEquals": {"iam:PassedToService": services}}
        case _:
            assert_never(condition)


def key_scopes(keys: Iterable[str], conditions: Conditions) -> Iterator[Scope]:
    """Yield the scopes of configured keys under conditions.

    An alias is not a resource of these actions: it is a condition on the key
    (https://docs.aws.amazon.com/kms/latest/developerguide/alias-authorization.html).
    """
    aliases: dict[str, list[str]] = {}
    for arn in keys:
        place, _, name = arn.rpartition(":")
        if name.startswith("alias/"):
            aliases.setdefault(place, []).append(name)
        else:
            yield [arn], conditions
    for place, names in aliases.items():
        for batch in in_batches((name,) for name in sorted(names)):
            named: dict[str, object] = {"kms:ResourceAliases": batch}
            yield [f"{place}:key/*"], {**conditions, "ForAnyValue:StringEquals": named}


def in_batches(groups: Iterable[Sequence[str]], *, times: int = 1) -> Iterator[list[str]]:
    """Yield the values of groups in lists that a policy has room for, and no group in parts.

    The lists are for conditions, which cannot be divided like the resources of a statement. In one
    statement each value stands so many ``times``.
    """
    batch: list[str] = []
    for group in groups:
        if batch and times * sum(map(len, (*batch, *group))) > _MOST_CHARACTERS:
            yield batch
            batch = []
        batch += group
    if batch:
        yield batch
