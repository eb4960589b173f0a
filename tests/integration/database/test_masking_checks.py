"""The checks of masked data in a real PostgreSQL: those of the user, and the ready-made one."""

from collections.abc import Mapping
from typing import Any

import pytest

from aurora_restore.shared.errors import (
    CheckFailedError,
    PersonalDataFoundError,
)
from tests.integration.database.conftest import DATABASE, MASTER, Restored
from tests.integration.database.masking import Masking, check, execute


@pytest.fixture
def masking(restored: Restored) -> Masking:
    return Masking(restored)


# The user's own


def checked(masking: Masking, sql: str) -> dict[str, Any]:
    masking.columns = None
    masking.checks = [check(sql)]
    return masking.prove()


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT id FROM customers WHERE email IS NULL",
        "SELECT id FROM customers WHERE email IS NULL; -- none",
        "WITH none AS (SELECT 1 WHERE false) TABLE none;",
        "SELECT 'it''s: :name %', $$ $x$ $$ WHERE false",
        "VALUES (1) LIMIT 0",
    ],
)
def test_a_check_without_rows_passes(masking: Masking, sql: str) -> None:
    assert checked(masking, sql) == {
        "checks": [{"database": DATABASE, "name": "the check", "rows": 0, "outcome": "passed"}]
    }


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT email FROM customers WHERE id = 1", "'the check' returns 1 row in"),
        ("SELECT email FROM customers", "'the check' returns 100 rows in"),
        ("SELECT FROM generate_series(1, 1000)", "'the check' returns 1000 rows in"),
        ("SELECT FROM generate_series(1, 10000000)", "'the check' returns more than 1000 rows in"),
    ],
)
def test_the_rows_of_a_check_are_counted(masking: Masking, sql: str, said: str) -> None:
    with pytest.raises(CheckFailedError, match=said):
        checked(masking, sql)


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("SELECT nothing FROM customers", r"42703: column .nothing. does not exist"),
        ("SELEC 1", r"42601: syntax error at or near .SELEC."),
        ("SELECT 1; SELECT 2", "42P11"),
        ("DELETE FROM customers RETURNING 1", "25006"),
        ("WITH gone AS (DELETE FROM customers RETURNING 1) SELECT * FROM gone", "0A000|25006"),
        ('SELECT nextval(\'"Odd Schema"."odd ""table_id_seq"\')', "25006"),
        ("SELECT set_config('transaction_read_only', 'off', false)", "25001"),
        ("COMMIT; DELETE FROM customers", "42P11|0A000|2D000"),
    ],
)
def test_a_check_that_cannot_run_has_failed_and_has_changed_nothing(
    masking: Masking, sql: str, reason: str
) -> None:
    with pytest.raises(CheckFailedError, match=f"could not run in database 'shop': ({reason})"):
        checked(masking, sql)

    with masking.restored.session(MASTER) as connection:
        assert connection.run("SELECT count(*) FROM customers") == [[100]]


def test_what_a_check_says_of_the_data_is_not_repeated(masking: Masking) -> None:
    with pytest.raises(CheckFailedError) as caught:
        checked(masking, "SELECT email::int FROM customers")

    assert caught.value.message == "check 'the check' could not run in database 'shop': 22P02"


def test_a_check_finds_what_the_search_path_of_its_database_leads_to(masking: Masking) -> None:
    execute(
        masking.restored,
        "CREATE SCHEMA shop",
        "CREATE TABLE shop.wares AS SELECT 1 AS id",
        f"ALTER DATABASE {DATABASE} SET search_path = shop, public, pg_catalog",
        "CREATE FUNCTION public.concat(text, text) RETURNS text LANGUAGE sql AS $$ SELECT 'own' $$",
        "CREATE FUNCTION public.concat(bigint) RETURNS text LANGUAGE sql AS $$ SELECT '0' $$",
    )

    with pytest.raises(CheckFailedError, match="'the check' returns 1 row in"):
        checked(masking, "SELECT id FROM wares WHERE concat('a', 'b') = 'own'")


def test_all_checks_run_and_each_that_fails_is_named(masking: Masking) -> None:
    masking.columns = None
    masking.checks = [
        check("SELECT 1", "first"), check("SELECT 1 WHERE false", "second"), check("x", "third")
    ]  # fmt: skip

    with pytest.raises(CheckFailedError) as caught:
        masking.prove()

    assert "'first' returns 1 row" in caught.value.message
    assert "'third' could not run" in caught.value.message
    assert "second" not in caught.value.message
    assert [each["check"] for each in caught.value.details["failed"]] == ["first", "third"]


