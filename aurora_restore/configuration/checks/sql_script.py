"""What can be checked of a SQL script without a server: what no script may contain."""

import re
from collections.abc import Iterator
from typing import Final

# https://www.postgresql.org/docs/current/sql-syntax-lexical.html
_HIDDEN: Final = re.compile(
    r"""
      [eE]'(?:[^'\\]|\\.|'')*'
    | '(?:[^']|'')*'
    | "(?:[^"]|"")*"
    | \$(?P<tag>(?:[^\W\d]\w*)?)\$.*?\$(?P=tag)\$
    | --[^\n]*
    """,
    re.VERBOSE | re.DOTALL,
)
"""Quoted text and comments to the end of a line."""
_SHOWN: Final = re.compile(r"[^\W\d][\w$]*|.", re.DOTALL)
"""A word, which may have a `$` in it, or a single character."""
_COMMENT_MARK: Final = re.compile(r"/\*|\*/")
_ENDS: Final = re.compile(r"(?:COMMIT|ABORT|ROLLBACK(?! (?:(?:WORK|TRANSACTION) )?TO\b))\b")


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
    shown = "".join(_shown(sql))
    if not shown.strip(" \t\r\n;"):
        yield "has no statement: write one, or leave the script out"
    if (place := shown.find("\\")) >= 0:
        yield f"line {_line(shown, place)}: this is a command of psql, not SQL; remove it"
        return
    for statement in re.finditer(r"[^;\s][^;]*", shown):
        words = " ".join(statement[0].split()[:3]).upper()
        if _ENDS.match(words):
            yield (
                f"line {_line(shown, statement.start())}: ends its own transaction; "
                f"remove {words.split()[0]}"
            )


def _shown(sql: str) -> Iterator[str]:
    """Yield the script without its comments and quoted text, line by line as it was."""
    place = 0
    while place < len(sql):
        if sql.startswith("/*", place):
            end = _behind_comment(sql, place)
        elif hidden := _HIDDEN.match(sql, place):
            end = hidden.end()
        elif sql[place] not in "'\"" and (shown := _SHOWN.match(sql, place)):
            yield shown[0]
            place = shown.end()
            continue
        else:
            return  # A quote is not closed, so what follows it cannot be read.
        yield " " + "\n" * sql.count("\n", place, end)
        place = end


def _behind_comment(sql: str, place: int) -> int:
    """Return the end of a comment, which may have others in it."""
    depth = 0
    for mark in _COMMENT_MARK.finditer(sql, place):
        depth += 1 if mark[0] == "/*" else -1
        if depth == 0:
            return mark.end()
    return len(sql)


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1
