"""The server's certificate after a switch, which may still name the cluster beside the target.

AWS says: "If you're using SSL endpoints and change the DB cluster identifier, stop and restart the
DB cluster to update the SSL endpoints". Whether a reboot is enough is not documented. See
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.Modifying.html
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal, assert_never

from aurora_restore.shared.errors import ClusterNotFoundError
from aurora_restore.shared.rds.calls import RdsCall
from aurora_restore.shared.rds.reads import find_cluster, instances_of, statuses_of
from aurora_restore.shared.rds.statuses import AVAILABLE, STOPPED
from aurora_restore.shared.state_utils import seconds_since
from aurora_restore.shared.switching.facts import SETTLING_SECONDS

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient

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
    """How long ago RDS has accepted each thing, by what ``RefreshCertificate`` names it."""


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


def look_at_certificate(
    rds: "RDSClient",
    cluster_id: str,
    wanted: Literal["none", "reboot", "restart"],
    requests: Mapping[str, str],
    now: datetime,
) -> CertificateAction:
    """Look at the live cluster and return what is next.

    ``requests`` says when RDS has accepted what. Raises ClusterNotFoundError if there is no such
    cluster.
    """
    if wanted == "none":
        return LeaveCertificate()
    cluster = find_cluster(rds, cluster_id)
    if cluster is None:
        raise ClusterNotFoundError(f"there is no cluster {cluster_id}, which was switched to")
    statuses = statuses_of(instances_of(rds, cluster_id))
    ordered = in_order_of_reboot(cluster.get("DBClusterMembers", []))
    return decide_refresh(
        CertificateFacts(
            wanted=wanted,
            cluster_status=cluster["Status"],
            instance_statuses={each: statuses.get(each, "") for each in ordered},
            seconds_since={
                request: seconds_since(moment, now) for request, moment in requests.items()
            },
        )
    )


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
    """One instance after the other, so that readers answer until the writer's turn comes."""
    busy = [name for name, status in facts.instance_statuses.items() if status != AVAILABLE]
    if busy:
        return AwaitRefresh("the instances " + ", ".join(busy))
    if _is_young(facts, *facts.seconds_since):
        return AwaitRefresh("the reboot of an instance")
    for name in facts.instance_statuses:
        if name not in facts.seconds_since:
            return RefreshCertificate(name)
    return LeaveCertificate()


def _restart(facts: CertificateFacts) -> CertificateAction:
    """A stop or start that does not show after a while was not carried out, and is repeated."""
    waiting = AwaitRefresh(f"the cluster, which is {facts.cluster_status}")
    if facts.cluster_status == STOPPED:
        return waiting if _is_young(facts, START) else RefreshCertificate(START)
    if facts.cluster_status != AVAILABLE:
        return waiting
    if START not in facts.seconds_since:
        return waiting if _is_young(facts, STOP) else RefreshCertificate(STOP)
    busy = [name for name, status in facts.instance_statuses.items() if status != AVAILABLE]
    if busy:
        return AwaitRefresh("the instances " + ", ".join(busy))
    return waiting if _is_young(facts, START) else LeaveCertificate()


def _is_young(facts: CertificateFacts, *requests: str) -> bool:
    """Return whether any of the requests is so young that a look may not show it yet."""
    return any(
        facts.seconds_since.get(request, SETTLING_SECONDS) < SETTLING_SECONDS
        for request in requests
    )


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
