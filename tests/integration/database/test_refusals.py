"""What PostgreSQL says of a value is repeated nowhere, and what it says of a statement is."""

from collections.abc import Callable
from typing import Any

import pytest

from aurora_restore.configuration.sql_text import deployed_script
from aurora_restore.shared.errors import AfterMaskingError, AuroraRestoreError
from aurora_restore.shared.postgres.access import DatabaseAccess
from aurora_restore.shared.postgres.after_masking import (
    AnalyzeTables,
    RefreshViews,
    RewriteTables,
)
from aurora_restore.shared.postgres.conditions import CONDITIONS
from aurora_restore.shared.postgres.masking.checks import RunCheck
from aurora_restore.shared.postgres.masking.findings import find_result
from aurora_restore.shared.postgres.neutralise.everywhere import neutralise
from aurora_restore.shared.postgres.scripts import SqlScript, digest_of_scripts
from aurora_restore.shared.postgres.tasks import Task, start_task
from embedded_aws.rds.data_plane.builds import MAJORS
from tests.integration.database.conftest import (
    DATABASE,
    MASTER,
    OPERATION,
    SINCE_17,
    Restored,
)

CANARY = "canary@real.example"
ENOUGH_SECONDS = 20.0
EDGES = (MAJORS[0], MAJORS[-1])

# Each raises an error whose message quotes the value that it is given.
FUNCTIONS = """
CREATE FUNCTION refuses(value text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
    $$BEGIN RAISE EXCEPTION 'refused: %', value; END$$;
CREATE FUNCTION denies(value text) RETURNS text LANGUAGE plpgsql AS
    $$BEGIN RAISE EXCEPTION 'denied: %', value USING ERRCODE = '42501'; END$$;
CREATE FUNCTION looks(value text) RETURNS text LANGUAGE plpgsql AS
    $$BEGIN EXECUTE format('SELECT * FROM %I', value); RETURN value; END$$;
CREATE FUNCTION asserts(value text) RETURNS text LANGUAGE plpgsql AS
    $$BEGIN ASSERT false, value; END$$;
CREATE FUNCTION casts(value text) RETURNS regclass LANGUAGE sql AS 'SELECT CAST(value AS regclass)';
CREATE FUNCTION guards() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN RAISE EXCEPTION 'kept: %', old.email USING ERRCODE = '42501'; END$$;
CREATE FUNCTION passes(value text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
    $$BEGIN RETURN value; END$$
"""


def access(restored: Restored) -> DatabaseAccess:
    return DatabaseAccess(restored.server, MASTER, DATABASE, (DATABASE,), OPERATION)


def execute(restored: Restored, *statements: str) -> None:
    with restored.session(MASTER) as connection:
        for statement in statements:
            connection.run(statement)


@pytest.fixture(params=EDGES)
def restored(restored: Restored) -> Restored:
    """One whose first customer is the canary."""
    execute(restored, FUNCTIONS, f"UPDATE customers SET email = '{CANARY}' WHERE id = 1")
    return restored


def script(sql: str) -> SqlScript:
    return SqlScript(DATABASE, "mask.sql", deployed_script(sql.encode()))


def failure(restored: Restored, task: Task) -> str:
    with pytest.raises(AuroraRestoreError) as caught:
        start_task(access(restored), task, ENOUGH_SECONDS)
    return said(caught.value)


def said(error: AuroraRestoreError) -> str:
    """Return the message of an error, in which, and in its details, the canary is not."""
    assert CANARY not in f"{error!r} {error} {error.message} {error.details}"
    return error.message


