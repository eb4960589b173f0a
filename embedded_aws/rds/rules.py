"""Numbers and defaults that AWS sets per account and Region, and that a test may want to change."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Self


class Encryption(StrEnum):
    """``StorageEncryptionType``: how the storage of a cluster or snapshot is encrypted."""

    NONE = "none"
    SSE_RDS = "sse-rds"
    SSE_KMS = "sse-kms"


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Quotas and defaults; the values are those of the Aurora User Guide unless stated."""

    copies_in_progress: int = 5
    queues_copies_beyond_the_limit: bool = False
    """Whether a copy beyond that limit waits in a queue of RDS, and is not refused.

    The guide says of copies from one Region that they may be queued; users report a refusal.
    """
    requests_per_second: float = 0
    """How many requests of an account and Region are answered over time; 0 is no limit."""
    burst_of_requests: int = 20
    """How many more at the same time."""
    manual_snapshots: int = 100
    accounts_per_shared_snapshot: int = 20
    roles_per_cluster: int = 5
    custom_endpoints_per_cluster: int = 5
    clusters: int = 40
    instances: int = 40
    zones_with_offers: str = "abc"
    """The letters of the Availability Zones in which instance classes are offered."""
    classes_without_capacity: tuple[str, ...] = ()
    """Instance classes that are on offer, and that AWS has none of at the moment."""
    default_engine_version: str = "17.5"
    """The Region's default version; AWS changes it over time, so no program may count on it."""
    default_encryption: Encryption = Encryption.SSE_RDS
    """What a cluster gets that asks for no encryption (AWS: ``sse-rds`` since 18 February 2026)."""
    filter_finds_renaming_clusters: bool = True
    """Whether the filter by resource id finds a cluster while neither of its names does."""
    reboot_renews_certificate: bool = False
    """Whether a reboot, too, gives a certificate of the present name, and not only a start."""
    former_name_is_free_for_its_cluster: bool = True
    """Whether a cluster can have its former name back while that is taken for others."""
    rename_ends_sessions: bool = False
    """Whether a rename ends the sessions of its cluster."""
    rename_rewrites_snapshots: bool = False
    """Whether the snapshots of a renamed cluster show its new name, and not the one it had."""
    rename_breaks_data_api: bool = True
    """Whether the Data API of a renamed cluster answers no more until it is turned off and on."""
    proxies_follow_the_name: bool = False
    """Whether a proxy leads to what has the name that was registered, and not to that cluster."""
    days_stopped_at_most: int = 7
    """After how many days AWS starts a stopped cluster by itself."""
    default_account: str = "123456789012"
    """The account of an unregistered access key."""

    def with_changes(self, changes: Mapping[str, Any]) -> Self:
        """Return the rules with other values, which may come from JSON."""
        changed = replace(self, **changes)
        return replace(
            changed,
            classes_without_capacity=tuple(changed.classes_without_capacity),
            default_encryption=Encryption(changed.default_encryption),
        )
