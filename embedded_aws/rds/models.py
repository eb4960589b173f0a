"""The models of the emulated RDS: clusters, instances and cluster snapshots with their settings."""

import secrets
import string
from dataclasses import dataclass, field
from datetime import datetime

from embedded_aws.rds.names import rds_arn
from embedded_aws.rds.params import Tags
from embedded_aws.rds.rules import Encryption
from embedded_aws.rds.transitions import RunningTransition

AVAILABLE = "available"
DELETING = "deleting"
STOPPED = "stopped"
STOPPING = "stopping"
STARTING = "starting"
COPYING = "copying"
CREATING = "creating"
ACTIVE = "active"
ADDING = "adding"
REMOVING = "removing"

_RESOURCE_ALPHABET = string.ascii_uppercase + string.digits


def resource_id(prefix: str) -> str:
    """Return an immutable resource id such as ``cluster-ABC…``, as AWS assigns it."""
    return f"{prefix}-{''.join(secrets.choice(_RESOURCE_ALPHABET) for _ in range(26))}"


@dataclass(frozen=True)
class Location:
    """An account and a Region: where a resource is."""

    account: str
    region: str

    def arn(self, kind: str, name: str) -> str:
        """Return the ARN of a resource here."""
        return rds_arn(self.region, self.account, kind, name)


@dataclass(frozen=True)
class Storage:
    """How storage is encrypted; the key's ARN only with ``sse-kms``."""

    encryption: Encryption
    key_arn: str | None = None

    @property
    def encrypted_with_key(self) -> bool:
        """What the API calls ``StorageEncrypted``: false for ``sse-rds`` too."""
        return self.encryption is Encryption.SSE_KMS


@dataclass(frozen=True)
class Role:
    """An IAM role associated with a cluster."""

    arn: str
    feature: str = ""


@dataclass(frozen=True, kw_only=True)
class ClusterSettings:
    """Everything about a cluster that a request can set."""

    engine_version: str
    parameter_group: str
    subnet_group: str
    security_groups: tuple[str, ...]
    port: int = 5432
    database_name: str | None = None
    backup_retention_period: int = 1
    preferred_backup_window: str = "03:00-03:30"
    preferred_maintenance_window: str = "sun:05:00-sun:05:30"
    iam_authentication: bool = False
    log_exports: tuple[str, ...] = ()
    deletion_protection: bool = False
    copy_tags_to_snapshot: bool = False
    storage_type: str = "aurora"
    serverless_scaling: dict[str, float] | None = None
    engine_lifecycle_support: str = "open-source-rds-extended-support"
    monitoring_interval: int = 0
    monitoring_role_arn: str | None = None
    performance_insights: bool | None = None
    performance_insights_key: str | None = None
    performance_insights_retention: int | None = None
    database_insights_mode: str | None = None
    auto_minor_version_upgrade: bool = True
    network_type: str = "IPV4"
    http_endpoint: bool = False
    local_write_forwarding: bool = False


@dataclass(kw_only=True)
class DBCluster:
    """A DB cluster."""

    location: Location
    identifier: str
    resource_id: str
    status: str
    created: datetime
    master_username: str
    storage: Storage
    settings: ClusterSettings
    availability_zones: tuple[str, ...]
    hosted_zone: str
    tags: Tags = field(default_factory=dict)
    roles: list[Role] = field(default_factory=list)
    pending: dict[str, object] = field(default_factory=dict)
    waiting_password: str | None = field(default=None, repr=False)
    managed_secret: dict[str, str] | None = None
    activity_stream: str | None = None
    """The mode of its database activity stream, if it has one."""
    global_cluster: str | None = None
    replication_source: str | None = None
    replicas: list[str] = field(default_factory=list)
    former_security_groups: tuple[str, ...] | None = None
    """The groups that are in force while others are being attached."""
    attaching_groups: RunningTransition | None = None
    accepting: bool = False
    """Whether the data plane lets clients in."""
    nameless: bool = False
    """Whether it is between two names: it has lost the one, and does not have the other yet."""
    data_api_lost: bool = False
    """Whether the Data API does not answer although it is turned on: a rename has broken it."""
    keeps_automated_backups: bool = False
    """Whether its automated snapshots stay when it is deleted."""
    deletion: RunningTransition | None = None
    """Its accepted deletion, whatever the status shows."""
    deletion_due: bool = False
    """Whether only its remaining instances keep a cluster that is being deleted."""
    transition: RunningTransition | None = None

    @property
    def is_being_deleted(self) -> bool:
        """Whether its deletion has been accepted and goes on; the status may not show it yet."""
        running = self.deletion is not None and self.deletion.running
        return running or self.deletion_due or self.status == DELETING

    @property
    def security_groups_in_force(self) -> tuple[str, ...]:
        """The groups that decide about its connections at this moment."""
        former = self.former_security_groups
        return self.settings.security_groups if former is None else former

    @property
    def security_group_statuses(self) -> dict[str, str]:
        """The status of each group, those that are being taken off included."""
        wanted, in_force = self.settings.security_groups, self.security_groups_in_force
        return {
            **{group: ACTIVE if group in in_force else ADDING for group in wanted},
            **{group: REMOVING for group in in_force if group not in wanted},
        }

    @property
    def arn(self) -> str:
        """The ARN; a rename changes it."""
        return self.location.arn("cluster", self.identifier)


