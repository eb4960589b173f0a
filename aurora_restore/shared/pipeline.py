"""The pipeline, declared once.

``STEPS`` declares what each step is; ``sequences`` declares in what order a run takes them.
Functions, roles, log groups, states, wait loops and the tables of the documentation derive from
them. A new step is one row here with its place in a sequence, one module in
``aurora_restore.lambdas`` and one test. No run calls the functions in ``FUNCTIONS`` that are no
steps.
"""

from dataclasses import dataclass
from typing import Final

from aurora_restore.shared.grants import Condition, Grant, Resource


@dataclass(frozen=True, kw_only=True)
class PipelineFunction:
    """One Lambda function of the stack."""

    name: str
    purpose: str
    grants: tuple[Grant[Resource], ...] = ()
    reaches_database: bool = False
    watches: bool = False
    """Whether it reads what is configured and recorded of every restore, without being a step."""
    timeout_seconds: int = 120
    memory_mb: int = 256

    @property
    def module(self) -> str:
        """Return the name of its module in ``aurora_restore.lambdas``."""
        return self.name.replace("-", "_")

    @property
    def handler(self) -> str:
        """Return the path of the Lambda's handler."""
        return f"aurora_restore.lambdas.{self.module}.handler"

    @property
    def title(self) -> str:
        """Return its name as a heading, as in "Setup DB users"."""
        words = [_ACRONYMS.get(word, word) for word in self.name.split("-")]
        return " ".join([words[0][0].upper() + words[0][1:], *words[1:]])

    def function_name(self, prefix: str) -> str:
        """Return the deployed name of its function."""
        return f"{prefix}-{self.name}"

    def role_name(self, prefix: str, region: str) -> str:
        """Return the name of its function's role, which roles of other accounts trust by name."""
        return f"{prefix}-{region}-{self.name}"


@dataclass(frozen=True, kw_only=True)
class Step(PipelineFunction):
    """One Lambda function, and the state that calls it."""

    changes_aws: bool
    """Whether it may change anything but the pipeline's own tables and topic."""
    reads_secrets: tuple[str, ...] = ()
    writes_secrets: tuple[str, ...] = ()
    waits: bool = True
    """Whether it may return 202, to be called again after ``retry_after`` seconds."""
    locks: bool = True
    """Whether it takes the target's lock, so that one operation at a time works on it."""
    publishes: bool = False
    writes_endpoint: bool = False
    """Whether it writes where a target is reached that is switched."""
    releases_copies: bool = False
    """Whether it ends leases on common copies, and may forget a copy that is deleted."""
    ends_dry_run: bool = False
    """Whether a dry run ends with it: it checks everything that the steps after it depend on."""

    @property
    def state_name(self) -> str:
        """Return the name of its state in the console, as in "Setup DB users"."""
        return self.title

    @property
    def assumes_source_role(self) -> bool:
        """Return whether it works in source accounts, so that the roles there must trust it."""
        return any(grant.resource is Resource.SOURCE_ROLES for grant in self.grants)

    @property
    def copies_snapshots(self) -> bool:
        """Return whether it copies snapshots, and so may have to wait for its turn."""
        return any("rds:CopyDBClusterSnapshot" in grant.actions for grant in self.grants)

    @property
    def deletes_clusters(self) -> bool:
        """Return whether it may delete a cluster."""
        return any("rds:DeleteDBCluster" in grant.actions for grant in self.grants)


@dataclass(frozen=True, kw_only=True)
class Hook:
    """A point of a run at which the state machine calls a function of the user's own."""

    name: str
    purpose: str
    may_fail: bool = False
    """Whether a run goes on if the call fails; otherwise it fails, too."""

    @property
    def field(self) -> str:
        """Return the name of its field in the configuration."""
        return self.name.replace("-", "_")

    def state_name(self, step: Step) -> str:
        """Return the name of the state that calls it for a step."""
        return f"Hook {self.name}: {step.state_name}"

    def record_name(self, step: Step) -> str:
        """Return the name of the state that writes down that it has succeeded."""
        return f"Hook {self.name} done: {step.state_name}"