# The ready-made one

FOUND: Mapping[str, tuple[str, ...]] = {
    "e-mail addresses": (
        "jane.doe@real-company.de",
        "Contact: Jane <jane+x@mail.real.co.uk>, urgent",
        '{"to": "jane@real.io"}',
        "jürgen@bücher.de",
    ),
    "telephone numbers": (
        "+49 30 1234567",
        "+1 (212) 555-1234",
        "call 0044 20 7946 0958 today",
        "(212) 736-5000",
        "212-736-5000",
        "030 1234567",
        "07911 123456",
        "020 7946 0958",
        "01 23 45 67 89",
    ),
    "card numbers": (
        "4111 1111 1111 1111",
        "4111111111111111",
        "card 5500-0000-0000-0004.",
        "378282246310005",
    ),
}
NOT_FOUND = (
    "",
    "Jane Doe",
    "customer-17@example.com",
    "someone@mail.example.org",
    "nobody@nowhere.invalid",
    "@handle",
    "pkg@1.2.3",
    "4111 1111 1111 1112",
    "1234567890123456",
    "2026-05-15T02:00:00+02:00",
    "2026-05-15 12:30:00.123456+00",
    "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
    "192.168.100.200",
    "order 10000012345",
    "DE89370400440532013000",
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
)


def searched(masking: Masking, *values: str, kind: str = "text", **settings: Any) -> None:
    masking.columns = None
    masking.personal_data = {"allowed_columns": ["shop.public.customers.*"], **settings}
    with masking.restored.session(MASTER) as connection:
        connection.run(f"CREATE TABLE notes (id serial, note {kind})")
        for value in values:
            connection.run(f"INSERT INTO notes (note) VALUES (CAST(:v AS {kind}))", v=value)
    masking.prove()


@pytest.mark.parametrize(
    ("kind", "value"), [(kind, value) for kind, values in FOUND.items() for value in values]
)
def test_what_looks_like_personal_data_is_found(masking: Masking, kind: str, value: str) -> None:
    with pytest.raises(PersonalDataFoundError) as caught:
        searched(masking, value)

    (named,) = caught.value.details["columns"]["names"]
    assert named == f"public.notes.note: 1 {kind}"
    assert value not in caught.value.message


def test_what_only_resembles_it_is_not_found(masking: Masking) -> None:
    searched(masking, *NOT_FOUND)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("varchar(40)", "jane@real.io"),
        ("jsonb", '{"to": ["jane@real.io"]}'),
        ("text[]", "{x,jane@real.io}"),
        ("address", "jane@real.io"),
        ("address[]", "{jane@real.io}"),
        ("tsvector", "'jane@real.io':1"),
        ("person", "(Jane,jane@real.io)"),
        ("person[]", '{"(Jane,jane@real.io)"}'),
    ],
)
def test_every_type_that_holds_text_is_searched(masking: Masking, kind: str, value: str) -> None:
    execute(
        masking.restored,
        "CREATE DOMAIN address AS varchar(40)",
        "CREATE TYPE person AS (name text, email text)",
    )

    with pytest.raises(PersonalDataFoundError, match="1 e-mail addresses"):
        searched(masking, value, kind=kind)


def test_allowed_values_and_columns_are_not_counted(masking: Masking) -> None:
    searched(
        masking,
        "a_b@Staging.Real.io",
        "+1 555-0100-23",
        "4111 1111 1111 1111",
        allowed_values=["a_b@staging.*", "+155501*", "4111*"],
    )


def test_an_allowed_value_allows_no_other(masking: Masking) -> None:
    with pytest.raises(PersonalDataFoundError, match=r"notes\.note: 1 e-mail addresses"):
        searched(masking, "axb@staging.real.io", allowed_values=["a_b@staging.*"])


def test_a_materialized_view_is_searched_and_an_extensions_table_is_not(masking: Masking) -> None:
    execute(masking.restored, "CREATE MATERIALIZED VIEW kept AS SELECT 'jane@real.io'::text AS a")

    with pytest.raises(PersonalDataFoundError, match=r"public\.kept\.a: 1 e-mail addresses"):
        searched(masking)


def test_the_ready_made_check_says_how_many_columns_it_has_searched(masking: Masking) -> None:
    masking.columns = None
    masking.personal_data = {"allowed_columns": ["shop.public.customers.email"]}

    assert masking.prove() == {
        "personal_data": [{"database": DATABASE, "columns": 1, "outcome": "passed"}]
    }