@dataclass(frozen=True, kw_only=True)
class InstanceSettings:
    """Everything about an instance of a cluster that a request can set."""

    instance_class: str
    parameter_group: str
    promotion_tier: int = 1
    availability_zone: str
    publicly_accessible: bool = False
    ca_certificate: str = "rds-ca-rsa2048-g1"
    auto_minor_version_upgrade: bool = True
    preferred_maintenance_window: str = "sun:05:00-sun:05:30"
    monitoring_interval: int = 0
    monitoring_role_arn: str | None = None
    performance_insights: bool = False
    performance_insights_key: str | None = None
    performance_insights_retention: int | None = None
    database_insights_mode: str | None = None
    copy_tags_to_snapshot: bool = False


@dataclass(kw_only=True)
class DBInstance:
    """A DB instance that is a member of a cluster."""

    location: Location
    identifier: str
    resource_id: str
    cluster: DBCluster
    status: str
    settings: InstanceSettings
    requested: datetime
    created: datetime | None = None
    is_writer: bool = False
    tags: Tags = field(default_factory=dict)
    pending: dict[str, object] = field(default_factory=dict)
    reachable: bool = False
    """Whether its server could answer: from its first ``available`` until it goes."""
    transition: RunningTransition | None = None

    @property
    def arn(self) -> str:
        """The ARN."""
        return self.location.arn("db", self.identifier)


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What a snapshot remembers of the cluster it was taken of; copies keep it."""

    cluster_identifier: str
    cluster_arn: str
    cluster_resource_id: str
    cluster_created: datetime
    master_username: str
    vpc_id: str
    availability_zones: tuple[str, ...]
    settings: ClusterSettings
    engine: str


@dataclass(kw_only=True)
class DBClusterSnapshot:
    """A DB cluster snapshot, taken or copied."""

    location: Location
    identifier: str
    kind: str
    """``manual`` or ``automated``."""
    status: str
    origin: Origin
    storage: Storage
    created: datetime
    image: str
    source_arn: str | None = None
    tags: Tags = field(default_factory=dict)
    shared_with: list[str] = field(default_factory=list)
    begun: datetime | None = None
    """When its data began to flow; a copy that waits in the queue has none."""
    seconds: float = 0
    reached: int | None = None
    """The progress at which it stopped, once it has."""
    transition: RunningTransition | None = None

    @property
    def arn(self) -> str:
        """The ARN."""
        return self.location.arn("cluster-snapshot", self.identifier)


@dataclass(kw_only=True)
class GlobalCluster:
    """An Aurora global database: a writer cluster and its secondaries in other Regions."""

    account: str
    identifier: str
    resource_id: str
    engine_version: str
    status: str = AVAILABLE
    storage_encrypted: bool = False
    deletion_protection: bool = False
    members: list[DBCluster] = field(default_factory=list)

    @property
    def arn(self) -> str:
        """The ARN; a global cluster belongs to no Region."""
        return rds_arn("", self.account, "global-cluster", self.identifier)