BEFORE_REPLACE: Final = Hook(
    name="before-replace",
    purpose="Called when every check has passed, before the old cluster is deleted or switched "
    "away.",
)
AFTER_SETUP: Final = Hook(
    name="after-setup",
    purpose="Called when the databases are set up, before the hand-over: the restored cluster "
    "is still in quarantine.",
)
AFTER_RUN: Final = Hook(
    name="after-run",
    purpose="Called at the end of a run, whether it has succeeded or failed.",
    may_fail=True,
)
HOOKS: Final = (BEFORE_REPLACE, AFTER_SETUP, AFTER_RUN)

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
_READ_PROXIES: Final = Grant(
    Resource.TARGET_PROXIES, ("rds:DescribeDBProxies", "rds:DescribeDBProxyTargets")
)
# What belongs to a cluster beside itself and its instances.
_READ_SURROUNDINGS: Final = (
    Grant(Resource.TARGET_ENDPOINTS, ("rds:DescribeDBClusterEndpoints",)),
    _READ_PROXIES,
    Grant(Resource.ANY, ("application-autoscaling:DescribeScalableTargets",)),
)
# What is in the way of a switch, and what clients read of a target whose clusters keep their names.
_READ_SWITCH: Final = (
    Grant(Resource.TARGET_DEPLOYMENTS, ("rds:DescribeBlueGreenDeployments",)),
    Grant(Resource.TARGET_INTEGRATIONS, ("rds:DescribeIntegrations",)),
    Grant(Resource.ANY, ("ram:GetResourceShareAssociations",)),
    Grant(Resource.ENDPOINT_PARAMETERS, ("ssm:GetParameter",)),
    Grant(Resource.HOSTED_ZONES, ("route53:GetHostedZone", "route53:ListResourceRecordSets")),
)
# What is looked at before the first change, in the order of ``shared.preflight``.
_PREFLIGHT: Final = (
    *_READ_SNAPSHOTS,
    *_READ_CLUSTERS,
    *_READ_SURROUNDINGS,
    *_READ_SWITCH,
    _READ_SUBNETS,
    Grant(
        Resource.GROUPS,
        ("rds:DescribeDBClusterParameterGroups", "rds:DescribeDBParameterGroups"),
    ),
    Grant(Resource.TARGET_KEYS, ("kms:DescribeKey",)),
    Grant(Resource.SOURCE_KEYS, ("kms:DescribeKey",)),
    Grant(Resource.INTERMEDIATE_KEYS, ("kms:DescribeKey",)),
    # The old instances name the key of their Performance Insights.
    Grant(Resource.OWN_KEYS, ("kms:DescribeKey",)),
    Grant(
        Resource.ANY,
        (
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeSubnets",
            "rds:DescribeAccountAttributes",
            "rds:DescribeOrderableDBInstanceOptions",
        ),
    ),
)
# A switch to its end or back, and what it does to what served before.
_SWITCH: Final = (
    Grant(Resource.TARGET_CLUSTERS, ("rds:AddTagsToResource", "rds:ModifyDBCluster")),
    Grant(Resource.SWITCHED_CLUSTERS, ("rds:AddTagsToResource",), Condition.MARKS_AS_OWN),
    Grant(
        Resource.SWITCHED_CLUSTERS,
        ("rds:ModifyDBCluster", "rds:StartDBCluster", "rds:StopDBCluster"),
        Condition.CARRIES_TAG,
    ),
    Grant(Resource.SWITCHED_CLUSTERS, ("rds:RemoveTagsFromResource",), Condition.REMOVES_EXPIRY),
    Grant(Resource.ENDPOINT_PARAMETERS, ("ssm:PutParameter",)),
    Grant(Resource.HOSTED_ZONES, ("route53:ChangeResourceRecordSets",), Condition.UPSERTS_CNAMES),
    Grant(Resource.DNS_CHANGES, ("route53:GetChange",)),
    # The security groups of a cluster are those of its instances.
    Grant(Resource.NAMED_INSTANCES, ("rds:ModifyDBInstance",), Condition.CARRIES_TAG),
    Grant(Resource.ADOPTED_INSTANCES, ("rds:ModifyDBInstance",)),
)
# What belongs to the target and stays with the old cluster is given to the one that serves now.
_CARRY_OVER: Final = (
    *_READ_SURROUNDINGS,
    Grant(
        Resource.TARGET_CLUSTERS,
        (
            "rds:CreateDBClusterEndpoint",
            "rds:DeregisterDBProxyTargets",
            "rds:DisableHttpEndpoint",
            "rds:EnableHttpEndpoint",
        ),
    ),
    Grant(
        Resource.PUBLISHED_CLUSTERS,
        ("rds:CreateDBClusterEndpoint", "rds:DisableHttpEndpoint", "rds:EnableHttpEndpoint"),
        Condition.CARRIES_TAG,
    ),
    Grant(Resource.TARGET_ENDPOINTS, ("rds:AddTagsToResource",), Condition.MARKS_AS_OWN),
    Grant(Resource.TARGET_ENDPOINTS, ("rds:CreateDBClusterEndpoint",), Condition.GIVES_TAG),
    # IAM does not see whose endpoint it is: one that people have made has to be tagged by them.
    Grant(Resource.TARGET_ENDPOINTS, ("rds:DeleteDBClusterEndpoint",), Condition.CARRIES_TAG),
    # A proxy is taken from a cluster with its instances; all that a target is registered with is a
    # target group, here and in put-back-access.
    Grant(Resource.SWITCHED_CLUSTERS, ("rds:DeregisterDBProxyTargets",), Condition.CARRIES_TAG),
    Grant(Resource.NAMED_INSTANCES, ("rds:DeregisterDBProxyTargets",)),
    Grant(Resource.TARGET_PROXIES, ("rds:DeregisterDBProxyTargets",)),
    Grant(Resource.PROXY_TARGETS, ("rds:RegisterDBProxyTargets",)),
    Grant(
        Resource.SCALABLE_TARGETS,
        ("application-autoscaling:RegisterScalableTarget",),
        Condition.SCALES_READERS,
    ),
)
_ASSUME_SOURCE_ROLE: Final = Grant(Resource.SOURCE_ROLES, ("sts:AssumeRole",))


