"""The settings of a session that trusts nothing in the database it logs in to.

A snapshot brings functions, operators and tables that may be called instead of PostgreSQL's own,
and settings of roles and databases that would apply to every log-in. So a session's settings are
constants: they are sent with the log-in, where they take precedence over what ``ALTER ROLE`` and
``ALTER DATABASE`` have set, and once more as its first statement, because a trigger on logging in
(PostgreSQL 17) can have changed them meanwhile.
"""

from typing import Any, Final

from pg8000.native import literal

TRUSTED_SEARCH_PATH: Final = "SET search_path = pg_catalog, pg_temp"
"""Names without a schema are PostgreSQL's own.

``pg_temp`` is named because it would otherwise be searched first: a trigger on logging in could
have made a temporary table with the name of a catalog.
"""
DEFAULT_SEARCH_PATH: Final = "RESET search_path"
"""Names without a schema mean again what they mean in psql: for SQL that a user has written."""

_SETTINGS: Final = {
    "client_encoding": "UTF8",
    "default_tablespace": "",
    "default_transaction_deferrable": "off",
    "default_transaction_isolation": "read committed",
    "default_transaction_read_only": "off",
    "idle_in_transaction_session_timeout": "0",
    "lock_timeout": "0",
    "role": "none",
    # With "off" a backslash would end what a literal quotes.
    "standard_conforming_strings": "on",
    "statement_timeout": "0",
    "synchronous_commit": "on",
    "temp_tablespaces": "",
}
"""What the server knows since PostgreSQL 11, and every role may set."""
_NEWER_SETTINGS: Final = {
    "client_connection_check_interval": "0",
    "createrole_self_grant": "",
    "default_table_access_method": "heap",
    "idle_session_timeout": "0",
    "transaction_timeout": "0",
}
"""The same, of which an old server does not know each one; it would refuse the log-in."""
ORIGIN: Final = "origin"
"""The ``session_replication_role`` in which triggers and foreign keys work as usual."""


def settings_at_log_in(*, row_security: bool) -> dict[str, str]:
    """Return the settings that are sent with a log-in.

    The search path is not among them, so that ``DEFAULT_SEARCH_PATH`` leads to what roles and
    databases have set.
    """
    return {**_SETTINGS, "row_security": "on" if row_security else "off"}


def first_statement(*, row_security: bool) -> str:
    """Return the statements that make sure of all settings, sent as one message.

    Their only row begins with ``session_replication_role``, which not every role may set.
    """
    settings = settings_at_log_in(row_security=row_security)
    newer = ", ".join(
        f"({literal(name)}, {literal(value)})" for name, value in _NEWER_SETTINGS.items()
    )
    return "; ".join(
        (
            TRUSTED_SEARCH_PATH,
            *(f"SET {name} = {literal(value)}" for name, value in settings.items()),
            "SELECT current_setting('session_replication_role'), "
            "count(set_config(name, value, false)) "
            f"FROM (VALUES {newer}) AS newer (name, value) "
            "WHERE current_setting(name, true) IS NOT NULL",
        )
    )


def trust_nothing(connection: Any, *, row_security: bool) -> None:
    """Set everything that a session of the pipeline relies on. Raises pg8000's DatabaseError."""
    ((replication_role, _),) = connection.run(first_statement(row_security=row_security))
    if replication_role != ORIGIN:
        connection.run(f"SET session_replication_role = {ORIGIN}")
