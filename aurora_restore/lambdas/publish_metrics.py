"""Publishes each hour whether a restore is overdue, and how long it takes beside the median."""

from collections.abc import Mapping
from typing import Any

from aurora_restore.shared.common import logger, write_restore_metric
from aurora_restore.shared.errors import CorruptStateError
from aurora_restore.shared.initialisation import end_loading
from aurora_restore.shared.lambda_environment import LambdaEnvironment
from aurora_restore.shared.metric_names import DURATION_RATIO, OVERDUE_HOURS, RESTORES_WATCHED
from aurora_restore.shared.monitoring.watched_restore import WatchedRestore
from aurora_restore.shared.monitoring.watcher import Watcher


class MetricsPublisher(Watcher):
    """The function that a rule calls each hour.

    A CloudWatch alarm spans seven days at most and knows no working days, so what depends on a
    schedule is calculated here.
    """

    def __call__(self, event: Mapping[str, Any], context: object) -> None:
        """Write the metrics of every restore: the Lambda entry point.

        Raises CorruptStateError with the restores of which an item cannot be read, after the
        metrics of all others. Raises AuroraRestoreError if AWS is not reached.
        """
        del event, context
        environment = self._environment or LambdaEnvironment.from_env()
        looked_at: list[WatchedRestore] = []
        unreadable: list[str] = []
        for name, _, found in self._look(environment, self._clock()):
            if isinstance(found, WatchedRestore):
                looked_at.append(found)
            else:
                unreadable.append(name)
        for facts in looked_at:
            _publish(facts)
        _publish_common(looked_at)
        if unreadable:
            raise CorruptStateError(
                f"nothing is known of {', '.join(unreadable)}: the log of this function says why",
                table=environment.state_table,
            )


def _publish(facts: WatchedRestore) -> None:
    """Write what is known of a restore: what is not known, is no value."""
    if facts.overdue_hours is not None:
        write_restore_metric(OVERDUE_HOURS, facts.overdue_hours, facts.name)
    if facts.duration_ratio is not None:
        write_restore_metric(DURATION_RATIO, facts.duration_ratio, facts.name)
    logger.info(
        "restore looked at",
        restore=facts.name,
        overdue_hours=facts.overdue_hours,
        duration_ratio=facts.duration_ratio,
    )


def _publish_common(looked_at: list[WatchedRestore]) -> None:
    """Write how many restores have been looked at, and the largest values of all of them."""
    late = [each.overdue_hours for each in looked_at if each.overdue_hours is not None]
    if late:
        write_restore_metric(OVERDUE_HOURS, max(late))
    ratios = [each.duration_ratio for each in looked_at if each.duration_ratio is not None]
    if ratios:
        write_restore_metric(DURATION_RATIO, max(ratios))
    write_restore_metric(RESTORES_WATCHED, len(looked_at))


handler = MetricsPublisher()
end_loading()
