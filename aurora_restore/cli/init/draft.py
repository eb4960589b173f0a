"""What a configuration says, decided from the facts of a target and its source.

What cannot be known is left open, and said to be: nothing is guessed that could delete or disclose
anything.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from aurora_restore.cli.check.place import lets_out
from aurora_restore.cli.init.facts import SeenSnapshot, SourceFacts, TargetFacts, VpcSubnet
from aurora_restore.shared.cluster.settings import DEFAULT_GROUP, settings_of
from aurora_restore.shared.documents.fields import TagKey, TagValue
from aurora_restore.shared.documents.restore import DEFAULT_PORT, Source
from aurora_restore.shared.documents.schema import check, fields
from aurora_restore.shared.errors import ValidationError
from aurora_restore.shared.names import DEFAULT_NAME_PREFIX, TAG_MANAGED_BY, source_role_name
from aurora_restore.shared.rds.tags import tags_of

FEWEST_ZONES: Final = 2
_HTTPS: Final = 443
_MOST_GROUPS: Final = 4
"""How many security groups of one's own the functions can have."""
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ENOUGH_TO_SEE_A_PATTERN: Final = 2


@dataclass(frozen=True, kw_only=True)
class Choices:
    """What the person who asks for a configuration has said."""

    restore: str
    name_prefix: str = DEFAULT_NAME_PREFIX
    master_secret: str | None = None
    app_secret: str | None = None


