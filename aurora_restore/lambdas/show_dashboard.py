"""Renders the table of the dashboard, for a custom widget of CloudWatch."""

from collections.abc import Mapping
from typing import Any, Final

from aurora_restore.shared.initialisation import end_loading
from aurora_restore.shared.lambda_environment import LambdaEnvironment
from aurora_restore.shared.monitoring.table import row_of, table_page, unreadable_row
from aurora_restore.shared.monitoring.watched_restore import WatchedRestore
from aurora_restore.shared.monitoring.watcher import Watcher

DESCRIPTION: Final = """## Aurora Restore

Shows each restore of an environment: its last success, how old its data is, the state of its
target, how long the last run took, the settings that differ, how long clients could not work, and
when it starts next. It takes no parameters, and changes nothing.
"""
"""What the function returns to who adds a widget by hand and asks for its documentation."""


class DashboardRenderer(Watcher):
    """The function behind the dashboard's custom widget. It only reads, and changes nothing.

    CloudWatch calls it with the permissions of who looks at the dashboard, and shows the HTML that
    it returns; scripts in it would not run:
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/add_custom_widget_dashboard_about.html
    """

    def __call__(self, event: Mapping[str, Any], context: object) -> str:
        """Return the table as HTML, or the widget's documentation: the Lambda entry point.

        A restore of which something cannot be read has a row that says so. Raises
        AuroraRestoreError if AWS is not reached, or the configuration cannot be read.
        """
        del context
        if event.get("describe"):
            return DESCRIPTION
        environment = self._environment or LambdaEnvironment.from_env()
        moment = self._clock()
        rows = [
            row_of(found)
            if isinstance(found, WatchedRestore)
            else unreadable_row(name, deployed.restore.target.cluster_id, found.message)
            for name, deployed, found in self._look(environment, moment)
        ]
        asked = event.get("widgetContext")
        theme = asked.get("theme") if isinstance(asked, Mapping) else None
        return table_page(rows, moment, is_dark=theme == "dark")


handler = DashboardRenderer()
end_loading()
