"""Status transitions: the statuses that a resource passes through during an operation."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from embedded_aws.rds.scheduler import ScheduledAction, Scheduler


class Operation(StrEnum):
    """An operation whose next status transition a test can override."""

    CREATE_CLUSTER = "create-cluster"
    CREATE_INSTANCE = "create-instance"
    CREATE_SNAPSHOT = "create-snapshot"
    COPY_SNAPSHOT = "copy-snapshot"
    RESTORE_CLUSTER = "restore-cluster"
    RESET_MASTER_CREDENTIALS = "reset-master-credentials"
    MODIFY_SECURITY_GROUPS = "modify-security-groups"
    RENAME_CLUSTER = "rename-cluster"
    STOP_CLUSTER = "stop-cluster"
    START_CLUSTER = "start-cluster"
    DELETE_INSTANCE = "delete-instance"
    DELETE_CLUSTER = "delete-cluster"


@dataclass(frozen=True)
class StatusPhase:
    """One status and how long it lasts."""

    status: str
    seconds: float


@dataclass(frozen=True)
class StatusTransition:
    """The status phases of an operation and the status it ends in."""

    phases: tuple[StatusPhase, ...]
    final: str

    @classmethod
    def spread(cls, statuses: Sequence[str], seconds: float, final: str) -> Self:
        """Return a transition whose statuses share the duration equally."""
        share = seconds / len(statuses) if statuses else 0.0
        return cls(tuple(StatusPhase(status, share) for status in statuses), final)

    @property
    def seconds(self) -> float:
        """How long it takes in all; infinite if it never ends."""
        return math.fsum(phase.seconds for phase in self.phases)


def _nothing() -> None:
    return


@dataclass(frozen=True)
class Modification:
    """One change: the status it shows, how long it takes, and what it then makes true."""

    name: str
    transition: StatusTransition
    apply: Callable[[], None] = _nothing


@dataclass(frozen=True, kw_only=True)
class TransitionOverride:
    """What the next operation of a kind does instead; ``None`` is the default."""

    final: str | None = None
    statuses: tuple[str, ...] | None = None
    seconds: float | None = None
    never_ends: bool = False


class TransitionOverrides:
    """Overrides that tests have asked for, each used once, in order."""

    def __init__(self) -> None:
        self._waiting: dict[Operation, list[TransitionOverride]] = {}

    def add(self, operation: Operation, override: TransitionOverride, times: int = 1) -> None:
        """Use this override for the next ``times`` operations of the kind."""
        self._waiting.setdefault(operation, []).extend([override] * times)

    def clear(self) -> None:
        """Remove every override."""
        self._waiting.clear()

    def apply(self, operation: Operation, default: StatusTransition) -> StatusTransition:
        """Return the transition of an operation that begins now."""
        waiting = self._waiting.get(operation)
        if not waiting:
            return default
        override = waiting.pop(0)
        seconds = math.inf if override.never_ends else override.seconds
        statuses = override.statuses or tuple(phase.status for phase in default.phases)
        return StatusTransition.spread(
            statuses,
            default.seconds if seconds is None else seconds,
            override.final or default.final,
        )


class RunningTransition:
    """A status transition in progress; it can be cancelled."""

    def __init__(
        self,
        schedule: Scheduler,
        apply: StatusTransition,
        *,
        show: Callable[[str], None],
        done: Callable[[str], None],
    ) -> None:
        self._schedule = schedule
        self._remaining = list(apply.phases)
        self._final = apply.final
        self._show = show
        self._done = done
        self._next: ScheduledAction | None = None
        self.running = True
        self._step()

    def _step(self) -> None:
        if not self.running:
            return
        if not self._remaining:
            self.running = False
            self._done(self._final)
            return
        phase = self._remaining.pop(0)
        self._show(phase.status)
        self._next = self._schedule.after(phase.seconds, self._step)

    def cancel(self) -> None:
        """Stop before the next status."""
        self.running = False
        if self._next is not None:
            self._next.cancel()
