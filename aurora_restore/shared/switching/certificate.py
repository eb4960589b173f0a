"""The server's certificate after a switch, which may still name the cluster beside the target.

AWS says: "If you're using SSL endpoints and change the DB cluster identifier, stop and restart the
DB cluster to update the SSL endpoints". Whether a reboot is enough is not documented. See
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.Modifying.html
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, assert_never

from aurora_restore.shared.rds.calls import RdsCall
from aurora_restore.shared.rds.statuses import AVAILABLE
from aurora_restore.shared.switching.decision import SETTLING_SECONDS, STOPPED

STOP: Final = "stop"
START: Final = "start"


@dataclass(frozen=True, kw_only=True)
class CertificateFacts:
    """What is known of the live cluster whose certificate is to be refreshed."""

    wanted: Literal["none", "reboot", "restart"]
    cluster_status: str
    instance_statuses: Mapping[str, str]
    """The status of each of its instances by name, the writer last."""
    seconds_since: Mapping[str, float]
    """How long ago each thing was asked for, by what ``RefreshCertificate`` names it."""


@dataclass(frozen=True)
class LeaveCertificate:
    """It is not to be refreshed, or has been."""


@dataclass(frozen=True)
class AwaitRefresh:
    """RDS is not done with what it was asked for."""

    what: str


@dataclass(frozen=True)
class RefreshCertificate:
    """Ask RDS for one thing: to stop the cluster, to start it, or to reboot an instance."""

    request: str


CertificateAction = LeaveCertificate | AwaitRefresh | RefreshCertificate


def decide_refresh(facts: CertificateFacts) -> CertificateAction:
    """Return what is next; what a look shows right after a call may be older than the call."""
    match facts.wanted:
        case "none":
            return LeaveCertificate()
        case "reboot":
            return _reboot(facts)
        case "restart":
            return _restart(facts)
        case wanted:
            assert_never(wanted)


def _reboot(facts: CertificateFacts) -> CertificateAction:
    busy = [name for name, status in facts.instance_statuses.items() if status != AVAILABLE]
    if busy:
        return AwaitRefresh("the instances " + ", ".join(busy))
    for name in facts.instance_statuses:
        if name not in facts.seconds_since:
            return RefreshCertificate(name)
    return _settled(facts, *facts.instance_statuses)


def _restart(facts: CertificateFacts) -> CertificateAction:
    if STOP not in facts.seconds_since:
        if facts.cluster_status != AVAILABLE:
            return AwaitRefresh(f"the cluster, which is {facts.cluster_status}")
        return RefreshCertificate(STOP)
    if START not in facts.seconds_since:
        if facts.cluster_status == STOPPED:
            return RefreshCertificate(START)
        return AwaitRefresh(f"the cluster, which is {facts.cluster_status}")
    busy = [name for name, status in facts.instance_statuses.items() if status != AVAILABLE]
    if facts.cluster_status != AVAILABLE or busy:
        return AwaitRefresh(f"the cluster, which is {facts.cluster_status}")
    return _settled(facts, START)


def _settled(facts: CertificateFacts, *requests: str) -> CertificateAction:
    """Return that it is done, unless the last request is so young that it may not show yet."""
    if all(facts.seconds_since.get(each, 0.0) >= SETTLING_SECONDS for each in requests):
        return LeaveCertificate()
    return AwaitRefresh("the refresh of the certificate")


def refreshing(cluster_id: str, region: str, request: str) -> RdsCall:
    """Return the call that ``RefreshCertificate`` asks for."""
    reason = "let the server's certificate name the target, as switch.tls_refresh says"
    match request:
        case "stop" | "start":
            operation = f"{request.capitalize()}DBCluster"
            return RdsCall(operation, region, {"DBClusterIdentifier": cluster_id}, reason)
        case _:
            return RdsCall("RebootDBInstance", region, {"DBInstanceIdentifier": request}, reason)


def in_order_of_reboot(members: Sequence[Mapping[str, object]]) -> list[str]:
    """Return the instances of a cluster, the readers first, by its ``DBClusterMembers``."""
    ordered = sorted(members, key=lambda each: bool(each.get("IsClusterWriter")))
    return [str(each["DBInstanceIdentifier"]) for each in ordered]
