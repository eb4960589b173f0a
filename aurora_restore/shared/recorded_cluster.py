"""The clusters of a target in its record: live, retired, to be switched.

A cluster is identified by its resource id, which it keeps when it is renamed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from aurora_restore.shared.documents.switch import Method


def hosts_and_ports(endpoints: Iterable[str] | None) -> tuple[tuple[str, int], ...]:
    """Return host and port of each endpoint that is written as `host:port`, each once."""
    split = [endpoint.rpartition(":") for endpoint in endpoints or ()]
    return tuple(dict.fromkeys((host, int(port)) for host, _, port in split))


@dataclass(frozen=True, kw_only=True)
class RecordedCluster:
    """What is known of one cluster of a target. A value that is None is not known."""

    resource_id: str
    cluster_id: str
    """Its name when this was written."""
    restored_by: str | None = None
    """The operation that restored it; None for one that the pipeline did not make."""
    writer_endpoint: str | None = None
    reader_endpoint: str | None = None
    port: int | None = None
    instance_endpoints: tuple[str, ...] | None = None
    """Where each instance is reached, as `host:port`."""
    was_renamed: bool = False
    """Whether the last switch has changed its name, even if only for a while."""
    former_endpoints: tuple[str, ...] = ()
    """The cluster endpoints that it has had under other names. Its certificate may be for them."""
    master_secret_version: str | None = None
    """The version id of the master secret whose password it was given."""
    has_managed_password: bool = False
    """Whether RDS managed its master password when this was written: no version of the master
    secret need open it then."""
    security_group_ids: tuple[str, ...] = ()
    """Those that it has while it serves."""
    handed_over_at: str | None = None
    verified_at: str | None = None
    """When it was reached under the target's name, and was as it had been proven."""

    @property
    def instances(self) -> tuple[tuple[str, int], ...]:
        """Return host and port of each instance."""
        return hosts_and_ports(self.instance_endpoints)

    @property
    def hosts(self) -> tuple[str, ...]:
        """Return every host by which it is or was reached: those of its endpoints, each once."""
        cluster = (self.writer_endpoint, self.reader_endpoint, *self.former_endpoints)
        instances = (host for host, _ in self.instances)
        return tuple(dict.fromkeys(host for host in (*cluster, *instances) if host))


@dataclass(frozen=True, kw_only=True)
class RetiredCluster:
    """The cluster that served before the last switch, and can be switched back to."""

    cluster: RecordedCluster
    retired_at: str
    retired_by: str
    """The operation that switched."""
    is_rejected: bool = False
    """Whether a roll-back has taken the name from it."""
    keep_until: str
    """When it is deleted at the earliest, unless another run makes room before."""


DNS_UNKNOWN: Final = "unknown"
"""Stands for the id of a change of records that Route 53 may have accepted."""


@dataclass(frozen=True, kw_only=True)
class PlannedSwitch:
    """A switch from its first change to its last: what every later look compares with."""

    by: str
    """The operation that switches."""
    planned_at: str
    method: Method = "rename"
    """Whether the target's name goes from one to the other, or another endpoint is published."""
    incoming: RecordedCluster
    """What is to have the target's name, with the name that it has had so far."""
    outgoing: RecordedCluster | None = None
    """What has had the target's name; None where there was no cluster."""
    undo_because: str | None = None
    """Why it is undone; None while it goes on."""
    request: Literal["take", "give", "return"] | None = None
    """What was asked for last: to take the name from the outgoing cluster, to give it to the other,
    to return it; or without a rename, to lead the clients to the incoming one, or back."""
    requested_at: str | None = None
    requests: int | None = None
    """How often in a row RDS has accepted that rename."""
    dns_change: str | None = None
    """The id of the change of records that Route 53 has accepted last; DNS_UNKNOWN while it is
    asked for one."""
