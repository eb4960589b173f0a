"""The order of the steps in a run, declared once for each kind of run.

``pipeline.STEPS`` declares what each step is; a sequence declares what follows it. One step may
stand in several sequences, with another successor in each. The state machine, ``start_at``, the
progress display and the tables of the documentation read the sequence.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from aurora_restore.shared.pipeline import (
    AFTER_RUN,
    AFTER_SETUP,
    BEFORE_REPLACE,
    STEP_NAMES,
    STEPS,
    Hook,
    get_step,
)


@dataclass(frozen=True, kw_only=True)
class LeadBack:
    """Where a run continues when the operation that a step waits for, or builds on, has failed."""

    to: str
    """The step that begins again; from there the run comes to the waiting step once more."""
    attempts_of: str
    """The step that starts the operation. How often it has done so is limited."""


@dataclass(frozen=True, kw_only=True)
class Transition:
    """What follows one step of a sequence."""

    step: str
    next: str | None
    """The step that follows when this one is done; None where the run ends."""
    lead_back: LeadBack | None = None
    """What happens when the operation it builds on has failed; None where the step fails, too."""
    entry: bool = True
    """Whether ``start_at`` may name it."""


@dataclass(frozen=True, kw_only=True)
class StepSequence:
    """The steps of one kind of run. The first transition is where a run begins.

    A step may also stand beside the way from the first step to the end, where only a lead-back
    comes to it. Raises ValueError with every fault of the declaration.
    """

    name: str
    purpose: str
    transitions: tuple[Transition, ...]
    asked_by: str | None = None
    """The field of a start event that asks for it; None where `target.strategy` decides."""
    hooks: tuple[tuple[str, Hook], ...] = ()
    """The hooks of its runs, each with the step that has it called. The step is called again
    afterwards, unless a hook may fail: then the run ends with it."""
    gives_way: bool = False
    """Whether it is no matter if a run of it comes later. It leaves a target that another operation
    works on as it is, and is done; and an operation that finds it at work waits for it."""

    def __post_init__(self) -> None:
        """Refuse a declaration that no run could follow."""
        if faults := list(_faults(self)):
            raise ValueError(f"the sequence {self.name!r}: " + "; ".join(faults))

    @property
    def is_refresh(self) -> bool:
        """Return whether a run of it gives the target other data."""
        return self.asked_by is None

    @cached_property
    def steps(self) -> tuple[str, ...]:
        """Return the names of the steps, in the order of their declaration."""
        return tuple(each.step for each in self.transitions)

    @property
    def first(self) -> str:
        """Return the step that a run begins with."""
        return self.transitions[0].step

    @property
    def entry_points(self) -> tuple[str, ...]:
        """Return the steps that ``start_at`` may name."""
        return tuple(each.step for each in self.transitions if each.entry)

    def next_of(self, step: str) -> str | None:
        """Return the step that follows ``step``, or None if the run ends with it."""
        return self._by_step[step].next

    def hook_of(self, step: str) -> Hook | None:
        """Return the hook that ``step`` has called; None if it has none."""
        return dict(self.hooks).get(step)

    def lead_back_of(self, step: str) -> LeadBack | None:
        """Return where a failed operation leads back to from ``step``; None if nowhere."""
        transition = self._by_step.get(step)
        return None if transition is None else transition.lead_back

    def path_from(self, step: str) -> tuple[str, ...]:
        """Return the steps of a run that is entered at ``step`` and never led back."""
        path: list[str] = []
        following: str | None = step
        while following is not None:
            path.append(following)
            following = self.next_of(following)
        return tuple(path)

    @cached_property
    def _by_step(self) -> dict[str, Transition]:
        return {each.step: each for each in self.transitions}


def _faults(sequence: StepSequence) -> Iterator[str]:
    """Yield every reason for which no run could follow a sequence."""
    steps = [each.step for each in sequence.transitions]
    named = {*steps, *(name for each in sequence.transitions for name in _named(each))}
    unknown = sorted(named - set(STEP_NAMES))
    absent = sorted(named - set(steps) - set(unknown))
    twice = sorted({step for step in steps if steps.count(step) > 1})
    if not steps:
        yield "it has no step"
    if unknown:
        yield f"the pipeline has no step {', '.join(unknown)}"
    if absent:
        yield f"a transition leads to {', '.join(absent)}, which has no transition"
    if twice:
        yield f"there are two transitions of {', '.join(twice)}"
    if not steps or unknown or absent or twice:
        return
    yield from _faults_of_hooks(sequence)
    if endless := [step for step in steps if not _ends(sequence, step)]:
        yield f"no end is reached from {', '.join(endless)}"
        return
    if unreached := [step for step in steps if step not in _reached(sequence)]:
        yield f"nothing leads to {', '.join(unreached)}"
    if sequence.first not in sequence.entry_points:
        yield f"the first step, {sequence.first}, is no entry"
    for each in sequence.transitions:
        if each.lead_back is not None:
            yield from _faults_of_lead_back(sequence, each.step, each.lead_back)


def _faults_of_hooks(sequence: StepSequence) -> Iterator[str]:
    for step, hook in sequence.hooks:
        if step not in sequence.steps:
            yield f"the hook {hook.name} belongs to {step}, which has no transition"
        elif hook.may_fail and sequence.next_of(step) is not None:
            yield f"the hook {hook.name} may fail, and {step} does not end a run"
        elif not hook.may_fail and not get_step(step).waits:
            yield f"{step} has the hook {hook.name} called, but never waits"


def _named(transition: Transition) -> Iterator[str]:
    """Yield the other steps that a transition names."""
    if transition.next is not None:
        yield transition.next
    if transition.lead_back is not None:
        yield transition.lead_back.to
        yield transition.lead_back.attempts_of


def _ends(sequence: StepSequence, step: str) -> bool:
    seen: set[str] = set()
    following: str | None = step
    while following is not None and following not in seen:
        seen.add(following)
        following = sequence.next_of(following)
    return following is None


def _reached(sequence: StepSequence) -> set[str]:
    found: set[str] = set()
    open_ends = [sequence.first]
    while open_ends:
        for step in sequence.path_from(open_ends.pop()):
            if step not in found:
                found.add(step)
                back = sequence.lead_back_of(step)
                open_ends.extend([back.to] if back else [])
    return found


def _faults_of_lead_back(sequence: StepSequence, step: str, back: LeadBack) -> Iterator[str]:
    path = sequence.path_from(back.to)
    again = path[: path.index(step)] if step in path else ()
    if not again:
        yield f"{step} leads back to {back.to}, which is not before it"
    elif back.attempts_of not in again:
        yield f"{step} counts the attempts of {back.attempts_of}, which is not begun again"
    if not get_step(step).waits:
        yield f"{step} leads back, but never waits"


_HAND_OVER_FAILED: Final = LeadBack(to="check-restore-status", attempts_of="check-restore-status")
"""What is to be done about a cluster that has become unusable, that step decides."""

# From the snapshot to a cluster that is set up. Where the target is replaced, delete-rds deletes
# it; where it is switched, what earlier runs have left beside it, to make room.
_RESTORE: Final = (
    Transition(step="snapshot-check", next="copy-snapshot"),
    Transition(step="copy-snapshot", next="check-copy-status"),
    Transition(
        step="check-copy-status",
        next="delete-rds",
        lead_back=LeadBack(to="copy-snapshot", attempts_of="copy-snapshot"),
    ),
    Transition(step="delete-rds", next="check-delete-status"),
    Transition(
        step="check-delete-status",
        next="restore-snapshot",
        lead_back=LeadBack(to="delete-rds", attempts_of="delete-rds"),
    ),
    Transition(step="restore-snapshot", next="check-restore-status"),
    Transition(
        step="check-restore-status",
        next="setup-db-users",
        lead_back=LeadBack(to="delete-rds", attempts_of="restore-snapshot"),
    ),
    # The master password may be changed between the two steps: it is set again then.
    Transition(
        step="setup-db-users",
        next="hand-over",
        lead_back=LeadBack(to="check-restore-status", attempts_of="check-restore-status"),
    ),
)

_END: Final = (
    Transition(step="archive-snapshot", next="put-back-access"),
    # RDS sets another master password here, so that nothing may log in with the secret's after it.
    Transition(step="put-back-access", next="sns-notification"),
    Transition(step="sns-notification", next=None),
)

REPLACE: Final = StepSequence(
    name="replace",
    purpose="Deletes the target and restores it from the day's snapshot.",
    hooks=(
        ("delete-rds", BEFORE_REPLACE),
        ("hand-over", AFTER_SETUP),
        ("sns-notification", AFTER_RUN),
    ),
    transitions=(
        *_RESTORE,
        Transition(step="hand-over", next="archive-snapshot", lead_back=_HAND_OVER_FAILED),
        *_END,
    ),
)

SWITCH: Final = StepSequence(
    name="switch",
    purpose="Restores a cluster beside the target, proves it, and gives it the target's name.",
    hooks=(
        ("hand-over", AFTER_SETUP),
        ("switch-cluster", BEFORE_REPLACE),
        ("sns-notification", AFTER_RUN),
    ),
    transitions=(
        *_RESTORE,
        Transition(step="hand-over", next="switch-cluster", lead_back=_HAND_OVER_FAILED),
        # Until the switch has begun, a cluster that has become unusable is restored again.
        Transition(
            step="switch-cluster",
            next="verify-switch",
            lead_back=LeadBack(to="delete-rds", attempts_of="restore-snapshot"),
        ),
        Transition(step="verify-switch", next="archive-snapshot"),
        *_END,
    ),
)

ROLL_BACK: Final = StepSequence(
    name="roll-back",
    purpose="Gives the target's name back to the cluster that served before the last switch.",
    asked_by="roll_back",
    # Nothing may stand in the way of going back.
    hooks=(("sns-notification", AFTER_RUN),),
    transitions=(
        Transition(step="switch-cluster", next="verify-switch"),
        Transition(step="verify-switch", next="put-back-access"),
        Transition(step="put-back-access", next="sns-notification"),
        Transition(step="sns-notification", next=None),
    ),
)

RETIRE: Final = StepSequence(
    name="retire",
    purpose="Deletes the clusters beside the target whose time has come.",
    asked_by="retire",
    gives_way=True,
    transitions=(
        Transition(step="delete-rds", next="check-delete-status"),
        Transition(
            step="check-delete-status",
            next="sns-notification",
            lead_back=LeadBack(to="delete-rds", attempts_of="delete-rds"),
        ),
        Transition(step="sns-notification", next=None),
    ),
)

SEQUENCES: Final = (REPLACE, SWITCH, ROLL_BACK, RETIRE)

_BY_NAME: Final = {each.name: each for each in SEQUENCES}

ENTRY_POINTS: Final = tuple(
    dict.fromkeys(step for sequence in SEQUENCES for step in sequence.entry_points)
)
"""Every value that ``start_at`` may have."""


def get_sequence(name: str) -> StepSequence:
    """Return the sequence called ``name``. Raise KeyError if there is none."""
    return _BY_NAME[name]


def followers_of(step: str) -> tuple[str | None, ...]:
    """Return what follows a step, in the order of the sequences and each once.

    None stands for the end of a run. What is first is what the state machine continues with unless
    the step says otherwise.
    """
    return tuple(dict.fromkeys(each.next_of(step) for each in SEQUENCES if step in each.steps))


def hooks_of(step: str) -> tuple[Hook, ...]:
    """Return the hooks that a step may have called, each once."""
    found = (each.hook_of(step) for each in SEQUENCES)
    return tuple(dict.fromkeys(hook for hook in found if hook is not None))


CALLING_STATES: Final[Mapping[str, tuple[str, str | None]]] = {
    **{step.state_name: (step.name, None) for step in STEPS},
    **{
        state: (step.name, called)
        for step in STEPS
        for hook in hooks_of(step.name)
        for state, called in (
            (hook.state_name(step), hook.name),
            (hook.record_name(step), None),
        )
    },
}
"""The states that call something, each with its step, and with the hook that it calls, if any."""


def called_before(step: str) -> tuple[str, ...]:
    """Return the steps that a run may have called last when it calls a step: itself first."""
    others = (
        each for each in STEP_NAMES if step in followers_of(each) or step in lead_backs_of(each)
    )
    return tuple(dict.fromkeys((step, *others)))


def lead_backs_of(step: str) -> tuple[str, ...]:
    """Return the steps that a step may lead back to, each once."""
    backs = (each.lead_back_of(step) for each in SEQUENCES)
    return tuple(dict.fromkeys(back.to for back in backs if back is not None))
