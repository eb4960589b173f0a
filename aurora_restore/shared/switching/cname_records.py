"""The CNAME records that lead to the cluster that serves, in a hosted zone of Route 53."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aurora_restore.shared.aws_utils import call, code_of
from aurora_restore.shared.documents.switch import Cname
from aurora_restore.shared.errors import AwsError
from aurora_restore.shared.rds.calls import RdsCall

if TYPE_CHECKING:
    from mypy_boto3_route53 import Route53Client

CNAME: Final = "CNAME"
_IN_SYNC: Final = "INSYNC"


@dataclass(frozen=True, kw_only=True)
class DnsRecord:
    """What a hosted zone has under one name."""

    type: str
    host: str | None = None
    """Where a CNAME leads to, in small letters and without the dot at its end."""
    ttl_seconds: int | None = None
    is_routed: bool = False
    """Whether it is one of several of that name, by a routing policy."""


def wanted_records(cname: Cname, host: str | None, reader_host: str | None) -> dict[str, DnsRecord]:
    """Return the records that lead to an endpoint, by name."""
    hosts = {cname.name: host, **({cname.reader_name: reader_host} if cname.reader_name else {})}
    return {
        name: DnsRecord(type=CNAME, host=to.lower(), ttl_seconds=cname.ttl_seconds)
        for name, to in hosts.items()
        if to is not None
    }


def find_records(route53: "Route53Client", cname: Cname) -> dict[str, tuple[DnsRecord, ...]]:
    """Return the records that the hosted zone has under each of the names.

    Route 53 lists in the order of the names from the one that is asked for, so the first that has
    another name ends the list. Raises AuroraRestoreError if there is no such zone.
    """
    return {name: tuple(_records_of(route53, cname.hosted_zone_id, name)) for name in cname.names}


def _records_of(route53: "Route53Client", zone: str, name: str) -> Iterator[DnsRecord]:
    found = call(
        route53.list_resource_record_sets, HostedZoneId=zone, StartRecordName=name, MaxItems="10"
    )
    for each in found["ResourceRecordSets"]:
        if _bare(each["Name"]) != name:
            return
        values = [record["Value"] for record in each.get("ResourceRecords", ())]
        yield DnsRecord(
            type=each["Type"],
            host=_bare(values[0]) if each["Type"] == CNAME and values else None,
            ttl_seconds=each.get("TTL"),
            is_routed="SetIdentifier" in each,
        )


def zone_of(route53: "Route53Client", cname: Cname) -> str:
    """Return the domain of the hosted zone. Raises AuroraRestoreError if there is no such zone."""
    return _bare(call(route53.get_hosted_zone, Id=cname.hosted_zone_id)["HostedZone"]["Name"])


def upsert_records(
    cname: Cname, records: Mapping[str, DnsRecord], region: str, reason: str
) -> RdsCall:
    """Return the call that makes or changes records: all of them together, or none.

    https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html
    """
    return RdsCall(
        "ChangeResourceRecordSets",
        region,
        {
            "HostedZoneId": cname.hosted_zone_id,
            "ChangeBatch": {
                "Changes": [
                    {
                        "Action": "UPSERT",
                        "ResourceRecordSet": {
                            "Name": name,
                            "Type": record.type,
                            "TTL": record.ttl_seconds,
                            "ResourceRecords": [{"Value": record.host}],
                        },
                    }
                    for name, record in records.items()
                ]
            },
        },
        reason,
        service="route53",
    )


def is_in_sync(route53: "Route53Client", change_id: str) -> bool:
    """Return whether all of Route 53's name servers answer with a change that was accepted.

    One that it does not know any more is taken to be in force (inferred).
    """
    try:
        change = call(route53.get_change, Id=change_id)["ChangeInfo"]
    except AwsError as error:
        if code_of(error) != "NoSuchChange":
            raise
        return True
    return change["Status"] == _IN_SYNC


def _bare(name: str) -> str:
    return name.rstrip(".").lower()
