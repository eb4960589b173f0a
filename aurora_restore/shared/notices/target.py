"""What a target is now, in plain words, from what an operation has recorded."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from aurora_restore.shared.cluster.quarantine import quarantine_notice
from aurora_restore.shared.later_operation import LaterOperation
from aurora_restore.shared.notices.notice import moment
from aurora_restore.shared.operation_state import OperationState
from aurora_restore.shared.sequences import RETIRE, ROLL_BACK, SWITCH
from aurora_restore.shared.switching.notice import target_notice
from aurora_restore.shared.target_record import TargetRecord


@dataclass(frozen=True)
class TargetNow:
    """The state of a target."""

    short: str
    """In a few words, for a subject."""
    sentences: tuple[str, ...]
    is_of_another: bool = False
    """Whether another operation has replaced or switched it since."""


UNCHANGED: Final = TargetNow(
    "nothing changed", ("This execution has changed nothing: the target is as it was.",)
)
UNREADABLE: Final = TargetNow(
    "target unknown", ("The operation's state cannot be read: look at the target in RDS.",)
)
AT_WORK: Final = TargetNow(
    "another run is at work",
    ("The operation is under way again, in this execution or in another one.",),
)


def facts_of(state: OperationState, target: str, new_cluster: str) -> dict[str, str]:
    """Return what the documented JSON says of the target and of the new cluster's quarantine."""
    return {**target_notice(state, target), **quarantine_notice(state, new_cluster)}


def target_now(
    state: OperationState,
    operation_id: str,
    record: TargetRecord | None = None,
    later: LaterOperation | None = None,
) -> TargetNow:
    """Return what the target of an operation is now, as far as it is recorded.

    ``record`` is the target's, which says what another operation has done to it, and ``later`` is
    the one that came to it since.
    """
    if state.target_lock is None:
        return UNCHANGED
    target = state.target_lock[-1]
    if state.sequence == RETIRE.name:
        sentence = f"{target} serves as before: a retirement deletes only clusters beside it."
        return TargetNow("target unchanged", (sentence,))
    if later is not None and later.has_changed_target:
        return _of_later(later, target)
    if state.sequence in (SWITCH.name, ROLL_BACK.name):
        return _of_switched(state, target)
    return _of_replaced(state, target, operation_id, record)


def _of_later(later: LaterOperation, target: str) -> TargetNow:
    """Return what a target is to which another operation has come since."""
    left = "What else is said here of the cluster and its data is what this operation left."
    if later.refreshed_at is None:
        first = (
            f"Operation {later.id} has begun to replace {target} since, and has not handed it over."
        )
        return TargetNow("replaced since", (first, left), is_of_another=True)
    at = moment(later.refreshed_at)
    first = f"Operation {later.id} has given {target} other data, at {at}."
    return TargetNow("has other data now", (first, left), is_of_another=True)


def _of_switched(state: OperationState, target: str) -> TargetNow:
    (sentence,) = target_notice(state, target).values()
    serves = f"{sentence[:1].upper()}{sentence[1:]}."
    if state.switched_at is not None:
        data = "old data" if state.sequence == ROLL_BACK.name else "new data"
        new = () if state.sequence == ROLL_BACK.name else tuple(_of_new(state, target))
        return TargetNow(f"serves the {data}", (serves, *new))
    if state.switch_started_at is not None:
        return TargetNow("switch unfinished", (serves,))
    beside = state.new_cluster_id
    if beside is None:
        return TargetNow("serves the old data", (serves,))
    new = (f"The new cluster beside it is {beside}.", *_of_new(state, beside))
    return TargetNow("serves the old data", (serves, *new))


def _of_replaced(
    state: OperationState, target: str, operation_id: str, record: TargetRecord | None
) -> TargetNow:
    if state.handed_over_at is not None:
        first = (
            f"{target} serves the new data: it was handed over at {moment(state.handed_over_at)}."
        )
        return TargetNow("serves the new data", (first, *_of_new(state, target)))
    if state.restore_is_dead:
        first = (
            f"The old cluster is gone, and the restored {target} has become unusable: a re-run "
            "deletes it and restores another."
        )
        return TargetNow("target unusable", (first,))
    if state.restore_started_at is not None:
        status = f" ({state.restore_status})" if state.restore_status else ""
        first = f"The old cluster is gone. {target} is restored{status}, and not handed over yet."
        short = "in quarantine" if state.is_in_quarantine else "restored, not handed over"
        return TargetNow(short, (first, *_of_new(state, target)))
    if state.deletion_of is not None:
        kept = f" Its final snapshot is {state.final_snapshot}." if state.final_snapshot else ""
        first = f"{target} is being deleted, or is gone: nothing serves in its place.{kept}"
        return TargetNow("target gone", (first,))
    if state.old_cluster is not None:
        first = (
            f"The deletion of {target} was about to begin: its instances may be gone. Look at it "
            "in RDS."
        )
        return TargetNow("target perhaps gone", (first,))
    by = None if record is None else record.restored_by
    if record is not None and by not in (None, operation_id):
        since = f", handed over at {moment(record.handed_over_at)}" if record.handed_over_at else ""
        first = (
            f"This operation has changed nothing of {target}. The last to restore it was operation "
            f"{by}{since}."
        )
        return TargetNow("target unchanged", (first,))
    first = f"{target} is as before, if it is there: nothing of it has been changed."
    return TargetNow("target unchanged", (first,))


def _of_new(state: OperationState, cluster_id: str) -> Iterator[str]:
    """Yield whether the restored cluster is masked, and who can log in to it."""
    if state.restore_started_at is None:
        return
    yield _masking(state, cluster_id)
    lifted = state.hand_over_started_at
    if state.is_in_quarantine and lifted is None:
        yield (
            "It is in quarantine: only the pipeline's functions can connect to it, so nobody else "
            "can log in. A run that comes to hand-over lifts the quarantine; do not lift it by "
            "hand."
        )
        return
    if state.is_in_quarantine and lifted is not None:
        yield f"Its quarantine is being lifted since {moment(lifted)}."
    elif state.handed_over_at is None:
        yield "It has no quarantine: it could be reached since its restore."
    if state.users_configured:
        yield from _who_logs_in(state)
    elif state.disabled_login_count is None:
        yield "The logins that it inherited from production may still be open."


def _masking(state: OperationState, cluster_id: str) -> str:
    if not state.users_configured:
        return f"Take the data of {cluster_id} for unmasked: its databases are not set up yet."
    if not state.scripts:
        return f"Take the data of {cluster_id} for unmasked: no script has masked it."
    count = len(state.scripts)
    scripts = "the script has" if count == 1 else f"all {count} scripts have"
    are_checked = any((state.masking or {}).values())
    checked = ", and the checks of the masking have passed" if are_checked else ""
    return f"The databases of {cluster_id} are set up: {scripts} run{checked}."


def _who_logs_in(state: OperationState) -> Iterator[str]:
    if state.managed_secret_arn is None:
        yield "The master user and the application's users can log in, with their secrets."
    else:
        yield (
            "The application's users can log in, with their secret. RDS manages the master "
            f"password, in secret {state.managed_secret_arn}: the pipeline's master secret does "
            "not open the cluster any more."
        )
    if state.disabled_login_count:
        logins = "login is" if state.disabled_login_count == 1 else "logins are"
        yield f"{state.disabled_login_count} inherited {logins} disabled."
    if state.open_logins:
        yield "These inherited logins are still open: " + ", ".join(state.open_logins) + "."
