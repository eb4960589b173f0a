"""What the target of an operation is now, in sentences."""

from collections.abc import Iterator

from aurora_restore.cli.acting import own_command
from aurora_restore.cli.context import Deployment
from aurora_restore.cli.operations import OperationFacts
from aurora_restore.shared.notices.notice import moment
from aurora_restore.shared.notices.target import target_now
from aurora_restore.shared.recorded_cluster import RetiredCluster


def target_sentences(deployment: Deployment, operation: OperationFacts) -> Iterator[str]:
    """Yield what is recorded of the target: what serves, what is kept, and who works on it.

    A change by hand is not seen.
    """
    record, holder = operation.record, operation.holder
    yield from target_now(operation.state, operation.id, record, operation.later).sentences
    if record is not None and record.switch is not None:
        yield (
            f"{operation.target} is being switched by operation {record.switch.by}, which has not "
            "finished."
        )
    if record is not None and record.retired is not None:
        named = operation.restore or str(operation.target)
        yield _retired(record.retired, own_command(deployment, "rollback", named))
    if holder is not None:
        is_own = holder.operation_id == operation.id
        who = "This operation" if is_own else f"Operation {holder.operation_id}"
        yield f"{who} has held the lock on {operation.target} since {moment(holder.taken_at)}."


def _retired(retired: RetiredCluster, way_back: str) -> str:
    name, until = retired.cluster.cluster_id, moment(retired.keep_until)
    if retired.is_rejected:
        return f"{name}, which a roll-back has rejected, is kept until {until}."
    return (
        f"{name}, which served before, is kept until {until}. Until then `{way_back}` returns to "
        "it."
    )
