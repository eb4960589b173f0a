"""What a step does with the lease of its restore on a copy that several restores may share."""

from dataclasses import replace

from aurora_restore.shared.job import Answer, Job
from aurora_restore.shared.rds.arns import RdsArn
from aurora_restore.shared.snapshots.leases import Claim, CommonCopy, CommonCopyStore, Lease


def take_lease(job: Job, arn: str) -> CommonCopy:
    """Take the restore's lease on a copy, or keep it, and return what is known of the copy.

    None is taken while the copy is being deleted.
    """
    lease = Lease(
        operation_id=job.operation_id,
        execution=job.caller,
        redrive_count=job.execution.redrive_count if job.execution else 0,
        since=job.now,
        restarts_before=0,
    )
    moment = job.clock()
    return CommonCopyStore(job.store).change(
        arn, lambda found: found.taken(job.restore_name, lease, moment)
    )


def take_lease_if_common(job: Job, name: str) -> CommonCopy | None:
    """Take a lease on a snapshot of this name or ARN if it is a common copy; None if it is not.

    It is one if the state table knows it as such: an event may name any snapshot.
    """
    arn = name if name.startswith("arn:") else str(own_arn(job, name))
    is_common = CommonCopyStore(job.store).of(arn).revision > 0
    return take_lease(job, arn) if is_common else None


def is_being_deleted(copy: CommonCopy | None, job: Job) -> bool:
    """Return whether the restore could take no lease on a copy, because it is being deleted."""
    return copy is not None and job.restore_name not in copy.users


def own_arn(job: Job, name: str) -> RdsArn:
    """Return the ARN of a snapshot of this account in the target's Region."""
    place = job.place
    return RdsArn(job.partition, place.region, place.account, "cluster-snapshot", name)


def attempts_in_run(job: Job, copy: CommonCopy | None, counter: str) -> int:
    """Return how often a copy was started in this run, by whatever restore uses it.

    ``counter`` counts how often this operation has started it, and 1 if it has found it in
    progress.
    """
    counted = job.attempts(counter)
    if copy is None or job.restore_name not in copy.users:
        return counted
    return copy.restarts_in_run(job.restore_name) + min(1, counted)


def end_restart(job: Job, copy: CommonCopy | None) -> None:
    """Let the next failure of a copy that is started again be another one."""
    if copy is not None and copy.restarting is not None:
        CommonCopyStore(job.store).change(copy.arn, lambda found: found.started())


def claim_restart(job: Job, seen: CommonCopy, *, is_first: bool) -> bool:
    """Return whether this operation is the one to delete a failed copy and start it again.

    ``seen`` is what was known before the copy was looked at; ``is_first`` is whether this run of
    the operation has neither started nor awaited the copy yet.
    """
    claim = Claim(operation_id=job.operation_id, at=job.now)
    copy = CommonCopyStore(job.store).change(
        seen.arn,
        lambda found: (
            found
            if found.restarting == claim
            else found.restarted(job.restore_name, seen.restarts, claim, is_first=is_first)
        ),
    )
    return copy.restarting == claim


def with_other_users(answer: Answer, others: tuple[str, ...], job: Job) -> Answer:
    """Return an answer that names, with its state, the other restores that use the copy, if any."""
    state = replace(answer.state or job.state, also_used_by=others)
    body = {**answer.body, "also_used_by": others} if others else answer.body
    return replace(answer, body=body, state=state)
