"""An application that logs in to the target's name again and again, whatever is done to it.

It finds the target as one does that knows its endpoint: the name leads to whichever cluster has it
at the moment, and nowhere while none has. At each attempt it also tries one of production's
passwords.
"""

import itertools
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from aurora_restore.proof.client_checks import ClientAttempt, Data
from aurora_restore.shared.errors import DatabaseConnectionError, DatabaseError
from aurora_restore.shared.postgres.connection import (
    DatabaseLogin,
    DatabaseServer,
    DatabaseSession,
    explained,
    identifier,
)

_PAUSE_SECONDS: Final = 0.1
_MORE: Final = 5
_PATIENCE_SECONDS: Final = 60.0
_NAME: Final = "shop"
"""What it calls itself in its sessions."""
_MARKS: Final = "SELECT to_regclass(:old) IS NOT NULL, to_regclass(:new) IS NOT NULL"
_DATA: Final = {(True, False): Data.OLD, (False, True): Data.NEW}


class ClientError(RuntimeError):
    """The client could not go on; a refusal is no such error."""


@dataclass(frozen=True, kw_only=True)
class WhatToLookAt:
    """How the client recognises on which data it is, and whether it is masked."""

    database: str
    old_table: str
    """A table that only the old data has."""
    new_table: str
    """A table that only the new data has."""
    masked: Mapping[str, Sequence[str]]
    """Columns by table of the new data, of which it may see no original value."""
    originals: frozenset[str]


class Client:
    """It works in a thread of its own, from the beginning of ``at_work`` to its end."""

    def __init__(
        self,
        server: DatabaseServer,
        application: DatabaseLogin,
        strangers: Sequence[DatabaseLogin],
        look_at: WhatToLookAt,
    ) -> None:
        self.server: Final = server
        self._application = application
        self._strangers = itertools.cycle(strangers)
        self._look_at = look_at
        self._attempts: list[ClientAttempt] = []
        self._over = threading.Event()
        self._error: Exception | None = None

    @property
    def attempts(self) -> tuple[ClientAttempt, ...]:
        """Every attempt so far."""
        return tuple(self._attempts)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Let it work for the time of the block. Raises ClientError if it could not go on."""
        thread = threading.Thread(target=self._work, name=_NAME, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()
        if self._error is not None:
            raise ClientError(f"The client could not go on: {self._error}") from self._error

    def await_attempts(self) -> None:
        """Wait until it has made some more, of which the last began after this call."""
        wanted = len(self._attempts) + _MORE
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while len(self._attempts) < wanted and self._error is None:
            if time.monotonic() >= deadline:
                raise ClientError(f"The client made too few attempts in {_PATIENCE_SECONDS:g} s.")
            time.sleep(_PAUSE_SECONDS)

    def _work(self) -> None:
        try:
            self._attempts.append(self.attempt())
            while not self._over.wait(_PAUSE_SECONDS):
                self._attempts.append(self.attempt())
        except Exception as error:
            self._error = error

    def attempt(self) -> ClientAttempt:
        """Log in and look, and let the next of production's logins try; each may be refused."""
        began = datetime.now(UTC)
        look_at, stranger = self._look_at, next(self._strangers)
        data, values = None, frozenset[str]()
        try:
            with (
                self.server.session(
                    self._application, look_at.database, application_name=_NAME
                ) as session,
                explained("the data could not be read"),
            ):
                data, values = self._look(session)
        except DatabaseError:
            pass
        ended = datetime.now(UTC)
        return ClientAttempt(
            began=began,
            ended=ended,
            data=data,
            values=len(values),
            originals=len(values & look_at.originals),
            stranger=stranger.user,
            stranger_let_in=self._lets_in(stranger),
        )

    def _look(self, session: DatabaseSession) -> tuple[Data, frozenset[str]]:
        """Return on which data it is, and every value that it sees in a column that is masked."""
        look_at = self._look_at
        ((old, new),) = session.run(_MARKS, old=look_at.old_table, new=look_at.new_table)
        if not new:
            return _DATA.get((old, new), Data.UNKNOWN), frozenset()
        values = (
            value
            for table, columns in look_at.masked.items()
            for column in columns
            for value in session.column(f"SELECT {identifier(column)}::text FROM {table}")  # noqa: S608
            if value is not None
        )
        return _DATA.get((old, new), Data.UNKNOWN), frozenset(values)

    def _lets_in(self, stranger: DatabaseLogin) -> bool | None:
        """Return whether this login succeeds; None while nobody answers."""
        try:
            return self.server.accepts(stranger, self._look_at.database)
        except DatabaseConnectionError:
            return None
