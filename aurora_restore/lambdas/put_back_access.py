"""Put back how the old cluster was reached besides its endpoint, once the new one serves."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Final, assert_never

from aurora_restore.shared.awaited import Awaited
from aurora_restore.shared.aws_utils import code_of
from aurora_restore.shared.base_handler import BaseHandler
from aurora_restore.shared.carrying_over import carry_over, remember_registrations
from aurora_restore.shared.cluster.extras import NOT_NOW
from aurora_restore.shared.cluster.managed_password import (
    AwaitPassword,
    CannotManage,
    LeavePassword,
    ManagePassword,
    PasswordManaged,
    decide,
    facts_of,
    manage_master_password,
)
from aurora_restore.shared.cluster.proxy_logins import ProxyLogins, logins_with
from aurora_restore.shared.cluster.settings import MANAGED_SECRET, PROXIES, Difference
from aurora_restore.shared.cluster.surroundings import UNKNOWN
from aurora_restore.shared.common import logger
from aurora_restore.shared.errors import (
    AwsError,
    ForeignClusterError,
    NotPutBackError,
    NotSwitchedError,
    StillInQuarantineError,
    SupersededError,
)
from aurora_restore.shared.job import Answer, Job
from aurora_restore.shared.pipeline import get_step
from aurora_restore.shared.rds.reads import find_cluster
from aurora_restore.shared.recorded_cluster import RecordedCluster
from aurora_restore.shared.sequences import REPLACE, ROLL_BACK
from aurora_restore.shared.target_record import TargetRecord, superseded

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import DBClusterTypeDef

PROXY_AUTH: Final = "Auth"
_PROXY_NOT_NOW: Final = "InvalidDBProxyStateFault"


class PutBackAccessHandler(BaseHandler):
    """The step that puts back what only a cluster that serves may have.

    Where the target was replaced, the new cluster is registered with the RDS proxies of the old
    one; after a switch it is already. Then RDS is asked to manage the master password, if it
    managed the old cluster's: it sets another one, so nothing that logs in comes after it. At last
    each proxy that logged in with the old cluster's secret gets the new one. A roll-back changes
    no password: what serves again has its own.
    """

    step = get_step("put-back-access")
    services = ("rds", "kms")

    def run(self, job: Job) -> Answer:
        """Do what is next, and return 200 once nothing is left to be put back, 202 until then.

        Raises StillInQuarantineError or NotSwitchedError before the cluster serves,
        SupersededError if another operation's does, ForeignClusterError if another cluster has its
        name, NotPutBackError if it is gone or cannot be changed, and AwsError if AWS refuses to
        manage the password. What a proxy is refused is left to the drift.
        """
        began, had = job.clock(), _had(job)
        if not had:
            return Answer("Nothing to put back", job.target_body)
        record = job.target_record.read()
        live = _serving(job, record)
        if job.sequence is REPLACE:
            remember_registrations(job)
        retired = None if record is None or job.sequence is REPLACE else record.retired
        if carrying := carry_over(job, live, retired, began):
            return carrying
        cluster = _find(job, live)
        is_wanted = MANAGED_SECRET in had and job.sequence is not ROLL_BACK
        match decide(facts_of(cluster, is_wanted=is_wanted)):
            case AwaitPassword(what):
                return _await_password(job, what)
            case CannotManage(reason):
                raise NotPutBackError(
                    f"RDS does not manage the master password of cluster {live.cluster_id}, as it "
                    f"did the old cluster's: {reason}",
                    **job.target_body,
                )
            case ManagePassword():
                call = manage_master_password(live.cluster_id, job.place, had, job.clients)
                job.prove_lock()
                try:
                    call.make(job.rds.at_target)
                except AwsError as error:
                    if code_of(error) not in NOT_NOW:
                        raise
                    return _await_password(job, error.message)
                return _await_password(job, "the secret that RDS is to create")
            case LeavePassword():
                return _over(job)
            case PasswordManaged(secret_arn):
                job.state = replace(job.state, managed_secret_arn=secret_arn)
                return _change_proxies(job, had, secret_arn) or _over(job)
            case action:
                assert_never(action)


def _serving(job: Job, record: TargetRecord | None) -> RecordedCluster:
    """Return the cluster of this operation that serves. Raises an error unless one does."""
    own, name = job.state.cluster_resource_id, job.target_cluster_id
    if job.sequence is REPLACE:
        if record is not None and record.restored_by != job.operation_id:
            raise superseded(record, job.operation_id, name)
        if record is None or own is None or record.resource_id != own or not record.handed_over_at:
            raise StillInQuarantineError(
                f"cluster {name} has not been handed over by operation {job.operation_id}",
                target_cluster_id=name,
            )
        return RecordedCluster(resource_id=own, cluster_id=name)
    live = None if record is None else record.live
    if record is not None and record.switched_by not in (None, job.operation_id):
        raise SupersededError(
            f"operation {record.switched_by} has switched {name} since operation "
            f"{job.operation_id}",
            target_cluster_id=name,
            switched_by=record.switched_by,
        )
    is_own = job.sequence is ROLL_BACK or (live is not None and live.resource_id == own)
    if record is None or live is None or record.switch or not live.verified_at or not is_own:
        raise NotSwitchedError(
            f"operation {job.operation_id} has not switched {name} to another cluster, or that is "
            "not verified yet",
            target_cluster_id=name,
        )
    return live


def _had(job: Job) -> Mapping[str, Any]:
    """Return what the cluster that served before had of what this step puts back."""
    settings = {**(job.state.old_cluster or {}), **(job.state.belongings or {})}
    if job.sequence is ROLL_BACK:
        settings = dict(job.state.belongings or {})
    proxies = settings.get(PROXIES)
    if proxies == UNKNOWN:
        del settings[PROXIES]
    kept = (PROXIES, *(key for key in settings if key.startswith(MANAGED_SECRET)))
    return {key: settings[key] for key in kept if settings.get(key)}


def _find(job: Job, live: RecordedCluster) -> "DBClusterTypeDef":
    name = live.cluster_id
    cluster = find_cluster(job.rds.at_target, name)
    if cluster is None:
        raise NotPutBackError(
            f"there is no cluster {name} in {job.target_region} any more", **job.target_body
        )
    if cluster["DbClusterResourceId"] != live.resource_id:
        raise ForeignClusterError(
            f"cluster {name} ({cluster['Status']}) is not the one that operation "
            f"{job.operation_id} has let serve; it is left alone",
            **job.target_body,
        )
    return cluster


def _await_password(job: Job, what: str) -> Answer:
    return Answer.wait(
        Awaited.MANAGED_PASSWORD,
        "RDS is to manage the master password",
        {**job.target_body, "waiting_for": what},
    )


def _change_proxies(job: Job, had: Mapping[str, Any], secret_arn: str) -> Answer | None:
    """Let the proxies log in with the new secret; return the answer that waits, or None."""
    former = had.get(MANAGED_SECRET)
    if former in (None, secret_arn):
        return None
    lines = []
    for logins in logins_with(job.rds.at_target, had.get(PROXIES, ()), former):
        job.prove_lock()
        try:
            logins.with_secret(former, job.target_region, secret_arn).make(job.rds.at_target)
        except AwsError as error:
            if code_of(error) == _PROXY_NOT_NOW:
                return Answer.wait(
                    Awaited.SETTINGS,
                    "A proxy is to log in with another secret",
                    {**job.target_body, "waiting_for": f"the proxy {logins.proxy}"},
                )
            logger.warning("a proxy keeps the former secret", reason=error.message)
            lines.append(_kept(logins, former, secret_arn))
    others = [
        each
        for each in job.state.drift or ()
        if not each["setting"].startswith(f"{PROXIES}.")
        or not each["setting"].endswith(f".{PROXY_AUTH}")
    ]
    job.state = replace(job.state, drift=(*others, *map(asdict, lines)))
    return None


def _kept(logins: ProxyLogins, former: str, secret_arn: str) -> Difference:
    return Difference(f"{PROXIES}.{logins.proxy}.{PROXY_AUTH}", secret_arn, former)


def _over(job: Job) -> Answer:
    state = job.state
    return Answer(
        "What the old cluster was reached by is put back",
        {
            **job.target_body,
            "managed_secret_arn": state.managed_secret_arn,
            "drift": state.drift,
        },
    )


handler = PutBackAccessHandler.loaded()
