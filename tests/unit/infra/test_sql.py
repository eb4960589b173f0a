"""A script is refused for what it cannot hold, and for nothing that is quoted."""

import pytest

from aurora_restore.configuration.checks.sql_script import faults_of_script
from aurora_restore.configuration.sql_text import deployed_script
from aurora_restore.shared.documents.sql_script import DeployedScript


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE a SET b = 'x; COMMIT;'",
        "UPDATE a SET b = E'\\'; COMMIT; --';",
        "UPDATE a SET b = U&'d\\0061t; COMMIT;';",
        "UPDATE a SET b = 'it''s; COMMIT;'",
        "UPDATE a SET b = '\\';",
        "UPDATE a SET b = 'a'\n'; COMMIT;'",
        "UPDATE a SET b = CASE WHEN c THEN 1 END; SELECT CASE WHEN true THEN 2\nEND",
        'SELECT "x; COMMIT;" FROM a',
        "DO $$ BEGIN ROLLBACK; END $$",
        "DO LANGUAGE plpgsql $tag$ BEGIN; $$; END $tag$",
        "DO $a$ SELECT $$; COMMIT; $$ $a$",
        "SELECT 1; -- ; COMMIT;",
        "SELECT 1; /* /* ; COMMIT; */ ; ROLLBACK; */",
        "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN a THEN 1 END; END;",
        "CREATE RULE r AS ON INSERT TO a DO ALSO (DELETE FROM b; DELETE FROM c); SELECT 1",
        "SELECT committed FROM a; SELECT 1",
        "SELECT a$b$c; SELECT 'é'",
        "SELECT 'not closed; COMMIT;",
        "RESET ALL; PREPARE p AS SELECT 1; EXECUTE p",
        "REFRESH MATERIALIZED VIEW CONCURRENTLY a; REPACK b",
    ],
)
def test_what_may_be_right_is_taken(sql: str) -> None:
    assert list(faults_of_script(sql.encode())) == []


@pytest.mark.parametrize(
    "command",
    [
        "COMMIT",
        "commit and chain",
        "END",
        "ABORT",
        "ROLLBACK",
        "ROLLBACK TO a",
        "SAVEPOINT a",
        "RELEASE a",
        "BEGIN",
        "START TRANSACTION",
        "PREPARE TRANSACTION 'x'",
        "COMMIT PREPARED 'x'",
    ],
)
def test_a_script_that_would_begin_or_end_a_transaction_is_refused(command: str) -> None:
    script = f"/* \n */ SELECT '\n;COMMIT' -- ; COMMIT\n;\n {command}\n;SELECT a$1$; --$1$"

    (said,) = faults_of_script(script.encode())

    assert said.startswith("line 5: the script runs as one transaction")
    assert said.rpartition("remove ")[2] in command.upper()


@pytest.mark.parametrize(
    ("script", "fault"),
    [
        (b"", "has no statement: write one, or leave it out"),
        (b"-- nothing\n/* ; */ ;\n", "has no statement: write one, or leave it out"),
        (b"SELECT '\xff'", "byte 8: not valid UTF-8; save it in UTF-8"),
        (b"\xef\xbb\xbfSELECT 1", "begins with a byte order mark: save it without one"),
        (b"SELECT 1;\n\\copy a FROM 'b'", "line 2: \\copy is a command of psql, not SQL"),
        (b"\\i other.sql\n", "line 1: \\i is a command of psql, not SQL; remove it"),
        (b"SELECT 1\n\\gset", "line 1: \\gset is a command of psql, not SQL; remove it"),
        (b"COPY a FROM STDIN;\n1\t2\n\\.\n", "line 1: COPY has no STDIN here"),
        (b"COPY a\nTO stdout", "line 1: COPY has no STDOUT here"),
        (b"DISCARD ALL", "line 1: DISCARD ALL cannot run in a transaction"),
        (b"UPDATE a SET b = 1;\nVACUUM a;", "line 2: VACUUM cannot run in a transaction"),
        (b"create database a", "line 1: CREATE DATABASE cannot run in a transaction"),
        (
            b"CREATE UNIQUE INDEX CONCURRENTLY a ON b (c)",
            "line 1: CREATE UNIQUE INDEX CONCURRENTLY cannot run in a transaction, and the "
            "whole script is one; remove CONCURRENTLY",
        ),
        (b"UPDTE a SET b = 1", "line 1: UPDTE is no command of PostgreSQL; did you mean UPDATE?"),
        (b"SET SESSION AUTHORIZATION a", "line 1: only a superuser may SET SESSION AUTHORIZATION"),
    ],
)
def test_what_must_fail_is_reported(script: bytes, fault: str) -> None:
    (said,) = faults_of_script(script)

    assert said.startswith(fault)


def test_a_script_is_deployed_as_its_statements_with_their_lines() -> None:
    sql = """-- masks
UPDATE a SET b = 'ü;';
WITH x AS (SELECT 1) SELECT * FROM x;

INSERT INTO a VALUES ($q$;$q$) RETURNING b; ;
CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END; DO $$ BEGIN; END $$ -- end
"""

    made = deployed_script(sql.encode())

    assert [(each.line, each.command, each.returns_rows, each.sql) for each in made.statements] == [
        (2, "UPDATE", False, "UPDATE a SET b = 'ü;'"),
        (3, "WITH", True, "WITH x AS (SELECT 1) SELECT * FROM x"),
        (5, "INSERT", True, "INSERT INTO a VALUES ($q$;$q$) RETURNING b"),
        (
            6,
            "CREATE",
            False,
            "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END",
        ),
        (6, "DO", False, "DO $$ BEGIN; END $$"),
    ]
    assert DeployedScript.from_json(made.to_json()) == made


def test_what_the_tokenizer_cannot_read_is_deployed_whole() -> None:
    (statement,) = deployed_script(b"SELECT 1; SELECT 'not closed").statements

    assert statement.sql == "SELECT 1; SELECT 'not closed"
