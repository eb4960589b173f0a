"""The mark by which a cluster says which operation has set it up: its journal.

Neither a certificate nor PostgreSQL's system identifier distinguishes two clusters that were
restored from the same snapshot. A journal's entries have the resource id of their cluster, and a
cluster that is restored from a snapshot of this one gets another.
"""

from enum import Enum, auto

from aurora_restore.shared.postgres import journal
from aurora_restore.shared.postgres.connection import DatabaseSession
from aurora_restore.shared.postgres.journal import JournalKey


class Mark(Enum):
    """What a cluster's journal says of an operation."""

    MISSING = auto()
    """This is another cluster, or nothing was done in this one yet."""
    BEGUN = auto()
    """The operation has done something in this very cluster."""
    SET_UP = auto()
    """It has done all that it does."""


def find_marks(session: DatabaseSession, *keys: JournalKey | None) -> tuple[Mark | None, ...]:
    """Return what the journal says for each key, as ``find_mark`` does; None for no key."""
    return tuple(None if key is None else find_mark(session, key) for key in keys)


def find_mark(session: DatabaseSession, key: JournalKey) -> Mark:
    """Return what the journal says; ``session`` is one with the master user's database.

    Raises JournalNotOwnError if something else is in the journal's place.
    """
    if not journal.exists(session):
        return Mark.MISSING
    entries = journal.entries(session, key)
    if journal.SET_UP in entries:
        return Mark.SET_UP
    return Mark.BEGUN if entries else Mark.MISSING
