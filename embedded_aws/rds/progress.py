"""The statuses that an operation passes through, in time."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self


class Operation(StrEnum):
    """What a test can give another course than the usual one."""

    CREATE_CLUSTER = "create-cluster"
    CREATE_INSTANCE = "create-instance"
    CREATE_SNAPSHOT = "create-snapshot"
    COPY_SNAPSHOT = "copy-snapshot"
    RESTORE_CLUSTER = "restore-cluster"
    RESET_MASTER_CREDENTIALS = "reset-master-credentials"
    DELETE_INSTANCE = "delete-instance"
    DELETE_CLUSTER = "delete-cluster"


@dataclass(frozen=True)
class Phase:
    """One status and how long it lasts."""

    status: str
    seconds: float


@dataclass(frozen=True)
class Course:
    """The phases of an operation and the status it ends in."""

    phases: tuple[Phase, ...]
    final: str

    @classmethod
    def spread(cls, statuses: Sequence[str], seconds: float, final: str) -> Self:
        """The statuses share the duration equally."""
        share = seconds / len(statuses) if statuses else 0.0
        return cls(tuple(Phase(status, share) for status in statuses), final)

    @property
    def seconds(self) -> float:
        """How long it takes in all; infinite if it never ends."""
        return math.fsum(phase.seconds for phase in self.phases)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a test wants the next operation of a kind to do instead; ``None`` is as usual."""

    final: str | None = None
    statuses: tuple[str, ...] | None = None
    seconds: float | None = None
    never_ends: bool = False


class Outcomes:
    """Outcomes that tests have asked for, each used once, in order."""

    def __init__(self) -> None:
        self._waiting: dict[Operation, list[Outcome]] = {}

    def prepare(self, operation: Operation, outcome: Outcome, times: int = 1) -> None:
        """The next ``times`` operations of this kind take this outcome."""
        self._waiting.setdefault(operation, []).extend([outcome] * times)

    def clear(self) -> None:
        """Everything goes its usual course again."""
        self._waiting.clear()

    def course(self, operation: Operation, usual: Course) -> Course:
        """The course of an operation that begins now."""
        waiting = self._waiting.get(operation)
        if not waiting:
            return usual
        outcome = waiting.pop(0)
        seconds = math.inf if outcome.never_ends else outcome.seconds
        statuses = outcome.statuses or tuple(phase.status for phase in usual.phases)
        return Course.spread(
            statuses,
            usual.seconds if seconds is None else seconds,
            outcome.final or usual.final,
        )
