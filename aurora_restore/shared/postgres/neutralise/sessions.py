"""Sessions in which production's triggers do not take part, and what is refused in them."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from pg8000.exceptions import DatabaseError as PgDatabaseError

from aurora_restore.shared.errors import DatabaseError, InvalidPasswordError
from aurora_restore.shared.postgres.access import DatabaseAccess
from aurora_restore.shared.postgres.connection import DatabaseSession
from aurora_restore.shared.postgres.neutralise.wiring import Remnant
from aurora_restore.shared.postgres.refusals import describe

PASSING: Final = ("", "08", "57")
"""How SQLSTATEs begin that say nothing of a database: the connection failed, or the server is
starting or stopping."""


@contextmanager
def quiet_session(access: DatabaseAccess, database: str | None = None) -> Iterator[DatabaseSession]:
    """Log in for the time of the block, as a replica where the master user may set that.

    An event trigger of production that refuses or records statements does not fire then.
    """
    with access.session(database) as session:
        with suppress(PgDatabaseError):
            session.run("SET session_replication_role = replica")
        yield session


@contextmanager
def noting(what: str, refusals: list[Remnant]) -> Iterator[None]:
    """Append what PostgreSQL refuses in the block to ``refusals``, and continue after it.

    A connection that fails, or a master password that is wrong, is raised.
    """
    try:
        yield
    except PgDatabaseError as error:
        refusals.append(Remnant(what, describe(error)))
    except DatabaseError as error:
        code = str(error.details.get("sqlstate") or "")
        if isinstance(error, InvalidPasswordError) or code[:2] in PASSING:
            raise
        refusals.append(Remnant(what, error.message))
