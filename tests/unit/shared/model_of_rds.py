"""A small RDS of a few clusters whose looks may be old, for what renames them by name.

A look shows the state of a moment up to ``STALE_SECONDS`` ago, each look of another one. A rename
is accepted, shows after a moment, may hide its cluster for a while, may fail and leave the old
name, and may keep the old name taken for longer than it lasts.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from botocore.exceptions import ClientError

from aurora_restore.shared.rds.tags import tag_list
from aurora_restore.shared.target_record import TargetRecord

STALE_SECONDS = 55
LAG_SECONDS = 4
START = datetime(2026, 5, 16, 3, 0, tzinfo=UTC)

AVAILABLE, RENAMING = "available", "renaming"


@dataclass(frozen=True, kw_only=True)
class ModelCluster:
    """A cluster at one moment."""

    name: str
    status: str = AVAILABLE
    groups: tuple[str, ...] = ("open",)
    tags: Mapping[str, str] = field(default_factory=dict)
    is_hidden: bool = False
    """Whether neither a name nor the filter by resource id finds it."""

    def shown(self, resource_id: str) -> dict[str, Any]:
        """The cluster as DescribeDBClusters shows it."""
        return {
            "DBClusterIdentifier": self.name,
            "DbClusterResourceId": resource_id,
            "DBClusterArn": f"arn:aws:rds:us-west-2:123456789012:cluster:{self.name}",
            "Status": self.status,
            "Endpoint": f"{self.name}.example",
            "Port": 5432,
            "VpcSecurityGroups": [
                {"VpcSecurityGroupId": group, "Status": "active"} for group in self.groups
            ],
            "TagList": tag_list(self.tags),
        }


@dataclass
class RecordInMemory:
    """The target record in memory."""

    record: TargetRecord
    before_write: Any = lambda: None
    cluster_id: str = "orders"
    region: str = "us-west-2"

    def write(self, record: TargetRecord, instead_of: TargetRecord | None) -> TargetRecord:
        assert instead_of == self.record
        self.before_write()
        self.record = record
        return record


Snapshot = Mapping[str, ModelCluster]
"""Every cluster at one moment, by resource id."""


@dataclass(kw_only=True)
class Disturbances:
    """What does not go as it should."""

    random: Random
    is_stale: bool = False
    failing_renames: int = 0
    """How many of the next renames fail."""
    longest_rename: float = 120
    longest_hiding: float = 0
    longest_release: float = 0


class ModelRds:
    """A client of RDS with the few methods that a switch calls, and a clock."""

    def __init__(self, clusters: Snapshot, disturbances: Disturbances) -> None:
        self.seconds = 0.0
        self.disturbances = disturbances
        self.history: list[tuple[float, Snapshot]] = [(0.0, dict(clusters))]
        self.busy: set[str] = set()
        """The clusters that RDS was asked to rename."""
        self.taken: dict[str, float] = {}
        """Until when a name is not free, though no cluster has it."""
        self.events: list[tuple[float, Callable[[], None]]] = []
        self.renames: list[tuple[str, str]] = []
        """Every rename that was accepted: of which cluster, to which name."""
        self.changes: list[tuple[str, str, str]] = []
        """Every other change: what, of which cluster, and the name that it had then."""
        self.before_change: Callable[[], None] = lambda: None
        self.after_change: Callable[[], None] = lambda: None

    @property
    def now(self) -> Snapshot:
        """Every cluster as it is."""
        return self.history[-1][1]

    def clock(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def advance(self, seconds: float) -> None:
        """Let time pass, and what is to happen in it."""
        until = self.seconds + seconds
        while due := sorted((each for each in self.events if each[0] <= until), key=lambda e: e[0]):
            self.events.remove(due[0])
            self.seconds = max(self.seconds, due[0][0])
            due[0][1]()
        self.seconds = until

    def at(self, seconds: float, event: Callable[[], None]) -> None:
        """Let something happen in a while."""
        self.events.append((self.seconds + seconds, event))

    def change(self, resource_id: str, **changes: Any) -> None:
        """Change a cluster, if it is still there."""
        if resource_id in self.now:
            changed = replace(self.now[resource_id], **changes)
            self.history.append((self.seconds, {**self.now, resource_id: changed}))

    def remove(self, resource_id: str) -> None:
        """Delete a cluster."""
        left = {key: each for key, each in self.now.items() if key != resource_id}
        self.history.append((self.seconds, left))

    def create(self, resource_id: str, name: str) -> bool:
        """Make a cluster, unless its name is not free; return whether."""
        if not self.is_free(name):
            return False
        self.history.append((self.seconds, {**self.now, resource_id: ModelCluster(name=name)}))
        return True

    def holder(self, name: str) -> str | None:
        """The resource id of the cluster that has a name."""
        return next((key for key, each in self.now.items() if each.name == name), None)

    def is_free(self, name: str) -> bool:
        return self.holder(name) is None and self.taken.get(name, 0.0) <= self.seconds

    # What a switch calls.

    def describe_db_clusters(self, *, DBClusterIdentifier: str) -> dict[str, Any]:  # noqa: N803
        found = [
            each.shown(key)
            for key, each in self._look()
            if each.name == DBClusterIdentifier and not each.is_hidden
        ]
        if not found:
            raise _refusal("DBClusterNotFoundFault", "DescribeDBClusters")
        return {"DBClusters": found}

    def get_paginator(self, operation: str) -> "ModelRds":
        self._paged = operation
        return self

    def paginate(self, **asked: Any) -> list[dict[str, Any]]:
        match self._paged:
            case "describe_db_clusters":
                wanted = asked["Filters"][0]["Values"]
                found = [
                    each.shown(key)
                    for key, each in self._look()
                    if key in wanted and not each.is_hidden
                ]
                return [{"DBClusters": found}]
            case "describe_integrations":
                return [{"Integrations": []}]
            case "describe_blue_green_deployments":
                return [{"BlueGreenDeployments": []}]
            case _:
                return [{"DBInstances": []}]

    def modify_db_cluster(self, *, DBClusterIdentifier: str, **asked: Any) -> dict[str, Any]:  # noqa: N803
        with_name = self._available(DBClusterIdentifier, "ModifyDBCluster")
        new_name = asked.get("NewDBClusterIdentifier")
        if new_name is not None:
            if not self.is_free(new_name):
                raise _refusal("DBClusterAlreadyExistsFault", "ModifyDBCluster")
            self.renames.append((with_name, new_name))
            self._rename(with_name, DBClusterIdentifier, new_name)
        if groups := asked.get("VpcSecurityGroupIds"):
            kind = "close" if groups == ["closed"] else "open"
            self.changes.append((kind, with_name, DBClusterIdentifier))
            self.change(with_name, groups=tuple(groups))
        self.after_change()
        return {}

    def add_tags_to_resource(self, *, ResourceName: str, Tags: Any) -> dict[str, Any]:  # noqa: N803
        self.before_change()
        name = ResourceName.rpartition(":")[2]
        found = self.holder(name)
        if found is None:
            raise _refusal("DBClusterNotFoundFault", "AddTagsToResource")
        self.changes.append(("tag", found, name))
        tags = {each["Key"]: each["Value"] for each in Tags}
        self.change(found, tags={**self.now[found].tags, **tags})
        self.after_change()
        return {}

    def remove_tags_from_resource(self, *, ResourceName: str, TagKeys: Any) -> dict[str, Any]:  # noqa: N803
        self.before_change()
        name = ResourceName.rpartition(":")[2]
        found = self.holder(name)
        if found is None:
            raise _refusal("DBClusterNotFoundFault", "RemoveTagsFromResource")
        self.changes.append(("untag", found, name))
        left = {key: each for key, each in self.now[found].tags.items() if key not in TagKeys}
        self.change(found, tags=left)
        self.after_change()
        return {}

    def stop_db_cluster(self, *, DBClusterIdentifier: str) -> dict[str, Any]:  # noqa: N803
        found = self._available(DBClusterIdentifier, "StopDBCluster")
        self.changes.append(("stop", found, DBClusterIdentifier))
        self._pass_through(found, "stopping", "stopped")
        self.after_change()
        return {}

    def start_db_cluster(self, *, DBClusterIdentifier: str) -> dict[str, Any]:  # noqa: N803
        found = self._available(DBClusterIdentifier, "StartDBCluster", "stopped")
        self.changes.append(("start", found, DBClusterIdentifier))
        self._pass_through(found, "starting", AVAILABLE)
        self.after_change()
        return {}

    def _available(self, name: str, operation: str, status: str = AVAILABLE) -> str:
        """The resource id of the cluster with a name; raises what RDS raises of another."""
        self.before_change()
        found = self.holder(name)
        if found is None or self.now[found].is_hidden:
            raise _refusal("DBClusterNotFoundFault", operation)
        if self.now[found].status != status or found in self.busy:
            raise _refusal("InvalidDBClusterStateFault", operation)
        return found

    def _pass_through(self, resource_id: str, meanwhile: str, after: str) -> None:
        self.change(resource_id, status=meanwhile)
        self.at(120, lambda: self._reach(resource_id, meanwhile, after))

    def _reach(self, resource_id: str, meanwhile: str, after: str) -> None:
        """Let a cluster come to a status, unless something else has become of it."""
        if resource_id in self.now and self.now[resource_id].status == meanwhile:
            self.change(resource_id, status=after)

    def _rename(self, resource_id: str, old: str, new: str) -> None:
        disturbed, random = self.disturbances, self.disturbances.random
        lag = random.uniform(0, LAG_SECONDS)
        lasts = random.uniform(0, disturbed.longest_rename)
        hides = random.uniform(0, disturbed.longest_hiding)
        fails = disturbed.failing_renames > 0
        disturbed.failing_renames -= int(fails)
        self.taken[new] = self.seconds + 10**9
        self.busy.add(resource_id)

        def show() -> None:
            if resource_id in self.now and self.now[resource_id].status == AVAILABLE:
                self.change(resource_id, status=RENAMING)

        def hide() -> None:
            nonlocal fails
            fails = fails or resource_id not in self.now
            fails = fails or self.now[resource_id].status != RENAMING
            if not fails:
                released = random.uniform(0, disturbed.longest_release)
                self.taken[old] = self.seconds + released
                self.taken.pop(new, None)
                self.change(resource_id, name=new)
            self.change(resource_id, is_hidden=True)

        def appear() -> None:
            self.change(resource_id, is_hidden=False)

        def end() -> None:
            self.busy.discard(resource_id)
            if fails:
                self.taken.pop(new, None)
            self._reach(resource_id, RENAMING, AVAILABLE)

        self.at(lag, show)
        self.at(lag + lasts / 2, hide)
        self.at(lag + lasts / 2 + hides, appear)
        self.at(lag + lasts + hides, end)

    def _look(self) -> Iterator[tuple[str, ModelCluster]]:
        moment = self.seconds
        if self.disturbances.is_stale:
            moment -= self.disturbances.random.uniform(0, STALE_SECONDS)
        seen = self.history[0][1]
        for began, snapshot in self.history:
            if began > moment:
                break
            seen = snapshot
        return iter(seen.items())


def _refusal(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "in the model"}}, operation)
