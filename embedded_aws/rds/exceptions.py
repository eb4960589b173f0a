"""The exceptions of the RDS API, with the error codes of botocore's model.

The code is what a client sees as ``Error.Code``; for several faults it is not the shape's name
(``DBInstanceNotFoundFault`` has the code ``DBInstanceNotFound``). A test compares every code here
with botocore's model.
"""


class RDSClientError(Exception):
    """A refusal that the caller sees."""

    code = "InternalFailure"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code


class InvalidParameterValueError(RDSClientError):
    """A value is malformed or out of range. (A common error; not in the service model.)"""

    code = "InvalidParameterValue"


class InvalidParameterCombinationError(RDSClientError):
    """Values exclude one another. (A common error; not in the service model.)"""

    code = "InvalidParameterCombination"


class UnsupportedOperationError(RDSClientError):
    """The emulator does not know this operation, and says so instead of guessing."""

    code = "InvalidAction"


class DBClusterNotFoundError(RDSClientError):
    """No such cluster."""

    code = "DBClusterNotFoundFault"

    def __init__(self, identifier: str) -> None:
        super().__init__(f"DBCluster {identifier} not found.")


class DBClusterAlreadyExistsError(RDSClientError):
    """The name is taken."""

    code = "DBClusterAlreadyExistsFault"

    def __init__(self) -> None:
        super().__init__("DB Cluster already exists")


class InvalidDBClusterStateError(RDSClientError):
    """The cluster's status, members or relations forbid this."""

    code = "InvalidDBClusterStateFault"


class DBClusterQuotaExceededError(RDSClientError):
    """Too many clusters."""

    code = "DBClusterQuotaExceededFault"

    def __init__(self) -> None:
        super().__init__("DB Cluster quota exceeded")


class InstanceQuotaExceededError(RDSClientError):
    """Too many instances."""

    code = "InstanceQuotaExceeded"

    def __init__(self) -> None:
        super().__init__("DB Instance quota exceeded")


class DBInstanceNotFoundError(RDSClientError):
    """No such instance."""

    code = "DBInstanceNotFound"

    def __init__(self, identifier: str) -> None:
        super().__init__(f"DBInstance {identifier} not found.")


class DBInstanceAlreadyExistsError(RDSClientError):
    """The name is taken."""

    code = "DBInstanceAlreadyExists"

    def __init__(self) -> None:
        super().__init__("DB instance already exists")


class InvalidDBInstanceStateError(RDSClientError):
    """The instance's status forbids this."""

    code = "InvalidDBInstanceState"


class DBClusterSnapshotNotFoundError(RDSClientError):
    """No such cluster snapshot, or none that the caller may see."""

    code = "DBClusterSnapshotNotFoundFault"

    def __init__(self, identifier: str) -> None:
        super().__init__(f"DBClusterSnapshot not found: {identifier}")


class DBClusterSnapshotAlreadyExistsError(RDSClientError):
    """The name is taken."""

    code = "DBClusterSnapshotAlreadyExistsFault"

    def __init__(self, identifier: str) -> None:
        super().__init__(
            f"Cannot create the cluster snapshot because one with the identifier {identifier} "
            "already exists."
        )


class InvalidDBClusterSnapshotStateError(RDSClientError):
    """The snapshot's status or kind forbids this."""

    code = "InvalidDBClusterSnapshotStateFault"


class ThrottlingError(RDSClientError):
    """Too many requests. Source: botocore's legacy retry data, which repeats this code."""

    code = "Throttling"

    def __init__(self) -> None:
        super().__init__("Rate exceeded")


class SnapshotQuotaExceededError(RDSClientError):
    """Too many manual cluster snapshots."""

    code = "SnapshotQuotaExceeded"

    def __init__(self, limit: int) -> None:
        super().__init__(f"Cannot create more than {limit} manual cluster snapshots")


class TooManyCopiesError(RDSClientError):
    """Too many copies of snapshots in progress; the code is that of too many snapshots.

    Source: https://github.com/pbudzon/aws-maintenance/issues/19.
    """

    code = "SnapshotQuotaExceeded"

    def __init__(self, limit: int) -> None:
        super().__init__(f"Cannot copy more than {limit} snapshots across regions")


class SharedSnapshotQuotaExceededError(RDSClientError):
    """Shared with too many accounts."""

    code = "SharedSnapshotQuotaExceeded"

    def __init__(self, limit: int) -> None:
        super().__init__(f"A snapshot cannot be shared with more than {limit} accounts")


class DBClusterEndpointAlreadyExistsError(RDSClientError):
    """The name is taken."""

    code = "DBClusterEndpointAlreadyExistsFault"

    def __init__(self, identifier: str) -> None:
        super().__init__(f"The custom endpoint {identifier} already exists.")


class DBClusterEndpointNotFoundError(RDSClientError):
    """No such custom endpoint."""

    code = "DBClusterEndpointNotFoundFault"

    def __init__(self, identifier: str) -> None:
        super().__init__(f"The custom endpoint {identifier} does not exist.")


