"""Perform a switch: look, decide, make one change, and record it."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from aurora_restore.shared.aws_utils import code_of, was_repeated
from aurora_restore.shared.cluster.calls import (
    adopt_cluster,
    close_retired,
    open_again,
    rename_cluster,
    retire_cluster,
    set_master_password,
    start_cluster,
    stop_cluster,
)
from aurora_restore.shared.common import logger, parse_timestamp, timestamp
from aurora_restore.shared.errors import AwsError, ClusterNotFoundError
from aurora_restore.shared.names import retired_cluster
from aurora_restore.shared.rds.reads import endpoints_of, instances_of
from aurora_restore.shared.recorded_cluster import (
    PlannedSwitch,
    RecordedCluster,
    RetiredCluster,
)
from aurora_restore.shared.switching.actions import (
    AwaitSides,
    BeginUndo,
    CloseIncoming,
    CloseOutgoing,
    CompleteSwitch,
    GiveNameBack,
    NameTaken,
    NothingServes,
    OpenIncoming,
    OpenOutgoing,
    PlanSwitch,
    RenameIncoming,
    RenameOutgoing,
    SetPasswordOfIncoming,
    StartIncoming,
    StartOutgoing,
    StopOutgoing,
    SwitchAction,
    Undone,
)
from aurora_restore.shared.switching.decision import decide
from aurora_restore.shared.switching.facts import (
    PATIENCE_SECONDS,
    SETTLING_SECONDS,
    Holder,
    Progress,
    Rename,
    SwitchFacts,
)
from aurora_restore.shared.switching.guards import find_obstacles
from aurora_restore.shared.switching.look import View, side_of, take_view
from aurora_restore.shared.switching.setting import SwitchSetting
from aurora_restore.shared.target_record import TargetRecord

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import DBClusterTypeDef

    from aurora_restore.shared.rds.calls import RdsCall

NOT_NOW: Final = frozenset(
    {"DBClusterAlreadyExistsFault", "InvalidDBClusterStateFault", "InvalidDBInstanceState"}
)
"""With these RDS refuses what it may carry out later: the name is taken, or it is still busy."""

MOST_FORMER_ENDPOINTS: Final = 8
"""How many endpoints of a cluster's former names are remembered: the latest."""


