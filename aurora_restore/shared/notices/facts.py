"""What an operation has recorded of itself, each fact in a line of words."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from aurora_restore.shared.common import parse_timestamp
from aurora_restore.shared.name_list import NameList
from aurora_restore.shared.notices.notice import duration, moment
from aurora_restore.shared.operation_state import OperationState
from aurora_restore.shared.pipeline import get_step
from aurora_restore.shared.sequences import REPLACE
from aurora_restore.shared.state_utils import SUCCESS


def places(state: OperationState) -> Iterator[str]:
    """Yield where the cluster is reached, and what became of the one before."""
    if state.cluster_endpoint is not None:
        port = f":{state.cluster_port}" if state.cluster_port else ""
        yield f"Restored cluster's endpoint: {state.cluster_endpoint}{port}"
    if state.app_secret_endpoint is not None:
        yield f"The application's secret: {state.app_secret_endpoint}"
    if state.certificate is not None:
        yield f"The server's certificate: {state.certificate}"
    if state.final_snapshot is not None:
        yield f"Final snapshot of the old cluster: {state.final_snapshot}"
    for cluster, what in state.deleted_beside.items():
        yield f"{cluster}: {what}"
    if state.retired_sessions_ended:
        yield f"Sessions ended on the cluster that served before: {state.retired_sessions_ended}"
    for left in state.retired_sessions_left:
        yield f"Sessions may be left there: {left}"
    if state.privileges_beyond_reach:
        yield f"Privileges against the rules, to be revoked: {state.privileges_beyond_reach}"


def origin(state: OperationState) -> Iterator[str]:
    """Yield when the operation began, and with which snapshot."""
    if state.operation_started_at is not None:
        yield f"Started at {moment(state.operation_started_at)}{_by_whom(state)}"
    if state.source_snapshot_arn is not None:
        taken = state.snapshot_created_at
        yield f"Snapshot: {state.source_snapshot_arn}" + (f", of {moment(taken)}" if taken else "")


def _by_whom(state: OperationState) -> str:
    return "" if state.started_by is None else f" by {state.started_by}"


def data(state: OperationState, now: datetime) -> Iterator[str]:
    """Yield which snapshot the data is of, and how old it is."""
    if state.source_snapshot_arn is not None:
        yield f"Snapshot: {state.source_snapshot_arn}"
    if state.snapshot_created_at is not None:
        age = duration((now - parse_timestamp(state.snapshot_created_at)).total_seconds())
        yield f"Taken at {moment(state.snapshot_created_at)}: {age} old"
    if state.route is not None:
        yield f"Route: {state.route}"
    yield from users_of_copy(state)
    if state.deleted_snapshots:
        yield f"Copies deleted by the retention: {', '.join(state.deleted_snapshots)}"


def users_of_copy(state: OperationState) -> Iterator[str]:
    """Yield the copy that other restores use as well, with them; nothing where none does."""
    if state.also_used_by:
        yield f"Copy: {state.copy_snapshot_id}, also used by {', '.join(state.also_used_by)}"


def scripts(state: OperationState) -> Iterator[str]:
    """Yield the number of the scripts that have run, and each of them."""
    if state.scripts:
        yield _count(len(state.scripts), "script has run", "scripts have run")
    for each in state.scripts:
        seconds = each.get("seconds")
        took = f", {duration(seconds)}" if isinstance(seconds, int | float) else ""
        yield f"{each.get('path')} in database {each.get('database')}{took}"


def proofs(state: OperationState) -> Iterator[str]:
    """Yield what was proven of the masking, as numbers."""
    for kind, what in (
        ("columns", "Columns by treatment, and originals compared"),
        ("personal_data", "Searched for personal data"),
    ):
        for each in _results(state, kind):
            numbers = ", ".join(
                f"{name.replace('_', ' ')} {value}"
                for name, value in each.items()
                if name != "database" and isinstance(value, int)
            )
            yield f"{what}: database {each.get('database')}: {numbers}"
    if checks := _results(state, "checks"):
        yield _count(len(checks), "check has found nothing", "checks have found nothing")
    for each in checks:
        yield f"{each.get('name')}, in database {each.get('database')}"


def _results(state: OperationState, kind: str) -> list[Mapping[str, Any]]:
    found = (state.masking or {}).get(kind)
    return [each for each in found or () if isinstance(each, Mapping)]


def wiring(state: OperationState) -> Iterator[str]:
    """Yield what tied the copy to production, and what was done about it."""
    if state.disabled_login_count:
        disabled = NameList(count=state.disabled_login_count, names=state.disabled_logins or ())
        yield f"Disabled logins: {disabled.count} ({disabled})"
    if state.open_logins:
        yield f"Logins that are still open: {', '.join(state.open_logins)}"
    for did, found in (
        ("Removed", state.wiring_removed),
        ("Kept, as configured", state.wiring_kept),
        ("Left to you", state.wiring_reported),
    ):
        for kind, names in found.items():
            yield f"{did}: {_of_kind(kind, names)}"


def _of_kind(kind: str, names: NameList) -> str:
    return f"{kind.replace('_', ' ')}: {names.count} ({names})"


def drift(state: OperationState) -> Iterator[str]:
    """Yield each setting that is not as it should be."""
    for each in state.drift or ():
        wanted, found = (_or_none(each.get(name)) for name in ("wanted", "found"))
        yield f"{each.get('setting')}: wanted {wanted}, found {found}"


def _or_none(value: object) -> object:
    return "none" if value is None else value


def course(
    operation_id: str, state: OperationState, audit: Iterable[Mapping[str, Any]], now: datetime
) -> Iterator[str]:
    """Yield how the operation went; ``audit`` are its events in the audit table."""
    yield f"Operation: {operation_id}"
    if state.operation_started_at is not None:
        took = duration((now - parse_timestamp(state.operation_started_at)).total_seconds())
        yield f"Started at {moment(state.operation_started_at)}{_by_whom(state)}, took {took}"
    yield from interruption(state, audit)


def interruption(state: OperationState, audit: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield for how long clients were without a cluster; ``audit`` are the operation's events."""
    if state.interruption_seconds is not None:
        yield f"Interruption by the switch: at most {state.interruption_seconds:g} s"
    if state.unanswered_seconds is not None:
        yield (
            "From the beginning of the switch until a log-in succeeded: at most "
            f"{state.unanswered_seconds:g} s"
        )
    without = _seconds_without_target(state, audit)
    if without is not None:
        yield (
            f"Interruption: {duration(without)}, from the deletion of the old cluster to the "
            "hand-over of the new one"
        )


def _seconds_without_target(
    state: OperationState, audit: Iterable[Mapping[str, Any]]
) -> float | None:
    """Return how long a replaced target was gone; None where the operation did not delete it."""
    if state.sequence != REPLACE.name or None in (state.deletion_of, state.handed_over_at):
        return None
    deletion = (get_step("delete-rds").name, SUCCESS)
    gone = (each["timestamp"] for each in audit if (each["step"], each["status"]) == deletion)
    since = next(gone, None)
    if since is None:
        return None
    back = parse_timestamp(str(state.handed_over_at))
    return max(0.0, (back - parse_timestamp(str(since))).total_seconds())


def _count(number: int, one: str, several: str) -> str:
    return f"{number} {one if number == 1 else several}"
