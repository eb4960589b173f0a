"""A script is refused for what it cannot hold, and for nothing that is quoted."""

import pytest

from aurora_restore.configuration.checks.sql_script import faults_of_script


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE a SET b = 'x; COMMIT;'",
        "UPDATE a SET b = E'\\'; COMMIT; --';",
        "UPDATE a SET b = 'it''s; COMMIT;'",
        "UPDATE a SET b = '\\';",
        'SELECT "x; COMMIT;" FROM a',
        "DO $$ BEGIN ROLLBACK; END $$",
        "DO $a$ SELECT $$; COMMIT; $$ $a$",
        "SELECT 1; -- ; COMMIT;",
        "SELECT 1; /* /* ; COMMIT; */ ; ROLLBACK; */",
        "SAVEPOINT a; ROLLBACK TO a; rollback work to savepoint a; ROLLBACK\nTRANSACTION TO a;",
        "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END;",
        "SELECT committed FROM a; SELECT 1",
        "SELECT a$b$c; SELECT 'é'",
        "SELECT 'not closed; COMMIT;",
    ],
)
def test_what_may_be_right_is_taken(sql: str) -> None:
    assert list(faults_of_script(sql.encode())) == []


@pytest.mark.parametrize(
    ("script", "fault"),
    [
        (b"", "has no statement: write one, or leave the script out"),
        (b"-- nothing\n/* ; */ ;\n", "has no statement: write one, or leave the script out"),
        (b"SELECT '\xff'", "byte 8: not valid UTF-8; save it in UTF-8"),
        (b"\xef\xbb\xbfSELECT 1", "begins with a byte order mark: save it without one"),
        (b"SELECT 1;\n\\copy a FROM 'b'", "line 2: this is a command of psql, not SQL; remove it"),
        (b"SELECT 1;\nCOMMIT", "line 2: ends its own transaction; remove COMMIT"),
        (b"BEGIN; abort;", "line 1: ends its own transaction; remove ABORT"),
        (
            b"/* \n */ SELECT '\n';\n Rollback  work;",
            "line 4: ends its own transaction; remove ROLL",
        ),
        (b"SELECT a$1$; COMMIT; --$1$", "line 1: ends its own transaction; remove COMMIT"),
    ],
)
def test_what_must_fail_is_told(script: bytes, fault: str) -> None:
    (said,) = faults_of_script(script)

    assert said.startswith(fault)
