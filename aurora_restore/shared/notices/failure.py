"""The notice of an operation that has failed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from aurora_restore.shared.common import timestamp
from aurora_restore.shared.failed_execution import Failure
from aurora_restore.shared.later_operation import LaterOperation
from aurora_restore.shared.notices.facts import origin, users_of_copy
from aurora_restore.shared.notices.notice import (
    Notice,
    begun,
    bullets,
    paragraph,
    sections,
    sentence,
    subject_of,
    verbatim,
)
from aurora_restore.shared.notices.target import (
    AT_WORK,
    UNCHANGED,
    UNREADABLE,
    TargetNow,
    facts_of,
    target_now,
)
from aurora_restore.shared.notices.way_on import DeployedPipeline, commands, console_link
from aurora_restore.shared.operation_state import OperationState
from aurora_restore.shared.sequences import RETIRE, ROLL_BACK
from aurora_restore.shared.target_record import TargetRecord

FAILED_STATUS: Final = "failed"
_RESTORE: Final = "restore"
_KINDS: Final = {RETIRE.name: "retirement", ROLL_BACK.name: "roll-back"}


def failure_notice(
    failure: Failure,
    *,
    state: OperationState | None,
    is_own: bool,
    error_details: Mapping[str, Any],
    restore: str | None,
    deployment: DeployedPipeline,
    moment: datetime,
    record: TargetRecord | None = None,
    later: LaterOperation | None = None,
) -> Notice:
    """Return the notice of an execution that has failed, timed out or been stopped.

    ``state`` is what is known of the operation, and ``is_own`` says whether the execution has
    worked on it; ``error_details`` are those that the step has recorded; ``record`` is the
    target's, and ``later`` the operation that came to it since.
    """
    kind = _KINDS.get(str(state and state.sequence), _RESTORE)
    at = failure.step or "its start"
    sentence = f"Aurora {kind} failed at {at}: {failure.reason}"
    now = _target_now(failure, state, record, later, is_own=is_own)
    name = restore or "unknown restore"
    failed = "FAILED" if kind == _RESTORE else f"{kind} FAILED"
    sequence = None if state is None else state.sequence
    failure = replace(failure, sequence=sequence)
    ways_on = tuple(
        commands(failure, error_details, deployment, restore=restore, sequence=sequence)
    )
    what_to_do = failure.remedy.what_to_do(error_details)
    cause = cause_of(failure, error_details)
    return Notice(
        gist=" ".join((cause, *now.sentences)),
        next_steps=(what_to_do, *(f"{what}: `{command}`" for what, command in ways_on)),
        subject=subject_of(f"{deployment.name_prefix} {name}", f"{failed} at {at} - {now.short}"),
        text=sections(
            f"The {kind} {name} of {deployment.name_prefix} failed at {at}.",
            [
                ("Why", [paragraph(f"{cause} ({failure.error_type})")]),
                ("Obstacles", [bullets(obstacles(error_details))]),
                ("The target now", [paragraph(" ".join(now.sentences))]),
                ("What to do", _what_to_do(failure, what_to_do, ways_on)),
                ("The operation", [bullets(_identity(failure, state))]),
            ],
        ),
        document={
            "operation_id": failure.operation_id,
            "status": FAILED_STATUS,
            "message": sentence,
            "details": {
                **failure.details(error_details),
                "restore": restore,
                **facts_of_target(state if is_own else None),
            },
            "timestamp": timestamp(moment),
        },
    )


def _target_now(
    failure: Failure,
    state: OperationState | None,
    record: TargetRecord | None,
    later: LaterOperation | None,
    *,
    is_own: bool,
) -> TargetNow:
    """Return what the target is now; an execution that has not got to work has changed nothing."""
    if failure.step is None:
        return UNCHANGED
    if state is None:
        return UNREADABLE
    if is_own:
        return target_now(state, failure.operation_id, record, later)
    return UNCHANGED if failure.is_over and failure.is_refusal else AT_WORK


def facts_of_target(state: OperationState | None) -> dict[str, str]:
    """Return what the JSON says of the target, and of the new cluster's quarantine."""
    if state is None or state.target_lock is None:
        return {}
    target = state.target_lock[-1]
    return facts_of(state, target, state.new_cluster_id or target)


def cause_of(failure: Failure, error_details: Mapping[str, Any]) -> str:
    """Return the cause in one sentence; obstacles are listed by themselves."""
    reason = failure.reason
    if error_details.get("obstacles"):
        reason = reason.partition(": ")[0]
    first, space, rest = reason.partition(" ")
    is_name = not first.isalpha()
    return sentence(f"{first if is_name else begun(first)}{space}{rest}")


def obstacles(error_details: Mapping[str, Any]) -> Iterator[str]:
    """Yield each obstacle of the preflight checks with what removes it."""
    for each in error_details.get("obstacles") or ():
        if isinstance(each, Mapping):
            yield f"{each.get('problem')}; {each.get('remedy')} (check: {each.get('check')})"


def _what_to_do(
    failure: Failure, what_to_do: str, ways_on: Sequence[tuple[str, str]]
) -> Sequence[str]:
    blocks = [paragraph(what_to_do)]
    for what, command in ways_on:
        blocks.append(f"{paragraph(what)}:\n{verbatim(command)}")
    if link := console_link(failure.execution_arn):
        blocks.append(f"{paragraph('The execution in the console')}:\n{verbatim(link)}")
    return blocks


def _identity(failure: Failure, state: OperationState | None) -> Iterator[str]:
    yield f"Operation: {failure.operation_id}"
    yield f"Execution: {failure.execution_arn} ({failure.execution_status})"
    if state is not None:
        yield from origin(state)
        yield from users_of_copy(state)
