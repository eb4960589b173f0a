"""Whose the cluster at a target is, and where it is reached.

The target record is an item of the state table, one for each target. The steps that work in RDS
write it; the steps that log in read it, because they do not reach RDS. So what an input says
about the cluster is never believed, and neither is an operation whose cluster has been replaced
since.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any, Final, Self, get_args, get_type_hints

from aurora_restore.shared.documents.schema import parse, to_json
from aurora_restore.shared.errors import (
    HOLDER,
    OperationInProgressError,
    SupersededError,
    SwitchInProgressError,
)
from aurora_restore.shared.names import TARGET_KEY_PREFIX
from aurora_restore.shared.recorded_cluster import (
    PlannedSwitch,
    RecordedCluster,
    RetiredCluster,
)
from aurora_restore.shared.state_utils import IS_NEW, StateStore

TARGET_STEP: Final = "target"
"""The record's sort key."""


@dataclass(frozen=True)
class Attribute:
    """What is declared of an attribute of the record beside its name and its type."""

    written_by: tuple[str, ...]
    """The steps that write it."""
    meaning: str


@dataclass(frozen=True, kw_only=True)
class TargetRecord:
    """What is known of the cluster that was restored last. An attribute that is None is absent."""

    restored_by: Annotated[
        str,
        Attribute(
            ("restore-snapshot", "check-restore-status"),
            "The operation that restored the cluster, or is about to.",
        ),
    ]
    resource_id: Annotated[
        str | None,
        Attribute(
            ("restore-snapshot", "check-restore-status"),
            "The cluster's resource id, which no other cluster of the Region ever has; absent "
            "until RDS has accepted the restore.",
        ),
    ] = None
    writer_endpoint: Annotated[
        str | None, Attribute(("check-restore-status",), "The host of the cluster's writer.")
    ] = None
    reader_endpoint: Annotated[
        str | None, Attribute(("check-restore-status",), "The host of the cluster's readers.")
    ] = None
    port: Annotated[int | None, Attribute(("check-restore-status",), "The cluster's port.")] = None
    instance_endpoints: Annotated[
        tuple[str, ...] | None,
        Attribute(
            ("check-restore-status",),
            "Where each instance is reached, as `host:port`: a reader has sessions of its own, "
            "and the readers' endpoint leads to any of them.",
        ),
    ] = None
    master_secret_version: Annotated[
        str | None,
        Attribute(
            ("check-restore-status",),
            "The version id of the master secret whose password the cluster was given.",
        ),
    ] = None
    hand_over_started_at: Annotated[
        str | None,
        Attribute(
            ("hand-over",),
            "When the cluster's quarantine began to be lifted; from then on it is not set up "
            "again.",
        ),
    ] = None
    handed_over_at: Annotated[
        str | None,
        Attribute(
            ("hand-over",),
            "When the cluster had been handed over; from then on it is left as it is.",
        ),
    ] = None
    app_secret_host: Annotated[
        str | None,
        Attribute(
            ("hand-over", "switch-cluster", "verify-switch", "restore-snapshot"),
            "The host that was last written where the application reads it; the next cluster of "
            "the target keeps it.",
        ),
    ] = None

    record_names: Annotated[
        tuple[str, ...] | None,
        Attribute(
            ("switch-cluster", "restore-snapshot"),
            "The names of the CNAME records that lead to the target since the last switch.",
        ),
    ] = None
    switched_by: Annotated[
        str | None,
        Attribute(("switch-cluster",), "The operation that has switched last, or is about to."),
    ] = None
    live: Annotated[
        RecordedCluster | None,
        Attribute(
            ("switch-cluster", "verify-switch"),
            "The cluster that serves since the last switch; absent where there was none.",
        ),
    ] = None
    retired: Annotated[
        RetiredCluster | None,
        Attribute(
            ("switch-cluster", "check-delete-status"),
            "The cluster that served before, with its security groups: what a roll-back "
            "returns to. Absent once it is deleted.",
        ),
    ] = None
    switch: Annotated[
        PlannedSwitch | None,
        Attribute(
            ("switch-cluster", "delete-rds"),
            "The switch that is in progress, from before its first change to after its last.",
        ),
    ] = None

    @classmethod
    def of_next(cls, operation_id: str, before: Self | None) -> Self:
        """Return the record of a cluster that an operation is about to restore."""
        if before is None:
            return cls(restored_by=operation_id)
        return cls(
            restored_by=operation_id,
            app_secret_host=before.app_secret_host,
            record_names=before.record_names,
            switched_by=before.switched_by,
            live=before.live,
            retired=before.retired,
            switch=before.switch,
        )

    @property
    def hosts(self) -> frozenset[str]:
        """Return the hosts by which the target is or was reached, as far as they are known."""
        retired = None if self.retired is None else self.retired.cluster
        known = (host for each in (self.live, retired) if each for host in each.hosts)
        own = (self.writer_endpoint, self.reader_endpoint, self.app_secret_host)
        return frozenset(host for host in (*known, *own) if host)

    def is_live(self, resource_id: str | None) -> bool:
        """Return whether a cluster is the one that serves since the last switch."""
        return self.live is not None and self.live.resource_id == resource_id

    def is_retired(self, resource_id: str | None) -> bool:
        """Return whether a cluster is the one that served before the last switch."""
        return self.retired is not None and self.retired.cluster.resource_id == resource_id

    @property
    def _recorded(self) -> tuple[RecordedCluster, ...]:
        """Return every cluster that it holds facts of, beside the one that was restored last."""
        retired = None if self.retired is None else self.retired.cluster
        sides = () if self.switch is None else (self.switch.incoming, self.switch.outgoing)
        return tuple(each for each in (self.live, retired, *sides) if each is not None)

    def restorer_of(self, resource_id: str | None) -> str | None:
        """Return the operation that it says restored a cluster; None if it does not say so.

        No other cluster ever has that resource id, whatever its name and its tags are.
        """
        if resource_id is None:
            return None
        if resource_id == self.resource_id:
            return self.restored_by
        return next(
            (each.restored_by for each in self._recorded if each.resource_id == resource_id), None
        )

    def is_foreign(self, resource_id: str | None) -> bool:
        """Return whether it knows the target's clusters, and this one is none of them.

        While a restore is asked for, whose id is not known yet, any cluster may be the one.
        """
        known = {self.resource_id, *(each.resource_id for each in self._recorded)}
        return self.resource_id is not None and resource_id not in known

    def instances_of(self, resource_id: str | None) -> frozenset[str]:
        """Return where the instances of a cluster are reached, as `host:port`, as far as known."""
        found = [
            each.instance_endpoints for each in self._recorded if each.resource_id == resource_id
        ]
        if resource_id is not None and resource_id == self.resource_id:
            found.append(self.instance_endpoints)
        return frozenset(endpoint for endpoints in found for endpoint in endpoints or ())

    def is_of(self, operation_id: str, resource_id: str | None) -> bool:
        """Return whether it says, or leaves open, that an operation restored this very cluster."""
        return self.restored_by == operation_id and self.resource_id in (None, resource_id)


