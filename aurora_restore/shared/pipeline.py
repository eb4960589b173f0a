"""The pipeline, declared once.

``STEPS`` declares what each step is; ``sequences`` declares in what order a run takes them.
Functions, roles, log groups, states, wait loops and the tables of the documentation derive from
them. A new step is one row here with its place in a sequence, one module in
``aurora_restore.lambdas`` and one test.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Resource(StrEnum):
    """What a permission is on. The stack turns each into the narrowest ARNs it can."""

    SOURCE_SNAPSHOTS = "snapshots in the source's Region and account"
    TARGET_SNAPSHOTS = "snapshots in the target's Region and account"
    TARGET_CLUSTERS = "the configured target clusters"
    TARGET_INSTANCES = "the instances of the configured target clusters"
    GROUPS = "the subnet and parameter groups that a restore names"
    TARGET_KEYS = "the configured customer keys"
    SOURCE_KEYS = "keys in the source's Region and account"
    INTERMEDIATE_SNAPSHOTS = "this account's own copies in the source's Region"
    SOURCE_ROLES = "the configured roles in the source accounts"
    EXECUTIONS = "the executions of the state machine"
    ANY = "any resource: the action supports no narrower scope"


@dataclass(frozen=True)
class Grant:
    """IAM actions on a kind of resource."""

    resource: Resource
    actions: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Step:
    """One Lambda function, and the state that calls it."""

    name: str
    purpose: str
    grants: tuple[Grant, ...] = ()
    reads_secrets: tuple[str, ...] = ()
    writes_secrets: tuple[str, ...] = ()
    waits: bool = True
    """Whether it may answer 202, to be called again after ``retry_after`` seconds."""
    locks: bool = True
    """Whether it takes the target's lock, so that one operation at a time works on it."""
    publishes: bool = False
    reaches_database: bool = False
    ends_dry_run: bool = False
    """Whether a dry run ends with it: it checks everything that the steps after it depend on."""
    timeout_seconds: int = 60
    memory_mb: int = 256

    @property
    def module(self) -> str:
        return self.name.replace("-", "_")

    @property
    def handler(self) -> str:
        """The Lambda's handler path."""
        return f"aurora_restore.lambdas.{self.module}.handler"

    @property
    def state_name(self) -> str:
        """The name of its state in the console, as in "Setup DB users"."""
        words = [_ACRONYMS.get(word, word) for word in self.name.split("-")]
        return " ".join([words[0][0].upper() + words[0][1:], *words[1:]])

    @property
    def changes_aws(self) -> bool:
        """Whether it may change anything but the pipeline's own tables and topic."""
        reading = (":Describe", ":Get", ":AssumeRole")
        return self.reaches_database or any(
            not any(mark in action for mark in reading)
            for grant in self.grants
            for action in grant.actions
        )

    def function_name(self, prefix: str) -> str:
        return f"{prefix}-{self.name}"


_ACRONYMS: Final = {"rds": "RDS", "db": "DB", "sns": "SNS"}

MASTER_SECRET: Final = "master"  # noqa: S105 - which secret, not its value
APP_SECRET: Final = "app"  # noqa: S105

