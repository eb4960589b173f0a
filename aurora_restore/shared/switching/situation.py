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
    def publishes_endpoint(self) -> bool:
        """Return whether an endpoint is published, instead of the target's name changing hands."""
        return (self.planned.method if self.planned else self.setting.method) == "endpoint"

    @property
    def outgoing_keeps_name(self) -> bool:
        """Return whether the outgoing cluster is left its name, be it the target's or not."""
        outgoing = self.outgoing
        return outgoing is not None and (
            self.publishes_endpoint or outgoing.cluster_id != self.setting.target
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
        self._read_publication(view)
        if self.publishes_endpoint:
            view = replace(view, holder=self._find_published(view))
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
        target = None if self.publishes_endpoint else self.setting.target
        return take_view(self.setting.rds, target, clusters, names)

    def _read_publication(self, view: View) -> None:
        """Read what the clients read, and whether Route 53's last change is in force.

        With a rename only if there may be clients that read an endpoint: the target was switched by
        endpoint before, or has records in a hosted zone.
        """
        planned, publication = self.planned, self.setting.publication
        self._published = None
        has_been = self.outgoing_keeps_name or self.incoming.cluster_id == self.setting.target
        is_given = planned is not None and self._holder(view) == "incoming"
        if self.publishes_endpoint or (is_given and (has_been or publication.cname is not None)):
            self._published = publication.read()
        change = None if planned is None else planned.dns_change
        is_open = change not in (None, DNS_UNKNOWN, *self._in_force)
        if is_open and publication.is_in_force(str(change)):
            self._in_force.add(str(change))

    def _find_published(self, view: View) -> "DBClusterTypeDef | None":
        """Return the cluster that all that the clients read leads to; None if there is none."""
        if self._is_unsure:
            return None
        for cluster in filter(None, (self.incoming, self.outgoing)):
            if self._is_published(view, cluster):
                return view.of(cluster)
        return None

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
        """Return whether clients that read an endpoint are not led to what has the name."""
        if self.publishes_endpoint or self._published is None:
            return False
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
            publishes_endpoint=self.publishes_endpoint,
            must_publish=self._is_left_unpublished(view),
            leads_to_incoming=self.publishes_endpoint and self._leads_to_incoming(view),
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
        return change is None or change in self._in_force

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
        if self.publishes_endpoint:
            yield from setting.publication.obstacles()
        for cluster in filter(None, (view.of(self.incoming), view.of(self.outgoing))):
            yield from attachments(cluster)
            yield from obstacles_to_switch(
                cluster,
                setting.rds,
                setting.clients,
                is_renamed=not self.publishes_endpoint,
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
