"""Changes of privileges: each made as the role that may make it, many in one transaction.

A grant locks what it names until the transaction ends, and the lock table of a server is limited.
So the changes are committed in batches. What is left after the last batch that was committed is
found by looking again.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Final

from aurora_restore.shared.postgres.connection import DatabaseSession, explained, identifier
from aurora_restore.shared.postgres.membership import acting_as, find_strangers

MOST_OBJECTS: Final = 500
"""How many objects the changes of one transaction name. PostgreSQL has at least 10 locks for each
of its connections, and 64 by default."""
MOST_ACTORS: Final = 20
"""As how many roles the changes of one transaction are made."""


@dataclass(frozen=True)
class Change:
    """A statement, and the role that may run it."""

    actor: str
    statement: str
    objects: int = 1
    """How many objects it names."""


class TimeLimit:
    """The time that work may take; a batch that has begun is finished."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._end = clock() + seconds

    @property
    def reached(self) -> bool:
        """Return whether the time is up."""
        return self._clock() >= self._end


def make_changes(session: DatabaseSession, changes: Iterable[Change], limit: TimeLimit) -> bool:
    """Make the changes in batches, each in a transaction; return False where some are left.

    One batch at least is made, however little time there is. Raises DatabaseError naming the role
    whose statements PostgreSQL refuses.
    """
    ordered = sorted(changes, key=attrgetter("actor"))
    # Looked up once: with thousands of roles each question takes long.
    strangers = find_strangers(session, {change.actor for change in ordered}, to_become=True)
    for number, batch in enumerate(_batches(ordered)):
        if number > 0 and limit.reached:
            return False
        joined = sorted({change.actor for change in batch} & strangers.keys())
        with session.transaction(), acting_as(session, joined, to_become=True):
            for actor, own in groupby(batch, key=attrgetter("actor")):
                _make(session, actor, [change.statement for change in own])
    return True


def _make(session: DatabaseSession, actor: str, statements: Sequence[str]) -> None:
    """Run statements as a role, in one message.

    As a mere member of two roles, the master user could not say which of them revokes.
    """
    message = "; ".join((f"SET LOCAL ROLE {identifier(actor)}", *statements, "SET LOCAL ROLE NONE"))
    with explained(f"privileges that depend on role {actor!r} could not be changed"):
        session.run(message)


def _batches(changes: Sequence[Change]) -> Iterator[list[Change]]:
    """Yield the changes, as many together as one transaction may hold."""
    batch: list[Change] = []
    for change in changes:
        objects = sum(each.objects for each in batch) + change.objects
        actors = {each.actor for each in batch} | {change.actor}
        if batch and (objects > MOST_OBJECTS or len(actors) > MOST_ACTORS):
            yield batch
            batch = []
        batch.append(change)
    if batch:
        yield batch
