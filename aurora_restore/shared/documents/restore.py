"""One restore: a source, a target, and what becomes of it. Held in an SSM parameter.

Each field is declared once, here, with its rule and its help, as in ``environment``.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from aurora_restore.shared.documents.fields import (
    KEY_ARN,
    MAX_DAYS,
    AccountId,
    ClusterId,
    DatabaseName,
    GroupName,
    InstanceClass,
    Region,
    RoleName,
    SecurityGroupId,
    TagKey,
    TagValue,
)
from aurora_restore.shared.documents.hooks import Hooks
from aurora_restore.shared.documents.masking import (
    JSON_FILE,
    SQL_FILE,
    PersonalDataCheck,
    QueryCheck,
)
from aurora_restore.shared.documents.restore_secrets import OwnSecrets
from aurora_restore.shared.documents.schedule import Schedule
from aurora_restore.shared.documents.schema import Rule, to_json
from aurora_restore.shared.documents.switch import Switch

DATE_WILDCARDS = "????-??-??"
DEFAULT_PORT = 5432


@dataclass(frozen=True, kw_only=True)
class Source:
    """The production cluster whose snapshots are restored. The pipeline only reads it."""

    cluster_id: Annotated[ClusterId, Rule(help="The source cluster.")]
    region: Annotated[Region, Rule(help="The Region of the source cluster.")]
    account_id: Annotated[
        AccountId | None,
        Rule(help="The account of the source cluster; left out, the environment's own."),
    ] = None
    snapshot_name: Annotated[
        str | None,
        Rule(
            help="The name of a day's snapshot, with `{date}` where its date (YYYY-MM-DD) stands. "
            "Left out, the newest available snapshot of the cluster that was created on the day "
            "(UTC) is taken: automated or manual, but with `role_arn` automated only.",
            pattern=r"(?=.{7,59}$)[A-Za-z][A-Za-z0-9]*(?:-[A-Za-z0-9]+)*-?\{date\}"
            r"[A-Za-z0-9]*(?:-[A-Za-z0-9]+)*",
            means="letters, digits and hyphens with `{date}` among them, beginning with a letter, "
            "with no hyphen at the end, no two in a row, and 63 characters at most with the date "
            "in place; leave it out for automated snapshots (`rds:…`, `awsbackup:…`), which have "
            "their time in their names",
            example="daily-backup-{date}",
        ),
    ] = None
    role_arn: Annotated[
        str | None,
        Rule(
            help="The role in the source account that the pipeline's source stack makes there. "
            "With it the automated snapshots of another account can be used: they are copied to "
            "manual ones under `kms_key_id`, shared, and deleted again after the restore.",
            pattern=r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]{1,128}",
            means="the ARN of an IAM role",
            example="arn:aws:iam::111111111111:role/aurora-restore-source-access",
        ),
    ] = None
    kms_key_id: Annotated[
        str | None,
        Rule(
            help="The customer key (ARN) in the source's account and Region that snapshots are "
            "shared under. Required for encrypted automated snapshots of another account.",
            pattern=KEY_ARN,
            means="the ARN of a KMS key or alias",
        ),
    ] = None
    copy_route: Annotated[
        Literal["auto", "two-steps", "none"],
        Rule(
            help="How a snapshot gets to the target. `auto` copies it in one step wherever it is "
            "in another account or Region. `two-steps` copies one of another account into this "
            "account first and to the other Region then. `none` restores one that another account "
            "shares in the target's Region from where it is."
        ),
    ] = "auto"
    intermediate_kms_key_id: Annotated[
        str | None,
        Rule(
            help="The customer key (ARN) of this account in the source's Region, for the first of "
            "`two-steps`.",
            pattern=KEY_ARN,
            means="the ARN of a KMS key or alias",
        ),
    ] = None
    copy_wait_minutes: Annotated[
        int,
        Rule(
            help="For how many minutes a copy waits for its turn while AWS has as many copies to "
            "the Region in progress as it allows.",
            minimum=0,
            maximum=10080,
        ),
    ] = 720
    default_day: Annotated[
        Literal["yesterday", "today", "latest"],
        Rule(
            help="The day whose snapshot is taken when a start names none. `latest` is the newest "
            "available one, whatever its day and its name."
        ),
    ] = "yesterday"

    allow_foreign_snapshot: Annotated[
        bool,
        Rule(
            help="Whether a snapshot of another cluster, account or Region may be restored, when a "
            "start names it; otherwise it is refused, before anything changes."
        ),
    ] = False

    @property
    def automated_names(self) -> str:
        """Return the names of the cluster's automated snapshots, in the wildcards of IAM."""
        return f"rds:{self.cluster_id}-{DATE_WILDCARDS}-*"

    @property
    def manual_names(self) -> str | None:
        """Return the names of the manual snapshots that are configured, in the wildcards of IAM."""
        return self.snapshot_name and self.snapshot_name.format(date=DATE_WILDCARDS)

    @property
    def names_to_use(self) -> list[str]:
        """Return the names of the snapshots that the role in the source account may use."""
        return [names for names in (self.automated_names, self.manual_names) if names]

    def lets_use(self, snapshot_name: str) -> bool:
        """Return whether the role in the source account may use a snapshot of that name."""
        return any(fnmatchcase(snapshot_name, names) for names in self.names_to_use)


