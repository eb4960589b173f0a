"""Perform a switch: look, decide, make one change, and record it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from aurora_restore.shared.aws_utils import Clients, code_of
from aurora_restore.shared.cluster.calls import (
    close_retired,
    open_again,
    rename_cluster,
    set_master_password,
    start_cluster,
    stop_cluster,
)
from aurora_restore.shared.common import logger, parse_timestamp, timestamp
from aurora_restore.shared.errors import AwsError, ClusterNotFoundError
from aurora_restore.shared.names import TAG_ADOPTED, TAG_KEEP_UNTIL, retired_cluster
from aurora_restore.shared.rds.calls import tag_resource
from aurora_restore.shared.rds.reads import instances_of
from aurora_restore.shared.recorded_cluster import (
    PlannedSwitch,
    RecordedCluster,
    RetiredCluster,
)
from aurora_restore.shared.switching.decision import (
    SETTLING_SECONDS,
    AwaitSides,
    BeginUndo,
    CloseOutgoing,
    CompleteSwitch,
    GiveNameBack,
    OpenIncoming,
    OpenOutgoing,
    PlanSwitch,
    Progress,
    RenameIncoming,
    RenameOutgoing,
    SetPasswordOfIncoming,
    StartIncoming,
    StopOutgoing,
    SwitchAction,
    SwitchFacts,
    Undone,
    decide,
)
from aurora_restore.shared.switching.guards import find_obstacles
from aurora_restore.shared.switching.look import View, side_of, take_view
from aurora_restore.shared.target_record import TargetRecord, TargetRecordStore

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_rds.type_defs import DBClusterTypeDef

    from aurora_restore.shared.rds.calls import RdsCall

NAME_TAKEN: Final = "DBClusterAlreadyExistsFault"
BUSY: Final = "InvalidDBClusterStateFault"
MOST_FORMER_ENDPOINTS: Final = 8
"""How many endpoints of a cluster's former names are remembered: the latest."""


@dataclass(frozen=True, kw_only=True)
class MasterPassword:
    """The current password of the master secret, and the version of the secret that it is of."""

    value: str = field(repr=False)
    version: str


@dataclass(frozen=True, kw_only=True)
class SwitchSetting:
    """What a switch goes by beside the record: the target, the operation, what is configured."""

    rds: "RDSClient"
    clients: Clients
    records: TargetRecordStore
    operation_id: str
    quarantine_group_ids: tuple[str, ...]
    retired_tags: Mapping[str, str]
    """The tags that tell whose a retired cluster is."""
    keeps_old: timedelta
    stops_old: bool
    allows_cloudformation: bool
    password: MasterPassword | None
    """None where the clusters keep the passwords that they have."""
    clock: Callable[[], datetime]

    @property
    def target(self) -> str:
        """Return the target's name."""
        return self.records.cluster_id

    @property
    def region(self) -> str:
        """Return the target's Region."""
        return self.records.region


