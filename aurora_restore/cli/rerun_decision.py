"""How an operation that has failed is continued, or why it must not be: a decision on facts."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from aurora_restore.cli.errors import RefusedCommand
from aurora_restore.shared.errors import HOLDER, Action
from aurora_restore.shared.failed_execution import ABORTED, Failure, entry_after
from aurora_restore.shared.later_operation import LaterOperation
from aurora_restore.shared.pipeline import get_step
from aurora_restore.shared.sequences import REPLACE, RETIRE, StepSequence
from aurora_restore.shared.target_lock import Holder


@dataclass(frozen=True, kw_only=True)
class RerunFacts:
    """What is known before the decision."""

    operation_id: str
    sequence: StepSequence
    is_over: bool
    """Whether its execution has ended, and has not been redriven since."""
    failure: Failure | None
    """How it failed; None if it has succeeded, or is under way."""
    error_details: Mapping[str, Any] = field(default_factory=dict)
    has_state: bool = True
    """Whether the state table still has what the operation knows."""
    restore: str | None = None
    target: str | None = None
    worker: Holder | None = None
    """Who works on the target now."""
    later: LaterOperation | None = None
    """The operation that has come to the target since."""


@dataclass(frozen=True, kw_only=True)
class Redrive:
    """The failed execution continues at the state that failed."""

    step: str | None
    before: str
    """What helps only if it has been done before; empty where nothing is known."""
    reason: str
    question: str | None = None
    """What a person has to confirm first; None where it may go on without."""


@dataclass(frozen=True, kw_only=True)
class Resume:
    """A new execution of the same operation enters at a step."""

    step: str
    before: str
    reason: str
    question: str | None = None


Rerun = Redrive | Resume | RefusedCommand

_STOPPED: Final = "It was stopped by hand, and goes on from there."


def decide(facts: RerunFacts) -> Rerun:
    """Return how an operation is continued.

    That is never done beside another run, after a later one, or against the error's own remedy.
    """
    name, failure = facts.operation_id, facts.failure
    if not facts.is_over:
        return RefusedCommand(reason=f"Operation {name} is under way.", command=("watch", name))
    if failure is None:
        return RefusedCommand(
            reason=f"Operation {name} has succeeded: each step would find its work done. To "
            "refresh the target again, start a new one.",
            command=_start(facts),
        )
    if (refusal := _by_others(facts)) is not None:
        return refusal
    if failure.execution_status == ABORTED:
        return _go_on_after_stop(facts, failure)
    return _by_remedy(facts, failure)


def _by_others(facts: RerunFacts) -> RefusedCommand | None:
    """Return the refusal where another operation has, or has had, the target."""
    if facts.later is not None:
        return _left_to(facts.later, facts)
    worker = facts.worker
    if worker is None or worker.gives_way:
        return None
    other = "another execution or call" if worker.operation_id == facts.operation_id else "it"
    return RefusedCommand(
        reason=f"Operation {worker.operation_id} is at work on {facts.target}. Wait until {other} "
        "is over. If that has refreshed the target, nothing is left to do.",
        command=("watch", worker.operation_id),
    )


def _left_to(later: LaterOperation, facts: RerunFacts) -> RefusedCommand:
    """Return the refusal where another operation has come to the target since."""
    if later.refreshed_at is None:
        reason = (
            f"Operation {later.id} has taken over {facts.target} since, and has not come to its "
            f"end. To continue {facts.operation_id} would undo what that one has done: continue "
            "that one if it has failed, or start a new operation."
        )
    else:
        reason = (
            f"Operation {later.id} has refreshed {facts.target} since. To continue "
            f"{facts.operation_id} would replace that with other data. Nothing has to be done; "
            "start a new operation to refresh the target again."
        )
    return RefusedCommand(reason=reason, command=("show", later.id))


def _go_on_after_stop(facts: RerunFacts, failure: Failure) -> Rerun:
    if failure.is_redrivable:
        return Redrive(step=failure.step, before="", reason=_STOPPED)
    if failure.step is None or failure.step == facts.sequence.first:
        return RefusedCommand(
            reason="It was stopped before it had done anything, and cannot be redriven any more. "
            "Start a new one.",
            command=_start(facts),
        )
    return _resume(facts, entry_after(failure.step, facts.sequence), "", _STOPPED)


def _by_remedy(facts: RerunFacts, failure: Failure) -> Rerun:
    remedy = replace(failure, sequence=facts.sequence.name).remedy
    failed = f"It failed at {failure.step or 'its start'} with {failure.error_type}."
    match remedy.action:
        case Action.REDRIVE:
            question = _question(facts, failure.step, remedy.first)
            return Redrive(step=failure.step, before=remedy.first, reason=failed, question=question)
        case Action.RESUME:
            return _resume(facts, str(remedy.step), remedy.first, failed)
        case Action.START_AGAIN:
            instead = _start(facts)
        case Action.WAIT:
            holder = facts.error_details.get(HOLDER)
            instead = ("show", str(holder)) if holder else ("list",)
        case Action.NOTHING:
            instead = ("list",)
    return RefusedCommand(
        reason=f"{failed} {remedy.what_to_do(facts.error_details)}".strip(), command=instead
    )


def _resume(facts: RerunFacts, step: str, before: str, reason: str) -> Rerun:
    """Return the way in at a step, which has to be one that the operation's sequence enters at."""
    if not facts.has_state:
        return RefusedCommand(
            reason=f"{reason} What the operation knew is no longer in the state table, so no step "
            "could continue it. Start a new one.",
            command=_start(facts),
        )
    if step in facts.sequence.entry_points:
        question = _question(facts, step, before)
        return Resume(step=step, before=before, reason=reason, question=question)
    return RefusedCommand(
        reason=f"{reason} {before} An operation of the kind {facts.sequence.name!r} has no step "
        f"{step} to continue at: start a new one.",
        command=_start(facts),
    )


def _question(facts: RerunFacts, step: str | None, before: str) -> str | None:
    """Return what is asked where something has to be done before, and a cluster may be deleted.

    Whether it has been done, only a person knows. A run that is past the deletion can harm nobody:
    what a lead-back has deleted then is what the operation itself has restored.
    """
    sequence = facts.sequence
    if not before:
        return None
    deletes = next((each for each in sequence.steps if get_step(each).deletes_clusters), None)
    if deletes is None:
        return None
    ahead = sequence.path_from(step) if step in sequence.steps else sequence.steps
    # The step that waits for the deletion has it begun again if it has failed.
    if not {deletes, sequence.next_of(deletes)}.intersection(ahead):
        return None
    what = facts.target if sequence is REPLACE else f"clusters beside {facts.target}"
    at = f"at {step or 'its start'}"
    then = "which" if step == deletes else f"and {deletes}"
    return f"Is that done? It goes on {at}, {then} may delete {what}. Continue?"


def _start(facts: RerunFacts) -> tuple[str, ...]:
    """Return the command that begins the same kind of operation again."""
    if facts.sequence is RETIRE:
        return ("list", "--all")
    word = "rollback" if facts.sequence.asked_by == "roll_back" else "start"
    return (word, facts.restore) if facts.restore else (word,)