def _use_key(resource: Resource) -> tuple[Grant[Resource], ...]:
    """Return what RDS needs of its caller to read or write encrypted data under a key."""
    return (
        Grant(resource, ("kms:CreateGrant",), Condition.GRANT_THROUGH_RDS),
        Grant(
            resource,
            ("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"),
            Condition.THROUGH_RDS,
        ),
        Grant(resource, ("kms:DescribeKey",)),
    )


STEPS: Final[tuple[Step, ...]] = (
    Step(
        name="snapshot-check",
        changes_aws=False,
        purpose="Finds the day's snapshot, waits until it is available, and checks everything that "
        "a run depends on.",
        grants=(*_PREFLIGHT, _ASSUME_SOURCE_ROLE),
        reads_secrets=(MASTER_SECRET, APP_SECRET),
        ends_dry_run=True,
    ),
    Step(
        name="copy-snapshot",
        changes_aws=True,
        purpose="Copies the snapshot to the target Region, unless it can be restored from there.",
        grants=(
            *_READ_SNAPSHOTS,
            _ASSUME_SOURCE_ROLE,
            Grant(
                Resource.INTERMEDIATE_SNAPSHOTS,
                ("rds:AddTagsToResource",),
                Condition.MARKS_AS_OWN,
            ),
            # It is copied to, and then from: the target's Region asks the source's for it, and that
            # request need not have the tags of the copy that is made.
            Grant(Resource.INTERMEDIATE_SNAPSHOTS, ("rds:CopyDBClusterSnapshot",)),
            Grant(
                Resource.INTERMEDIATE_SNAPSHOTS,
                ("rds:DeleteDBClusterSnapshot",),
                Condition.CARRIES_TAG,
            ),
            Grant(Resource.INTERMEDIATE_SNAPSHOTS, ("rds:DescribeDBClusterSnapshots",)),
            Grant(Resource.SOURCE_SNAPSHOTS, ("rds:CopyDBClusterSnapshot",)),
            Grant(Resource.TARGET_COPIES, ("rds:AddTagsToResource",), Condition.MARKS_AS_OWN),
            Grant(Resource.TARGET_COPIES, ("rds:CopyDBClusterSnapshot",), Condition.GIVES_TAG),
            Grant(Resource.TARGET_COPIES, ("rds:DeleteDBClusterSnapshot",), Condition.CARRIES_TAG),
            Grant(Resource.TARGET_KEYS, ("kms:CreateGrant",), Condition.GRANT_THROUGH_RDS),
            Grant(Resource.TARGET_KEYS, ("kms:DescribeKey",)),
            *_use_key(Resource.SOURCE_KEYS),
            *_use_key(Resource.INTERMEDIATE_KEYS),
            # Whether a copy is refused for its turn, or for too many snapshots.
            Grant(Resource.ANY, ("rds:DescribeAccountAttributes",)),
        ),
    ),
    Step(
        name="check-copy-status",
        changes_aws=False,
        purpose="Waits until the copy is available; a failed copy is started again.",
        grants=_READ_SNAPSHOTS,
    ),
    Step(
        name="delete-rds",
        changes_aws=True,
        purpose="Proves that the target may be deleted, records its settings, and deletes it; "
        "where it is switched, deletes what earlier runs have left beside it instead.",
        grants=(
            *_PREFLIGHT,
            Grant(Resource.TARGET_CLUSTERS, ("rds:AddTagsToResource", "rds:ModifyDBCluster")),
            # What serves while another cluster is restored is never deleted.
            Grant(
                Resource.REPLACED_CLUSTERS, ("rds:CreateDBClusterSnapshot", "rds:DeleteDBCluster")
            ),
            Grant(Resource.TARGET_INSTANCES, ("rds:DeleteDBInstance",), Condition.CARRIES_TAG),
            Grant(Resource.ADOPTED_INSTANCES, ("rds:DeleteDBInstance",)),
            # The tag is put back where another tool has removed it.
            Grant(Resource.NAMED_INSTANCES, ("rds:AddTagsToResource",), Condition.MARKS_AS_OWN),
            # DeleteDBCluster makes the final snapshot itself, without the pipeline's tag. That is
            # an action on the cluster and on the snapshot.
            Grant(
                Resource.FINAL_SNAPSHOTS, ("rds:AddTagsToResource", "rds:CreateDBClusterSnapshot")
            ),
            Grant(Resource.TARGET_SNAPSHOTS, ("rds:DeleteDBCluster",)),
            Grant(
                Resource.SWITCHED_CLUSTERS, ("rds:CreateDBClusterSnapshot",), Condition.CARRIES_TAG
            ),
            Grant(Resource.SWITCHED_CLUSTERS, ("rds:DeleteDBCluster",), Condition.EXPIRES),
            # A switch that another operation has begun is finished or undone first.
            *_SWITCH,
        ),
        reads_secrets=(MASTER_SECRET, APP_SECRET),
        writes_endpoint=True,
    ),
    Step(
        name="check-delete-status",
        changes_aws=True,
        purpose="Waits until a deleted cluster is gone.",
        grants=(
            *_READ_CLUSTERS,
            Grant(Resource.FINAL_SNAPSHOTS, ("rds:AddTagsToResource",), Condition.GIVES_TAG),
            Grant(Resource.TARGET_SNAPSHOTS, ("rds:DescribeDBClusterSnapshots",)),
        ),
    ),
    Step(
        name="restore-snapshot",
        changes_aws=True,
        purpose="Restores the cluster from the snapshot, with the settings of the old one, in "
        "quarantine.",
        grants=(
            *_READ_SNAPSHOTS,
            *_READ_CLUSTERS[:1],
            _READ_SUBNETS,
            Grant(Resource.ANY, ("ec2:DescribeSecurityGroups",)),
            Grant(
                Resource.TARGET_CLUSTERS,
                ("rds:AddTagsToResource", "rds:RestoreDBClusterFromSnapshot"),
            ),
            Grant(Resource.SOURCE_SNAPSHOTS, ("rds:RestoreDBClusterFromSnapshot",)),
            Grant(Resource.TARGET_SNAPSHOTS, ("rds:RestoreDBClusterFromSnapshot",)),
            Grant(Resource.GROUPS, ("rds:RestoreDBClusterFromSnapshot",)),
            # The Service Authorization Reference lets a restore depend on it, although Aurora makes
            # no instance with the cluster.
            Grant(Resource.TARGET_CLUSTERS, ("rds:CreateDBInstance",)),
            Grant(Resource.NAMED_INSTANCES, ("rds:CreateDBInstance",)),
            Grant(
                Resource.SWITCHED_CLUSTERS,
                (
                    "rds:AddTagsToResource",
                    "rds:CreateDBInstance",
                    "rds:RestoreDBClusterFromSnapshot",
                ),
                Condition.MARKS_AS_OWN,
            ),
            Grant(Resource.GROUPS, ("rds:CreateDBInstance",)),
            *_use_key(Resource.TARGET_KEYS),
            *_use_key(Resource.SOURCE_KEYS),
            Grant(Resource.INTERMEDIATE_KEYS, ("kms:DescribeKey",)),
            # A restored cluster gets back the roles of the one before. Which these are is known
            # when the old cluster is looked at, not when the stack is deployed.
            Grant(Resource.OWN_ROLES, ("iam:PassRole",), Condition.PASSED_TO_RDS),
        ),
    ),
    Step(
        name="check-restore-status",
        changes_aws=True,
        purpose="Waits for the cluster, creates its instances, sets the master password, and "
        "is done once a login can succeed; a failed restore is started again.",
        grants=(
            *_READ_CLUSTERS,
            *_READ_SURROUNDINGS,
            Grant(
                Resource.TARGET_CLUSTERS,
                (
                    "rds:AddTagsToResource",
                    "rds:CreateDBClusterEndpoint",
                    "rds:CreateDBInstance",
                    "rds:ModifyDBCluster",
                ),
            ),
            Grant(Resource.SWITCHED_CLUSTERS, ("rds:CreateDBInstance",), Condition.MARKS_AS_OWN),
            Grant(Resource.SWITCHED_CLUSTERS, ("rds:ModifyDBCluster",), Condition.CARRIES_TAG),
            Grant(Resource.TARGET_ENDPOINTS, ("rds:AddTagsToResource",), Condition.MARKS_AS_OWN),
            Grant(Resource.TARGET_ENDPOINTS, ("rds:CreateDBClusterEndpoint",), Condition.GIVES_TAG),
            Grant(
                Resource.NAMED_INSTANCES,
                ("rds:AddTagsToResource", "rds:CreateDBInstance"),
                Condition.MARKS_AS_OWN,
            ),
            Grant(Resource.NAMED_INSTANCES, ("rds:ModifyDBInstance",), Condition.CARRIES_TAG),
            Grant(Resource.GROUPS, ("rds:CreateDBInstance",)),
            # The role of enhanced monitoring is passed to RDS, which passes it on.
            Grant(Resource.OWN_ROLES, ("iam:PassRole",), Condition.PASSED_TO_RDS),
            # The key of Performance Insights, which the old instances name.
            Grant(Resource.OWN_KEYS, ("kms:CreateGrant",), Condition.GRANT_THROUGH_RDS),
            Grant(
                Resource.OWN_KEYS,
                ("kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey*"),
                Condition.THROUGH_RDS,
            ),
        ),
        reads_secrets=(MASTER_SECRET,),
    ),
    Step(
        name="setup-db-users",
        changes_aws=True,
        purpose="Locks inherited logins out, runs the SQL scripts, sets up the application roles, "
        "and proves what they can do.",
        reads_secrets=(MASTER_SECRET, APP_SECRET),
        writes_secrets=(APP_SECRET,),
        reaches_database=True,
        timeout_seconds=900,
        memory_mb=512,
    ),
    Step(
        name="hand-over",
        changes_aws=True,
        purpose="Lifts the quarantine of a cluster that is set up: attaches the wanted security "
        "groups, waits until every instance has them, and writes where the cluster is reached into "
        "the application's secret.",
        grants=(
            *_READ_CLUSTERS,
            Grant(Resource.TARGET_CLUSTERS, ("rds:EnableHttpEndpoint", "rds:ModifyDBCluster")),
            Grant(
                Resource.SWITCHED_CLUSTERS,
                ("rds:ModifyDBCluster",),
                Condition.CARRIES_TAG,
            ),
            # The security groups of a cluster are those of its instances.
            Grant(Resource.NAMED_INSTANCES, ("rds:ModifyDBInstance",), Condition.CARRIES_TAG),
        ),
        reads_secrets=(APP_SECRET,),
        writes_secrets=(APP_SECRET,),
    ),
    Step(
        name="switch-cluster",
        changes_aws=True,
        purpose="Gives the target's name to the cluster that was restored beside it, or publishes "
        "that one's endpoint, and keeps the old cluster; a roll-back changes them back.",
        grants=(
            *_READ_CLUSTERS,
            *_READ_SWITCH,
            *_SWITCH,
            *_CARRY_OVER,
            # Its certificate is refreshed by a restart, or by a reboot of its instances.
            Grant(
                Resource.TARGET_CLUSTERS,
                ("rds:StartDBCluster", "rds:StopDBCluster"),
                Condition.CARRIES_TAG,
            ),
            Grant(Resource.NAMED_INSTANCES, ("rds:RebootDBInstance",), Condition.CARRIES_TAG),
        ),
        reads_secrets=(MASTER_SECRET,),
        writes_endpoint=True,
    ),
    Step(
        name="verify-switch",
        changes_aws=True,
        purpose="Logs in where clients reach the target, and proves which cluster answers.",
        reads_secrets=(MASTER_SECRET, APP_SECRET),
        writes_secrets=(APP_SECRET,),
        reaches_database=True,
        timeout_seconds=300,
    ),
    Step(
        name="archive-snapshot",
        changes_aws=True,
        waits=False,
        releases_copies=True,
        purpose="Tags the copy as archived and deletes the copies beyond the retention that no "
        "other restore uses.",
        grants=(
            _ASSUME_SOURCE_ROLE,
            _READ_SNAPSHOTS[0],
            Grant(
                Resource.INTERMEDIATE_SNAPSHOTS,
                ("rds:DeleteDBClusterSnapshot",),
                Condition.CARRIES_TAG,
            ),
            Grant(Resource.INTERMEDIATE_SNAPSHOTS, ("rds:DescribeDBClusterSnapshots",)),
            Grant(
                Resource.TARGET_COPIES,
                ("rds:AddTagsToResource", "rds:DeleteDBClusterSnapshot"),
                Condition.CARRIES_TAG,
            ),
            Grant(
                Resource.FINAL_SNAPSHOTS, ("rds:DeleteDBClusterSnapshot",), Condition.CARRIES_TAG
            ),
            Grant(Resource.TARGET_SNAPSHOTS, ("rds:DescribeDBClusterSnapshots",)),
        ),
    ),
    Step(
        name="put-back-access",
        changes_aws=True,
        purpose="Registers the cluster that serves with the RDS proxies of the old one, and lets "
        "RDS manage its master password, if it managed the old one's.",
        grants=(
            *_READ_CLUSTERS,
            _READ_PROXIES,
            Grant(Resource.PROXY_TARGETS, ("rds:RegisterDBProxyTargets",)),
            # IAM does not see whose proxy it is: people have to tag it.
            Grant(Resource.TARGET_PROXIES, ("rds:ModifyDBProxy",), Condition.CARRIES_TAG),
            Grant(
                Resource.TARGET_CLUSTERS, ("rds:ModifyDBCluster",), Condition.MANAGES_CREDENTIALS
            ),
            Grant(
                Resource.PUBLISHED_CLUSTERS,
                ("rds:ModifyDBCluster",),
                Condition.MANAGES_CREDENTIALS,
            ),
            # RDS makes the secret in its caller's name.
            Grant(
                Resource.MANAGED_SECRETS,
                ("secretsmanager:CreateSecret", "secretsmanager:TagResource"),
                Condition.OF_TARGETS,
            ),
            # The secret's key is the one that the old cluster's was under.
            Grant(Resource.OWN_KEYS, ("kms:DescribeKey",)),
            Grant(Resource.OWN_KEYS, ("kms:CreateGrant",), Condition.GRANT_FOR_MANAGED_SECRETS),
            Grant(
                Resource.OWN_KEYS,
                ("kms:Decrypt", "kms:GenerateDataKey"),
                Condition.FOR_MANAGED_SECRETS,
            ),
        ),
    ),
    Step(
        name="sns-notification",
        changes_aws=False,
        waits=False,
        locks=False,
        purpose="Announces the outcome and releases the target's lock.",
        grants=(
            Grant(Resource.EXECUTIONS, ("states:DescribeExecution", "states:GetExecutionHistory")),
            # An execution that has failed is over, so that it calls no hook.
            Grant(Resource.AFTER_RUN_HOOKS, ("lambda:InvokeFunction",)),
        ),
        publishes=True,
    ),
)

