"""What one operation is asked to do, and what it knows: values, without clients or a clock."""

from dataclasses import dataclass

from aurora_restore.shared.cluster.ownership import Ownership
from aurora_restore.shared.documents.event import Event
from aurora_restore.shared.documents.restore import Restore
from aurora_restore.shared.documents.restore_secrets import RestoreSecrets
from aurora_restore.shared.lambda_environment import LambdaEnvironment
from aurora_restore.shared.operation_state import OperationState
from aurora_restore.shared.rds.arns import Place


@dataclass(frozen=True, kw_only=True)
class RestoreRequest:
    """One restore, as it is configured, asked for and recorded so far."""

    restore: Restore
    event: Event
    environment: LambdaEnvironment
    owner: Ownership
    target: Place
    """The account and Region of the target."""
    state: OperationState
    secrets: RestoreSecrets
    restored_cluster_id: str
    """The name under which the cluster is restored: the target's, or that of one beside it."""

    @property
    def cluster_id(self) -> str:
        """Return the cluster that is refreshed."""
        return self.restore.target.cluster_id

    @property
    def restores_beside(self) -> bool:
        """Return whether the cluster is restored beside the target, which serves meanwhile."""
        return self.restored_cluster_id != self.cluster_id
