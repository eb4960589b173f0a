"""What a cluster may take part in, and cannot be renamed meanwhile.

Zero-ETL integrations, blue/green deployments, and shares of AWS Resource Access Manager. Tests
arrange them through the admin API: they are shown and respected, and nothing flows through them.
"""

from enum import StrEnum
from typing import Any

from embedded_aws.rds import filters, paging
from embedded_aws.rds.backend import RdsBackend
from embedded_aws.rds.beside import BlueGreenDeployment, Integration
from embedded_aws.rds.exceptions import (
    BlueGreenDeploymentNotFoundError,
    IntegrationNotFoundError,
    InvalidDBClusterStateError,
    InvalidGlobalClusterStateError,
)
from embedded_aws.rds.models import DBCluster, Location, resource_id
from embedded_aws.rds.params import Params


class Engagement(StrEnum):
    """What a test can let a cluster take part in."""

    ZERO_ETL = "zero-etl"
    BLUE_GREEN_SOURCE = "blue-green-source"
    BLUE_GREEN_TARGET = "blue-green-target"
    SHARED = "shared"


def is_integrated(backend: RdsBackend, cluster: DBCluster) -> bool:
    """Return whether a cluster is the source of a zero-ETL integration."""
    return any(one.source is cluster for one in backend.at(cluster.location).integrations)


def require_renamable(backend: RdsBackend, cluster: DBCluster) -> None:
    """Refuse to rename what takes part in something that knows it by its name."""
    if cluster.global_cluster is not None:
        raise InvalidGlobalClusterStateError(
            f"Cluster {cluster.identifier} is a member of the global cluster "
            f"{cluster.global_cluster} and can't be renamed"
        )
    reason: str | None = None
    if is_integrated(backend, cluster):
        reason = "is the source of a zero-ETL integration"
    elif any(one.cluster is cluster for one in backend.at(cluster.location).deployments):
        reason = "is in a blue/green deployment"
    elif backend.services.is_shared(cluster.location, cluster.arn):
        reason = "is shared with other AWS accounts"
    if reason is not None:
        raise InvalidDBClusterStateError(
            f"Cluster {cluster.identifier} {reason} and can't be renamed"
        )


class Engagements:
    """Shows what clusters take part in, and begins and ends it for tests."""

    def __init__(self, backend: RdsBackend) -> None:
        self._backend = backend

    def begin(self, cluster: DBCluster, engagement: Engagement) -> None:
        """Let a cluster take part in something."""
        regional, now = self._backend.at(cluster.location), self._backend.scheduler.now
        match engagement:
            case Engagement.ZERO_ETL:
                regional.integrations.append(
                    Integration(
                        source=cluster, identifier=resource_id("integration").lower(), created=now
                    )
                )
            case Engagement.BLUE_GREEN_SOURCE | Engagement.BLUE_GREEN_TARGET:
                regional.deployments.append(
                    BlueGreenDeployment(
                        cluster=cluster,
                        is_source=engagement is Engagement.BLUE_GREEN_SOURCE,
                        identifier=resource_id("bgd").lower(),
                        created=now,
                    )
                )
            case Engagement.SHARED:
                self._backend.services.share(cluster.location, cluster.arn)

    def end(self, cluster: DBCluster, engagement: Engagement) -> None:
        """Let a cluster take part in nothing of a kind any more."""
        regional = self._backend.at(cluster.location)
        match engagement:
            case Engagement.ZERO_ETL:
                regional.integrations = [
                    one for one in regional.integrations if one.source is not cluster
                ]
            case Engagement.BLUE_GREEN_SOURCE | Engagement.BLUE_GREEN_TARGET:
                regional.deployments = [
                    one for one in regional.deployments if one.cluster is not cluster
                ]
            case Engagement.SHARED:
                self._backend.services.stop_sharing(cluster.location, cluster.arn)

    def integrations(self, location: Location, params: Params) -> dict[str, Any]:
        """Perform ``DescribeIntegrations``; its model names no filter, so every one is refused."""
        named = params.text("IntegrationIdentifier")
        found = filters.apply(self._backend.at(location).integrations, params.filters(), {})
        if named:
            found = [one for one in found if named in (one.identifier, one.arn)]
            if not found:
                raise IntegrationNotFoundError(named)
        shown, marker = paging.page([(one.identifier, one) for one in found], params)
        return {
            "Integrations": [_integration(one) for one in shown],
            "Marker": marker,
        }

    def deployments(self, location: Location, params: Params) -> dict[str, Any]:
        """Perform ``DescribeBlueGreenDeployments``."""
        named = params.text("BlueGreenDeploymentIdentifier")
        found = filters.apply(
            self._backend.at(location).deployments,
            params.filters(),
            {
                "blue-green-deployment-identifier": lambda one: (one.identifier,),
                "blue-green-deployment-name": lambda one: (one.identifier,),
                "source": lambda one: (one.source,),
                "target": lambda one: (one.target,),
            },
        )
        if named:
            found = [one for one in found if one.identifier == named.lower()]
            if not found:
                raise BlueGreenDeploymentNotFoundError(named)
        shown, marker = paging.page([(one.identifier, one) for one in found], params)
        return {
            "BlueGreenDeployments": [_deployment(one) for one in shown],
            "Marker": marker,
        }


def _integration(integration: Integration) -> dict[str, Any]:
    location = integration.source.location
    return {
        "SourceArn": integration.source.arn,
        "TargetArn": f"arn:aws:redshift-serverless:{location.region}:{location.account}"
        ":namespace/embedded",
        "IntegrationName": integration.identifier,
        "IntegrationArn": integration.arn,
        "Status": "active",
        "CreateTime": integration.created,
    }


def _deployment(deployment: BlueGreenDeployment) -> dict[str, Any]:
    return {
        "BlueGreenDeploymentIdentifier": deployment.identifier,
        "BlueGreenDeploymentName": deployment.identifier,
        "Source": deployment.source,
        "Target": deployment.target,
        "Status": "AVAILABLE",
        "CreateTime": deployment.created,
    }