EVENT_PUBLISHER: Final = PipelineFunction(
    name="publish-events",
    purpose="Publishes what the steps record in the audit table to EventBridge.",
    grants=(Grant(Resource.EVENT_BUS, ("events:PutEvents",)),),
    timeout_seconds=60,
)
"""It reads the audit table's stream, so that no step waits for EventBridge, or has to reach it."""

_READ_EXECUTIONS: Final = Grant(Resource.EXECUTIONS, ("states:DescribeExecution",))

METRICS_PUBLISHER: Final = PipelineFunction(
    name="publish-metrics",
    purpose="Publishes each hour whether a restore is overdue, and how long it takes beside the "
    "median.",
    grants=(_READ_EXECUTIONS,),
    watches=True,
)
"""A rule calls it each hour."""

DASHBOARD_RENDERER: Final = PipelineFunction(
    name="show-dashboard",
    purpose="Renders the table of the dashboard, and changes nothing.",
    grants=(_READ_EXECUTIONS,),
    watches=True,
    timeout_seconds=60,
)
"""CloudWatch calls it with the permissions of the person who looks at the dashboard."""

FUNCTIONS: Final[tuple[PipelineFunction, ...]] = (
    *STEPS,
    EVENT_PUBLISHER,
    METRICS_PUBLISHER,
    DASHBOARD_RENDERER,
)

STEP_NAMES: Final = tuple(step.name for step in STEPS)

_BY_NAME: Final = {step.name: step for step in STEPS}


def get_step(name: str) -> Step:
    """Return the step called ``name``. Raise KeyError if there is none."""
    return _BY_NAME[name]
