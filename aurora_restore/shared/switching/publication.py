"""Where the clients of a target read its endpoint if a switch renames nothing.

That is the application's secret, a parameter of SSM, and CNAME records if they are configured. What
they say is looked at before and after each change, so that writing may be interrupted and repeated.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from aurora_restore.shared.app_secret import (
    ApplicationEndpoint,
    FillIn,
    LeaveAlone,
    decide,
    facts_of,
    fill_app_secret,
)
from aurora_restore.shared.aws_utils import Clients, get_secret, get_ssm_parameter
from aurora_restore.shared.cluster.ownership import Ownership
from aurora_restore.shared.documents.restore_secrets import EndpointRule
from aurora_restore.shared.documents.switch import Cname
from aurora_restore.shared.names import endpoint_parameter
from aurora_restore.shared.rds.calls import RdsCall
from aurora_restore.shared.request import RestoreRequest
from aurora_restore.shared.switching.cname_records import (
    CNAME,
    DnsRecord,
    find_records,
    is_in_sync,
    upsert_records,
    wanted_records,
    zone_of,
)

REASON: Final = "clients read there where the target is reached"


@dataclass(frozen=True, kw_only=True)
class Published:
    """What the clients read now."""

    secret: Mapping[str, Any] = field(repr=False)
    parameter: str | None
    """None if there is no such parameter."""
    records: Mapping[str, tuple[DnsRecord, ...]] = field(default_factory=dict)
    """The records in the hosted zone under each configured name."""


@dataclass(frozen=True, kw_only=True)
class Publication:
    """The places where the endpoint of one restore's target is published."""

    request: RestoreRequest
    clients: Clients
    hosts: frozenset[str]
    """The hosts by which the clusters of the target are or were reached."""
    database: str | None = None
    """The database that the application uses; None leaves what the clients read of it."""

    @property
    def parameter(self) -> str:
        """Return the name of the SSM parameter."""
        owner = self.request.owner
        return endpoint_parameter(owner.name_prefix, owner.restore)

    @property
    def cname(self) -> Cname | None:
        """Return which CNAME records lead to the target, if any."""
        return self.request.restore.switch.cname

    def endpoint_at(
        self, host: str | None, reader_host: str | None, port: int | None
    ) -> ApplicationEndpoint | None:
        """Return an endpoint with what else the clients are to read; None without host or port."""
        if host is None or port is None:
            return None
        return ApplicationEndpoint(
            host=host, port=port, reader_host=reader_host, dbname=self.database
        )

    def read(self) -> Published:
        """Return what the clients read. Raises ConfigurationError if the secret is unusable."""
        return Published(
            secret=get_secret(self.request.secrets.app, clients=self.clients),
            parameter=get_ssm_parameter(self.parameter, clients=self.clients),
            records={} if self.cname is None else find_records(self.clients.route53, self.cname),
        )

    def is_of(self, published: Published, endpoint: ApplicationEndpoint) -> bool:
        """Return whether everything that the clients read leads to an endpoint."""
        decision = self._decide(published, endpoint)
        return (
            not (isinstance(decision, FillIn) and decision.changes)
            and published.parameter == _parameter_value(published, endpoint)
            and not self._missing_records(published, endpoint)
        )

    def leads_to(self, published: Published, hosts: Collection[str]) -> bool:
        """Return whether anything that the clients read leads to one of some hosts."""
        return bool(self._places_of(published, hosts))

    def write(
        self,
        published: Published,
        endpoint: ApplicationEndpoint,
        *,
        instead_of: Collection[str] | None = None,
    ) -> None:
        """Write an endpoint into the secret and the parameter, which hold ``published``.

        With ``instead_of`` only where one of these hosts is read now. Raises AuroraRestoreError if
        AWS refuses that. It may have been written in part then.
        """
        places = None if instead_of is None else self._places_of(published, instead_of)
        if places is None or _SECRET in places:
            fill_app_secret(self.request, endpoint, known_hosts=self.hosts, clients=self.clients)
        value = _parameter_value(published, endpoint)
        if published.parameter != value and (places is None or _PARAMETER in places):
            region = self.request.target.region
            put_parameter(self.parameter, region, value).make(self.clients.ssm)

    def records_to_change(
        self,
        published: Published,
        endpoint: ApplicationEndpoint,
        *,
        instead_of: Collection[str] | None = None,
        is_unsure: bool = False,
    ) -> dict[str, DnsRecord]:
        """Return the records that do not lead to an endpoint and are to; all of them if unsure."""
        if self.cname is None:
            return {}
        if is_unsure:
            return wanted_records(self.cname, endpoint.host, endpoint.reader_host)
        places = None if instead_of is None else self._places_of(published, instead_of)
        missing = self._missing_records(published, endpoint)
        return {
            name: record for name, record in missing.items() if places is None or name in places
        }

    def change_records(self, records: Mapping[str, DnsRecord]) -> str:
        """Make or change records; return the id of Route 53's change, which takes a while."""
        if self.cname is None:
            raise ValueError("there are no records to change")
        call = upsert_records(self.cname, records, self.request.target.region, REASON)
        return str(call.make(self.clients.route53)["ChangeInfo"]["Id"])

    def is_in_force(self, change: str) -> bool:
        """Return whether all of Route 53's name servers answer with a change that it accepted."""
        return is_in_sync(self.clients.route53, change)

    def obstacles(self) -> Iterator[tuple[str, str]]:
        """Yield why an endpoint cannot be published, each reason with what to do about it.

        Raises AuroraRestoreError if what the clients read cannot be found out.
        """
        published, secret = self.read(), self.request.secrets.app
        option = f"restores.{self.request.owner.restore}.secrets.app_secret_endpoint"
        decision = self._decide(published, ApplicationEndpoint(host="", port=0))
        host = str(published.secret.get("host") or "").lower()
        if self.request.secrets.endpoint is EndpointRule.NEVER and host in self.hosts:
            yield (
                f"secret {secret} leads its clients to this target, and {option} is false, so it "
                "would go on leading them to the old cluster",
                f"set {option} to true and deploy, or remove host from the secret",
            )
        if isinstance(decision, LeaveAlone) and self.request.secrets.endpoint in _MAY_BE_LEFT:
            yield (
                f"secret {secret} would not lead its clients to the new cluster: {decision.reason}",
                f"if no client reads it, set {option} to false and deploy",
            )
        if self.cname is not None:
            zone = zone_of(self.clients.route53, self.cname)
            for name in self.cname.names:
                yield from self._obstacles_of_name(name, zone, published.records.get(name, ()))

    def _obstacles_of_name(
        self, name: str, zone: str, found: tuple[DnsRecord, ...]
    ) -> Iterator[tuple[str, str]]:
        if name == zone or not name.endswith(f".{zone}"):
            yield (
                f"switch.cname: {name} is no name below {zone}, the domain of the hosted zone",
                "configure another name or hosted zone, and deploy",
            )
        for record in found:
            if record.type != CNAME or record.is_routed or record.host is None:
                what = "record with a routing policy" if record.is_routed else "record"
                yield (
                    f"switch.cname: the hosted zone has a {what} of type {record.type} for {name}",
                    "delete it, or configure another name",
                )
            elif record.host not in self.hosts:
                yield (
                    f"switch.cname: {name} leads to {record.host}, which is not of this target",
                    "delete the record, or configure another name",
                )

    def _decide(self, published: Published, endpoint: ApplicationEndpoint) -> FillIn | LeaveAlone:
        known = {endpoint.host, *self.hosts}
        return decide(facts_of(self.request, published.secret, known), endpoint)

    def _places_of(self, published: Published, hosts: Collection[str]) -> frozenset[str]:
        """Return which places lead to some hosts: the secret, the parameter, records by name."""
        wanted = {host.lower() for host in hosts}
        found = {_SECRET: published.secret.get("host"), _PARAMETER: _host_in(published.parameter)}
        for name, records in published.records.items():
            found[name] = next((record.host for record in records), None)
        return frozenset(place for place, to in found.items() if str(to or "").lower() in wanted)

    def _missing_records(
        self, published: Published, endpoint: ApplicationEndpoint
    ) -> dict[str, DnsRecord]:
        if self.cname is None:
            return {}
        wanted = wanted_records(self.cname, endpoint.host, endpoint.reader_host)
        return {
            name: record
            for name, record in wanted.items()
            if published.records.get(name) != (record,)
        }


