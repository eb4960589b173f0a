"""The conditions of grants, and those that a resource brings itself, as IAM writes them."""

from collections.abc import Iterable, Mapping
from typing import assert_never

from aurora_restore.shared.grants import Condition
from aurora_restore.shared.names import READER_COUNT, TAG_KEEP_UNTIL, TAG_MANAGED_BY

Conditions = Mapping[str, Mapping[str, object]]

Scope = tuple[list[str], Conditions]
"""ARNs, and the conditions under which actions on them are allowed."""


def conditions_of(
    condition: Condition | None,
    *,
    name_prefix: str,
    regions: Iterable[str],
    cnames: Iterable[str] = (),
) -> Conditions:
    """Return what IAM writes for a grant's condition.

    ``cnames`` are the names of the configured records. ``regions`` are those in which RDS may use a
    key for the function: it uses a key with its caller's permissions, and afterwards by a grant
    (https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Overview.Encryption.Keys.html,
    https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html).
    """
    match condition:
        case None:
            return {}
        case Condition.CARRIES_TAG:
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
        case Condition.REMOVES_EXPIRY:
            return {
                "StringEquals": {f"aws:ResourceTag/{TAG_MANAGED_BY}": name_prefix},
                "ForAllValues:StringEquals": {"aws:TagKeys": TAG_KEEP_UNTIL},
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
        case Condition.PASSED_TO_RDS:
            # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
            services = ["monitoring.rds.amazonaws.com", "rds.amazonaws.com"]
            return {"StringEquals": {"iam:PassedToService": services}}
        case _:
            assert_never(condition)


def key_scope(arn: str, conditions: Conditions) -> Scope:
    """Return the scope of a configured key under conditions.

    An alias is not a resource of these actions: it is a condition on the key
    (https://docs.aws.amazon.com/kms/latest/developerguide/alias-authorization.html).
    """
    place, _, name = arn.rpartition(":")
    if name.startswith("alias/"):
        named: dict[str, object] = {"kms:ResourceAliases": name}
        return [f"{place}:key/*"], {**conditions, "ForAnyValue:StringEquals": named}
    return [arn], conditions