FIRST = "FROM public.customers WHERE id = 1"


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        (f"SELECT email::int {FIRST}", "22P02 (invalid_text_representation)"),
        ("UPDATE customers SET id = email::int", "22P02 (invalid_text_representation)"),
        (f"SELECT email::regclass {FIRST}", "3F000 (invalid_schema_name)"),
        (f"CREATE TABLE t AS SELECT ('\"' || email || '\"')::regclass {FIRST}", "42P01 (undefined"),
        (f"SELECT ('\"' || email || '\"')::regclass {FIRST}", "42P01 (undefined_table)"),
        (f"SELECT to_tsquery('simple', email || ' b &') {FIRST}", "42601 (syntax_error)"),
        (f"CREATE TABLE t AS SELECT (email || ' b')::tsquery {FIRST}", "42601 (syntax_error)"),
        (f"SELECT refuses(email) {FIRST}", "P0001 (raise_exception)"),
        (f"SELECT denies(email) {FIRST}", "42501 (insufficient_privilege)"),
        (f"CREATE TABLE t AS SELECT denies(email) {FIRST}", "42501 (insufficient_privilege)"),
        (f"SELECT looks(email) {FIRST}", "42P01 (undefined_table)"),
        (f"CREATE TABLE t AS SELECT looks(email) {FIRST}", "42P01 (undefined_table)"),
        (f"SELECT asserts(email) {FIRST}", "P0004 (assert_failure)"),
        (f"SELECT casts(email) {FIRST}", "3F000 (invalid_schema_name)"),
        (
            f"DO $$ BEGIN RAISE EXCEPTION '%', (SELECT email {FIRST}) USING ERRCODE = '42501'; END "
            "$$",
            "42501 (insufficient_privilege)",
        ),
        (
            "CREATE TRIGGER guard BEFORE UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION "
            "guards();\nUPDATE customers SET email = ''",
            "42501 (insufficient_privilege)",
        ),
        (
            f"INSERT INTO customers SELECT id, email {FIRST}",
            "23505 (unique_violation), constraint customers_pkey of public.customers",
        ),
        (
            "ALTER TABLE customers ALTER email SET NOT NULL; "
            f"UPDATE customers SET email = NULL WHERE email = '{CANARY}'",
            "23502 (not_null_violation), column email of public.customers",
        ),
        (
            f"ALTER TABLE customers ADD CONSTRAINT no_canary CHECK (email <> '{CANARY}')",
            "23514 (check_violation), constraint no_canary of public.customers",
        ),
    ],
)
def test_what_is_said_of_a_value_in_a_script_is_not_repeated(
    restored: Restored, sql: str, reason: str
) -> None:
    line = sql.count("\n") + 1
    assert f"and was rolled back: line {line}: {reason}" in failure(restored, script(sql))


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("SELECT 1;\nSELECT * FROM missing", '42P01: relation "missing" does not exist'),
        ("SELECT 1;\nUPDATE missing SET a = 1", '42P01: relation "missing" does not exist'),
        ("SELECT 1;\nSELECT missing FROM customers", '42703: column "missing" does not exist'),
        ("SELECT 1;\nSELECT FROM FROM customers", '42601: syntax error at or near "FROM"'),
        ("SELECT 1;\nCREATE TABLE customers ()", '42P07: relation "customers" already exists'),
        ("SELECT 1;\nSELECT * FROM pg_authid", "42501: permission denied for table pg_authid"),
        ("SELECT 1;\nCOPY pg_authid TO STDOUT", "0A000: cannot COPY to/from client in PL/pgSQL"),
        ("SELECT 1;\nVACUUM customers", "25001: VACUUM cannot run inside a transaction block"),
    ],
)
def test_what_is_said_of_a_statement_in_a_script_is_repeated(
    restored: Restored, sql: str, reason: str
) -> None:
    assert f"line 2: {reason}" in failure(restored, script(sql))


def test_a_script_that_fails_in_a_function_is_explained_in_the_servers_log(
    restored: Restored,
) -> None:
    failure(restored, script(f"SELECT refuses(email) {FIRST}"))
    assert f"refused: {CANARY}" in restored.log.read_text()


@pytest.mark.parametrize(
    "function", ["refuses(email)", "denies(email)", "to_tsquery('simple', email || ' b &')::text"]
)
def test_what_a_materialized_view_says_of_a_value_is_not_repeated(
    restored: Restored, function: str
) -> None:
    query = f"SELECT CASE WHEN email = '{CANARY}' THEN {function} END FROM customers"
    execute(
        restored,
        "UPDATE customers SET email = NULL WHERE id = 1",
        f"CREATE MATERIALIZED VIEW copied AS {query}",
        f"UPDATE customers SET email = '{CANARY}' WHERE id = 1",
    )
    message = failure(restored, RefreshViews(DATABASE, digest_of_scripts(())))
    assert "refreshing materialized views failed" in message
    assert "public.copied: " in message


