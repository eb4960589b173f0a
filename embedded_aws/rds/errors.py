"""The refusals of the RDS API, under the *codes* that botocore's model gives them.

The code is what a client sees as ``Error.Code``; for several faults it is not the shape's name
(``DBInstanceNotFoundFault`` has the code ``DBInstanceNotFound``). A test compares every code here
with botocore's model.
"""


class RdsError(Exception):
    """A refusal that the caller sees."""

    code = "InternalFailure"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code


class InvalidParameterValueError(RdsError):
    """A value is malformed or out of range. (A common error; not in the service model.)"""

    code = "InvalidParameterValue"


class InvalidParameterCombinationError(RdsError):
    """Values exclude one another. (A common error; not in the service model.)"""

    code = "InvalidParameterCombination"


class UnsupportedOperationError(RdsError):
    """The emulator does not know this operation, and says so instead of guessing."""

    code = "InvalidAction"


class ClusterNotFoundError(RdsError):
    """No such cluster."""

    code = "DBClusterNotFoundFault"

    def __init__(self, identifier: str) -> None:
        super().__init__(f"DBCluster {identifier} not found.")


class ClusterAlreadyExistsError(RdsError):
    """The name is taken."""

    code = "DBClusterAlreadyExistsFault"

    def __init__(self) -> None:
        super().__init__("DB Cluster already exists")


class InvalidClusterStateError(RdsError):
    """The cluster's status, members or relations forbid this."""

    code = "InvalidDBClusterStateFault"


class ClusterQuotaExceededError(RdsError):
    """Too many clusters."""

    code = "DBClusterQuotaExceededFault"

    def __init__(self) -> None:
        super().__init__("DB Cluster quota exceeded")


class InstanceQuotaExceededError(RdsError):
    """Too many instances."""

    code = "InstanceQuotaExceeded"

    def __init__(self) -> None:
        super().__init__("DB Instance quota exceeded")


class InstanceNotFoundError(RdsError):
    """No such instance."""

    code = "DBInstanceNotFound"

    def __init__(self, identifier: str) -> None:
        super().__init__(f"DBInstance {identifier} not found.")


class InstanceAlreadyExistsError(RdsError):
    """The name is taken."""

    code = "DBInstanceAlreadyExists"

    def __init__(self) -> None:
        super().__init__("DB instance already exists")


class InvalidInstanceStateError(RdsError):
    """The instance's status forbids this."""

    code = "InvalidDBInstanceState"


class SnapshotNotFoundError(RdsError):
    """No such cluster snapshot, or none that the caller may see."""

    code = "DBClusterSnapshotNotFoundFault"

    def __init__(self, identifier: str) -> None:
        super().__init__(f"DBClusterSnapshot not found: {identifier}")


class SnapshotAlreadyExistsError(RdsError):
    """The name is taken."""

    code = "DBClusterSnapshotAlreadyExistsFault"

    def __init__(self, identifier: str) -> None:
        super().__init__(
            f"Cannot create the cluster snapshot because one with the identifier {identifier} "
            "already exists."
        )


class InvalidSnapshotStateError(RdsError):
    """The snapshot's status or kind forbids this."""

    code = "InvalidDBClusterSnapshotStateFault"


class SnapshotQuotaExceededError(RdsError):
    """Too many manual cluster snapshots."""

    code = "SnapshotQuotaExceeded"

    def __init__(self, limit: int) -> None:
        super().__init__(f"Cannot create more than {limit} manual cluster snapshots")


class SharedSnapshotQuotaExceededError(RdsError):
    """Shared with too many accounts."""

    code = "SharedSnapshotQuotaExceeded"

    def __init__(self, limit: int) -> None:
        super().__init__(f"A snapshot cannot be shared with more than {limit} accounts")


class KeyNotAccessibleError(RdsError):
    """The KMS key is missing, disabled, elsewhere, or not for the caller."""

    code = "KMSKeyNotAccessibleFault"

    def __init__(self, key: str) -> None:
        super().__init__(
            f"The specified KMS key [{key}] does not exist, is not enabled or you do not have "
            "permissions to access it."
        )


class SubnetGroupNotFoundError(RdsError):
    """No such DB subnet group."""

    code = "DBSubnetGroupNotFoundFault"

    def __init__(self, name: str) -> None:
        super().__init__(f"DB subnet group '{name}' does not exist.")


class ClusterParameterGroupNotFoundError(RdsError):
    """No such cluster parameter group."""

    code = "DBClusterParameterGroupNotFound"

    def __init__(self, name: str) -> None:
        super().__init__(f"DBClusterParameterGroup not found: {name}")


class ParameterGroupNotFoundError(RdsError):
    """No such instance parameter group."""

    code = "DBParameterGroupNotFound"

    def __init__(self, name: str) -> None:
        super().__init__(f"DBParameterGroup not found: {name}")


class InvalidNetworkStateError(RdsError):
    """A security group or subnet is not there or not in the cluster's VPC."""

    code = "InvalidVPCNetworkStateFault"


class RoleAlreadyExistsError(RdsError):
    """The role or its feature is associated already."""

    code = "DBClusterRoleAlreadyExists"


class RoleNotFoundError(RdsError):
    """The role is not associated."""

    code = "DBClusterRoleNotFound"


class RoleQuotaExceededError(RdsError):
    """Too many roles."""

    code = "DBClusterRoleQuotaExceeded"


class GlobalClusterNotFoundError(RdsError):
    """No such global cluster."""

    code = "GlobalClusterNotFoundFault"

    def __init__(self, identifier: str) -> None:
        super().__init__(f"Global cluster {identifier} not found")


class GlobalClusterAlreadyExistsError(RdsError):
    """The name is taken."""

    code = "GlobalClusterAlreadyExistsFault"

    def __init__(self, identifier: str) -> None:
        super().__init__(f"Global cluster {identifier} already exists")


class InvalidGlobalClusterStateError(RdsError):
    """The global cluster's members forbid this."""

    code = "InvalidGlobalClusterStateFault"


class ControlError(ValueError):
    """Not of AWS: the emulator cannot do what a test asked of its control."""
