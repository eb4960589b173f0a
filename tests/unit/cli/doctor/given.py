"""A restore to examine."""

from typing import Any

from aurora_restore.shared.documents.restore import Restore, Source, Target
from aurora_restore.shared.documents.schedule import Schedule


def restore(
    *, schedule: Schedule | None = None, strategy: Any = "replace", day: Any = "today"
) -> Restore:
    """A restore of the cluster ``production``."""
    return Restore(
        source=Source(cluster_id="production", region="eu-central-1", default_day=day),
        target=Target(
            cluster_id="staging",
            db_subnet_group_name="databases",
            vpc_security_group_ids=("sg-0123456789abcdef0",),
            strategy=strategy,
        ),
        schedule=schedule,
    )
