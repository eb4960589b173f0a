"""The statements of a SQL script, read with sqlglot's tokenizer of PostgreSQL's SQL.

Nothing here decides what a script may do: PostgreSQL does. A script that the tokenizer cannot read
counts as one statement.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from sqlglot.dialects.postgres import Postgres
from sqlglot.errors import TokenError
from sqlglot.tokenizer_core import Token, TokenType

from aurora_restore.shared.documents.sql_script import DeployedScript, ScriptStatement

_RETURNING_ROWS: Final = frozenset({"SELECT", "WITH", "VALUES", "TABLE", "EXECUTE", "("})
_OPENING: Final = frozenset({"(", "["})
_CLOSING: Final = frozenset({")", "]"})


class _Tokenizer(Postgres.Tokenizer):
    """The tokenizer of every statement: sqlglot's own leaves some commands as they are written."""

    COMMANDS: ClassVar[set[TokenType]] = set()


@dataclass(frozen=True)
class ParsedStatement:
    """A statement with its words and signs, without comments."""

    line: int
    sql: str
    words: tuple[str, ...]
    """Each word and sign in capital letters; quoted text as it is written."""

    @property
    def command(self) -> str:
        """Return its first word."""
        return self.words[0]

    @property
    def returns_rows(self) -> bool:
        """Return whether it looks like one that returns rows."""
        return self.command in _RETURNING_ROWS or "RETURNING" in self.words


def read_statements(sql: str) -> list[ParsedStatement] | None:
    """Return the statements of a script; None if the tokenizer cannot read it."""
    try:
        tokens = _Tokenizer().tokenize(sql)
    except TokenError:
        return None
    return [_statement(sql, group) for group in _groups(sql, tokens)]


def deployed_script(script: bytes) -> DeployedScript:
    """Return a script as it is deployed."""
    sql = script.decode()
    found = read_statements(sql)
    if found is None:
        statements: tuple[ScriptStatement, ...] = (ScriptStatement(1, "", False, sql),)
    else:
        statements = tuple(
            ScriptStatement(each.line, each.command, each.returns_rows, each.sql) for each in found
        )
    return DeployedScript(hashlib.sha256(script).hexdigest(), statements)


def _groups(sql: str, tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """Yield the tokens of each statement.

    A semicolon ends none within parentheses (CREATE RULE has some there) or within the body of a
    function that is written in SQL: BEGIN ATOMIC … END, with CASE … END in it.
    """
    group: list[Token] = []
    depth = body = 0
    for token in tokens:
        word = _word(sql, token)
        if token.token_type is TokenType.SEMICOLON and depth == 0 and body == 0:
            if group:
                yield group
            group = []
            continue
        depth += (word in _OPENING) - (word in _CLOSING and depth > 0)
        if word == "ATOMIC" and group and _word(sql, group[-1]) == "BEGIN":
            body = 1
        elif body:
            body += (word == "CASE") - (word == "END")
        group.append(token)
    if group:
        yield group


def _statement(sql: str, group: Sequence[Token]) -> ParsedStatement:
    start, end = group[0].start, group[-1].end + 1
    return ParsedStatement(
        group[0].line, sql[start:end], tuple(_word(sql, token) for token in group)
    )


def _word(sql: str, token: Token) -> str:
    text = sql[token.start : token.end + 1]
    return text if text[:1] in "'\"$" else text.upper()
