"""What the target of an operation is now, in sentences."""

from collections.abc import Iterator

from aurora_restore.cli.operations import OperationFacts
from aurora_restore.shared.recorded_cluster import RetiredCluster
from aurora_restore.shared.target_record import TargetRecord


def target_sentences(operation: OperationFacts) -> Iterator[str]:
    """Yield what the tables say of the target: which cluster serves, what is kept, who works on it.

    It is what the pipeline has recorded. A change by hand is not seen.
    """
    target, record = operation.target, operation.record
    if target is None:
        return
    if record is not None and record.switch is not None:
        yield (
            f"{target} is being switched by operation {record.switch.by}. Which cluster serves is "
            "open until that is finished or undone."
        )
    elif record is not None and record.live is not None:
        yield _live(target, record)
    if record is None:
        yield f"Nothing was restored to {target} so far. What is there, the pipeline did not make."
    else:
        yield from _restored(operation, target, record)
    yield from _old(operation)
    if record is not None and record.retired is not None:
        yield _retired(record.retired)
    if operation.holder is not None:
        holder = operation.holder
        who = "This operation" if holder.operation_id == operation.id else holder.operation_id
        yield f"{who} holds the lock on {target} since {holder.taken_at}."


def _live(target: str, record: TargetRecord) -> str:
    live = record.live
    made_by = "not made by the pipeline"
    if live is not None and live.restored_by is not None:
        made_by = f"restored by operation {live.restored_by}"
    resource = "" if live is None else live.resource_id
    return f"{target} serves from cluster {resource}, {made_by}."


def _restored(operation: OperationFacts, target: str, record: TargetRecord) -> Iterator[str]:
    """Yield what became of the cluster that was restored last."""
    if record.restored_by != operation.id:
        if not record.is_live(record.resource_id):
            yield f"The cluster that was restored last is one of operation {record.restored_by}."
        return
    if record.resource_id is None:
        yield "The restore has been asked for, or was about to be."
        return
    name = operation.state.new_cluster_id or target
    if record.handed_over_at is not None:
        yield (
            f"{name} is the cluster that this operation has restored. It was set up, and handed "
            f"over at {record.handed_over_at}."
        )
    elif operation.state.quarantine_security_group_ids == ():
        yield f"{name} is restored, without a quarantine. {_set_up(operation)}"
    else:
        yield f"{name} is restored, and in quarantine: nobody can connect. {_set_up(operation)}"


def _set_up(operation: OperationFacts) -> str:
    if operation.state.users_configured:
        return "Its databases are set up."
    return "Its databases are not set up: they may hold production's data unmasked."


def _old(operation: OperationFacts) -> Iterator[str]:
    """Yield what became of the cluster that is replaced."""
    state = operation.state
    if state.deletion_of is None:
        return
    kept = f"; its final snapshot is {state.final_snapshot}" if state.final_snapshot else ""
    gone = "check-delete-status" in {
        each.name for each in operation.progress.steps if each.ended and each.status == "done"
    }
    what = "was deleted" if gone else "is being deleted, or was"
    yield f"The old cluster {state.deleted_cluster_id} {what}{kept}."
    if gone and state.cluster_resource_id is None and operation.sequence.name != "switch":
        yield f"{operation.target} does not exist at the moment."


def _retired(retired: RetiredCluster) -> str:
    name = retired.cluster.cluster_id
    if retired.is_rejected:
        return f"{name}, which a roll-back has rejected, is kept until {retired.keep_until}."
    return (
        f"{name}, which served before, is kept until {retired.keep_until}. Until then "
        "`aurora-restore rollback` returns to it."
    )