@dataclass(frozen=True, kw_only=True)
class Section:
    """An object of the configuration, with what its readers should know."""

    values: Mapping[str, Any]
    remarks: Sequence[str] = ()
    open: Mapping[str, str] = field(default_factory=dict)
    """What is to be filled in, by field, and why."""


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A configuration, and what is open in it, by the path of the field."""

    document: Section
    open: Mapping[str, str]


def draft(target: TargetFacts, source: SourceFacts | None, choices: Choices) -> Draft:
    """Return the configuration of an environment with one restore."""
    path = f"restores.{choices.restore}"
    network = _network(target)
    secrets = _secrets(target, source, choices)
    source_section = _source(target, source, choices)
    target_section = _target(target, source, choices)
    database = _database(target, source)
    restore = Section(
        values={"source": source_section, "target": target_section, "database": database},
        remarks=["It starts by hand until it has a `schedule`, such as one of every night."],
    )
    has_prefix = choices.name_prefix != DEFAULT_NAME_PREFIX
    whole = Section(
        values={
            "account": target.arn.account,
            "region": target.arn.region,
            **({"name_prefix": choices.name_prefix} if has_prefix else {}),
            "network": network,
            "secrets": secrets,
            "restores": {choices.restore: restore},
        },
        remarks=[
            f"Written by `aurora-restore init` from cluster {target.arn.name}. Each `$comment` is "
            "for people; nothing reads it. docs/configuration.md has every field."
        ],
        open={"notification_emails": "who is notified of each outcome; nobody is now."},
    )
    sections = {
        "": whole,
        "network.": network,
        "secrets.": secrets,
        f"{path}.source.": source_section,
        f"{path}.target.": target_section,
        f"{path}.database.": database,
    }
    return Draft(
        document=whole,
        open={
            f"{where}{name}": why
            for where, section in sections.items()
            for name, why in section.open.items()
        },
    )


def _network(target: TargetFacts) -> Section:
    subnets, remark = function_subnets(target)
    groups, why = _function_groups(target)
    return Section(
        values={
            "vpc_id": target.vpc_id,
            "subnet_ids": [each.subnet_id for each in subnets],
            "availability_zones": [each.zone for each in subnets],
            **({"security_group_ids": groups} if groups else {}),
            "lambda_vpc": "database-only",
        },
        remarks=[
            remark,
            "Only the functions that log in to the database run in them. They need a way to "
            "DynamoDB, Secrets Manager and SSM: a NAT gateway, or endpoints of the VPC.",
        ],
        open={"security_group_ids": why},
    )


def function_subnets(target: TargetFacts) -> tuple[list[VpcSubnet], str]:
    """Return the subnets of the functions, one for each zone, and why they were chosen.

    They are private ones that lead out, if these are in two zones; otherwise the target's.
    """
    leading_out = [each for each in target.subnets if each.leads_out and not each.is_public]
    chosen = _one_for_each_zone(leading_out)
    if len(chosen) >= FEWEST_ZONES:
        return chosen, "The subnets are the private ones of the target's VPC that lead out."
    own = [each for each in target.subnets if each.subnet_id in target.group_subnets]
    private = _one_for_each_zone([each for each in own if not each.is_public])
    if len(private) >= FEWEST_ZONES:
        return private, "The subnets are those of the target's DB subnet group."
    return _one_for_each_zone(own), (
        "The subnets are those of the target's DB subnet group. Some are public, which gives a "
        "function no way out: name private ones if there are such."
    )


def _one_for_each_zone(subnets: Sequence[VpcSubnet]) -> list[VpcSubnet]:
    first: dict[str, VpcSubnet] = {}
    for each in subnets:
        first.setdefault(each.zone, each)
    return list(first.values())


def _function_groups(target: TargetFacts) -> tuple[list[str], str]:
    """Return the target's security groups if they let functions out, and what is to be filled in.

    What a function sends goes to the target's port, and to AWS.
    """
    needed = f"a security group of the functions' own. It must let out HTTPS ({_HTTPS}) and port "
    needed += f"{_port(target)}."
    rules = [
        rule for each in target.security_groups for rule in each.get("IpPermissionsEgress", [])
    ]
    if not all(lets_out(rules, port) for port in (_HTTPS, _port(target))):
        return [], needed
    groups = sorted(each["GroupId"] for each in target.security_groups)[:_MOST_GROUPS]
    return groups, f"{needed} Until then it is the target's own, which does."


def _port(target: TargetFacts) -> int:
    return int(target.cluster.get("Port") or DEFAULT_PORT)


def _secrets(target: TargetFacts, source: SourceFacts | None, choices: Choices) -> Section:
    values: dict[str, Any] = {}
    remarks = []
    unknown: dict[str, str] = {}
    if choices.master_secret:
        values["master"] = choices.master_secret
    else:
        known = _master_username(source)
        values["master_username"] = known or target.cluster["MasterUsername"]
        if not known:
            unknown["master_username"] = (
                "the source's master user, whom a restore keeps. It cannot be seen from here; the "
                "target's is there until then. A wrong one is refused before anything is deleted."
            )
        database = _first_database(target, source)
        if database:
            values["master_database"] = database
        remarks.append("The stack makes the master secret, with a new password.")
    if choices.app_secret:
        values["app"] = choices.app_secret
    else:
        remarks.append(
            "The stack makes the application's secret, with the roles `app_user` and "
            "`readonly_user`; `app_username` and `readonly_username` name others."
        )
    return Section(values=values, remarks=remarks, open=unknown)


def _master_username(source: SourceFacts | None) -> str | None:
    if source is None:
        return None
    if source.cluster is not None:
        return str(source.cluster["MasterUsername"])
    return next((each.master_username for each in source.snapshots), None)


def _first_database(target: TargetFacts, source: SourceFacts | None) -> str | None:
    cluster = (source and source.cluster) or target.cluster
    return cluster.get("DatabaseName")


def _source(target: TargetFacts, source: SourceFacts | None, choices: Choices) -> Section:
    if source is None:
        why = "the cluster whose snapshots are restored, such as production."
        return Section(
            values={},
            open={
                "cluster_id": why,
                "region": "its Region. And `account_id`, if it is in another account.",
            },
        )
    values: dict[str, Any] = {
        "cluster_id": source.arn.name,
        "region": source.arn.region,
        "account_id": source.arn.account,
    }
    day = "Without a day, a run takes the newest snapshot of yesterday (UTC): see `default_day`."
    if source.arn.account == target.arn.account:
        seen = _seen(source.snapshots)
        return Section(values=values, remarks=[f"{seen} {day}"])
    if source.snapshots:
        pattern = name_pattern([each.name for each in source.snapshots])
        if pattern is None:
            return Section(values=values, remarks=[f"It shares snapshots with this account. {day}"])
        return Section(
            values={**values, "snapshot_name": pattern},
            remarks=["The name is that of the snapshots which it shares with this account."],
        )
    role = source_role_name(choices.name_prefix)
    arn = f"arn:{source.arn.partition}:iam::{source.arn.account}:role/{role}"
    return Section(
        values={**values, "role_arn": arn},
        remarks=[
            "It shares no snapshot with this account. So the pipeline copies and shares its "
            "automated ones, by a role that the source stack makes there: docs/sources.md."
        ],
        open={
            "kms_key_id": "a customer key (ARN) of that account and Region, which snapshots are "
            "shared under. It is needed if the source is encrypted."
        },
    )


def _seen(snapshots: Sequence[SeenSnapshot]) -> str:
    if not snapshots:
        return "No snapshot of it was there when this was written."
    return f"Its newest snapshot was {snapshots[0].name}."


def name_pattern(names: Sequence[str]) -> str | None:
    """Return how the newest snapshots are named, with ``{date}``; None if that is not clear."""
    newest = names[:_ENOUGH_TO_SEE_A_PATTERN]
    patterns = {_DATE.sub("{date}", name, count=1) for name in newest}
    if len(newest) < _ENOUGH_TO_SEE_A_PATTERN or len(patterns) > 1:
        return None
    (pattern,) = patterns
    (declared,) = (each for each in fields(Source) if each.name == "snapshot_name")
    return None if any(rule.fault(pattern) for rule in declared.rules) else pattern


def _target(target: TargetFacts, source: SourceFacts | None, choices: Choices) -> Section:
    cluster = target.cluster
    settings = settings_of(cluster, target.instances)  # type: ignore[arg-type]
    values: dict[str, Any] = {
        "cluster_id": target.arn.name,
        "db_subnet_group_name": cluster["DBSubnetGroup"],
        "vpc_security_group_ids": settings["VpcSecurityGroupIds"],
        "instances": _instances(settings["Instances"]),
    }
    unknown: dict[str, str] = {}
    if scaling := settings.get("ServerlessV2ScalingConfiguration"):
        values["serverless_v2_scaling"] = _scaling(scaling)
    _parameter_group(settings, source, values, unknown)
    _key(target, source, values, unknown)
    if _port(target) != DEFAULT_PORT:
        values["port"] = _port(target)
    if cluster.get("DeletionProtection"):
        values["deletion_protection"] = True
        unknown["replace_protected"] = (
            "`true` if the pipeline may lift the deletion protection and delete the cluster. A run "
            "is refused until then."
        )
    if tags_of(cluster.get("TagList")).get(TAG_MANAGED_BY) != choices.name_prefix:
        unknown["adopt"] = (
            "`true` if this cluster, which the pipeline did not make, may be deleted with all its "
            "data. A run is refused until then. With it the first run takes a final snapshot."
        )
    if tags := {key: value for key, value in settings["Tags"].items() if _is_taken(key, value)}:
        values["tags"] = tags
    return Section(
        values=values,
        remarks=[
            'A run deletes this cluster and restores it. With `strategy` "switch" it serves '
            "until the new one is proven: docs/switching.md.",
            *_kept(settings),
        ],
        open=unknown,
    )


def _instances(plans: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the instances, the writer first."""
    several = len(plans) > 1
    return [
        {
            "instance_class": plan["instance_class"],
            **({"promotion_tier": plan["promotion_tier"]} if several else {}),
            **(
                {"db_parameter_group_name": plan["db_parameter_group_name"]}
                if plan["db_parameter_group_name"]
                else {}
            ),
        }
        for plan in plans
    ]


