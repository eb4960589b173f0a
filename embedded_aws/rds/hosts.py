"""The host names of clusters and instances, as AWS gives them.

Source: Aurora User Guide, *Amazon Aurora endpoint connections* and *Custom endpoints*: behind the
name of a cluster or an instance stands the customer DNS identifier, which is the same for
everything of an account in a Region. So a name that another cluster gets is the same host.
"""

import hashlib

from embedded_aws.rds.beside import DBClusterEndpoint
from embedded_aws.rds.data_plane import ClusterNames
from embedded_aws.rds.models import DBCluster, DBInstance, Location

_IDENTIFIER_LENGTH = 12


def cluster_names(cluster: DBCluster) -> ClusterNames:
    """Return the host names of a cluster's writer and of its readers."""
    return ClusterNames(
        writer=_host(cluster.identifier, "cluster-", cluster.location),
        reader=_host(cluster.identifier, "cluster-ro-", cluster.location),
    )


def instance_host(instance: DBInstance) -> str:
    """Return the host name of an instance."""
    return _host(instance.identifier, "", instance.location)


def custom_endpoint_host(endpoint: DBClusterEndpoint) -> str:
    """Return the host name of a custom endpoint, in which its cluster is not named."""
    return _host(endpoint.identifier, "cluster-custom-", endpoint.cluster.location)


def _host(identifier: str, kind: str, location: Location) -> str:
    place = f"{location.account}/{location.region}".encode()
    customer = hashlib.sha256(place).hexdigest()[: _IDENTIFIER_LENGTH - 1]
    return f"{identifier}.{kind}c{customer}.{location.region}.rds.amazonaws.com"
