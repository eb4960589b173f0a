"""Carrying over what does not follow the target's name, within a call of a step.

In a switch that is done by switch-cluster. Where the target is replaced, only its registrations
with RDS Proxy are left to be carried over, and put-back-access does that after the hand-over.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any, Final

from aurora_restore.shared.awaited import Awaited
from aurora_restore.shared.aws_utils import code_of
from aurora_restore.shared.cluster.extras import NOT_NOW
from aurora_restore.shared.cluster.settings import PROXIES, planned_instances, settings_of
from aurora_restore.shared.cluster.surroundings import UNKNOWN, describe_surroundings
from aurora_restore.shared.common import logger, update_metrics
from aurora_restore.shared.errors import AuroraRestoreError, RetryableError
from aurora_restore.shared.job import Answer, Job
from aurora_restore.shared.protocol import RETRY_AFTER
from aurora_restore.shared.rds.reads import find_cluster, instances_of
from aurora_restore.shared.recorded_cluster import RecordedCluster, RetiredCluster
from aurora_restore.shared.sequences import REPLACE, SWITCH
from aurora_restore.shared.state_utils import seconds_since
from aurora_restore.shared.switching.carry_over import (
    INSTANCES,
    CarryOver,
    CarryOverFacts,
    belongings,
    decide,
    differences,
    in_place_of,
    is_carried,
    refused,
    take_facts,
)

CARRY_OVER_SECONDS: Final = 600
"""For how long it is tried; then what is not carried over is left to the drift."""

LOOK_EVERY_SECONDS: Final = 5

CALL_AGAIN_SECONDS: Final = 30
"""After how long the step is called again; as `polling` has it, it might be too late by then."""

_NOT_NOW: Final = NOT_NOW | {
    "ConcurrentUpdateException",
    "DBClusterEndpointAlreadyExistsFault",
    "DBClusterEndpointNotFoundFault",
    "DBProxyTargetAlreadyRegisteredFault",
    "DBProxyTargetNotFoundFault",
    "InvalidDBClusterEndpointStateFault",
    "InvalidDBInstanceState",
    "InvalidDBProxyStateFault",
}
"""With these AWS refuses a call because of what it is doing, or has done since the last look."""


def remember_belongings(job: Job, outgoing: RecordedCluster | None) -> None:
    """Keep what belongs to the cluster that is to lose the target's name, until it loses it.

    Raises RetryableError if AWS is not available now.
    """
    if outgoing is None or job.state.switch_started_at is not None:
        return
    rds, name = job.rds.at_target, outgoing.cluster_id
    try:
        cluster = find_cluster(rds, name)
        if cluster is None or cluster["DbClusterResourceId"] != outgoing.resource_id:
            return
        around = describe_surroundings(rds, job.clients, name)
        now = settings_of(cluster, instances_of(rds, name), around)
    except RetryableError:
        raise
    except AuroraRestoreError as error:
        logger.warning("what belongs to the old cluster is not known", reason=error.message)
        return
    before = job.state.old_cluster if job.sequence is SWITCH else None
    job.state = replace(job.state, belongings=belongings(now, before))


def remember_registrations(job: Job) -> None:
    """Keep with which proxies the replaced cluster was registered, until the new one is."""
    proxies = (job.state.old_cluster or {}).get(PROXIES)
    if job.state.belongings is None and proxies and proxies != UNKNOWN:
        job.state = replace(job.state, belongings={PROXIES: proxies})


def carry_over(
    job: Job, live: RecordedCluster, retired: RetiredCluster | None, began: datetime
) -> Answer | None:
    """Carry over what belonged to the name; return the answer that waits, or None once it is over.

    What AWS refuses, or has not done in time, is left to the drift.
    """
    had = job.state.belongings
    if had is None or job.state.carried_over_at is not None:
        return None
    since = job.state.carry_over_started_at or job.now
    job.state = replace(job.state, carry_over_started_at=since)
    while True:
        facts = _look(job, had, live, retired)
        left = decide(facts, job.state.put_back)
        if not left or seconds_since(since, job.clock()) >= CARRY_OVER_SECONDS:
            _end(job, facts)
            return None
        job.prove_lock()
        for each in left:
            _attempt(job, each)
        if not job.may_wait_inside(began):
            return Answer.wait(
                Awaited.BELONGINGS,
                "What belongs to the target's name is being carried over",
                {
                    **job.target_body,
                    "waiting_for": ", ".join(each.name for each in left),
                    RETRY_AFTER: CALL_AGAIN_SECONDS,
                },
            )
        job.sleep(LOOK_EVERY_SECONDS)


def _look(
    job: Job, had: Mapping[str, Any], live: RecordedCluster, retired: RetiredCluster | None
) -> CarryOverFacts:
    return take_facts(
        job.rds.at_target,
        job.clients,
        had=had,
        live=live.cluster_id,
        retired=None if retired is None else retired.cluster.cluster_id,
        region=job.target_region,
        tags=job.owner.tags,
        instances=in_place_of(had.get(INSTANCES, ()), _successors(job, live.cluster_id)),
        was_renamed=live.was_renamed,
        is_deleted=job.sequence is REPLACE,
    )


def _successors(job: Job, live: str) -> Sequence[str]:
    """Return the instances of the live cluster, in the order of those whose places they take."""
    rds = job.rds.at_target
    if job.sequence is SWITCH:
        plans = planned_instances(
            job.restore.target, job.state.old_cluster, job.restored_cluster_id
        )
        return [plan.identifier for plan in plans]
    cluster = find_cluster(rds, live)
    if cluster is None:
        return ()
    described = settings_of(cluster, instances_of(rds, live))
    return [plan["identifier"] for plan in described[INSTANCES]]


def _attempt(job: Job, step: CarryOver) -> None:
    """Make the call of one belonging; what AWS refuses now is left to the next look."""
    call = step.call
    if call is None:
        return
    client = job.rds.at_target if call.service == "rds" else job.clients.application_auto_scaling
    try:
        call.make(client)
    except AuroraRestoreError as error:
        if isinstance(error, RetryableError) or code_of(error) in _NOT_NOW:
            logger.info("not carried over yet", setting=step.name, reason=error.message)
            return
        logger.warning("not carried over", setting=step.name, reason=error.message)
        done = refused(step.name)
    else:
        if step.closes is None:
            return
        done = step.closes
    job.state = replace(job.state, put_back=(*job.state.put_back, done))


def _end(job: Job, facts: CarryOverFacts) -> None:
    """Write to the drift what is not carried over."""
    state = job.state
    lines = [asdict(each) for each in differences(facts, state.put_back)]
    others = [each for each in state.drift or () if not is_carried(each["setting"], facts.had)]
    drift = (*others, *lines)
    if lines:
        update_metrics(job.operation_id, "SettingsDrift", len(drift))
    job.state = replace(state, drift=drift, carried_over_at=job.now)