def _scaling(described: Mapping[str, Any]) -> dict[str, Any]:
    pause = described.get("SecondsUntilAutoPause")
    return {
        "min_capacity": described["MinCapacity"],
        "max_capacity": described["MaxCapacity"],
        **({"seconds_until_auto_pause": pause} if pause and not described["MinCapacity"] else {}),
    }


def _parameter_group(
    settings: Mapping[str, Any],
    source: SourceFacts | None,
    values: dict[str, Any],
    unknown: dict[str, str],
) -> None:
    group = settings.get("DBClusterParameterGroup", "")
    if not group or group.startswith(DEFAULT_GROUP):
        return
    wanted = _major((source and source.cluster) or {})
    own = _major(settings)
    if wanted in (None, own):
        values["db_cluster_parameter_group_name"] = group
    else:
        unknown["db_cluster_parameter_group_name"] = (
            f"a group for version {wanted}, which the source has. The target's own, {group}, is "
            f"for {own}."
        )


def _major(cluster: Mapping[str, Any]) -> str | None:
    version = cluster.get("EngineVersion")
    return str(version).split(".")[0] if version else None


def _key(
    target: TargetFacts,
    source: SourceFacts | None,
    values: dict[str, Any],
    unknown: dict[str, str],
) -> None:
    key = target.cluster.get("KmsKeyId")
    crosses_account = source is not None and source.arn.account != target.arn.account
    if key and not (target.key_manager == "AWS" and crosses_account):
        values["kms_key_id"] = key
    elif key or crosses_account or (source and source.arn.region != target.arn.region):
        unknown["kms_key_id"] = (
            "a customer key (ARN) of this account and Region, if the source's snapshots are "
            "encrypted: a copy of one needs it, and the target has none that can be used."
        )


def _is_taken(key: str, value: str) -> bool:
    """Return whether a configuration can name a tag."""
    try:
        check("tags", key, TagKey)
        check("tags", value, TagValue)
    except ValidationError:
        return False
    return True


def _kept(settings: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a restored cluster gets of the one that it replaces, without being named here."""
    exports = settings.get("EnabledCloudwatchLogsExports") or []
    roles = [each["RoleArn"].rpartition("/")[2] for each in settings.get("AssociatedRoles") or []]
    kept = {
        "log exports": ", ".join(exports),
        "IAM roles": ", ".join(roles),
        "days of backups": str(settings.get("BackupRetentionPeriod", "")),
        "IAM authentication": "on" if settings.get("IAMDatabaseAuthenticationEnabled") else "",
        "storage": settings.get("StorageType") or "",
    }
    named = "; ".join(f"{what}: {value}" for what, value in kept.items() if value)
    yield f"What is not named here stays as it is: {named}."


def _database(target: TargetFacts, source: SourceFacts | None) -> Section:
    name = _first_database(target, source)
    return Section(
        values={"databases": [name]} if name else {},
        remarks=[
            "Every login that comes with the snapshot is disabled; `keep_logins` names those to "
            "keep."
        ],
        open={
            "scripts": "the SQL scripts that mask personal data; none does now. `columns` and "
            '`checks` prove it: docs/masking.md. Then set `masking` to "required".'
        },
    )