@dataclass(frozen=True, kw_only=True)
class Instance:
    """One DB instance of the restored cluster."""

    instance_class: Annotated[
        InstanceClass, Rule(help="Its class; `db.serverless` needs `serverless_v2_scaling`.")
    ]
    promotion_tier: Annotated[
        int | None,
        Rule(help="Its order in a failover, 0 first.", minimum=0, maximum=15),
    ] = None
    db_parameter_group_name: Annotated[
        GroupName | None, Rule(help="Its parameter group; left out, the engine's default.")
    ] = None


@dataclass(frozen=True, kw_only=True)
class ServerlessV2Scaling:
    """The capacity range of `db.serverless` instances, in Aurora capacity units (ACU)."""

    min_capacity: Annotated[
        float, Rule(help="ACU; 0 lets it pause.", minimum=0, maximum=256, multiple_of=0.5)
    ]
    max_capacity: Annotated[float, Rule(help="ACU.", minimum=1, maximum=256, multiple_of=0.5)]
    seconds_until_auto_pause: Annotated[
        int | None,
        Rule(
            help="How long an instance is idle before it pauses, with a `min_capacity` of 0; left "
            "out, that of the cluster that is replaced.",
            minimum=300,
            maximum=86400,
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class OwnQuarantine:
    """Security groups of one's own for the quarantine, such as in another VPC than the functions'.

    They must let the functions in on the database's port, let nobody else in, and have no outbound
    rule that any traffic can match.
    """

    security_group_ids: Annotated[
        tuple[SecurityGroupId, ...],
        Rule(
            help="The only security groups that the restored cluster has until it is handed over.",
            min_items=1,
            unique=True,
        ),
    ]


@dataclass(frozen=True, kw_only=True)
class Target:
    """The cluster that is deleted and restored, in the environment's account and Region.

    Where a field is left out, the cluster that is replaced decides; where there is none, AWS does.
    """

    cluster_id: Annotated[ClusterId, Rule(help="The cluster that is deleted and restored.")]
    db_subnet_group_name: Annotated[GroupName, Rule(help="Its DB subnet group.")]
    vpc_security_group_ids: Annotated[
        tuple[SecurityGroupId, ...],
        Rule(help="Its security groups, once it is handed over.", min_items=1, unique=True),
    ]
    quarantine: Annotated[
        OwnQuarantine | Literal["off"] | None,
        Rule(
            help="How the restored cluster is shut off until its databases are set up. Left out, "
            "by a security group of the stack's own that lets in the functions that log in, and "
            "nothing out. `off` gives it the final security groups from the beginning: then its "
            "data can be reached, and it can act on production, before anything is masked."
        ),
    ] = None
    strategy: Annotated[
        Literal["replace", "switch"],
        Rule(
            help="How the target is refreshed. `replace` deletes it and restores it in its place. "
            "`switch` restores a cluster beside it, proves that, and then lets it serve in its "
            "place: the old one serves until then, and stays for a while to go back to."
        ),
    ] = "replace"
    instances: Annotated[
        tuple[Instance, ...],
        Rule(
            help="Its instances, the first to become the writer first; left out, those of the "
            "cluster that is replaced.",
            max_items=16,
        ),
    ] = ()
    fallback_instance_classes: Annotated[
        tuple[InstanceClass, ...],
        Rule(
            help="Classes for an instance whose own class AWS has no capacity for, tried in this "
            "order once `capacity_wait_minutes` are over.",
            max_items=5,
            unique=True,
        ),
    ] = ()
    capacity_wait_minutes: Annotated[
        int,
        Rule(
            help="For how many minutes the restore, or an instance of a class, is tried again "
            "while AWS has no capacity for it, or its subnets no free address.",
            minimum=0,
            maximum=1440,
        ),
    ] = 60
    serverless_v2_scaling: ServerlessV2Scaling | None = None
    db_cluster_parameter_group_name: Annotated[
        GroupName | None, Rule(help="Its cluster parameter group.")
    ] = None
    kms_key_id: Annotated[
        str | None,
        Rule(
            help="The customer key (ARN, in the target's Region) that the copy and the restored "
            "cluster are encrypted with. Required to copy an encrypted snapshot.",
            pattern=KEY_ARN,
            means="the ARN of a KMS key or alias",
            example="arn:aws:kms:us-west-2:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        ),
    ] = None
    port: Annotated[
        int | None,
        Rule(
            help=f"The port; left out, {DEFAULT_PORT}.",
            minimum=1150,
            maximum=65535,
            example=5432,
        ),
    ] = None
    deletion_protection: Annotated[
        bool | None,
        Rule(
            help="Whether the restored cluster is protected against deletion. If it is, the next "
            "run needs `replace_protected`."
        ),
    ] = None
    replace_protected: Annotated[
        bool,
        Rule(
            help="Whether the pipeline may lift the deletion protection of the cluster that it "
            "replaces. Without it a protected target is refused."
        ),
    ] = False
    adopt: Annotated[
        bool,
        Rule(
            help="Whether an existing cluster of this name that the pipeline did not make (it does "
            "not carry its tag) may be replaced. Needed for the first run on such a cluster, whose "
            "instances must be named after it, or carry the tag themselves."
        ),
    ] = False
    skip_final_snapshot: Annotated[
        bool | None,
        Rule(
            help="Whether the replaced cluster is deleted without a final snapshot. If left out, a "
            "cluster that the pipeline did not make (it does not carry its tag) gets one, and its "
            "own do not."
        ),
    ] = None
    tags: Annotated[
        Mapping[TagKey, TagValue],
        Rule(
            help="Tags of the restored cluster and its instances, which get four more of the "
            "pipeline's.",
            max_items=46,
        ),
    ] = field(default_factory=dict)

    @property
    def is_switched(self) -> bool:
        """Return whether a cluster is restored beside the target, and gets its name."""
        return self.strategy == "switch"

    @property
    def listens_on(self) -> int:
        """Return the port of the restored cluster."""
        return self.port or DEFAULT_PORT

    @property
    def quarantine_warning(self) -> str | None:
        """Return what to warn of where the restored cluster is never shut off."""
        if self.quarantine != "off":
            return None
        return (
            "the quarantine is off: from its restore on the cluster can be reached with the "
            "logins of production and with unmasked data, and its subscriptions, foreign servers "
            "and scheduled jobs reach production; leave it out"
        )


@dataclass(frozen=True, kw_only=True)
class Script:
    """One SQL file that runs, in a transaction, before the application can log in."""

    path: Annotated[
        str,
        Rule(
            help="The file, relative to this one.",
            pattern=SQL_FILE,
            means="a path to a .sql file in the folder of this file, without `..`",
            example="sql/mask-customers.sql",
        ),
    ]
    database: Annotated[
        DatabaseName | None, Rule(help="The database; left out, the first of `databases`.")
    ] = None


@dataclass(frozen=True, kw_only=True)
class Neutralisation:
    """Which of production's wiring is removed from every database before any script runs.

    With `false` a kind stays as production has it, and the copy may act on production.
    """

    subscriptions: Annotated[
        bool,
        Rule(
            help="Whether subscriptions are dropped, without a connection to their publisher. One "
            "that stays takes rows from production's real subscriber."
        ),
    ] = True
    cron_jobs: Annotated[
        bool,
        Rule(
            help="Whether the jobs of `pg_cron` are made inactive, and their runs ended. Those "
            "that stay run on data that is not masked yet."
        ),
    ] = True
    user_mappings: Annotated[
        bool,
        Rule(
            help="Whether the user mappings of foreign servers are dropped. With one that stays, "
            "who may use a foreign table reads and writes what it leads to."
        ),
    ] = True
    replication_slots: Annotated[
        bool,
        Rule(
            help="Whether the copy's own logical replication slots are dropped. One that stays "
            "keeps the write-ahead log for a subscriber that will not come."
        ),
    ] = True

    @property
    def kept(self) -> tuple[str, ...]:
        """Return the names of the kinds that stay on purpose."""
        return tuple(kind.name for kind in fields(self) if not getattr(self, kind.name))

    def plan(self) -> dict[str, str]:
        """Return what a run does to each kind, in words."""
        return {
            kind.name: "kept on purpose"
            if kind.name in self.kept
            else "removed from every database"
            for kind in fields(self)
        }


@dataclass(frozen=True, kw_only=True)
class Database:
    """What happens inside the restored PostgreSQL."""

    databases: Annotated[
        tuple[DatabaseName, ...],
        Rule(
            help="The databases on which the application roles get their grants; left out, the "
            "one named in the master secret."
        ),
    ] = ()
    disable_inherited_logins: Annotated[
        bool,
        Rule(
            help="Whether the login roles that came with the snapshot lose their login and their "
            "sessions, and all databases of the cluster are closed to all but the master user, "
            "`keep_logins` and, on `databases`, the application roles."
        ),
    ] = True
    keep_logins: Annotated[
        tuple[RoleName, ...],
        Rule(
            help="Roles that may log in: inherited ones keep their login, scripts may make others."
        ),
    ] = ()
    neutralise: Neutralisation = Neutralisation()
    scripts: Annotated[
        tuple[Script, ...],
        Rule(help="SQL scripts (masking, fixtures), run in this order."),
    ] = ()
    triggers: Annotated[
        Literal["fire", "skip"],
        Rule(
            help="Whether triggers fire on what the scripts change. With `skip` they run under "
            "`session_replication_role = replica`: an audit trigger does not store the original "
            "values, and foreign keys are not checked either."
        ),
    ] = "fire"
    rewrite_tables: Annotated[
        bool,
        Rule(
            help="Whether the tables that scripts changed are rewritten afterwards (`VACUUM FULL`),"
            " so that no original value is left in their files. It takes the time and the storage "
            "of a copy of each."
        ),
    ] = False
    masking: Annotated[
        Literal["required", "optional", "none"],
        Rule(
            help="`required` refuses a restore that has neither `columns` nor `scripts` nor "
            "`checks`. `none` says that the data is meant to stay as it is in production. With "
            "`optional`, a restore without scripts is warned of."
        ),
    ] = "optional"
    columns: Annotated[
        str | None,
        Rule(
            help="The file that classifies every column of the listed databases as `masked`, "
            "`cleared` or `safe`; a column that it does not name ends the run, before anyone can "
            "log in.",
            pattern=JSON_FILE,
            means="a path to a .json file in the folder of this file, without `..`",
            example="columns/orders.json",
        ),
    ] = None
    checks: Annotated[
        tuple[QueryCheck, ...],
        Rule(help="Queries that must return no row.", max_items=100),
    ] = ()
    personal_data_check: PersonalDataCheck | None = None

    @property
    def masking_fault(self) -> str | None:
        """Return why `masking` contradicts the other fields; None if it does not."""
        if self.masking == "required" and not (self.columns or self.scripts or self.checks):
            return (
                "is `required`, and there are neither `columns` nor `scripts` nor `checks`: add "
                "one, or leave `masking` out"
            )
        if self.masking == "none" and self.columns:
            return "is `none`, and `columns` says what is masked: leave out one of them"
        return None

    @property
    def masking_warning(self) -> str | None:
        """Return what to warn of where data may be handed over as it is in production."""
        if self.masking == "none" or self.scripts:
            return None
        handed_over = "no script masks the data, so it is handed over as it is in production"
        if self.masking == "required":
            return handed_over
        return f"{handed_over}; if that is meant, set database.masking to none"


@dataclass(frozen=True, kw_only=True)
class Archive:
    """How long the pipeline's own copies are kept. The copy just used always stays."""

    keep_copies: Annotated[
        int, Rule(help="How many copies stay, counting the one just used.", minimum=1, maximum=90)
    ] = 7
    keep_final_snapshots: Annotated[
        int,
        Rule(
            help="How many final snapshots of replaced clusters stay, where any are taken: see "
            "`target.skip_final_snapshot`.",
            minimum=1,
            maximum=50,
        ),
    ] = 3
    keep_days: Annotated[
        int | None,
        Rule(
            help="Copies older than this many days are deleted as well.",
            minimum=1,
            maximum=MAX_DAYS,
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class Polling:
    """How often a running AWS operation is looked at.

    A look comes the sooner, the likelier the end is: by the progress that AWS reports, by what
    earlier operations of the restore took, or by what is usual. The longer a run has taken, the
    longer it may wait. Where the end is near, a function of an execution looks every few seconds
    for up to 50 seconds a call, unless ``floor_seconds`` is more than 20.
    """

    floor_seconds: Annotated[int, Rule(help="The shortest wait.", minimum=1, maximum=3600)] = 3
    fraction: Annotated[
        float,
        Rule(
            help="About the share of the time already waited after which something is looked at "
            "of which nothing is known, 20 minutes after a run began. All waits shrink and grow "
            "with it: half of it delays a run half as much, and takes about twice the calls.",
            minimum=0.01,
            maximum=1,
        ),
    ] = 0.035
    cap_seconds: Annotated[
        int,
        Rule(
            help="The longest wait, and so how late a failure may be noticed.",
            minimum=1,
            maximum=86400,
        ),
    ] = 3600


@dataclass(frozen=True, kw_only=True)
class Restore:
    """One restore: a source, a target, and what becomes of it. Held in an SSM parameter."""

    source: Source
    target: Target
    switch: Switch = field(default=Switch())
    database: Database = Database()
    secrets: OwnSecrets = field(default=OwnSecrets())
    archive: Archive = Archive()
    hooks: Hooks = field(default=Hooks())
    polling: Polling = Polling()
    max_attempts: Annotated[
        int,
        Rule(
            help="How often a copy, deletion or restore that keeps failing in AWS is started, in "
            "one execution or re-run of it.",
            minimum=1,
            maximum=5,
        ),
    ] = 2
    repeat_deletion_after_minutes: Annotated[
        int,
        Rule(
            help="For how many minutes an accepted deletion is waited for while nothing shows that "
            "it is in progress: no final snapshot being taken, no instance being deleted. Then the "
            "same call is made again, which RDS refuses if the deletion is in progress.",
            minimum=5,
            maximum=1440,
        ),
    ] = 30
    schedule: Schedule | None = None

    @property
    def parameter_text(self) -> str:
        """Return it as its SSM parameter holds it."""
        return json.dumps(to_json(self), separators=(",", ":"))

    @property
    def publishes_endpoint(self) -> bool:
        """Return whether a switch renames nothing, and the clients read the new endpoint."""
        return self.target.is_switched and self.switch.by == "endpoint"
