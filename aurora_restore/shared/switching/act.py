"""Perform a switch: look, decide, make one change, and record it."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from aurora_restore.shared.aws_utils import code_of, was_repeated
from aurora_restore.shared.cluster.calls import (
    adopt_cluster,
    close_retired,
    open_again,
    remove_expiry,
    rename_cluster,
    retire_cluster,
    set_master_password,
    start_cluster,
    stop_cluster,
)
from aurora_restore.shared.cluster.expiry import TEMPORARY_LASTS
from aurora_restore.shared.common import logger, timestamp
from aurora_restore.shared.errors import AwsError, ClusterNotFoundError, ConfigurationError
from aurora_restore.shared.rds.reads import endpoints_of, instances_of
from aurora_restore.shared.recorded_cluster import (
    DNS_UNKNOWN,
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
    MarkOutgoing,
    NameTaken,
    NothingServes,
    OpenIncoming,
    OpenOutgoing,
    PlanSwitch,
    PublishIncoming,
    PublishOutgoing,
    RenameIncoming,
    RenameOutgoing,
    SetPasswordOfIncoming,
    StartIncoming,
    StartOutgoing,
    StopOutgoing,
    SwitchAction,
    Undone,
)
from aurora_restore.shared.switching.facts import Request
from aurora_restore.shared.switching.situation import SwitchSituation
from aurora_restore.shared.target_record import TargetRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aurora_restore.shared.rds.calls import RdsCall
    from aurora_restore.shared.switching.cname_records import DnsRecord

NOT_NOW: Final = frozenset(
    {
        "DBClusterAlreadyExistsFault",
        "InvalidDBClusterStateFault",
        "InvalidDBInstanceState",
        "PriorRequestNotComplete",
    }
)
"""With these AWS refuses what it may carry out later: the name is taken, or it is still busy."""

_LEADING: Final = (RenameOutgoing, RenameIncoming, PublishIncoming)
"""What leads the clients to the incoming cluster. If AWS refuses it, the switch is undone."""

MOST_FORMER_ENDPOINTS: Final = 8
"""How many endpoints of a cluster's former names are remembered: the latest."""


class TargetSwitch(SwitchSituation):
    """One switch of a target, from whatever state it is in, one change after the other.

    Only ``record``, what is known of the two clusters, and the view change.
    """

    def perform(self, action: SwitchAction) -> AwaitSides | None:
        """Make the one change that ``action`` asks for, and record it.

        Returns what has to be waited for if AWS refuses the change for now. Raises
        AuroraRestoreError if it refuses it for good, or for too long.
        """
        try:
            self._act(action)
        except (AwsError, ClusterNotFoundError, ConfigurationError) as error:
            may_wait = isinstance(error, ClusterNotFoundError) or code_of(error) in NOT_NOW
            if may_wait and not self._is_out_of_patience():
                logger.info("the change has to wait", reason=error.message)
                self._be_stuck()
                return AwaitSides(error.message, is_stuck=True)
            has_way_back = self.outgoing is not None or not self.publishes_endpoint
            if isinstance(action, _LEADING) and has_way_back and not self._is_undoing():
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
            case PublishIncoming():
                self._publish("give", incoming)
            case PublishOutgoing():
                self._publish("return", outgoing)
            case MarkOutgoing():
                self._mark_as_retired(outgoing, self._keep_until())
            case CloseOutgoing():
                self._close(outgoing)
                self._mark_as_retired(outgoing, self._keep_until())
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
            by=by,
            planned_at=self._now(),
            method=self.setting.method,
            incoming=self.incoming,
            outgoing=self.outgoing,
        )
        self._write(replace(self.record, switched_by=by, switch=planned))

    def _request(self, request: Request, cluster: RecordedCluster | None, new_name: str) -> None:
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

    def _publish(self, request: Request, cluster: RecordedCluster | None) -> None:
        """Write a cluster's endpoint where the clients read it, having recorded that.

        Its expiry is taken from it before, whatever a look shows, which may be older: so nothing
        that clients are led to can be deleted. On the way back only what leads to the incoming
        cluster is written.
        """
        endpoint, publication = self._endpoint_of(self._seen(cluster)), self.setting.publication
        if endpoint is None:
            raise ClusterNotFoundError(
                f"a cluster of the target {self.setting.target} shows no endpoint"
            )
        instead_of = (self._hosts_of_incoming() or None) if request == "return" else None
        self._write_plan(request=request)
        self._remove_expiry(cluster)
        published = publication.read()
        publication.write(published, endpoint, instead_of=instead_of)
        records = publication.records_to_change(
            published, endpoint, instead_of=instead_of, is_unsure=self._is_unsure
        )
        if records:
            self._change_records(records)
        names = None if publication.cname is None else publication.cname.names
        self._write(replace(self.record, app_secret_host=endpoint.host, record_names=names))

    def _change_records(self, records: "Mapping[str, DnsRecord]") -> None:
        """Ask Route 53 to change records, having recorded that; what is refused was not asked for.

        As with a rename, of a call that was repeated only the second one may have been refused.
        """
        before = None if self.planned is None else self.planned.dns_change
        self._write_plan(dns_change=DNS_UNKNOWN)
        try:
            change = self.setting.publication.change_records(records)
        except AwsError as error:
            if not was_repeated(error):
                self._write_plan(dns_change=before)
            raise
        self._write_plan(dns_change=change)

    def _remove_expiry(self, cluster: RecordedCluster | None) -> None:
        """Remove the tag by which a cluster expires, because it serves."""
        if shown := self._seen(cluster):
            remove_expiry(shown["DBClusterArn"], self.setting.region).make(self.setting.rds)

    def _mark_as_retired(self, cluster: RecordedCluster | None, keep_until: str) -> None:
        if shown := self._seen(cluster):
            arn, setting = shown["DBClusterArn"], self.setting
            retire_cluster(arn, setting.region, setting.retired_tags, keep_until).make(setting.rds)

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
        """Mark and record that the outgoing cluster serves as before; the switch is over."""
        record = self.record
        if self.publishes_endpoint:
            was_kept = record.retired if record.is_retired(self.incoming.resource_id) else None
            expiry = timestamp(self.setting.clock() + TEMPORARY_LASTS)
            self._mark_as_retired(self.incoming, was_kept.keep_until if was_kept else expiry)
        self._remove_expiry(self.outgoing)
        live = self.record.live
        if self.outgoing is not None and self._seen(self.outgoing) is not None:
            was_renamed = not self.publishes_endpoint and self.planned is not None
            live = replace(self._as_shown(self.outgoing), was_renamed=was_renamed)
        self._write(replace(self.record, live=live, switch=None))

    def _complete(self) -> None:
        """Mark and record which cluster is live and which is retired; the switch is over."""
        if not self.publishes_endpoint:
            self._remove_expiry(self.incoming)
        # Whatever was verified of it before, it has the name again only now.
        live = self._as_shown(self.incoming)
        was_renamed = live.cluster_id != self.incoming.cluster_id
        live = replace(live, verified_at=None, was_renamed=was_renamed)
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
        record = self.record
        if self.outgoing is None and not record.is_retired(self.incoming.resource_id):
            # Nothing has served, so what served before is still what a roll-back returns to.
            return record.retired
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
            has_managed_password=bool(shown.get("MasterUserSecret")),
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

    def _write_plan(self, **changes: Any) -> None:
        if self.planned is not None:
            self._write(replace(self.record, switch=replace(self.planned, **changes)))

    def _write(self, record: TargetRecord) -> None:
        self.record = self.setting.records.write(record, self.record)
