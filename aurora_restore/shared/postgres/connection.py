"""Sessions with the restored PostgreSQL: over TLS, verified against a CA bundle."""

import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Self

import pg8000.native
from pg8000.exceptions import DatabaseError as PgDatabaseError
from pg8000.exceptions import InterfaceError

from aurora_restore.shared.errors import ConfigurationError, DatabaseConnectionError, DatabaseError

identifier = pg8000.native.identifier
literal = pg8000.native.literal

CONNECT_TIMEOUT_SECONDS: Final = 10
APPLICATION_NAME: Final = "aurora-restore"

# SQLSTATEs, from appendix A of the PostgreSQL documentation.
INSUFFICIENT_PRIVILEGE: Final = "42501"
INVALID_AUTHORIZATION: Final = "28000"
INVALID_PASSWORD: Final = "28P01"  # noqa: S105 - an error code
UNIQUE_VIOLATION: Final = "23505"


def sqlstate(error: PgDatabaseError) -> str:
    """The five-letter code by which PostgreSQL names an error."""
    report = error.args[0] if error.args else None
    return str(report.get("C", "")) if isinstance(report, dict) else ""


def describe(error: PgDatabaseError) -> str:
    """SQLSTATE and primary message; never the detail, which may quote rows."""
    report = error.args[0] if error.args else None
    if not isinstance(report, dict):
        return str(error)
    return f"{report.get('C', '?')}: {report.get('M', '')}"


@dataclass(frozen=True)
class Login:
    """Who logs in. The password stays out of every ``repr``."""

    user: str
    password: str

    def __repr__(self) -> str:
        return f"Login({self.user!r})"


class Session:
    """One connection. Every statement commits by itself outside of ``transaction``."""

    def __init__(self, connection: pg8000.native.Connection) -> None:
        self.connection = connection

    def run(self, sql: str, **parameters: Any) -> list[list[Any]]:
        """Run one statement; parameters are bound, and known in the text as ``:name``.

        Raises pg8000's DatabaseError, told apart by ``sqlstate``.
        """
        return list(self.connection.run(sql, **parameters) or [])

    def column(self, sql: str, **parameters: Any) -> list[Any]:
        """The first column of what a query answers."""
        return [row[0] for row in self.run(sql, **parameters)]

    def scalar(self, sql: str, **parameters: Any) -> Any:
        """The only value that a query answers."""
        return self.run(sql, **parameters)[0][0]

    def version(self) -> int:
        """The server's version, which is 160004 for 16.4."""
        return int(self.scalar("SELECT current_setting('server_version_num')"))

    @contextmanager
    def transaction(self) -> Iterator[Self]:
        """Commit all or nothing."""
        self.run("BEGIN")
        try:
            yield self
        except BaseException:
            self.run("ROLLBACK")
            raise
        self.run("COMMIT")


@dataclass(frozen=True)
class Server:
    """The restored cluster's writer endpoint."""

    host: str
    port: int
    ca_bundle: str
    """The certificate authorities, as PEM text."""

    @contextmanager
    def session(
        self, login: Login, database: str, *, application_name: str = APPLICATION_NAME
    ) -> Iterator[Session]:
        """A session that ends with the block. Raises DatabaseConnectionError."""
        session = self.connect(login, database, application_name=application_name)
        try:
            yield session
        finally:
            close(session)

    def connect(
        self, login: Login, database: str, *, application_name: str = APPLICATION_NAME
    ) -> Session:
        """Log in. The server's certificate must be signed by ``ca_bundle`` for ``host``.

        Raises DatabaseConnectionError, with ``sqlstate`` where PostgreSQL answered at all.
        """
        try:
            connection = pg8000.native.Connection(
                login.user,
                host=self.host,
                port=self.port,
                database=database,
                password=login.password,
                ssl_context=_tls(self.ca_bundle),
                timeout=CONNECT_TIMEOUT_SECONDS,
                application_name=application_name,
            )
        except PgDatabaseError as error:
            raise DatabaseConnectionError(
                f"{login.user!r} could not log in to database {database!r} at "
                f"{self.host}:{self.port}: {describe(error)}",
                sqlstate=sqlstate(error),
            ) from error
        except (InterfaceError, OSError) as error:
            raise DatabaseConnectionError(
                f"{self.host}:{self.port} could not be reached: {error}; the function's security "
                "groups must reach the cluster's, and its certificate must be in the CA bundle",
            ) from error
        # The timeout guards the log-in alone: a statement may take longer.
        connection._usock.settimeout(None)
        return Session(connection)

    def accepts(self, login: Login, database: str) -> bool:
        """Whether this login succeeds; an unreachable server still raises."""
        try:
            with self.session(login, database):
                return True
        except DatabaseConnectionError as error:
            if error.details.get("sqlstate"):
                return False
            raise


def close(session: Session) -> None:
    """End a session, whatever state its connection is in."""
    try:
        session.connection.close()
    except (InterfaceError, OSError):
        return


def _tls(ca_bundle: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cadata=ca_bundle)
    except ssl.SSLError as error:
        raise ConfigurationError(f"the CA bundle is not a PEM file: {error}") from error


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn a refused statement into a DatabaseError that says what was being done."""
    try:
        yield
    except PgDatabaseError as error:
        raise DatabaseError(f"{what}: {describe(error)}", sqlstate=sqlstate(error)) from error
    except (InterfaceError, OSError) as error:
        raise DatabaseConnectionError(f"{what}: the connection was lost: {error}") from error


def identifiers(names: Sequence[str]) -> str:
    """Names as a quoted list."""
    return ", ".join(identifier(name) for name in names)
