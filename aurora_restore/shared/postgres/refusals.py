"""What PostgreSQL refuses, in words that quote no value of the database.

An error's detail may quote a row, and so may its message: "invalid input syntax for type integer:
…", "syntax error in tsquery: …", or what a function of the database raises. A message is shown only
where it can be about nothing but the text of a statement, objects, locks or resources. In place of
any other there are the name of the condition, and those of the constraint, column and table; the
message itself is in the cluster's own log. Every text of an error is made here.
"""

from typing import Any, Final

from pg8000.exceptions import DatabaseError as PgDatabaseError
from pg8000.native import literal

from aurora_restore.shared.postgres.conditions import CONDITIONS

# SQLSTATEs, from appendix A of the PostgreSQL documentation.
INSUFFICIENT_PRIVILEGE: Final = "42501"
INVALID_PASSWORD: Final = "28P01"  # noqa: S105 - an error code
LOCK_NOT_AVAILABLE: Final = "55P03"
OUT_OF_MEMORY: Final = "53200"
UNIQUE_VIOLATION: Final = "23505"

_WITHOUT_VALUES: Final = (
    *("0A", "0L", "0P", "25", "28", "2B", "2D", "40", "53", "55", "57"),
    *("42501", "42701", "42710", "42723", "42804", "42809"),
    *("42P04", "42P06", "42P07", "42P16", "42P17"),
)
"""How the SQLSTATEs begin whose messages name objects and settings, and never data."""
_OF_THE_TEXT: Final = (*_WITHOUT_VALUES, "3D", "3F", "42")
"""The same, for an error that has a position in the text of the statement.

Without one, such an error may come from a value: a cast to regclass finds no table of that name.
"""
_OF_DATA: Final = ("22", "23")
"""The classes whose errors name the constraint, the column and the table."""

# The context (field W) of an error has a line for each function that is at work, the last one for
# the outermost. These two are of the pipeline's own blocks.
_OWN_BLOCK: Final = "inline_code_block"
_OWN_STATEMENT: Final = 'SQL statement "'

# What ``raising_again`` lets the detail of an error say.
_SHOWN: Final = "raised again with a message to show"
_HIDDEN: Final = "raised again with a message that may quote values"

SQL_REFUSAL: Final = f"""concat(SQLSTATE, CASE WHEN SQLSTATE ~ '^({"|".join(_OF_THE_TEXT)})'
    THEN concat(': ', SQLERRM) END)"""
"""What ``describe`` returns, as an expression of a handler in PL/pgSQL, for statements that read no
row and call no function of the database."""


def sqlstate(error: PgDatabaseError) -> str:
    """Return the five-character code by which PostgreSQL names an error, or an empty string."""
    return str(_report(error).get("C", ""))


def describe(error: PgDatabaseError) -> str:
    """Return an error's SQLSTATE, and what can be said of it without a value of the database."""
    report = _report(error)
    code = str(report.get("C", "?"))
    place = f"{report['H']}: " if report.get("D") in (_SHOWN, _HIDDEN) and "H" in report else ""
    if code.startswith(_shown_codes(report)):
        return f"{place}{code}: {report.get('M', '')}"
    condition = f" ({CONDITIONS[code]})" if code in CONDITIONS else ""
    return f"{place}{code}{condition}{_names(report)}"


def runs_in_function(error: PgDatabaseError) -> bool:
    """Return whether an error comes out of a function, such as that of a trigger.

    PostgreSQL then reports where in the function it was (field ``W``).
    """
    return "W" in _report(error)


def may_be_shown(code: str, context: str, statement: str, started: str = "false") -> str:
    """Return the condition that the message of a caught error quotes no value.

    All are expressions of PL/pgSQL: ``code`` is the SQLSTATE, ``context`` PG_EXCEPTION_CONTEXT,
    ``statement`` the text that was executed, and ``started`` whether that was a cursor's, which was
    opened without an error. In whatever language, the context has one line for where it was
    executed, one for the statement unless the error has a position in its text or the cursor is
    open, and one for each function below.
    """
    rest = f"pg_catalog.replace({context}, {statement}, '')"
    lines = f"pg_catalog.cardinality(pg_catalog.string_to_array({rest}, E'\\n'))"
    return f"""(CASE
        WHEN {lines} OPERATOR(pg_catalog.=) 1 AND NOT {started} THEN {_begins(code, _OF_THE_TEXT)}
        WHEN {lines} OPERATOR(pg_catalog.=) CASE WHEN {started} THEN 1 ELSE 2 END
            THEN {_begins(code, _WITHOUT_VALUES)}
        ELSE false
    END)"""


def _begins(code: str, beginnings: tuple[str, ...]) -> str:
    pattern = f"^({'|'.join(beginnings)})"
    return f"{code} OPERATOR(pg_catalog.~) {literal(pattern)}"


def raising_again(place: str, statement: str, started: str = "false") -> str:
    """Return what a handler in PL/pgSQL does to raise what it has caught so that it says where.

    ``place`` is the expression for what comes before the error in its description; for the others
    see ``may_be_shown``.
    """
    return f"""DECLARE
    caught_message pg_catalog.text;
    caught_context pg_catalog.text;
    caught_schema pg_catalog.text;
    caught_table pg_catalog.text;
    caught_column pg_catalog.text;
    caught_constraint pg_catalog.text;
BEGIN
    GET STACKED DIAGNOSTICS
        caught_message = MESSAGE_TEXT,
        caught_context = PG_EXCEPTION_CONTEXT,
        caught_schema = SCHEMA_NAME,
        caught_table = TABLE_NAME,
        caught_column = COLUMN_NAME,
        caught_constraint = CONSTRAINT_NAME;
    RAISE EXCEPTION USING
        ERRCODE = SQLSTATE,
        MESSAGE = caught_message,
        DETAIL = CASE WHEN {may_be_shown("SQLSTATE", "caught_context", statement, started)}
            THEN {literal(_SHOWN)} ELSE {literal(_HIDDEN)} END,
        HINT = {place},
        SCHEMA = caught_schema,
        TABLE = caught_table,
        COLUMN = caught_column,
        CONSTRAINT = caught_constraint;
END;"""


def _report(error: PgDatabaseError) -> dict[str, Any]:
    report = error.args[0] if error.args else None
    return report if isinstance(report, dict) else {}


def _shown_codes(report: dict[str, Any]) -> tuple[str, ...]:
    """Return how the SQLSTATE of an error begins if its message can be shown."""
    if report.get("D") == _SHOWN:
        return _OF_THE_TEXT
    *below, last = str(report.get("W", "")).split("\n")
    is_own = not last or _OWN_BLOCK in last
    if report.get("D") == _HIDDEN or not is_own or len(below) > 1:
        return ()
    if below and not below[0].startswith(_OWN_STATEMENT):
        return ()
    return _OF_THE_TEXT if "P" in report or "p" in report else _WITHOUT_VALUES


def _names(report: dict[str, Any]) -> str:
    """Return what an error of the data names, as far as there is anything."""
    if not str(report.get("C", "")).startswith(_OF_DATA):
        return ""
    table = ".".join(report[field] for field in ("s", "t") if report.get(field))
    named = [
        f"{kind} {report[field]}"
        for kind, field in (("constraint", "n"), ("column", "c"))
        if report.get(field)
    ]
    of_table = [f"of {table}"] if table else []
    said = " ".join([*named, *of_table])
    return f", {said}" if said else ""