_READ_SNAPSHOTS: Final = (
    Grant(Resource.SOURCE_SNAPSHOTS, ("rds:DescribeDBClusterSnapshots",)),
    Grant(Resource.TARGET_SNAPSHOTS, ("rds:DescribeDBClusterSnapshots",)),
)
_READ_CLUSTERS: Final = (
    Grant(Resource.TARGET_CLUSTERS, ("rds:DescribeDBClusters",)),
    Grant(Resource.TARGET_INSTANCES, ("rds:DescribeDBInstances",)),
)
_READ_SUBNETS: Final = Grant(Resource.GROUPS, ("rds:DescribeDBSubnetGroups",))
# What is looked at before the first change, in the order of ``shared.preflight``.
_PREFLIGHT: Final = (
    *_READ_SNAPSHOTS,
    *_READ_CLUSTERS,
    _READ_SUBNETS,
    Grant(
        Resource.GROUPS,
        ("rds:DescribeDBClusterParameterGroups", "rds:DescribeDBParameterGroups"),
    ),
    Grant(Resource.TARGET_KEYS, ("kms:DescribeKey",)),
    Grant(Resource.SOURCE_KEYS, ("kms:DescribeKey",)),
    Grant(
        Resource.ANY,
        (
            "ec2:DescribeSecurityGroups",
            "rds:DescribeAccountAttributes",
            "rds:DescribeOrderableDBInstanceOptions",
        ),
    ),
)
_ASSUME_SOURCE_ROLE: Final = Grant(Resource.SOURCE_ROLES, ("sts:AssumeRole",))
_USE_KEY: Final = (
    "kms:CreateGrant",
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey*",
    "kms:ReEncrypt*",
)

