"""What can be checked of a SQL script without a server: what no script may contain.

It saves a deployment and a run. What it misses, PostgreSQL refuses when the script runs.
"""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Final

from aurora_restore.configuration.sql_text import ParsedStatement, read_statements

_TRANSACTION_COMMANDS: Final = frozenset(
    {"ABORT", "BEGIN", "COMMIT", "END", "RELEASE", "ROLLBACK", "SAVEPOINT"}
)
_TRANSACTION_PAIRS: Final = frozenset({("PREPARE", "TRANSACTION"), ("START", "TRANSACTION")})
_OUTSIDE_TRANSACTIONS: Final[tuple[tuple[str, ...], ...]] = (
    ("VACUUM",),
    ("ALTER", "SYSTEM"),
    ("CREATE", "DATABASE"),
    ("CREATE", "TABLESPACE"),
    ("DISCARD", "ALL"),
    ("DROP", "DATABASE"),
    ("DROP", "TABLESPACE"),
    ("REINDEX", "DATABASE"),
    ("REINDEX", "SYSTEM"),
)
"""How the commands begin that refuse to be in a transaction, whatever follows."""
_CONCURRENTLY: Final[tuple[tuple[str, ...], ...]] = (
    ("CREATE", "INDEX", "CONCURRENTLY"),
    ("CREATE", "UNIQUE", "INDEX", "CONCURRENTLY"),
    ("DROP", "INDEX", "CONCURRENTLY"),
    *(("REINDEX", kind, "CONCURRENTLY") for kind in ("INDEX", "TABLE", "SCHEMA")),
)
"""And those that refuse it because of their last word here."""
_COMMANDS: Final = (
    *("ABORT", "ALTER", "ANALYZE", "BEGIN", "CALL", "CHECKPOINT", "CLOSE", "CLUSTER", "COMMENT"),
    *("COMMIT", "COPY", "CREATE", "DEALLOCATE", "DECLARE", "DELETE", "DISCARD", "DO", "DROP"),
    *("END", "EXECUTE", "EXPLAIN", "FETCH", "GRANT", "IMPORT", "INSERT", "LISTEN", "LOAD", "LOCK"),
    *("MERGE", "MOVE", "NOTIFY", "PREPARE", "REASSIGN", "REFRESH", "REINDEX", "RELEASE", "RESET"),
    *("REVOKE", "ROLLBACK", "SAVEPOINT", "SECURITY", "SELECT", "SET", "SHOW", "START", "TABLE"),
    *("TRUNCATE", "UNLISTEN", "UPDATE", "VACUUM", "VALUES", "WITH"),
)
"""What a statement may begin with: https://www.postgresql.org/docs/current/sql-commands.html"""
_CLIENT_FILES: Final = frozenset({"STDIN", "STDOUT"})


def faults_of_script(script: bytes) -> Iterator[str]:
    """Yield every reason for which a script is certain to fail."""
    try:
        sql = script.decode()
    except UnicodeDecodeError as error:
        yield f"byte {error.start}: not valid UTF-8; save it in UTF-8"
        return
    if sql.startswith("\ufeff"):
        yield "begins with a byte order mark: save it without one"
        return
    statements = read_statements(sql)
    if statements is None:
        return
    if not statements:
        yield "has no statement: write one, or leave it out"
    for statement in statements:
        if fault := _fault(statement):
            yield f"line {statement.line}: {fault}"
            if "STDIN" in statement.words:
                return  # What follows are rows.


def faults_of_query(text: bytes) -> Iterator[str]:
    """Yield every reason for which a query cannot be the one of a check."""
    if faults := list(faults_of_script(text)):
        yield from faults
        return
    statements = read_statements(text.decode()) or []
    if len(statements) > 1:
        yield f"line {statements[1].line}: begins a second statement: a check is one query"
    elif statements and not statements[0].returns_rows:
        yield (
            f"a check is a query, and begins with SELECT, WITH, VALUES or TABLE, not with "
            f"{statements[0].command}"
        )


def _fault(statement: ParsedStatement) -> str | None:
    words = statement.words
    if "\\" in words:
        command = "\\" + "".join(words[words.index("\\") + 1 :][:1]).lower()
        return f"{command} is a command of psql, not SQL; remove it"
    if words[0] in _TRANSACTION_COMMANDS or words[:2] in _TRANSACTION_PAIRS:
        command = " ".join(words[:2] if words[:2] in _TRANSACTION_PAIRS else words[:1])
        return (
            "the script runs as one transaction, which it can neither begin nor end; remove "
            f"{command}"
        )
    if words[0] == "COPY" and (stream := next((w for w in words if w in _CLIENT_FILES), None)):
        return f"COPY has no {stream} here, because a script has no client; use INSERT, or a table"
    for opening in (*_OUTSIDE_TRANSACTIONS, *_CONCURRENTLY):
        if words[: len(opening)] == opening:
            removed = "CONCURRENTLY" if opening in _CONCURRENTLY else "it"
            return (
                f"{' '.join(opening)} cannot run in a transaction, and the whole script is one; "
                f"remove {removed}"
            )
    if words[:3] == ("SET", "SESSION", "AUTHORIZATION"):
        return "only a superuser may SET SESSION AUTHORIZATION; use SET ROLE"
    if words[0] not in _COMMANDS and (meant := get_close_matches(words[0], _COMMANDS, 1, 0.8)):
        return f"{words[0]} is no command of PostgreSQL; did you mean {meant[0]}?"
    return None
