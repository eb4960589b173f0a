"""Until when a cluster of a switched target is kept, by its tag. What serves has none.

No role may delete a cluster of such a target that lacks the tag.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from aurora_restore.shared.common import is_timestamp, parse_timestamp, timestamp
from aurora_restore.shared.names import TAG_KEEP_UNTIL
from aurora_restore.shared.rds.tags import tags_of

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import DBClusterTypeDef

TEMPORARY_LASTS: Final = timedelta(hours=24)
"""For how long a temporary cluster is kept at least, so that its operation can go on."""


def expiry_of_restore(moment: datetime) -> dict[str, str]:
    """Return the tag of a cluster that is restored beside the target now."""
    return {TAG_KEEP_UNTIL: timestamp(moment + TEMPORARY_LASTS)}


def expires(cluster: "DBClusterTypeDef") -> bool:
    """Return whether a tag says until when a cluster is kept."""
    return TAG_KEEP_UNTIL in tags_of(cluster.get("TagList"))


def expiry_of(cluster: "DBClusterTypeDef") -> datetime | None:
    """Return until when a cluster is kept; None if no tag says so, or one that is no timestamp."""
    tagged = tags_of(cluster.get("TagList")).get(TAG_KEEP_UNTIL)
    return parse_timestamp(str(tagged)) if is_timestamp(tagged) else None
