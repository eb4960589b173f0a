"""What an operation knows about itself, declared once.

Each field of ``OperationState`` is a key of ``details`` in the state table: its type, the steps
that write it, whether a re-run of the execution resets it, and what it means. Steps read it as
attributes and hand on a changed copy (``dataclasses.replace``), so a misspelt key fails type
checking. The table in ``docs/architecture.md`` is generated from here.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from functools import cache
from typing import Annotated, Any, Final, Self, get_args, get_type_hints

from aurora_restore.shared.documents.fields import Moment
from aurora_restore.shared.documents.schema import parse, to_json
from aurora_restore.shared.name_list import NameList

EVERY_STEP: Final = "every step"


@dataclass(frozen=True)
class Key:
    """What is declared of a key beside its name and its type."""

    written_by: str
    """The steps that write it, separated by commas, or ``EVERY_STEP``."""
    meaning: str
    of_one_run: bool = False
    """Whether a re-run of the execution starts without it."""
    of_one_cluster: bool = False
    """Whether the next cluster that the operation restores starts without it."""

    @property
    def steps(self) -> tuple[str, ...]:
        """Return the names of the steps that write it; none where every step does."""
        return () if self.written_by == EVERY_STEP else tuple(self.written_by.split(", "))


@dataclass(frozen=True, kw_only=True)
class OperationState:
    """Everything that is known of an operation so far."""

    restore: Annotated[str | None, Key(EVERY_STEP, "Which restore of the environment it is.")] = (
        None
    )
    sequence: Annotated[
        str | None,
        Key(EVERY_STEP, "Which sequence of steps it takes: `replace`, `switch` and so on."),
    ] = None
    operation_started_at: Annotated[
        Moment | None, Key(EVERY_STEP, "When its first step was called.")
    ] = None
    started_by: Annotated[
        str | None,
        Key(
            EVERY_STEP,
            "Who or what has started it, as the input of its first execution says. Absent where "
            "that says nothing.",
        ),
    ] = None
    target_lock: Annotated[
        tuple[str, ...] | None,
        Key(EVERY_STEP, "Account, Region and cluster of the lock that its execution holds."),
    ] = None
    attempted_in: Annotated[
        str | None,
        Key(EVERY_STEP, "The execution, and its re-run, that `attempts` are counted in."),
    ] = None
    attempts: Annotated[
        Mapping[str, int],
        Key(
            "copy-snapshot, delete-rds, restore-snapshot, check-restore-status",
            "How often a step has started its operation in AWS, which in check-restore-status is "
            "to set the master password; also a copy before the last one, under the copy's name, "
            "and the deletion of a cluster, under its resource id.",
            of_one_run=True,
        ),
    ] = field(default_factory=dict)
    waiting_since: Annotated[
        Mapping[str, Moment],
        Key(EVERY_STEP, "Since when something has been waited for, by its name.", of_one_run=True),
    ] = field(default_factory=dict)
    progress: Annotated[
        float | None,
        Key(EVERY_STEP, "How much of it is done, from 0 to 1, as AWS says.", of_one_run=True),
    ] = None
    progress_since: Annotated[
        Moment | None, Key(EVERY_STEP, "Since when that has not changed.", of_one_run=True)
    ] = None

    snapshot_name: Annotated[
        str | None, Key("snapshot-check, copy-snapshot", "The source's snapshot.")
    ] = None
    snapshot_arn: Annotated[
        str | None,
        Key(
            "snapshot-check, check-copy-status",
            "The ARN of the source's snapshot; once there is a finished copy, the copy's.",
        ),
    ] = None
    source_snapshot_arn: Annotated[
        str | None, Key("snapshot-check, copy-snapshot", "The ARN of the source's snapshot.")
    ] = None
    source_account_id: Annotated[
        str | None,
        Key(
            "snapshot-check, copy-snapshot, check-copy-status",
            "The account of the source's snapshot.",
        ),
    ] = None
    target_account_id: Annotated[
        str | None,
        Key("snapshot-check, copy-snapshot, check-copy-status", "The account of the target."),
    ] = None
    source_region: Annotated[
        str | None,
        Key(
            "snapshot-check, copy-snapshot, check-copy-status",
            "The Region of the source's snapshot.",
        ),
    ] = None
    target_region: Annotated[
        str | None,
        Key("snapshot-check, copy-snapshot, check-copy-status", "The Region of the target."),
    ] = None
    snapshot_created_at: Annotated[
        Moment | None, Key("snapshot-check", "When the source's snapshot was taken.")
    ] = None
    snapshot_gib: Annotated[
        int | None,
        Key(
            "snapshot-check",
            "The size of the source's snapshot in GiB, where RDS shows it.",
        ),
    ] = None
    shared_by_copy: Annotated[
        bool,
        Key(
            "snapshot-check",
            "Whether the source account must make a manual copy before it can share the snapshot.",
        ),
    ] = False
    route: Annotated[
        str | None,
        Key("snapshot-check, copy-snapshot", "How the snapshot gets to the target, in words."),
    ] = None

    shared_at: Annotated[
        Moment | None,
        Key(
            "copy-snapshot",
            "When a snapshot of the source account was shared with this one.",
            of_one_run=True,
        ),
    ] = None
    source_snapshot: Annotated[
        str | None, Key("copy-snapshot, check-copy-status", "The snapshot that is copied.")
    ] = None
    target_snapshot: Annotated[
        str | None,
        Key("copy-snapshot, check-copy-status", "The snapshot to restore: the same as the next."),
    ] = None
    copy_snapshot_id: Annotated[
        str | None,
        Key(
            "copy-snapshot, check-copy-status",
            "The snapshot to restore: the copy's name, or the name or ARN of what needs no copy.",
        ),
    ] = None
    copy_status: Annotated[
        str | None, Key("copy-snapshot, check-copy-status", "The status of the copy.")
    ] = None
    copy_started_at: Annotated[
        Moment | None, Key("copy-snapshot", "When the copy was started.")
    ] = None
    also_used_by: Annotated[
        tuple[str, ...],
        Key(
            "copy-snapshot, archive-snapshot",
            "The other restores that used the copy when the step looked last.",
        ),
    ] = ()

    old_cluster: Annotated[
        Mapping[str, Any] | None,
        Key("delete-rds", "The settings of the cluster that is replaced."),
    ] = None
    deleted_cluster_id: Annotated[str | None, Key("delete-rds", "The cluster that is deleted.")] = (
        None
    )
    deletion_of: Annotated[
        str | None,
        Key("delete-rds", "The resource id of the cluster whose deletion RDS was asked for."),
    ] = None
    delete_started_at: Annotated[
        Moment | None, Key("delete-rds", "When RDS accepted that deletion, or was found at it.")
    ] = None
    deletion_seen_at: Annotated[
        Moment | None,
        Key(
            "delete-rds, check-delete-status",
            "When something last showed that the deletion is in progress.",
        ),
    ] = None
    final_snapshot: Annotated[
        str | None, Key("delete-rds", "The name of the deleted cluster's final snapshot.")
    ] = None
    deleted_beside: Annotated[
        Mapping[str, str],
        Key(
            "check-delete-status",
            "The clusters beside the target that were deleted, by name, and what became of each: "
            "`deleted`, or the name of its final snapshot.",
        ),
    ] = field(default_factory=dict)

    new_cluster_id: Annotated[
        str | None, Key("restore-snapshot, check-restore-status", "The restored cluster.")
    ] = None
    cluster_resource_id: Annotated[
        str | None,
        Key(
            "restore-snapshot, check-restore-status",
            "The restored cluster's resource id, which no other cluster of the Region ever has.",
        ),
    ] = None
    restore_status: Annotated[
        str | None,
        Key("restore-snapshot, check-restore-status", "The status of the restored cluster."),
    ] = None
    restore_started_at: Annotated[
        Moment | None, Key("restore-snapshot", "When the restore was started.")
    ] = None
    restore_settings: Annotated[
        Mapping[str, Any] | None,
        Key("restore-snapshot", "The settings that the cluster is restored with."),
    ] = None
    restore_is_dead: Annotated[
        bool,
        Key(
            "restore-snapshot, check-restore-status",
            "Whether the restored cluster is unusable and is to be deleted.",
        ),
    ] = False
    no_capacity_since: Annotated[
        Mapping[str, Moment],
        Key(
            "restore-snapshot, check-restore-status",
            "Since when AWS has no capacity, by instance class; `cluster` for the cluster itself.",
            of_one_run=True,
        ),
    ] = field(default_factory=dict)
    capacity_waits: Annotated[
        int,
        Key(
            "restore-snapshot, check-restore-status",
            "How often a step has waited for capacity.",
            of_one_run=True,
        ),
    ] = 0
    instance_class_used: Annotated[
        Mapping[str, str],
        Key(
            "check-restore-status",
            "The class of each instance that was made with a fallback class, by name.",
            of_one_cluster=True,
        ),
    ] = field(default_factory=dict)
    vpc_id: Annotated[str | None, Key("restore-snapshot", "The restored cluster's VPC.")] = None
    subnet_ids: Annotated[
        tuple[str, ...] | None, Key("restore-snapshot", "The subnets of its subnet group.")
    ] = None
    security_group_ids: Annotated[
        tuple[str, ...] | None,
        Key(
            "restore-snapshot, hand-over",
            "The security groups that it is to have once it is handed over.",
        ),
    ] = None
    quarantine_security_group_ids: Annotated[
        tuple[str, ...] | None,
        Key(
            "restore-snapshot",
            "The only security groups that it has until then; an empty list where there is no "
            "quarantine.",
            of_one_cluster=True,
        ),
    ] = None

    master_password_set: Annotated[
        bool,
        Key(
            "restore-snapshot, check-restore-status, setup-db-users",
            "Whether the restored cluster has been given the password of its master secret.",
            of_one_cluster=True,
        ),
    ] = False
    put_back: Annotated[
        tuple[str, ...],
        Key(
            "check-restore-status, hand-over, switch-cluster, put-back-access",
            "The settings beyond those of the restore that were put back, or that AWS refused.",
            of_one_run=True,
            of_one_cluster=True,
        ),
    ] = ()
    cluster_endpoint: Annotated[
        str | None,
        Key(
            "check-restore-status",
            "The restored cluster's writer endpoint.",
            of_one_cluster=True,
        ),
    ] = None
    cluster_port: Annotated[
        int | None,
        Key(
            "check-restore-status",
            "The restored cluster's port.",
            of_one_cluster=True,
        ),
    ] = None
    drift: Annotated[
        tuple[Mapping[str, Any], ...] | None,
        Key(
            "check-restore-status, hand-over, switch-cluster, put-back-access",
            "Settings that differ from the old cluster's or configured.",
            of_one_cluster=True,
        ),
    ] = None

    disabled_logins: Annotated[
        tuple[str, ...] | None,
        Key(
            "setup-db-users",
            "The inherited roles that may no longer log in: the first fifty in alphabetical order.",
            of_one_cluster=True,
        ),
    ] = None
    disabled_login_count: Annotated[
        int | None, Key("setup-db-users", "How many they are in all.", of_one_cluster=True)
    ] = None
    open_logins: Annotated[
        tuple[str, ...],
        Key(
            "setup-db-users",
            "The inherited roles that can still log in, because they could not be altered: the "
            "first fifty.",
            of_one_cluster=True,
        ),
    ] = ()
    wiring_removed: Annotated[
        Mapping[str, NameList],
        Key(
            "setup-db-users",
            "What tied the copy to production, by kind: what was removed or made inactive.",
            of_one_cluster=True,
        ),
    ] = field(default_factory=dict)
    wiring_kept: Annotated[
        Mapping[str, NameList],
        Key(
            "setup-db-users",
            "The same of the kinds that `database.neutralise` keeps.",
            of_one_cluster=True,
        ),
    ] = field(default_factory=dict)
    wiring_reported: Annotated[
        Mapping[str, NameList],
        Key(
            "setup-db-users",
            "What can reach out of the databases or acts by itself in them, by kind. It stays.",
            of_one_cluster=True,
        ),
    ] = field(default_factory=dict)
    scripts: Annotated[
        tuple[Mapping[str, Any], ...],
        Key(
            "setup-db-users",
            "What each script that has run did: its path, database and SHA-256, the rows that were "
            "changed by statement and by table, the triggers of these tables that fired, and its "
            "seconds.",
            of_one_cluster=True,
        ),
    ] = ()
    evidence_key: Annotated[
        str | None,
        Key(
            "setup-db-users",
            "The random key under which original values of masked columns are remembered as hashes "
            "in the databases, until they are set up: neither is any use without the other.",
            of_one_cluster=True,
        ),
    ] = None
    masking: Annotated[
        Mapping[str, Any] | None,
        Key(
            "setup-db-users",
            "What was proven of the masking, as numbers: `columns` by treatment and the originals "
            "that were compared, `personal_data` that was searched for, and the rows of `checks`; "
            "each with its `outcome`.",
            of_one_cluster=True,
        ),
    ] = None
    masking_failed: Annotated[
        Mapping[str, Any] | None,
        Key(
            "setup-db-users",
            "The same instead of `masking`, where the `outcome` of at least one is `failed`: with "
            "the `findings`, which are places and numbers.",
            of_one_cluster=True,
        ),
    ] = None
    connection_failures: Annotated[
        int | None,
        Key(
            "setup-db-users",
            "How often in a row the database was not reached.",
            of_one_cluster=True,
        ),
    ] = None

    privileges_beyond_reach: Annotated[
        NameList | None,
        Key(
            "setup-db-users",
            "What PUBLIC or an application role may do that the rules forbid, and only a superuser "
            "could revoke.",
            of_one_cluster=True,
        ),
    ] = None
    users_configured: Annotated[
        bool,
        Key(
            "setup-db-users",
            "Whether the database has been set up as a whole.",
            of_one_cluster=True,
        ),
    ] = False

    application_database: Annotated[
        str | None,
        Key(
            "setup-db-users",
            "The database that the application is to connect to: the first of those set up.",
            of_one_cluster=True,
        ),
    ] = None

    hand_over_started_at: Annotated[
        Moment | None,
        Key(
            "hand-over",
            "When its quarantine began to be lifted.",
            of_one_cluster=True,
        ),
    ] = None
    handed_over_at: Annotated[
        Moment | None,
        Key(
            "hand-over",
            "When it had been handed over: every instance has the wanted security groups.",
            of_one_cluster=True,
        ),
    ] = None

    hook: Annotated[
        Mapping[str, str] | None,
        Key(
            "delete-rds, hand-over, switch-cluster, sns-notification",
            "The hook that the state machine was last asked to call: `name`, `function`, and the "
            "idempotency `key`.",
            of_one_cluster=True,
        ),
    ] = None
    app_secret_endpoint: Annotated[
        str | None,
        Key(
            "hand-over, verify-switch",
            "Whether the application's secret says where it is reached, or why it does not.",
            of_one_cluster=True,
        ),
    ] = None

    switch_started_at: Annotated[
        Moment | None,
        Key(
            "switch-cluster",
            "When the target's name was about to be taken from the cluster that had it, or another "
            "endpoint to be published.",
            of_one_cluster=True,
        ),
    ] = None
    switch_looked_at: Annotated[
        Moment | None,
        Key(
            "switch-cluster",
            "When a look last showed that the new cluster did not serve yet.",
            of_one_cluster=True,
        ),
    ] = None
    switch_stuck_since: Annotated[
        Moment | None,
        Key(
            "switch-cluster, delete-rds",
            "Since when the name could not be given to either cluster.",
            of_one_run=True,
        ),
    ] = None
    switched_at: Annotated[
        Moment | None,
        Key(
            "switch-cluster",
            "When a look first showed the new cluster available, and serving as the target.",
            of_one_cluster=True,
        ),
    ] = None
    interruption_seconds: Annotated[
        float | None,
        Key(
            "switch-cluster",
            "How long the switch took: by rename, for how long nothing had the target's name, at "
            "most; by endpoint, until all that clients read led to the new cluster.",
            of_one_cluster=True,
        ),
    ] = None
    interruption_granularity_seconds: Annotated[
        float | None,
        Key(
            "switch-cluster",
            "By how much that may be too long: the time between the last two looks.",
            of_one_cluster=True,
        ),
    ] = None
    belongings: Annotated[
        Mapping[str, Any] | None,
        Key(
            "switch-cluster, put-back-access",
            "What the cluster had that had the target's name, and does not go with the name: "
            "custom endpoints, proxies, auto scaling of readers, the Data API, a master password "
            "that RDS manages; and its instances. Of a replaced cluster only its proxies.",
            of_one_cluster=True,
        ),
    ] = None
    carry_over_started_at: Annotated[
        Moment | None,
        Key(
            "switch-cluster, put-back-access",
            "When that began to be carried over.",
            of_one_run=True,
            of_one_cluster=True,
        ),
    ] = None
    carried_over_at: Annotated[
        Moment | None,
        Key(
            "switch-cluster, put-back-access",
            "When that was done; what was not carried over is in `drift`.",
            of_one_run=True,
            of_one_cluster=True,
        ),
    ] = None
    certificate_refresh: Annotated[
        Mapping[str, Moment],
        Key(
            "switch-cluster",
            "When what refreshes the server's certificate was asked for: `stop`, `start`, or the "
            "reboot of an instance, by its name.",
            of_one_cluster=True,
        ),
    ] = field(default_factory=dict)
    retired_cluster_id: Annotated[
        str | None,
        Key("switch-cluster", "The name of the cluster that served before, since the switch."),
    ] = None
    retired_until: Annotated[
        Moment | None,
        Key("switch-cluster", "Until when it is kept, so that a roll-back is possible."),
    ] = None

    verified_at: Annotated[
        Moment | None,
        Key(
            "verify-switch",
            "When the cluster that serves was found to be the right one, and as it was proven.",
            of_one_cluster=True,
        ),
    ] = None
    unanswered_at: Annotated[
        Moment | None,
        Key(
            "verify-switch",
            "When an attempt to log in at the target's endpoint began that failed: the latest.",
            of_one_cluster=True,
        ),
    ] = None
    unanswered_seconds: Annotated[
        float | None,
        Key(
            "verify-switch",
            "From the beginning of the switch to the first log-in at the target's endpoint.",
            of_one_cluster=True,
        ),
    ] = None
    unanswered_granularity_seconds: Annotated[
        float | None,
        Key(
            "verify-switch",
            "By how much that may be too long: the time since the last attempt that failed, or the "
            "last look that did not show that the new cluster served.",
            of_one_cluster=True,
        ),
    ] = None
    certificate_matches: Annotated[
        bool | None,
        Key(
            "verify-switch",
            "Whether the server's certificate is for the target's endpoint.",
            of_one_cluster=True,
        ),
    ] = None
    certificate: Annotated[
        str | None,
        Key(
            "verify-switch",
            "For what the server's certificate is, and what to do where clients may be refused.",
            of_one_cluster=True,
        ),
    ] = None
    retired_sessions_ended: Annotated[
        int | None,
        Key(
            "verify-switch",
            "How many sessions of clients were ended on the cluster that served before.",
            of_one_cluster=True,
        ),
    ] = None
    retired_sessions_left: Annotated[
        tuple[str, ...],
        Key(
            "verify-switch",
            "Where sessions may be left on it, by the endpoint of the instance, and why.",
            of_one_cluster=True,
        ),
    ] = ()

    deleted_snapshots: Annotated[
        tuple[str, ...], Key("archive-snapshot", "The snapshots that the retention has deleted.")
    ] = ()

    managed_secret_arn: Annotated[
        str | None,
        Key(
            "put-back-access",
            "The secret in which RDS manages the master password of the cluster that serves.",
            of_one_cluster=True,
        ),
    ] = None

    notified_status: Annotated[
        str | None, Key("sns-notification", "The outcome that was announced: success or failed.")
    ] = None

    @classmethod
    def from_details(cls, details: Mapping[str, Any]) -> Self:
        """Return the state that an item's ``details`` hold.

        Keys that are not declared, of an earlier version or of a failure (``error``), are ignored.
        Raises ValidationError naming the key if a value is of the wrong type.
        """
        known = {name: details[name] for name in declared() if details.get(name) is not None}
        return parse(cls, known, source="the operation's state")

    def to_details(self) -> dict[str, Any]:
        """Return what is stored as ``details``: every key that is not at its default."""
        return {
            each.name: to_json(getattr(self, each.name))
            for each in fields(self)
            if getattr(self, each.name) != _default(each)
        }

    def rerun(self, run: str) -> Self:
        """Return the state with which a run of an execution continues.

        ``run`` names the execution and the re-run of it. What belongs to one run is reset where
        that was another one.
        """
        if self.attempted_in == run:
            return self
        return replace(self, attempted_in=run, **_defaults_of(lambda key: key.of_one_run))

    def of_cluster(self, resource_id: str | None) -> Self:
        """Return the state with the cluster that the operation has restored, or is about to.

        What belongs to one cluster is reset where it is another one than before.
        """
        if self.cluster_resource_id in (None, resource_id):
            return replace(self, cluster_resource_id=resource_id)
        reset = _defaults_of(lambda key: key.of_one_cluster)
        return replace(self, cluster_resource_id=resource_id, **reset)

    @property
    def is_in_quarantine(self) -> bool:
        """Return whether a cluster was restored in quarantine, and has not been handed over."""
        return bool(self.quarantine_security_group_ids) and self.handed_over_at is None

    def has_set_up(self, resource_id: str) -> bool:
        """Return whether the databases of a cluster have been set up as a whole."""
        return self.users_configured and self.cluster_resource_id == resource_id


@cache
def declared() -> Mapping[str, Key]:
    """Return every key of the operation's state with its declaration, in order."""
    return {
        name: next(extra for extra in get_args(annotation) if isinstance(extra, Key))
        for name, annotation in get_type_hints(OperationState, include_extras=True).items()
    }


def _defaults_of(belongs: Callable[[Key], bool]) -> dict[str, Any]:
    """Return the defaults of the keys that ``belongs`` chooses by their declaration."""
    chosen = (each for each in fields(OperationState) if belongs(declared()[each.name]))
    return {each.name: _default(each) for each in chosen}


def _default(each: Any) -> Any:
    return each.default if each.default_factory is MISSING else each.default_factory()
