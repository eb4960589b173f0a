"""What can be checked of a SQL script without a server: what no script may contain.

It saves a deployment and a run. What it misses, PostgreSQL refuses when the script runs.
"""

from collections.abc import Iterator
from typing import Final

from aurora_restore.configuration.sql_text import ParsedStatement, read_statements

_TRANSACTION_COMMANDS: Final = frozenset(
    {"ABORT", "BEGIN", "COMMIT", "END", "RELEASE", "ROLLBACK", "SAVEPOINT"}
)
_TRANSACTION_PAIRS: Final = frozenset({("PREPARE", "TRANSACTION"), ("START", "TRANSACTION")})
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
        yield "has no statement: write one, or leave the script out"
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
        yield f"{statements[0].command} returns no rows: a check is a query"


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
    if words[:2] == ("DISCARD", "ALL"):
        return "DISCARD ALL cannot run in a transaction; remove it"
    if words[:3] == ("SET", "SESSION", "AUTHORIZATION"):
        return "only a superuser may SET SESSION AUTHORIZATION; use SET ROLE"
    return None
