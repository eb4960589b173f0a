"""The names of what the stack deploys and of what the pipeline makes in RDS, its tags included."""

import hashlib
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Final

DEFAULT_NAME_PREFIX: Final = "aurora-restore"
"""How deployed names begin if the configuration does not say otherwise."""

TAG_MANAGED_BY: Final = "aurora-restore:managed-by"
"""On everything the pipeline makes in RDS: the environment's name prefix."""
CLUSTER_TAG_OF_SECRET: Final = "aws:rds:primaryDBClusterArn"  # noqa: S105 - a tag's key
"""By which RDS says whose master password is in a secret that it manages."""

TAG_OPERATION: Final = "aurora-restore:operation-id"

TAG_RESTORE: Final = "aurora-restore:restore"

TAG_SOURCE_SNAPSHOT: Final = "aurora-restore:source-snapshot"

TAG_ARCHIVED_AT: Final = "aurora-restore:archived-at"

TAG_ADOPTED: Final = "aurora-restore:adopted"
"""On a cluster that a switch has taken the target's name from and the pipeline did not make."""

TAG_KEEP_UNTIL: Final = "aurora-restore:keep-until"
"""On a cluster of a switched target that does not serve: the timestamp after which it is deleted.

The roles may delete only what carries it, so what serves does not.
"""


def source_role_name(prefix: str) -> str:
    """Return the name of the pipeline's role in a source account."""
    return f"{prefix}-source-access"


def shared_snapshot_prefix(prefix: str) -> str:
    """Return how the names of the pipeline's copies in a source account begin."""
    return f"{prefix}-shared-"


def intermediate_snapshot_prefix(prefix: str, target_region: str) -> str:
    """Return how the names of this account's copies in a source's Region begin.

    They name the target's Region, so that environments of one prefix in several Regions, which may
    share a source's Region, have copies of their own there.
    """
    return f"{prefix}-step-{target_region}-"


COPY_SUFFIX: Final = "-copy"
"""How the names of the copies in the target's Region end."""


def final_snapshot_name(cluster_id: str, moment: str) -> str:
    """Return the name of a final snapshot that is named after a timestamp."""
    digits = "".join(filter(str.isdigit, moment))
    return final_snapshot_prefix(cluster_id) + digits[:14]


def final_snapshot_prefix(cluster_id: str) -> str:
    """Return how the names of a target's final snapshots begin; 14 digits follow."""
    return f"{cluster_id[:40].rstrip('-')}-final-"


def final_snapshot_names(cluster_id: str) -> str:
    """Return the names of a target's final snapshots, in the wildcards of IAM."""
    return final_snapshot_prefix(cluster_id) + "?" * 14


BESIDE: Final = "-ar-"
"""Sets the names of the clusters beside a target apart; eight digits of the operation follow."""

RETIRED_SUFFIX: Final = "-old"

_DIGITS: Final = 8

MOST_LETTERS_BESIDE: Final = 63 - len(BESIDE) - _DIGITS - len(RETIRED_SUFFIX)
"""How long a target's name may be for clusters beside it to have names; RDS takes 63 letters."""


def cluster_beside(target: str, operation_id: str) -> str:
    """Return the name of the cluster that an operation restores beside the target.

    It is the operation's own, so that two runs of a day do not meet. Its instances are named after
    it and keep their names, because RDS restarts an instance that is renamed.
    """
    digits = hashlib.sha256(operation_id.encode()).hexdigest()[:_DIGITS]
    return f"{target}{BESIDE}{digits}"


def retired_cluster(target: str, operation_id: str) -> str:
    """Return the name of the cluster that an operation has taken the target's name from."""
    return cluster_beside(target, operation_id) + RETIRED_SUFFIX


def clusters_beside(target: str) -> tuple[str, ...]:
    """Return the names of the clusters beside a target, in the wildcards of IAM."""
    beside = f"{target}{BESIDE}{'?' * _DIGITS}"
    return beside, beside + RETIRED_SUFFIX


def is_beside(target: str, cluster_id: str) -> bool:
    """Return whether a cluster has a name that the pipeline gives to those beside a target."""
    return any(fnmatchcase(cluster_id, names) for names in clusters_beside(target))


def instance_name_prefix(cluster_id: str) -> str:
    """Return how the names that the pipeline gives a cluster's instances begin; a number follows.

    An identifier has 63 letters at most.
    """
    return f"{cluster_id[:60].rstrip('-')}-"


def instance_names(cluster_id: str) -> tuple[str, ...]:
    """Return the names of instances that are named after a cluster, in the wildcards of IAM."""
    given = instance_name_prefix(cluster_id)
    if given == f"{cluster_id}-":
        return cluster_id, f"{cluster_id}-*"
    return cluster_id, f"{given}?", f"{given}??"