STEPS: Final[tuple[Step, ...]] = (
    Step(
        name="snapshot-check",
        purpose="Finds the day's snapshot, waits until it is available, and checks everything that "
        "a run depends on.",
        grants=(*_PREFLIGHT, _ASSUME_SOURCE_ROLE),
        reads_secrets=(MASTER_SECRET, APP_SECRET),
        ends_dry_run=True,
    ),
    Step(
        name="copy-snapshot",
        purpose="Copies the snapshot to the target Region, unless it can be restored from there.",
        grants=(
            *_READ_SNAPSHOTS,
            _ASSUME_SOURCE_ROLE,
            Grant(
                Resource.INTERMEDIATE_SNAPSHOTS,
                (
                    "rds:AddTagsToResource",
                    "rds:CopyDBClusterSnapshot",
                    "rds:DeleteDBClusterSnapshot",
                    "rds:DescribeDBClusterSnapshots",
                ),
            ),
            Grant(Resource.SOURCE_SNAPSHOTS, ("rds:CopyDBClusterSnapshot",)),
            Grant(
                Resource.TARGET_SNAPSHOTS,
                (
                    "rds:AddTagsToResource",
                    "rds:CopyDBClusterSnapshot",
                    "rds:DeleteDBClusterSnapshot",
                ),
            ),
            Grant(Resource.TARGET_KEYS, ("kms:CreateGrant", "kms:DescribeKey")),
            Grant(Resource.SOURCE_KEYS, _USE_KEY),
        ),
    ),
    Step(
        name="check-copy-status",
        purpose="Waits until the copy is available; a failed copy is started anew.",
        grants=_READ_SNAPSHOTS,
    ),
    Step(
        name="delete-rds",
        purpose="Proves that the target may go, records its settings, and deletes it.",
        grants=(
            *_PREFLIGHT,
            Grant(
                Resource.TARGET_CLUSTERS,
                ("rds:AddTagsToResource", "rds:DeleteDBCluster", "rds:ModifyDBCluster"),
            ),
            Grant(Resource.TARGET_INSTANCES, ("rds:DeleteDBInstance",)),
            Grant(
                Resource.TARGET_SNAPSHOTS,
                (
                    "rds:AddTagsToResource",
                    "rds:CreateDBClusterSnapshot",
                    "rds:DeleteDBCluster",
                ),
            ),
        ),
        reads_secrets=(MASTER_SECRET, APP_SECRET),
        timeout_seconds=120,
    ),
    Step(
        name="check-delete-status",
        purpose="Waits until the old cluster is gone.",
        grants=(
            *_READ_CLUSTERS[:1],
            Grant(
                Resource.TARGET_SNAPSHOTS,
                ("rds:AddTagsToResource", "rds:DescribeDBClusterSnapshots"),
            ),
        ),
    ),
    Step(
        name="restore-snapshot",
        purpose="Restores the cluster from the snapshot, with the settings of the old one.",
        grants=(
            *_READ_SNAPSHOTS,
            *_READ_CLUSTERS[:1],
            _READ_SUBNETS,
            Grant(
                Resource.TARGET_CLUSTERS,
                ("rds:AddTagsToResource", "rds:RestoreDBClusterFromSnapshot"),
            ),
            Grant(Resource.SOURCE_SNAPSHOTS, ("rds:RestoreDBClusterFromSnapshot",)),
            Grant(Resource.TARGET_SNAPSHOTS, ("rds:RestoreDBClusterFromSnapshot",)),
            Grant(Resource.GROUPS, ("rds:RestoreDBClusterFromSnapshot",)),
            Grant(Resource.TARGET_KEYS, _USE_KEY),
            Grant(Resource.SOURCE_KEYS, _USE_KEY),
        ),
    ),
    Step(
        name="check-restore-status",
        purpose="Waits for the cluster, creates its instances, sets the master password, and "
        "answers once a login can succeed; a failed restore is started anew.",
        grants=(
            *_READ_CLUSTERS,
            Grant(
                Resource.TARGET_CLUSTERS,
                ("rds:AddTagsToResource", "rds:CreateDBInstance", "rds:ModifyDBCluster"),
            ),
            Grant(
                Resource.TARGET_INSTANCES,
                ("rds:AddTagsToResource", "rds:CreateDBInstance", "rds:ModifyDBInstance"),
            ),
            Grant(Resource.GROUPS, ("rds:CreateDBInstance",)),
        ),
        reads_secrets=(MASTER_SECRET,),
    ),
    Step(
        name="setup-db-users",
        purpose="Locks inherited logins out, runs the SQL scripts, sets up the application roles, "
        "and proves what they can do.",
        reads_secrets=(MASTER_SECRET, APP_SECRET),
        writes_secrets=(APP_SECRET,),
        reaches_database=True,
        timeout_seconds=900,
        memory_mb=512,
    ),
    Step(
        name="archive-snapshot",
        waits=False,
        purpose="Tags the copy as archived and deletes the copies beyond the retention.",
        grants=(
            _ASSUME_SOURCE_ROLE,
            _READ_SNAPSHOTS[0],
            Grant(
                Resource.INTERMEDIATE_SNAPSHOTS,
                ("rds:DeleteDBClusterSnapshot", "rds:DescribeDBClusterSnapshots"),
            ),
            Grant(
                Resource.TARGET_SNAPSHOTS,
                (
                    "rds:AddTagsToResource",
                    "rds:DeleteDBClusterSnapshot",
                    "rds:DescribeDBClusterSnapshots",
                ),
            ),
        ),
    ),
    Step(
        name="sns-notification",
        waits=False,
        locks=False,
        purpose="Announces the outcome and lets go of the target's lock.",
        grants=(
            Grant(Resource.EXECUTIONS, ("states:DescribeExecution", "states:GetExecutionHistory")),
        ),
        publishes=True,
    ),
)

STEP_NAMES: Final = tuple(step.name for step in STEPS)

_BY_NAME: Final = {step.name: step for step in STEPS}


def get_step(name: str) -> Step:
    """The step called ``name``; KeyError where there is none."""
    return _BY_NAME[name]


# What the pipeline does in a source account, through the role that the source stack makes there.
SOURCE_ROLE_ACTIONS: Final = (
    "rds:AddTagsToResource",
    "rds:CopyDBClusterSnapshot",
    "rds:DeleteDBClusterSnapshot",
    "rds:DescribeAccountAttributes",
    "rds:DescribeDBClusterSnapshots",
    "rds:ModifyDBClusterSnapshotAttribute",
)


def assumes_source_role(step: Step) -> bool:
    """Whether a step works in the source account, so that the role there must trust it."""
    return _ASSUME_SOURCE_ROLE in step.grants


def function_role_name(prefix: str, region: str, step: Step) -> str:
    """The fixed name of a function's role: the source account's role must name whom it trusts."""
    return f"{prefix}-{region}-{step.name}"