@dataclass
class TargetSwitch:
    """One switch of a target, from whatever state it is in.

    Only ``record``, what is known of the two clusters, and the view change.
    """

    setting: SwitchSetting
    record: TargetRecord
    incoming: RecordedCluster
    outgoing: RecordedCluster | None
    stuck_since: datetime | None = None
    """Since when it has come to nothing; None if it has not."""
    view: View | None = None
    """What the last look has shown."""

    @property
    def planned(self) -> PlannedSwitch | None:
        """Return the switch that the record says is in progress."""
        return self.record.switch

    @property
    def retired_name(self) -> str:
        """Return the name that the outgoing cluster gets."""
        return retired_cluster(self.setting.target, self._by)

    def look(self) -> SwitchAction:
        """Look at both clusters and return what is next."""
        view = self._take_view()
        if self.view is not None and self.view.differs_from(view):
            self.stuck_since = None
        self.view = view
        action = decide(self._facts(view))
        if isinstance(action, AwaitSides) and action.is_stuck:
            self._be_stuck()
        return action

    def perform(self, action: SwitchAction) -> AwaitSides | None:
        """Make the one change that ``action`` asks for, and record it.

        Returns what has to be waited for if RDS refuses the change for now. Raises
        AuroraRestoreError if it refuses it for good, or for too long.
        """
        try:
            self._act(action)
        except (AwsError, ClusterNotFoundError) as error:
            may_wait = isinstance(error, ClusterNotFoundError) or code_of(error) in NOT_NOW
            if may_wait and not self._is_out_of_patience():
                logger.info("the change has to wait", reason=error.message)
                self._be_stuck()
                return AwaitSides(error.message, is_stuck=True)
            if isinstance(action, RenameOutgoing | RenameIncoming) and not self._is_undoing():
                self._begin_undo(error.message)
                return None
            raise
        return None

    def _act(self, action: SwitchAction) -> None:
        setting, incoming, outgoing = self.setting, self.incoming, self.outgoing
        rds, region = setting.rds, setting.region
        match action:
            case StartIncoming():
                start_cluster(self._name_of(incoming), region).make(rds)
            case OpenIncoming():
                groups = incoming.security_group_ids
                open_again(self._name_of(incoming), region, groups).make(rds)
            case SetPasswordOfIncoming():
                self._set_password()
            case PlanSwitch():
                self._plan()
            case RenameOutgoing():
                self._request("take", outgoing, self.retired_name)
            case RenameIncoming():
                self._request("give", incoming, setting.target)
            case GiveNameBack():
                self._request("return", outgoing, setting.target)
            case CloseOutgoing():
                self._close(outgoing)
                self._mark_as_retired()
            case CloseIncoming():
                self._close(incoming)
            case OpenOutgoing() if outgoing is not None:
                groups = outgoing.security_group_ids
                open_again(self._name_of(outgoing), region, groups).make(rds)
            case StartOutgoing():
                start_cluster(self._name_of(outgoing), region).make(rds)
            case StopOutgoing():
                stop_cluster(self._name_of(outgoing), region).make(rds)
            case BeginUndo(reason):
                self._begin_undo(reason)
            case Undone():
                self._undone()
            case NameTaken() | NothingServes():
                self._try_again_later()
            case CompleteSwitch():
                self._complete()
            case _:
                return

    def _take_view(self) -> View:
        clusters = [each for each in (self.incoming, self.outgoing) if each is not None]
        names = (self.incoming.cluster_id, self.retired_name)
        return take_view(self.setting.rds, self.setting.target, clusters, names)

    def _facts(self, view: View) -> SwitchFacts:
        setting, planned = self.setting, self.planned
        groups, password = setting.quarantine_group_ids, setting.password
        is_retired = self.record.is_retired(self.incoming.resource_id)
        return SwitchFacts(
            target=setting.target,
            incoming_name=self.incoming.cluster_id,
            retired_name=self.retired_name,
            incoming=side_of(
                view.of(self.incoming),
                self.incoming,
                groups,
                secret_version=None if password is None else password.version,
            ),
            outgoing=side_of(
                view.of(self.outgoing), self.outgoing, groups, keep_until=self._keep_until()
            ),
            holder=self._holder(view),
            progress=None if planned is None else self._progress(planned),
            obstacles=self._obstacles(view) if planned is None else (),
            stuck_seconds=self._seconds_since(self.stuck_since),
            stops_outgoing=setting.stops_old,
            incoming_is_retired=is_retired,
        )

    def _holder(self, view: View) -> Holder | None:
        if view.holder is None:
            return None
        holder = view.holder["DbClusterResourceId"]
        if holder == self.incoming.resource_id:
            return "incoming"
        if self.outgoing is not None and holder == self.outgoing.resource_id:
            return "outgoing"
        return "another"

    def _progress(self, planned: PlannedSwitch) -> Progress:
        requested = planned.requested_at
        since = None if requested is None else self._seconds_since(parse_timestamp(requested))
        return Progress(
            has_outgoing=planned.outgoing is not None,
            undo_because=planned.undo_because,
            last=planned.request,
            requests=planned.requests or 0,
            is_recent=since is not None and since < SETTLING_SECONDS,
        )

    def _obstacles(self, view: View) -> tuple[str, ...]:
        setting = self.setting
        if self._holder(view) == "another":
            return (
                f"the name {setting.target} is that of another cluster than the one that is to "
                "lose it; start again",
            )
        return tuple(
            obstacle
            for cluster in (view.of(self.incoming), view.of(self.outgoing))
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
            arn, region = shown["DBClusterArn"], self.setting.region
            adopt_cluster(arn, region, self.setting.retired_tags).make(self.setting.rds)
        by = self.setting.operation_id
        planned = PlannedSwitch(
            by=by, planned_at=self._now(), incoming=self.incoming, outgoing=self.outgoing
        )
        self._write(replace(self.record, switched_by=by, switch=planned))

    def _request(self, request: Rename, cluster: RecordedCluster | None, new_name: str) -> None:
        """Ask RDS for a rename, having recorded that; what is refused was not asked for.

        boto3 repeats a call whose response was lost: if only the second one is refused, RDS may be
        carrying out the first one.
        """
        before, rename = self.planned, self._rename(cluster, new_name)
        if before is None:
            return
        requests = (before.requests or 0) + 1 if before.request == request else 1
        self._write_plan(request=request, requested_at=self._now(), requests=requests)
        try:
            rename.make(self.setting.rds)
        except (AwsError, ClusterNotFoundError) as error:
            if not was_repeated(error):
                self._write(replace(self.record, switch=before))
            raise

    def _rename(self, cluster: RecordedCluster | None, new_name: str) -> "RdsCall":
        name, setting = self._name_of(cluster), self.setting
        return rename_cluster(name, setting.region, new_name, setting.target)

    def _begin_undo(self, reason: str) -> None:
        self.stuck_since = None
        self._write_plan(undo_because=reason)

    def _is_undoing(self) -> bool:
        return self.planned is not None and self.planned.undo_because is not None

    def _try_again_later(self) -> None:
        """Let a re-run find the switch as if nothing had been tried in vain."""
        self.stuck_since = None
        self._write_plan(requests=None)

    def _close(self, cluster: RecordedCluster | None) -> None:
        """Let nobody but the pipeline reach a cluster beside the target; may be done again."""
        if groups := self.setting.quarantine_group_ids:
            name, region = self._name_of(cluster), self.setting.region
            close_retired(name, region, groups).make(self.setting.rds)

    def _mark_as_retired(self) -> None:
        if shown := self._seen(self.outgoing):
            arn, setting = shown["DBClusterArn"], self.setting
            marking = retire_cluster(arn, setting.region, setting.retired_tags, self._keep_until())
            marking.make(setting.rds)

    def _set_password(self) -> None:
        password = self.setting.password
        if password is None:
            return
        name = self._name_of(self.incoming)
        set_master_password(name, self.setting.region, password.value).make(self.setting.rds)
        self.incoming = replace(self.incoming, master_secret_version=password.version)
        record = self.record
        if record.resource_id == self.incoming.resource_id:
            record = replace(record, master_secret_version=password.version)
        if record.retired is not None and record.is_retired(self.incoming.resource_id):
            record = replace(record, retired=replace(record.retired, cluster=self.incoming))
        self._write(record)

    def _undone(self) -> None:
        """Record that the outgoing cluster serves as before; the switch is over."""
        live = self.record.live
        if self.outgoing is not None and self._seen(self.outgoing) is not None:
            live = self._as_shown(self.outgoing)
        self._write(replace(self.record, live=live, switch=None))

    def _complete(self) -> None:
        """Record which cluster is live and which is retired; the switch is over."""
        # Whatever was verified of it before, it has the name again only now.
        live = replace(self._as_shown(self.incoming), verified_at=None)
        record = replace(self.record, live=live, retired=self._retired(), switch=None)
        if record.resource_id == live.resource_id:
            record = replace(
                record,
                writer_endpoint=live.writer_endpoint,
                reader_endpoint=live.reader_endpoint,
                port=live.port,
                instance_endpoints=live.instance_endpoints,
            )
        self._write(record)

    def _retired(self) -> RetiredCluster | None:
        if self.outgoing is None or self._seen(self.outgoing) is None:
            return None
        return RetiredCluster(
            cluster=self._as_shown(self.outgoing),
            retired_at=self._now(),
            retired_by=self._by,
            is_rejected=self.record.is_retired(self.incoming.resource_id),
            keep_until=self._keep_until(),
        )

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
            instance_endpoints=endpoints_of(instances_of(self.setting.rds, name)),
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

    @property
    def _by(self) -> str:
        """The operation whose switch it is, which another one may finish or undo."""
        return self.planned.by if self.planned else self.setting.operation_id

    def _keep_until(self) -> str:
        since = self.planned.planned_at if self.planned else self._now()
        return timestamp(parse_timestamp(since) + self.setting.keeps_old)

    def _write_plan(self, **changes: Any) -> None:
        if self.planned is not None:
            self._write(replace(self.record, switch=replace(self.planned, **changes)))

    def _write(self, record: TargetRecord) -> None:
        self.record = self.setting.records.write(record, self.record)

    def _be_stuck(self) -> None:
        self.stuck_since = self.stuck_since or self.setting.clock()

    def _is_out_of_patience(self) -> bool:
        return (self._seconds_since(self.stuck_since) or 0.0) >= PATIENCE_SECONDS

    def _seconds_since(self, moment: datetime | None) -> float | None:
        return None if moment is None else (self.setting.clock() - moment).total_seconds()

    def _now(self) -> str:
        return timestamp(self.setting.clock())