@dataclass
class TargetSwitch:
    """One switch of a target, from whatever state it is in. Only ``record`` and the view change."""

    setting: SwitchSetting
    record: TargetRecord
    incoming: RecordedCluster
    outgoing: RecordedCluster | None
    stuck_since: datetime | None = None
    view: View | None = None

    @property
    def planned(self) -> PlannedSwitch | None:
        """Return the switch that the record says is in progress."""
        return self.record.switch

    @property
    def retired_name(self) -> str:
        """Return the name that the outgoing cluster gets."""
        by = self.planned.by if self.planned else self.setting.operation_id
        return retired_cluster(self.setting.target, by)

    def look(self) -> SwitchAction:
        """Look at both clusters and return what is next."""
        setting, planned = self.setting, self.planned
        clusters = [each for each in (self.incoming, self.outgoing) if each is not None]
        names = (self.incoming.cluster_id, self.retired_name)
        view = take_view(setting.rds, setting.target, clusters, names)
        if self.view is not None and self.view.differs_from(view):
            self.stuck_since = None
        self.view = view
        groups = setting.quarantine_group_ids
        version = None if setting.password is None else setting.password.version
        facts = SwitchFacts(
            target=setting.target,
            incoming_name=self.incoming.cluster_id,
            retired_name=self.retired_name,
            incoming=side_of(view.of(self.incoming), self.incoming, groups, secret_version=version),
            outgoing=side_of(
                view.of(self.outgoing), self.outgoing, groups, keep_until=self._keep_until()
            ),
            holder=self._holder(view),
            progress=None if planned is None else self._progress(planned),
            obstacles=self._obstacles(view) if planned is None else (),
            stuck_seconds=self._seconds_since(self.stuck_since),
            stops_outgoing=setting.stops_old,
        )
        action = decide(facts)
        if isinstance(action, AwaitSides) and action.is_stuck:
            self._be_stuck()
        return action

    def perform(self, action: SwitchAction) -> None:
        """Make the one change that ``action`` asks for, and record it.

        Does nothing for what is only waited for. Raises AuroraRestoreError if AWS refuses a change
        for another reason than that it has to wait.
        """
        setting = self.setting
        incoming, outgoing = self.incoming, self.outgoing
        rds, region = setting.rds, setting.region
        match action:
            case StartIncoming():
                start_cluster(incoming.cluster_id, region).make(rds)
            case OpenIncoming():
                groups = incoming.security_group_ids
                open_again(incoming.cluster_id, region, groups).make(rds)
            case SetPasswordOfIncoming():
                self._set_password()
            case PlanSwitch():
                self._plan()
            case RenameOutgoing():
                self._request("take", self._rename(outgoing, self.retired_name))
            case RenameIncoming():
                self._request("give", self._rename(incoming, setting.target))
            case GiveNameBack():
                self._request("return", self._rename(outgoing, setting.target))
            case CloseOutgoing():
                self._close_outgoing()
            case OpenOutgoing() if outgoing is not None:
                open_again(setting.target, region, outgoing.security_group_ids).make(rds)
            case StopOutgoing():
                stop_cluster(self._name_of(outgoing), region).make(rds)
            case BeginUndo(reason):
                self.stuck_since = None
                self._write_plan(undo_because=reason)
            case Undone():
                live = self.record.live if outgoing is None else self._as_shown(outgoing)
                self._write(replace(self.record, live=live, switch=None))
            case CompleteSwitch():
                self._complete()
            case _:
                return

    def _holder(self, view: View) -> str | None:
        if view.holder is None:
            return None
        holder = view.holder["DbClusterResourceId"]
        if holder == self.incoming.resource_id:
            return "incoming"
        if self.outgoing is not None and holder == self.outgoing.resource_id:
            return "outgoing"
        return "another"

    def _progress(self, planned: PlannedSwitch) -> Progress:
        since = self._seconds_since_text(planned.requested_at)
        is_recent = since is not None and since < SETTLING_SECONDS
        return Progress(
            has_outgoing=planned.outgoing is not None,
            undo_because=planned.undo_because,
            under_way=planned.request if is_recent else None,
        )

    def _obstacles(self, view: View) -> tuple[str, ...]:
        setting = self.setting
        shown = [view.of(self.incoming), view.of(self.outgoing)]
        if self._holder(view) == "another":
            return (
                f"the name {setting.target} is that of another cluster than the one that is to "
                "lose it; start again",
            )
        return tuple(
            obstacle
            for cluster in shown
            if cluster is not None
            for obstacle in find_obstacles(
                cluster,
                setting.rds,
                setting.clients,
                allow_cloudformation=setting.allows_cloudformation,
            )
        )

    def _plan(self) -> None:
        """Record the switch before its first change, so that any later call recognises it.

        A cluster that the pipeline did not make is marked first: beside the target it may change
        only what carries its tag.
        """
        outgoing, shown = self.outgoing, self._seen(self.outgoing)
        if outgoing is not None and shown is not None and outgoing.restored_by is None:
            tag_resource(
                shown["DBClusterArn"],
                self.setting.region,
                {**self.setting.retired_tags, TAG_ADOPTED: "true"},
                "mark the cluster that the pipeline did not make, and is to keep beside the target",
            ).make(self.setting.rds)
        self._write(
            replace(
                self.record,
                switched_by=self.setting.operation_id,
                switch=PlannedSwitch(
                    by=self.setting.operation_id,
                    planned_at=self._now(),
                    incoming=self.incoming,
                    outgoing=self.outgoing,
                ),
            )
        )

    def _rename(self, cluster: RecordedCluster | None, new_name: str) -> "RdsCall":
        return rename_cluster(
            self._name_of(cluster),
            self.setting.region,
            new_name,
            f"the name {self.setting.target} goes from one cluster to the other",
        )

    def _request(self, request: str, call: "RdsCall") -> None:
        """Ask RDS for a rename, having recorded that, and what it refuses to be tried again."""
        self._write_plan(request=request, requested_at=self._now())
        try:
            call.make(self.setting.rds)
        except (AwsError, ClusterNotFoundError) as error:
            if isinstance(error, AwsError) and code_of(error) not in (NAME_TAKEN, BUSY):
                self._refused(request, error)
                return
            logger.info("the rename has to wait", reason=error.message)
            self._be_stuck()
            self._write_plan(request=None, requested_at=None)

    def _refused(self, request: str, error: AwsError) -> None:
        """Withdraw or undo a switch that RDS will not carry out; raise the error if it cannot."""
        if request == "take":
            self._write(replace(self.record, switch=None))
            raise error
        self._write_plan(request=None, requested_at=None)
        planned = self.planned
        if request == "return" or planned is None or planned.outgoing is None:
            raise error
        self._write_plan(undo_because=error.message)

    def _close_outgoing(self) -> None:
        """Shut the outgoing cluster off, and mark it as retired; both may be done again."""
        setting, shown = self.setting, self._seen(self.outgoing)
        if shown is None:
            return
        groups = setting.quarantine_group_ids
        if groups:
            close_retired(shown["DBClusterIdentifier"], setting.region, groups).make(setting.rds)
        tag_resource(
            shown["DBClusterArn"],
            setting.region,
            {**setting.retired_tags, TAG_KEEP_UNTIL: self._keep_until()},
            "mark what served before as retired",
        ).make(setting.rds)

    def _set_password(self) -> None:
        password = self.setting.password
        if password is None:
            return
        name = self.incoming.cluster_id
        set_master_password(name, self.setting.region, password.value).make(self.setting.rds)
        self.incoming = replace(self.incoming, master_secret_version=password.version)
        record = self.record
        if record.resource_id == self.incoming.resource_id:
            record = replace(record, master_secret_version=password.version)
        if record.retired is not None and record.is_retired(self.incoming.resource_id):
            retired = replace(record.retired, cluster=self.incoming)
            record = replace(record, retired=retired)
        self._write(record)

    def _complete(self) -> None:
        """Record which cluster is live and which is retired; the switch is over."""
        live = self._as_shown(self.incoming)
        record = replace(self.record, live=live, switch=None)
        if record.resource_id == live.resource_id:
            record = replace(
                record,
                writer_endpoint=live.writer_endpoint,
                reader_endpoint=live.reader_endpoint,
                port=live.port,
                instance_endpoints=live.instance_endpoints,
            )
        retired = None
        if self.outgoing is not None and self._seen(self.outgoing) is not None:
            retired = RetiredCluster(
                cluster=self._as_shown(self.outgoing),
                retired_at=self._now(),
                retired_by=self.planned.by if self.planned else self.setting.operation_id,
                keep_until=self._keep_until(),
            )
        self._write(replace(record, retired=retired))

    def _as_shown(self, cluster: RecordedCluster) -> RecordedCluster:
        """Return a cluster with the name and the endpoints that it has now."""
        shown = self._seen(cluster)
        if shown is None:
            return cluster
        name = shown["DBClusterIdentifier"]
        endpoints = (shown.get("Endpoint"), shown.get("ReaderEndpoint"))
        had = (cluster.writer_endpoint, cluster.reader_endpoint, *cluster.former_endpoints)
        former = dict.fromkeys(each for each in had if each and each not in endpoints)
        return replace(
            cluster,
            cluster_id=name,
            writer_endpoint=endpoints[0],
            reader_endpoint=endpoints[1],
            former_endpoints=tuple(former)[:MOST_FORMER_ENDPOINTS],
            port=shown.get("Port"),
            instance_endpoints=tuple(
                f"{at['Address']}:{at['Port']}"
                for instance in instances_of(self.setting.rds, name)
                if (at := instance.get("Endpoint"))
            ),
        )

    def _name_of(self, cluster: RecordedCluster | None) -> str:
        """Return the name that a cluster was last seen under."""
        shown = self._seen(cluster)
        if shown is None:
            raise ClusterNotFoundError(
                f"a cluster of the target {self.setting.target} is not seen any more"
            )
        return shown["DBClusterIdentifier"]

    def _seen(self, cluster: RecordedCluster | None) -> "DBClusterTypeDef | None":
        """Return a cluster as the last look has shown it; None if it was not seen."""
        return None if self.view is None else self.view.of(cluster)

    def _keep_until(self) -> str:
        since = self.planned.planned_at if self.planned else self._now()
        return timestamp(parse_timestamp(since) + self.setting.keeps_old)

    def _write_plan(self, **changes: str | None) -> None:
        if self.planned is not None:
            self._write(replace(self.record, switch=replace(self.planned, **changes)))  # type: ignore[arg-type]

    def _write(self, record: TargetRecord) -> None:
        self.record = self.setting.records.write(record, self.record)

    def _be_stuck(self) -> None:
        self.stuck_since = self.stuck_since or self.setting.clock()

    def _seconds_since(self, moment: datetime | None) -> float | None:
        return None if moment is None else (self.setting.clock() - moment).total_seconds()

    def _seconds_since_text(self, moment: str | None) -> float | None:
        return None if moment is None else self._seconds_since(parse_timestamp(moment))

    def _now(self) -> str:
        return timestamp(self.setting.clock())