@pytest.mark.parametrize("task", [AnalyzeTables, RewriteTables])
def test_what_an_index_says_of_a_value_is_not_repeated(
    restored: Restored, task: Callable[..., Task]
) -> None:
    done = script("UPDATE customers SET email = email")
    execute(restored, "CREATE INDEX ON customers (passes(email))")
    start_task(access(restored), done, ENOUGH_SECONDS)
    refusal = "BEGIN RAISE EXCEPTION 'indexed: %', value USING ERRCODE = '42501'; END"
    execute(
        restored,
        "CREATE OR REPLACE FUNCTION passes(value text) RETURNS text LANGUAGE plpgsql IMMUTABLE "
        f"AS $${refusal}$$",
    )
    message = failure(restored, task(DATABASE, digest_of_scripts((done,))))
    assert "42501 (insufficient_privilege)" in message
    assert issubclass(AfterMaskingError, AuroraRestoreError)


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        (f"SELECT email::int {FIRST}", "22P02"),
        (f"SELECT refuses(email) {FIRST}", "P0001"),
        (f"SELECT denies(email) {FIRST}", "42501"),
        (f"SELECT looks(email) {FIRST}", "42P01"),
        (f"SELECT to_tsquery('simple', email || ' b &') {FIRST}", "42601"),
        (f"SELECT ('\"' || email || '\"')::regclass {FIRST}", "42P01"),
        ("SELECT missing FROM customers", '42703: column "missing" does not exist'),
        ("SELECT * FROM pg_authid", "42501: permission denied for table pg_authid"),
    ],
)
def test_what_a_check_says_of_a_value_is_not_repeated(
    restored: Restored, sql: str, reason: str
) -> None:
    check = RunCheck(DATABASE, "digest", "the check", sql)
    start_task(access(restored), check, ENOUGH_SECONDS)
    with access(restored).session() as session:
        result = find_result(session, OPERATION, check)
    assert said(check.judge(result.findings)).endswith(
        f"could not run in database {DATABASE!r}: {reason}"
    )


def test_what_a_trigger_on_statements_says_is_not_repeated(restored: Restored) -> None:
    refusal = f"BEGIN RAISE EXCEPTION '%', (SELECT email {FIRST}); END"
    execute(
        restored,
        "CREATE EXTENSION postgres_fdw",
        "CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw",
        "CREATE USER MAPPING FOR etl SERVER far",
    )
    restored.superuser.run(
        f"CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS $${refusal}$$; "
        "CREATE EVENT TRIGGER refuse_all ON ddl_command_start WHEN TAG IN ('DROP USER MAPPING') "
        "EXECUTE FUNCTION refuse(); "
        "ALTER EVENT TRIGGER refuse_all ENABLE ALWAYS",
        database=DATABASE,
    )

    (remaining,) = neutralise(access(restored), ()).remaining

    assert str(remaining) == f"etl at far in {DATABASE} (P0001 (raise_exception))"


@pytest.mark.parametrize("restored", SINCE_17[-1:], indirect=True)
def test_what_a_trigger_on_logging_in_says_is_not_repeated(restored: Restored) -> None:
    refusal = f"BEGIN RAISE EXCEPTION '%', (SELECT email {FIRST}); END"
    restored.superuser.run(
        f"CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS $${refusal}$$; "
        "CREATE EVENT TRIGGER refuse_all ON login EXECUTE FUNCTION refuse()",
        database=DATABASE,
    )
    message = failure(restored, script("SELECT 1"))
    assert "'postgres' could not log in" in message
    assert "P0001 (raise_exception)" in message


def test_every_condition_has_the_name_that_postgresql_gives_it(restored: Restored) -> None:
    raised: dict[str, Any] = {}
    with access(restored).session() as session:
        for code, name in CONDITIONS.items():
            session.run(
                f"DO $$ BEGIN RAISE {name}; EXCEPTION WHEN OTHERS OR assert_failure THEN "
                "PERFORM set_config('test.code', SQLSTATE, false); END $$"
            )
            raised[code] = session.scalar("SELECT current_setting('test.code')")
    assert raised == {code: code for code in CONDITIONS}