def is_named_after(cluster_id: str, instance_id: str) -> bool:
    """Return whether an instance is named after a cluster, so that the roles may make it."""
    return any(fnmatchcase(instance_id, names) for names in instance_names(cluster_id))


READER_COUNT: Final = "rds:cluster:ReadReplicaCount"
"""What Application Auto Scaling calls the number of a cluster's readers."""

LOCK_KEY_PREFIX: Final = "lock#"
"""How the partition keys of the locks in the state table begin."""

TARGET_KEY_PREFIX: Final = "target#"
"""How the partition keys of the target records in the state table begin."""

PAUSE_KEY_PREFIX: Final = "pause#"
"""How the partition keys of paused schedules in the state table begin; the restore follows."""

DURATIONS_KEY_PREFIX: Final = "durations#"
"""How the partition keys of the records of earlier durations in the state table begin."""

RUNS_KEY_PREFIX: Final = "runs#"
"""How the partition keys of the records of past runs in the state table begin; the restore
follows."""

HOOK_KEY_PREFIX: Final = "hook#"
"""How the keys of the state table begin under which hooks that have succeeded are written down."""

COPY_QUEUE_KEY_PREFIX: Final = "copy-queue#"
"""How the partition keys of copies that wait for their turn begin; account and Region follow."""

COPY_LEASES_KEY: Final = "copy-leases#"
"""The partition key of the common copies in the state table; the sort key is a copy's ARN."""

ASSETS_PACKAGE: Final = "aurora_restore_assets"
"""The package in the database layer that holds what the functions that log in read."""

CA_BUNDLE: Final = "ca-bundle.pem"

SCRIPTS_FOLDER: Final = "scripts"


def script_resource(restore: str, index: int, path: str) -> str:
    """Return where in ASSETS_PACKAGE the ``index``-th script of a restore is, from 0.

    There it is taken apart into its statements: ``documents.sql_script.DeployedScript`` as JSON.
    """
    return f"{SCRIPTS_FOLDER}/{restore}/{index:03d}-{PurePosixPath(path).name}.json"


def check_resource(restore: str, index: int, path: str) -> str:
    """Return where in ASSETS_PACKAGE the ``index``-th check of a restore is, from 0."""
    return f"checks/{restore}/{index:03d}-{PurePosixPath(path).name}"


def columns_resource(restore: str) -> str:
    """Return where in ASSETS_PACKAGE the classification of a restore's columns is."""
    return f"columns/{restore}.json"


EXPIRES_AT: Final = "expires_at"
"""The state table's time-to-live attribute: when DynamoDB may delete an item, in epoch seconds."""


def state_table_name(prefix: str) -> str:
    """Return the name of the state table."""
    return f"{prefix}-state"


def audit_table_name(prefix: str) -> str:
    """Return the name of the audit table."""
    return f"{prefix}-audit"


def master_secret_name(prefix: str) -> str:
    """Return the name of the master secret that the stack makes."""
    return f"{prefix}-master-credentials"


def app_secret_name(prefix: str) -> str:
    """Return the name of the application's secret that the stack makes."""
    return f"{prefix}-app-credentials"


def own_master_secret_name(prefix: str, restore: str) -> str:
    """Return the name of the master secret that the stack makes for one restore.

    The slash keeps it apart from those of an environment whose prefix is longer.
    """
    return f"{prefix}/{restore}/master-credentials"


def own_app_secret_name(prefix: str, restore: str) -> str:
    """Return the name of the application's secret that the stack makes for one restore."""
    return f"{prefix}/{restore}/app-credentials"


def topic_name(prefix: str) -> str:
    """Return the name of the topic."""
    return f"{prefix}-notifications"


def state_machine_name(prefix: str) -> str:
    """Return the name of the state machine."""
    return f"{prefix}-pipeline"


def dashboard_name(prefix: str) -> str:
    """Return the name of the dashboard, as which CloudWatch takes letters, digits, - and _."""
    return prefix


def schedule_group_name(prefix: str) -> str:
    """Return the name of the group of an environment's schedules."""
    return prefix


def refresh_schedule_name(restore: str) -> str:
    """Return the name of the schedule that starts a restore, in the environment's group.

    A restore's name has no dot, so no two names are equal. Scheduler takes 64 characters.
    """
    return f"{restore}.refresh"


def retire_schedule_name(restore: str) -> str:
    """Return the name of the schedule that deletes what a switch has left once it has expired."""
    return f"{restore}.retire"


def endpoint_parameter(prefix: str, restore: str) -> str:
    """Return the SSM parameter that says where a target is reached that is switched by endpoint."""
    return f"/{prefix}/endpoints/{restore}"


def config_path(prefix: str) -> str:
    """Return the SSM path below which each restore has its parameter."""
    return f"/{prefix}/restores"
