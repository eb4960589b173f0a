"""Where a switch is: what is recorded, what a look has shown, and what is next."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from aurora_restore.shared.app_secret import ApplicationEndpoint
from aurora_restore.shared.cluster.attachments import attachments
from aurora_restore.shared.common import parse_timestamp, timestamp
from aurora_restore.shared.names import retired_cluster
from aurora_restore.shared.recorded_cluster import DNS_UNKNOWN, PlannedSwitch, RecordedCluster
from aurora_restore.shared.switching.actions import AwaitSides, SwitchAction
from aurora_restore.shared.switching.decision import decide
from aurora_restore.shared.switching.facts import (
    PATIENCE_SECONDS,
    SETTLING_SECONDS,
    Holder,
    Progress,
    SwitchFacts,
)
from aurora_restore.shared.switching.guards import obstacles_to_switch
from aurora_restore.shared.switching.look import View, side_of, take_view
from aurora_restore.shared.switching.publication import Published
from aurora_restore.shared.switching.setting import SwitchSetting
from aurora_restore.shared.target_record import TargetRecord

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import DBClusterTypeDef


@dataclass
class SwitchSituation:
    """One switch of a target, in whatever state it is. Only reads of AWS are made here."""

    setting: SwitchSetting
    record: TargetRecord
    incoming: RecordedCluster
    outgoing: RecordedCluster | None
    stuck_since: datetime | None = None
    """Since when it has come to nothing; None if it has not."""
    view: View | None = None
    """What the last look has shown."""
    _published: Published | None = field(default=None, repr=False)
    """What the clients read at that look, if they are led by it."""
    _in_force: set[str] = field(default_factory=set)
    """The changes of Route 53 that are known to be in force."""

    @property
    def planned(self) -> PlannedSwitch | None:
        """Return the switch that the record says is in progress."""
        return self.record.switch

    @property
    def publishes(self) -> bool:
        """Return whether an endpoint is published, instead of the target's name changing hands."""
        return (self.planned.method if self.planned else self.setting.by) == "endpoint"

    @property
    def outgoing_keeps_name(self) -> bool:
        """Return whether the outgoing cluster is left its name, be it the target's or not."""
        outgoing = self.outgoing
        return outgoing is not None and (
            self.publishes or outgoing.cluster_id != self.setting.target
        )

    @property
    def retired_name(self) -> str:
        """Return the name that the outgoing cluster gets, or keeps."""
        if self.outgoing is not None and self.outgoing_keeps_name:
            return self.outgoing.cluster_id
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

    def _take_view(self) -> View:
        clusters = [each for each in (self.incoming, self.outgoing) if each is not None]
        names = (self.incoming.cluster_id, self.retired_name)
        setting = self.setting
        if not self.publishes:
            return take_view(setting.rds, setting.target, clusters, names)
        view = take_view(setting.rds, None, clusters, names)
        self._published = setting.publication.read()
        if self._is_unsure:
            return view
        for cluster in clusters:
            if self._is_published(view, cluster):
                return replace(view, holder=view.of(cluster))
        return view

    @property
    def _is_unsure(self) -> bool:
        """Return whether Route 53 may have been asked for something that is not recorded."""
        return self.planned is not None and self.planned.dns_change == DNS_UNKNOWN

    def _is_published(self, view: View, cluster: RecordedCluster) -> bool:
        """Return whether all that the clients read leads to a cluster."""
        endpoint = self._endpoint_of(view.of(cluster))
        if endpoint is None or self._published is None:
            return False
        return self.setting.publication.is_of(self._published, endpoint)

    def _hosts_of_incoming(self) -> frozenset[str]:
        """Return the hosts of the incoming cluster's endpoints, as shown or else as recorded."""
        endpoint = self._endpoint_of(self._seen(self.incoming))
        incoming = self.incoming
        hosts = (
            (incoming.writer_endpoint, incoming.reader_endpoint)
            if endpoint is None
            else (endpoint.host, endpoint.reader_host)
        )
        return frozenset(host for host in hosts if host)

    def _leads_to_incoming(self, view: View) -> bool:
        if self._published is None or self.planned is None:
            return False
        if self._is_unsure:
            return True
        hosts = self._hosts_of_incoming()
        if not hosts:
            # It is gone, and its endpoint was never recorded: what does not lead to the other does.
            is_led_back = self.outgoing is not None and self._is_published(view, self.outgoing)
            return self.planned.request is not None and not is_led_back
        return self.setting.publication.leads_to(self._published, hosts)

    def _is_left_unpublished(self, view: View) -> bool:
        """Return whether clients that read an endpoint are not led to what has the name.

        That is looked at only if there may be such clients: the target was switched by endpoint
        before, or has records in a hosted zone.
        """
        has_been = self.outgoing_keeps_name or self.incoming.cluster_id == self.setting.target
        if self._holder(view) != "incoming" or not (has_been or self.setting.publication.cname):
            return False
        self._published = self.setting.publication.read()
        return self._is_unsure or not self._is_published(view, self.incoming)

    def _endpoint_of(self, shown: "DBClusterTypeDef | None") -> ApplicationEndpoint | None:
        """Return what is published of a cluster; None if it is not seen."""
        if shown is None:
            return None
        return self.setting.publication.endpoint_at(
            shown.get("Endpoint"), shown.get("ReaderEndpoint"), shown.get("Port")
        )

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
            publishes=self.publishes,
            is_published=self.publishes or planned is None or not self._is_left_unpublished(view),
            leads_to_incoming=self.publishes and self._leads_to_incoming(view),
            is_in_force=self._is_in_force(),
            outgoing_keeps_name=self.outgoing_keeps_name,
            progress=None if planned is None else self._progress(planned),
            obstacles=self._obstacles(view) if planned is None else (),
            stuck_seconds=self._seconds_since(self.stuck_since),
            stops_outgoing=setting.stops_old,
            incoming_is_retired=is_retired,
        )

    def _is_in_force(self) -> bool:
        change = None if self.planned is None else self.planned.dns_change
        if change is None or change in self._in_force:
            return True
        if change == DNS_UNKNOWN or not self.setting.publication.is_in_force(change):
            return False
        self._in_force.add(change)
        return True

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
        return tuple(f"{problem}; {remedy}" for problem, remedy in self._find_obstacles(view))

    def _find_obstacles(self, view: View) -> Iterator[tuple[str, str]]:
        setting = self.setting
        if self.publishes:
            yield from setting.publication.obstacles()
        for cluster in filter(None, (view.of(self.incoming), view.of(self.outgoing))):
            yield from attachments(cluster)
            yield from obstacles_to_switch(
                cluster,
                setting.rds,
                setting.clients,
                is_renamed=not self.publishes,
                allow_cloudformation=setting.allows_cloudformation,
            )

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

    def _be_stuck(self) -> None:
        self.stuck_since = self.stuck_since or self.setting.clock()

    def _is_out_of_patience(self) -> bool:
        return (self._seconds_since(self.stuck_since) or 0.0) >= PATIENCE_SECONDS

    def _seconds_since(self, moment: datetime | None) -> float | None:
        return None if moment is None else (self.setting.clock() - moment).total_seconds()

    def _now(self) -> str:
        return timestamp(self.setting.clock())
