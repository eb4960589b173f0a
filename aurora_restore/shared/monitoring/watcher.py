"""What the functions that watch the restores have in common."""

from collections.abc import Callable, Iterator
from datetime import datetime

from aurora_restore.shared.aws_utils import Clients, default_clients
from aurora_restore.shared.common import DeployedRestore, get_deployed_restores, logger, now
from aurora_restore.shared.errors import AuroraRestoreError
from aurora_restore.shared.lambda_environment import LambdaEnvironment
from aurora_restore.shared.monitoring.watched_restore import WatchedRestore, look_at_restore


class Watcher:
    """A function that looks at every restore of its environment, and changes nothing.

    It is no step: no run calls it or waits for it.
    """

    def __init__(
        self,
        *,
        clients: Clients | None = None,
        environment: LambdaEnvironment | None = None,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._clients = clients
        self._environment = environment
        self._clock = clock

    def _look(
        self, environment: LambdaEnvironment, moment: datetime
    ) -> Iterator[tuple[str, DeployedRestore, WatchedRestore | AuroraRestoreError]]:
        """Yield each restore with what is known of it, or why nothing is, which is logged.

        Raises AuroraRestoreError if AWS is not reached.
        """
        clients = self._clients or default_clients()
        for name, deployed in sorted(get_deployed_restores(environment, clients).items()):
            try:
                yield name, deployed, look_at_restore(name, deployed, environment, clients, moment)
            except AuroraRestoreError as error:
                logger.error("a restore cannot be looked at", restore=name, reason=error.message)
                yield name, deployed, error
