"""The names of the metrics that alarms and the dashboard look at, and of their dimensions."""

from typing import Final

METRICS_NAMESPACE: Final = "AuroraRestore"

SERVICE: Final = "service"
"""The dimension of every metric: the environment's ``name_prefix``."""

RESTORE: Final = "restore"
"""The dimension of what is published of each restore, beside ``service``."""

FAILURES_ANNOUNCED: Final = "FailuresAnnounced"
"""The failures of which a notice has gone out; its dimension is ``service``."""

OVERDUE_HOURS: Final = "OverdueHours"
"""How late the success of a restore is that a scheduled start should have led to."""

DURATION_RATIO: Final = "DurationRatio"
"""How long a restore takes beside the median. With ``service`` alone it is that of all restores."""

RESTORES_WATCHED: Final = "RestoresWatched"
"""Of how many restores the hourly function has published; its dimension is ``service``."""

SLOW_RATIO: Final = 3
"""From which ``DurationRatio`` on a run is much slower than usual."""