_MAY_BE_LEFT: Final = frozenset({EndpointRule.UNLESS_FOREIGN, EndpointRule.NOT_IN_COMMON})
"""The rules by which a secret may be left alone without a setting that says so."""


_SECRET: Final = "the secret"  # noqa: S105 - the name of a place
_PARAMETER: Final = "the parameter"


def _host_in(parameter: str | None) -> str | None:
    """Return the host in a parameter's value; None if it has none."""
    try:
        value = json.loads(parameter or "")
    except ValueError:
        return None
    return value.get("host") if isinstance(value, dict) else None


def planned_publication(
    owner: Ownership, cname: Cname | None, region: str, endpoint: ApplicationEndpoint
) -> Iterator[RdsCall]:
    """Yield the calls that publish an endpoint, apart from that of the application's secret."""
    value = json.dumps({key: value for key, value in endpoint.keys.items() if value is not None})
    yield put_parameter(endpoint_parameter(owner.name_prefix, owner.restore), region, value)
    if cname is not None:
        records = wanted_records(cname, endpoint.host, endpoint.reader_host)
        yield upsert_records(cname, records, region, REASON)


def _parameter_value(published: Published, endpoint: ApplicationEndpoint) -> str:
    """Return what the SSM parameter is to hold: JSON with the keys that the secret has, too."""
    known = {**endpoint.keys, "dbname": endpoint.dbname or published.secret.get("dbname")}
    return json.dumps({key: value for key, value in known.items() if value is not None})


def put_parameter(name: str, region: str, value: str) -> RdsCall:
    """Return the call that writes an endpoint into an SSM parameter."""
    return RdsCall(
        "PutParameter",
        region,
        {"Name": name, "Value": value, "Type": "String", "Overwrite": True},
        REASON,
        service="ssm",
    )
