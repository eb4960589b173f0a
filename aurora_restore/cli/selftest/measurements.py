"""What AWS does not document and one account can show: each as a question, with how to answer it.

Nothing here reads: the observations of a run are given, and each question makes an answer of them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any, Final

from aurora_restore.proof.client_checks import ClientAttempt, Data, find_interruption

RENAMING: Final = "renaming"


@dataclass(frozen=True, kw_only=True)
class ClusterLook:
    """One look at a cluster by its resource id, while its name changed hands."""

    at: datetime
    resource_id: str
    name: str | None
    """None where RDS found nothing under the resource id."""
    status: str | None


@dataclass(frozen=True, kw_only=True)
class SelfTestObservations:
    """What a run has seen, as far as it has come."""

    target: str = ""
    """The name of the target."""
    looks: Sequence[ClusterLook] = ()
    old_resource_id: str = ""
    new_resource_id: str = ""
    attempts: Sequence[ClientAttempt] = ()
    switched: Mapping[str, Any] = field(default_factory=dict)
    """What the pipeline has written about the switch."""
    certificate_of_name: bool | None = None
    """Whether a client that verifies the host name is let in after the switch."""
    snapshot_names: str | None = None
    """The cluster that a snapshot names which was taken before the switch."""
    slots_in_copy: Sequence[str] | None = None
    """The replication slots that the restored copy had."""
    worker_parameter: Mapping[str, Any] | None = None
    """The parameter ``max_logical_replication_workers`` as RDS describes it."""
    step_seconds: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """How long each step took, by the run."""


@dataclass(frozen=True, kw_only=True)
class MeasuredFact:
    """A question, and what the run has answered it with; None where it could not."""

    key: str
    question: str
    answer: str | None
    value: Any = None
    """The same for a program."""


Answer = tuple[str, Any] | None


@dataclass(frozen=True, kw_only=True)
class OpenQuestion:
    """A question that AWS does not answer, and how a run does."""

    key: str
    text: str
    answer: Callable[[SelfTestObservations], Answer]


def answers(seen: SelfTestObservations) -> list[MeasuredFact]:
    """Return every question with its answer."""
    facts = []
    for question in QUESTIONS:
        answer = question.answer(seen)
        text, value = answer if answer is not None else (None, None)
        facts.append(
            MeasuredFact(key=question.key, question=question.text, answer=text, value=value)
        )
    return facts


def _looks_at(seen: SelfTestObservations, resource_id: str) -> list[ClusterLook]:
    return [each for each in seen.looks if resource_id and each.resource_id == resource_id]


def _renames(seen: SelfTestObservations) -> Answer:
    """Return from the last look before a new name, or a status of renaming, to the first after."""
    seconds = {}
    for what, resource_id in (("old", seen.old_resource_id), ("new", seen.new_resource_id)):
        looks = _looks_at(seen, resource_id)
        changing = [
            number
            for number, (one, later) in enumerate(pairwise(looks))
            if later.status == RENAMING or one.name != later.name
        ]
        settled = (
            [each.at for each in looks[changing[-1] + 1 :] if each.status == "available"]
            if changing
            else []
        )
        if settled:
            seconds[what] = (settled[0] - looks[changing[0]].at).total_seconds()
    if len(seconds) < 2:
        return None
    text = f"{seconds['old']:.0f} s for the old cluster, {seconds['new']:.0f} s for the new one"
    return f"at most {text}", seconds


def _found_while_renaming(seen: SelfTestObservations) -> Answer:
    moved = [
        each
        for resource_id in (seen.old_resource_id, seen.new_resource_id)
        for each in _looks_at(seen, resource_id)
    ]
    if not moved:
        return None
    lost = [each for each in moved if each.name is None]
    during = sum(each.status == RENAMING for each in moved)
    if lost:
        return f"no: {len(lost)} of {len(moved)} looks found nothing", False
    return f"yes: at each of {len(moved)} looks, {during} of them while renaming", True


def _name_gap(seen: SelfTestObservations) -> Answer:
    old = [
        each.at
        for each in _looks_at(seen, seen.old_resource_id)
        if each.name not in (None, seen.target)
    ]
    new = [each.at for each in _looks_at(seen, seen.new_resource_id) if each.name == seen.target]
    if not old or not new:
        return None
    seconds = (new[0] - old[0]).total_seconds()
    return f"{seconds:.0f} s, to the {_pause(seen):.0f} s between two looks", seconds


def _pause(seen: SelfTestObservations) -> float:
    looks = _looks_at(seen, seen.new_resource_id)
    pairs = pairwise(looks)
    return max(((later.at - one.at).total_seconds() for one, later in pairs), default=0.0)


def _interruption(seen: SelfTestObservations) -> Answer:
    found = find_interruption(seen.attempts, Data.OLD, Data.NEW)
    if found is None:
        return None
    text = f"{found.seconds:.1f} s, to {found.granularity:.1f} s ({found.refused} attempts)"
    return text, found.seconds


def _certificate(seen: SelfTestObservations) -> Answer:
    if seen.certificate_of_name is None:
        return None
    if seen.certificate_of_name:
        return "yes: a client that verifies the host name is let in", True
    return "no: such a client is refused until the cluster has been stopped and started", False


def _snapshot(seen: SelfTestObservations) -> Answer:
    if seen.snapshot_names is None:
        return None
    kept = seen.snapshot_names == seen.target
    word = "the one at the time" if kept else "another"
    return f"{word}: {seen.snapshot_names}", seen.snapshot_names


def _slots(seen: SelfTestObservations) -> Answer:
    if seen.slots_in_copy is None:
        return None
    if not seen.slots_in_copy:
        return "no: the copy had none", []
    return f"yes: the copy had {', '.join(seen.slots_in_copy)}", list(seen.slots_in_copy)


def _workers(seen: SelfTestObservations) -> Answer:
    described = seen.worker_parameter
    if described is None:
        return None
    allowed, changes = described.get("AllowedValues"), described.get("IsModifiable")
    text = f"allowed are {allowed or 'values that RDS does not list'}, and it can"
    return f"{text}{'' if changes else 'not'} be changed", {
        "allowed": allowed,
        "modifiable": changes,
    }


def _durations(seen: SelfTestObservations) -> Answer:
    if not seen.step_seconds:
        return None
    said = [
        f"{run}: "
        + ", ".join(f"{step} {seconds:.0f} s" for step, seconds in steps.items() if seconds >= 1)
        for run, steps in seen.step_seconds.items()
    ]
    return "; ".join(said), {run: dict(steps) for run, steps in seen.step_seconds.items()}


QUESTIONS: Final = (
    OpenQuestion(
        key="rename_seconds",
        text="How long does it take to rename a cluster?",
        answer=_renames,
    ),
    OpenQuestion(
        key="found_while_renaming",
        text="Does RDS find a cluster by its resource id while it is being renamed?",
        answer=_found_while_renaming,
    ),
    OpenQuestion(
        key="name_gap_seconds",
        text="For how long has no cluster the target's name during a switch?",
        answer=_name_gap,
    ),
    OpenQuestion(
        key="interruption_seconds",
        text="For how long is an application refused during a switch?",
        answer=_interruption,
    ),
    OpenQuestion(
        key="certificate_of_name",
        text="Is the certificate of a cluster that has been renamed for its new name?",
        answer=_certificate,
    ),
    OpenQuestion(
        key="snapshot_names",
        text="Which cluster does a snapshot name once its cluster has been renamed?",
        answer=_snapshot,
    ),
    OpenQuestion(
        key="slots_in_copy",
        text="Does a cluster that is restored from a snapshot have the replication slots?",
        answer=_slots,
    ),
    OpenQuestion(
        key="worker_parameter",
        text="Can the parameter group of a cluster turn logical replication workers off?",
        answer=_workers,
    ),
    OpenQuestion(
        key="step_seconds",
        text="How long does each step of a run take?",
        answer=_durations,
    ),
)
"""What is asked of each run."""
