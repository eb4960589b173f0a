"""Sessions with the restored PostgreSQL: over TLS, verified against a CA bundle."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Self

import pg8000.native
from pg8000.exceptions import DatabaseError as PgDatabaseError
from pg8000.exceptions import InterfaceError

from aurora_restore.shared.errors import (
    DatabaseConnectionError,
    DatabaseError,
    InvalidPasswordError,
)
from aurora_restore.shared.postgres.refusals import (
    INVALID_PASSWORD,
    describe,
    runs_in_function,
    sqlstate,
)
from aurora_restore.shared.postgres.session_settings import settings_at_log_in, trust_nothing
from aurora_restore.shared.postgres.tls import (
    find_certified_names,
    opened_socket,
    own_verifying_context,
    verifying_context,
)

identifier = pg8000.native.identifier
literal = pg8000.native.literal

CONNECT_TIMEOUT_SECONDS: Final = 10
APPLICATION_NAME: Final = "aurora-restore"


@dataclass(frozen=True)
class DatabaseLogin:
    """Who logs in. The password stays out of every ``repr``."""

    user: str
    password: str

    def __repr__(self) -> str:
        return f"DatabaseLogin({self.user!r})"


class DatabaseSession:
    """A session with one database. Outside of ``transaction`` every statement commits by itself."""

    def __init__(self, connection: pg8000.native.Connection) -> None:
        self.connection = connection

    def run(self, sql: str, **parameters: Any) -> list[list[Any]]:
        """Run one statement and return its rows; parameters are known in the text as ``:name``.

        Raises pg8000's DatabaseError, whose kind ``sqlstate`` returns.
        """
        return list(self.connection.run(sql, **parameters) or [])

    def column(self, sql: str, **parameters: Any) -> list[Any]:
        """Return the first column of a query's rows."""
        return [row[0] for row in self.run(sql, **parameters)]

    def scalar(self, sql: str, **parameters: Any) -> Any:
        """Return the only value of a query that has one row and one column."""
        return self.run(sql, **parameters)[0][0]

    def set_timeout(self, seconds: float | None) -> None:
        """Raise TimeoutError where the server takes longer for a statement; None is no limit."""
        self.connection._usock.settimeout(seconds)

    @cached_property
    def version(self) -> int:
        """The server's version, which is 160004 for 16.4; asked for once per session."""
        return int(self.scalar("SELECT current_setting('server_version_num')"))

    @contextmanager
    def transaction(self) -> Iterator[Self]:
        """Commit all statements of the block, or none of them where it raises."""
        self.run("BEGIN")
        try:
            yield self
        except BaseException:
            self.run("ROLLBACK")
            raise
        self.run("COMMIT")