class DBClusterEndpointQuotaExceededError(RDSClientError):
    """Too many custom endpoints."""

    code = "DBClusterEndpointQuotaExceededFault"

    def __init__(self, limit: int) -> None:
        super().__init__(f"A cluster cannot have more than {limit} custom endpoints")


class InvalidDBClusterEndpointStateError(RDSClientError):
    """The endpoint's status forbids this."""

    code = "InvalidDBClusterEndpointStateFault"


class DBProxyNotFoundError(RDSClientError):
    """No such proxy."""

    code = "DBProxyNotFoundFault"

    def __init__(self, name: str) -> None:
        super().__init__(f"DBProxy {name} not found.")


class DBProxyTargetGroupNotFoundError(RDSClientError):
    """A proxy has one target group, which is called ``default``."""

    code = "DBProxyTargetGroupNotFoundFault"

    def __init__(self, name: str) -> None:
        super().__init__(f"DBProxyTargetGroup {name} not found.")


class DBProxyTargetNotFoundError(RDSClientError):
    """The cluster is not registered with the proxy."""

    code = "DBProxyTargetNotFoundFault"


class DBProxyTargetAlreadyRegisteredError(RDSClientError):
    """The proxy has a cluster."""

    code = "DBProxyTargetAlreadyRegisteredFault"


class NetworkTypeNotSupportedError(RDSClientError):
    """The subnet group has no such network."""

    code = "NetworkTypeNotSupported"

    def __init__(self, wanted: str, group: str) -> None:
        super().__init__(f"The DB subnet group {group} doesn't support the network type {wanted}.")


class InvalidResourceStateError(RDSClientError):
    """The cluster's status forbids this."""

    code = "InvalidResourceStateFault"


class InsufficientDBInstanceCapacityError(RDSClientError):
    """There is no instance of the class at the moment."""

    code = "InsufficientDBInstanceCapacity"

    def __init__(self, instance_class: str) -> None:
        super().__init__(
            f"Cannot create a database instance because no subnet exists with capacity for "
            f"{instance_class}."
        )


class KMSKeyNotAccessibleError(RDSClientError):
    """The KMS key is missing, disabled, elsewhere, or not for the caller."""

    code = "KMSKeyNotAccessibleFault"

    def __init__(self, key: str) -> None:
        super().__init__(
            f"The specified KMS key [{key}] does not exist, is not enabled or you do not have "
            "permissions to access it."
        )


class DBSubnetGroupNotFoundError(RDSClientError):
    """No such DB subnet group."""

    code = "DBSubnetGroupNotFoundFault"

    def __init__(self, name: str) -> None:
        super().__init__(f"DB subnet group '{name}' does not exist.")


class DBClusterParameterGroupNotFoundError(RDSClientError):
    """No such cluster parameter group."""

    code = "DBClusterParameterGroupNotFound"

    def __init__(self, name: str) -> None:
        super().__init__(f"DBClusterParameterGroup not found: {name}")


class DBParameterGroupNotFoundError(RDSClientError):
    """No such instance parameter group."""

    code = "DBParameterGroupNotFound"

    def __init__(self, name: str) -> None:
        super().__init__(f"DBParameterGroup not found: {name}")


class InvalidVPCNetworkStateError(RDSClientError):
    """A security group or subnet is not there or not in the cluster's VPC."""

    code = "InvalidVPCNetworkStateFault"


class DBClusterRoleAlreadyExistsError(RDSClientError):
    """The role or its feature is associated already."""

    code = "DBClusterRoleAlreadyExists"


class DBClusterRoleNotFoundError(RDSClientError):
    """The role is not associated."""

    code = "DBClusterRoleNotFound"


class DBClusterRoleQuotaExceededError(RDSClientError):
    """Too many roles."""

    code = "DBClusterRoleQuotaExceeded"


class GlobalClusterNotFoundError(RDSClientError):
    """No such global cluster."""

    code = "GlobalClusterNotFoundFault"

    def __init__(self, identifier: str) -> None:
        super().__init__(f"Global cluster {identifier} not found")


class GlobalClusterAlreadyExistsError(RDSClientError):
    """The name is taken."""

    code = "GlobalClusterAlreadyExistsFault"

    def __init__(self, identifier: str) -> None:
        super().__init__(f"Global cluster {identifier} already exists")


class InvalidGlobalClusterStateError(RDSClientError):
    """The global cluster's members forbid this."""

    code = "InvalidGlobalClusterStateFault"


class IntegrationNotFoundError(RDSClientError):
    """No such zero-ETL integration."""

    code = "IntegrationNotFoundFault"

    def __init__(self, identifier: str) -> None:
        super().__init__(f"Integration {identifier} not found")


class BlueGreenDeploymentNotFoundError(RDSClientError):
    """No such blue/green deployment."""

    code = "BlueGreenDeploymentNotFoundFault"

    def __init__(self, identifier: str) -> None:
        super().__init__(f"Blue/green deployment {identifier} not found")


class AdminError(ValueError):
    """Not of AWS: the admin API cannot do what a test asked for."""
