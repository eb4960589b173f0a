"""Renders the table of the dashboard, for a custom widget of CloudWatch."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from aurora_restore.shared.aws_utils import Clients, default_clients
from aurora_restore.shared.common import DeployedRestore, get_deployed_restores, logger, now
from aurora_restore.shared.errors import AuroraRestoreError
from aurora_restore.shared.initialisation import end_loading
from aurora_restore.shared.lambda_environment import LambdaEnvironment
from aurora_restore.shared.monitoring.table import (
    Row,
    row_of,
    table_page,
    unreadable_row,
)
from aurora_restore.shared.monitoring.watched_restore import look_at_restore

DESCRIPTION: Final = """## Aurora Restore

Shows each restore of an environment: its last success, how old its data is, the state of its
target, how long the last run took, the settings that differ, how long clients could not work, and
when it starts next. It takes no parameters, and changes nothing.
"""
"""What the function returns to who adds a widget by hand and asks for its documentation."""


class DashboardRenderer:
    """The function behind the dashboard's custom widget. It only reads, and changes nothing.

    CloudWatch calls it with the permissions of who looks at the dashboard, and shows the HTML that
    it returns; scripts in it would not run:
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/add_custom_widget_dashboard_about.html
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

    def __call__(self, event: Mapping[str, Any], context: object) -> str:
        """Return the table as HTML, or the widget's documentation: the Lambda entry point.

        A restore of which something cannot be read has a row that says so. Raises
        AuroraRestoreError if AWS is not reached, or the configuration cannot be read.
        """
        del context
        if event.get("describe"):
            return DESCRIPTION
        environment = self._environment or LambdaEnvironment.from_env()
        clients = self._clients or default_clients()
        moment = self._clock()
        rows = [
            self._row(name, deployed, environment, clients, moment)
            for name, deployed in sorted(get_deployed_restores(environment, clients).items())
        ]
        asked = event.get("widgetContext")
        theme = asked.get("theme") if isinstance(asked, Mapping) else None
        return table_page(rows, moment, is_dark=theme == "dark")

    def _row(
        self,
        name: str,
        deployed: DeployedRestore,
        environment: LambdaEnvironment,
        clients: Clients,
        moment: datetime,
    ) -> Row:
        try:
            return row_of(look_at_restore(name, deployed, environment, clients, moment))
        except AuroraRestoreError as error:
            logger.error("a restore cannot be looked at", restore=name, reason=error.message)
            return unreadable_row(name, deployed.restore.target.cluster_id, error.message)


handler = DashboardRenderer()
end_loading()