def superseded(record: TargetRecord, operation_id: str, cluster_id: str) -> SupersededError:
    """Return the error of an operation whose cluster another operation has replaced since."""
    return SupersededError(
        f"cluster {cluster_id} is no longer the one that operation {operation_id} restored: "
        f"operation {record.restored_by} has replaced it since",
        target_cluster_id=cluster_id,
        restored_by=record.restored_by,
    )


def switched_away(record: TargetRecord, operation_id: str, cluster_id: str) -> SupersededError:
    """Return the error of an operation whose cluster serves no more since a later switch."""
    return SupersededError(
        f"the cluster that operation {operation_id} restored has served as {cluster_id}, until "
        f"operation {record.switched_by} switched the target away from it",
        target_cluster_id=cluster_id,
        switched_by=record.switched_by,
    )


def switch_in_progress(planned: PlannedSwitch, cluster_id: str) -> SwitchInProgressError:
    """Return the error of a step that must wait until a switch is finished or undone."""
    return SwitchInProgressError(
        f"operation {planned.by} is switching {cluster_id} to another cluster, and has not "
        "finished",
        target_cluster_id=cluster_id,
    )


def declared() -> Mapping[str, Attribute]:
    """Return every attribute of the target record with its declaration, in order."""
    return {
        name: next(extra for extra in get_args(annotation) if isinstance(extra, Attribute))
        for name, annotation in get_type_hints(TargetRecord, include_extras=True).items()
    }


@dataclass(frozen=True)
class TargetRecordStore:
    """The record of one target, in the state table."""

    store: StateStore
    account_id: str
    region: str
    cluster_id: str

    @property
    def key(self) -> str:
        """Return the record's partition key in the state table."""
        return f"{TARGET_KEY_PREFIX}{self.account_id}/{self.region}/{self.cluster_id}"

    def read(self) -> TargetRecord | None:
        """Return the record; None if nothing was restored to the target yet.

        Raises ValidationError if the item is not a target record.
        """
        items = self.store.load_all(self.key)
        if not items:
            return None
        known = {each.name for each in fields(TargetRecord)}
        found = {name: value for name, value in items[0].items() if name in known}
        return parse(TargetRecord, found, source=f"the target record {self.key}")

    def write(self, record: TargetRecord, instead_of: TargetRecord | None) -> TargetRecord:
        """Write the record in the place of the one that was read, and return it.

        Writes nothing if they are equal. Raises OperationInProgressError if the record is of
        another cluster, or of another operation, by now.
        """
        if record == instead_of or self._put(record, instead_of):
            return record
        found = self.read()
        # boto3 repeats a write whose response was lost, and DynamoDB then refuses the second one.
        if found == record:
            return record
        other = None if found is None else found.restored_by
        raise OperationInProgressError(
            f"the record of cluster {self.cluster_id} was changed by operation {other} meanwhile",
            **{HOLDER: other},
        )

    def add(
        self,
        known: TargetRecord | None,
        operation_id: str,
        resource_id: str | None,
        **facts: Any,
    ) -> TargetRecord:
        """Add facts about the cluster that an operation restored to ``known``, and return that.

        An operation that an earlier version of the pipeline began has no record yet. Raises what
        ``write`` raises.
        """
        record = known or TargetRecord(restored_by=operation_id)
        return self.write(replace(record, resource_id=resource_id, **facts), known)

    def _put(self, record: TargetRecord, instead_of: TargetRecord | None) -> bool:
        """Write the record if ``instead_of`` is still there; return whether."""
        item = {"operation_id": self.key, "step": TARGET_STEP, **to_json(record)}
        return self.store.put_if(item, *_if_still(instead_of))


def _if_still(record: TargetRecord | None) -> tuple[str, Mapping[str, Any]]:
    """Return the condition, with its values, that the record that was read is still there.

    A switch in progress is compared as a whole: a function that lives on, though its execution has
    been repeated, changes nothing of what was decided since.
    """
    if record is None:
        return IS_NEW, {}
    values: dict[str, Any] = {}
    conditions = []
    for name, value in (
        ("restored_by", record.restored_by),
        ("resource_id", record.resource_id),
        ("switched_by", record.switched_by),
        ("switch", to_json(record.switch)),
    ):
        if value is None:
            conditions.append(f"attribute_not_exists({name})")
        else:
            conditions.append(f"{name} = :{name}")
            values[f":{name}"] = value
    return " AND ".join(conditions), values
