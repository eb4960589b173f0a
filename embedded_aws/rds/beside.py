"""The models of what stands beside a cluster: custom endpoints, proxies, integrations and so on."""

from dataclasses import dataclass, field
from datetime import datetime

from embedded_aws.rds.models import CREATING, DBCluster
from embedded_aws.rds.params import Tags
from embedded_aws.rds.transitions import RunningTransition


@dataclass(kw_only=True)
class DBClusterEndpoint:
    """A custom endpoint of a cluster."""

    cluster: DBCluster
    identifier: str
    resource_id: str
    kind: str
    """``READER``, ``WRITER`` or ``ANY``."""
    status: str = CREATING
    static_members: tuple[str, ...] = ()
    excluded_members: tuple[str, ...] = ()
    tags: Tags = field(default_factory=dict)
    transition: RunningTransition | None = None

    @property
    def arn(self) -> str:
        """The ARN."""
        return self.cluster.location.arn("cluster-endpoint", self.identifier)


@dataclass(kw_only=True)
class DBProxyTarget:
    """The cluster that is registered with an RDS proxy."""

    cluster: DBCluster
    name: str
    """What the cluster was called when it was registered."""
    registering: bool = True


@dataclass(frozen=True, kw_only=True)
class Integration:
    """A zero-ETL integration, whose source is a cluster."""

    source: DBCluster
    identifier: str
    created: datetime

    @property
    def arn(self) -> str:
        """The ARN."""
        return self.source.location.arn("integration", self.identifier)


@dataclass(frozen=True, kw_only=True)
class BlueGreenDeployment:
    """A blue/green deployment in which a cluster is the blue side, or the green one."""

    cluster: DBCluster
    is_source: bool
    identifier: str
    created: datetime

    @property
    def source(self) -> str:
        """The ARN of the blue side."""
        return self.cluster.arn if self.is_source else f"{self.cluster.arn}-blue"

    @property
    def target(self) -> str:
        """The ARN of the green side."""
        return f"{self.cluster.arn}-green" if self.is_source else self.cluster.arn