@dataclass(frozen=True)
class DatabaseServer:
    """The endpoint of a cluster's writer or of an instance, and how to trust it."""

    host: str
    port: int
    ca_bundle: str
    """The certificate authorities, as PEM text."""
    open_connection: Callable[..., Any] = pg8000.native.Connection
    """What speaks to the server: pg8000's class, or what behaves like it."""
    certified_as: str | None = None
    """The name that the server's certificate must have, where that is not the host."""

    @contextmanager
    def session(
        self,
        login: DatabaseLogin,
        database: str,
        *,
        application_name: str = APPLICATION_NAME,
        row_security: bool = False,
    ) -> Iterator[DatabaseSession]:
        """Log in for the time of the block, as ``connect`` does."""
        session = self.connect(
            login, database, application_name=application_name, row_security=row_security
        )
        try:
            yield session
        finally:
            close(session)

    def connect(
        self,
        login: DatabaseLogin,
        database: str,
        *,
        application_name: str = APPLICATION_NAME,
        row_security: bool = False,
    ) -> DatabaseSession:
        """Log in to a session that trusts nothing, and leave it to the caller to ``close`` it.

        The server's certificate must be signed by ``ca_bundle`` for ``host``, or for
        ``certified_as``; nothing of the login is sent before. A statement from which a policy would
        hide rows is refused, unless ``row_security`` lets policies hide them as they do from an
        application. Raises InvalidPasswordError, or another DatabaseConnectionError, with
        ``sqlstate`` and ``user`` where PostgreSQL refused the log-in.
        """
        try:
            with self._way() as way:
                connection = self.open_connection(
                    login.user,
                    **way,
                    database=database,
                    password=login.password,
                    ssl_context=verifying_context(self.ca_bundle),
                    timeout=CONNECT_TIMEOUT_SECONDS,
                    application_name=application_name,
                    startup_params=settings_at_log_in(row_security=row_security),
                )
            try:
                trust_nothing(connection, row_security=row_security)
            except BaseException:
                close(DatabaseSession(connection))
                raise
        except PgDatabaseError as error:
            raise _refused_log_in(self, login, database, error) from error
        except (InterfaceError, OSError) as error:
            raise self._unreachable(error) from error
        session = DatabaseSession(connection)
        # The timeout guards the log-in alone: a statement may take longer.
        session.set_timeout(None)
        return session

    def find_certified_names(self, *, of_host: bool) -> tuple[str, ...] | None:
        """Return the names that the server's certificate has, which ``ca_bundle`` must have signed.

        None if ``of_host`` and it is not one for ``host``. Nobody logs in. Raises
        DatabaseConnectionError if there is no server, or its certificate cannot be trusted.
        """
        try:
            return find_certified_names(
                self.host,
                self.port,
                own_verifying_context(self.ca_bundle),
                CONNECT_TIMEOUT_SECONDS,
                of_host=of_host,
            )
        except OSError as error:
            raise self._unreachable(error) from error

    def accepts(self, login: DatabaseLogin, database: str) -> bool:
        """Return whether this login succeeds; raise DatabaseConnectionError without a server."""
        try:
            with self.session(login, database):
                return True
        except DatabaseConnectionError as error:
            if error.details.get("sqlstate"):
                return False
            raise

    @contextmanager
    def _way(self) -> Iterator[Mapping[str, Any]]:
        """Yield pg8000's arguments for the way to the server, whose certificate is for ``host``."""
        if self.certified_as is None:
            yield {"host": self.host, "port": self.port}
            return
        with opened_socket(self.host, self.port, CONNECT_TIMEOUT_SECONDS) as connected:
            yield {"host": self.certified_as, "sock": connected}

    def _unreachable(self, error: Exception) -> DatabaseConnectionError:
        return DatabaseConnectionError(
            f"{self.host}:{self.port} could not be reached: {error}; the function's security "
            "groups must reach the cluster's, and its certificate must be in the CA bundle",
        )


def close(session: DatabaseSession) -> None:
    """End a session, in whatever state its connection is."""
    try:
        session.connection.close()
    except (InterfaceError, OSError):
        return


def _refused_log_in(
    server: DatabaseServer, login: DatabaseLogin, database: str, error: PgDatabaseError
) -> DatabaseConnectionError:
    """Return the error for a log-in that PostgreSQL, or a trigger in the database, refuses."""
    code = sqlstate(error)
    kind = InvalidPasswordError if code == INVALID_PASSWORD else DatabaseConnectionError
    refusal = (
        f"{login.user!r} could not log in to database {database!r} at "
        f"{server.host}:{server.port}: {describe(error)}"
    )
    if runs_in_function(error):
        refusal += (
            "; a function of the database refuses it, which an event trigger on login runs, and "
            f"the cluster's log says why: let it accept {login.user!r} in the source, or disable "
            "it there (ALTER EVENT TRIGGER ... DISABLE)"
        )
    return kind(refusal, sqlstate=code, user=login.user)


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Raise what PostgreSQL refuses in the block as a DatabaseError that says what was being done.

    A connection that is lost in the block is raised as a DatabaseConnectionError.
    """
    try:
        yield
    except PgDatabaseError as error:
        raise DatabaseError(f"{what}: {describe(error)}", sqlstate=sqlstate(error)) from error
    except (InterfaceError, OSError) as error:
        raise DatabaseConnectionError(f"{what}: the connection was lost: {error}") from error


def identifiers(names: Sequence[str]) -> str:
    """Return names as a quoted list."""
    return ", ".join(identifier(name) for name in names)
