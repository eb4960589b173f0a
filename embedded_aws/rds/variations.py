"""What AWS leaves open about renames, and how it may be: one declaration, for every sweep.

A program that is right whatever AWS does is right under each of these. A sweep goes through
:data:`RENAME_VARIATIONS` and arranges one after the other.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


class Arranging(Protocol):
    """The admin of an emulator, in this process or over HTTP."""

    def set_rules(self, **changes: Any) -> None:
        """Change quotas and defaults."""
        ...

    def set_timings(self, **changes: Any) -> None:
        """Change durations."""
        ...


@dataclass(frozen=True, kw_only=True)
class Variation:
    """One way in which AWS may behave, by fields of ``Rules`` and ``Timings``."""

    name: str
    behaviour: str
    rules: Mapping[str, Any] = field(default_factory=dict)
    timings: Mapping[str, float] = field(default_factory=dict)

    def arrange(self, admin: Arranging) -> None:
        """Let an emulator behave this way from now on."""
        admin.set_rules(**self.rules)
        admin.set_timings(**self.timings)


_GAP: Mapping[str, float] = {"rename_cluster": 60, "rename_gap": 30}

RENAME_VARIATIONS: tuple[Variation, ...] = (
    Variation(
        name="as-reported",
        behaviour="the old name answers with the status before, then with renaming; then the new "
        "one does, until it is available; the old one is free",
    ),
    Variation(
        name="immediate",
        behaviour="the name has changed, and the status is available, at the next look",
        timings={"modification_lag": 0, "rename_cluster": 0},
    ),
    Variation(
        name="slow",
        behaviour="a rename takes ten minutes",
        timings={"rename_cluster": 600},
    ),
    Variation(
        name="status-shown-late",
        behaviour="the old name answers with available for most of a minute after the call",
        timings={"modification_lag": 45},
    ),
    Variation(
        name="no-name-between",
        behaviour="for a while neither name answers, and only the resource ID finds the cluster",
        timings=_GAP,
    ),
    Variation(
        name="not-found-between",
        behaviour="for a while nothing finds the cluster",
        rules={"filter_finds_renaming_clusters": False},
        timings=_GAP,
    ),
    Variation(
        name="former-name-taken-for-a-while",
        behaviour="the old name is refused to others for a minute after the status is available",
        timings={"rename_cluster": 60, "rename_release": 90},
    ),
    Variation(
        name="former-name-taken-for-long",
        behaviour="the old name is refused to others for an hour, and its cluster can have it back",
        timings={"rename_release": 3600},
    ),
    Variation(
        name="former-name-taken-for-everyone",
        behaviour="the old name is refused to everyone, its own cluster too, for ten minutes",
        rules={"former_name_is_free_for_its_cluster": False},
        timings={"rename_release": 600},
    ),
    Variation(
        name="sessions-end",
        behaviour="a rename ends the sessions of its cluster",
        rules={"rename_ends_sessions": True},
    ),
    Variation(
        name="reboot-renews-certificate",
        behaviour="a reboot renews the certificate of a renamed cluster, and not only a start",
        rules={"reboot_renews_certificate": True},
    ),
    Variation(
        name="snapshots-show-the-new-name",
        behaviour="the snapshots of a renamed cluster show its new name",
        rules={"rename_rewrites_snapshots": True},
    ),
    Variation(
        name="proxies-follow-the-name",
        behaviour="an RDS proxy leads to what has the name that was registered with it",
        rules={"proxies_follow_the_name": True},
    ),
    Variation(
        name="data-api-goes-on",
        behaviour="the Data API of a renamed cluster answers without being turned off and on",
        rules={"rename_breaks_data_api": False},
    ),
    Variation(
        name="everything-unfavourable",
        behaviour="slow to begin, not found in between, the old name refused, sessions ended",
        rules={
            "filter_finds_renaming_clusters": False,
            "former_name_is_free_for_its_cluster": False,
            "rename_ends_sessions": True,
            "rename_rewrites_snapshots": True,
            "proxies_follow_the_name": True,
        },
        timings={**_GAP, "modification_lag": 45, "rename_release": 90},
    ),
)
