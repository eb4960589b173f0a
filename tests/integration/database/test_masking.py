"""The proof of masking in a real PostgreSQL: what it finds, and that it never holds a value."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from aurora_restore.reference.repository import REPOSITORY
from aurora_restore.shared.errors import (
    DatabaseError,
    JournalNotOwnError,
    MaskingUnprovableError,
    OriginalDataLeftError,
    UnclassifiedColumnsError,
)
from aurora_restore.shared.postgres import journal
from aurora_restore.shared.postgres.masking import originals
from aurora_restore.shared.postgres.masking.originals import EvidenceKey
from aurora_restore.shared.postgres.masking.plan import (
    described,
    judge,
)
from tests.integration.database.conftest import DATABASE, MASTER, OPERATION, Restored
from tests.integration.database.masking import MASK, ODD, SHOP, Masking, check, execute


@pytest.fixture
def masking(restored: Restored) -> Masking:
    return Masking(restored)


def test_what_is_masked_as_classified_is_proven(masking: Masking) -> None:
    masking.remember()
    masking.mask(MASK)

    assert masking.prove() == {
        "columns": [
            {
                "database": DATABASE,
                "masked": 1,
                "cleared": 0,
                "safe": 3,
                "originals": 100,
                "absent": {"count": 0, "names": []},
                "outcome": "passed",
            }
        ]
    }


# Classification


def test_a_column_that_nobody_has_classified_fails_closed(masking: Masking) -> None:
    execute(masking.restored, "ALTER TABLE customers ADD COLUMN loyalty_id text")

    with pytest.raises(UnclassifiedColumnsError) as caught:
        masking.remember()

    assert caught.value.details["lines_to_add"] == [
        'in databases.shop.public.customers: "loyalty_id": "masked"'
    ]
    masking.columns = {
        **SHOP,
        "public": {"customers": {**SHOP["public"]["customers"], "loyalty_id": "masked"}},
    }
    masking.remember()


@pytest.mark.parametrize(
    "created",
    [
        "CREATE TABLE crm.leads (phone text)",
        "CREATE UNLOGGED TABLE crm.leads (phone text)",
        "CREATE TABLE crm.leads (phone text) PARTITION BY LIST (phone)",
        "CREATE TABLE crm.leads (phone text) INHERITS (customers)",
    ],
)
def test_every_kind_of_table_must_be_classified(masking: Masking, created: str) -> None:
    execute(masking.restored, "CREATE SCHEMA crm", created)

    with pytest.raises(UnclassifiedColumnsError, match=r'databases\.shop\.crm: "leads"'):
        masking.remember()


@pytest.mark.parametrize(
    "created",
    [
        ("CREATE VIEW looked AS SELECT email FROM customers",),
        ("CREATE MATERIALIZED VIEW looked AS SELECT email FROM customers",),
        ("CREATE EXTENSION postgres_fdw", "CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw",
         "CREATE FOREIGN TABLE looked (email text) SERVER far"),
        ("CREATE TABLE customers_of_old (LIKE customers)",
         "DROP TABLE customers",
         "CREATE TABLE customers (id int, email text) PARTITION BY RANGE (id)",
         "ALTER TABLE customers ATTACH PARTITION customers_of_old DEFAULT"),
    ],
    ids=["view", "materialized view", "foreign table", "partition"],
)  # fmt: skip
def test_what_stores_nothing_of_its_own_need_not_be_classified(
    masking: Masking, created: tuple[str, ...]
) -> None:
    execute(masking.restored, *created)

    masking.remember()


def test_a_table_that_a_script_makes_must_be_classified(masking: Masking) -> None:
    masking.remember()
    masking.mask(f"CREATE TABLE copied AS SELECT * FROM customers; {MASK}")

    with pytest.raises(UnclassifiedColumnsError, match='"copied"'):
        masking.prove()


# Evidence


def test_one_row_that_the_script_has_left_out_is_found(masking: Masking) -> None:
    masking.remember()
    masking.mask(f"{MASK} WHERE id <> 57")

    with pytest.raises(OriginalDataLeftError) as caught:
        masking.prove()

    assert caught.value.message == (
        "database 'shop' is not masked as columns.json says: "
        "public.customers.email is masked and holds 1 original value"
    )


def test_an_original_that_another_row_has_got_is_found(masking: Masking) -> None:
    masking.remember()
    masking.mask("UPDATE customers SET email = (101 - id) || '@real.example'")

    with pytest.raises(OriginalDataLeftError, match="holds 100 original values"):
        masking.prove()


def test_a_second_script_can_correct_what_the_first_one_has_left(masking: Masking) -> None:
    masking.remember()
    masking.mask(f"{MASK} WHERE id < 50")
    with pytest.raises(OriginalDataLeftError):
        masking.prove()

    masking.mask(MASK, name="mask-the-rest.sql")

    assert masking.prove()["columns"][0]["originals"] == 100


CLEARED: Mapping[str, Any] = {
    **SHOP,
    "public": {"customers": {"id": "safe", "email": "cleared"}},
}


def test_a_cleared_column_that_holds_one_value_is_found(masking: Masking) -> None:
    masking.columns = CLEARED
    masking.remember()
    masking.mask("UPDATE customers SET email = NULL WHERE id <> 57")

    with pytest.raises(OriginalDataLeftError, match="email is cleared and holds 1 value"):
        masking.prove()


@pytest.mark.parametrize(
    ("kind", "empty"),
    [
        ("text", "''"),
        ("char(9)", "''"),
        ("text[]", "'{}'"),
        ("jsonb", "'{}'"),
        ("jsonb", "'[]'"),
        ("json", "'null'"),
        ("bytea", "''"),
        ("customers", "NULL"),
        ("int", "NULL"),
    ],
)
def test_a_value_of_nothing_counts_as_cleared(masking: Masking, kind: str, empty: str) -> None:
    masking.columns = {"public": {"notes": {"note": "cleared"}, **_CUSTOMERS}, "Odd Schema": ODD}
    execute(
        masking.restored,
        f"CREATE TABLE notes (note {kind})",
        f"INSERT INTO notes VALUES (NULL), ({empty})",
    )
    masking.remember()

    masking.prove()


_CUSTOMERS: Mapping[str, Any] = {"customers": {"*": "safe"}}
TYPED: Mapping[str, str] = {
    "text": "'Jane'",
    "varchar(20)": "'Jane'",
    "char(9)": "'Jane'",
    "int": "4711",
    "numeric": "47.11",
    "double precision": "0.1",
    "money": "47.11",
    "date": "'1970-05-15'",
    "timestamptz": "'1970-05-15 12:00:00+02'",
    "interval": "'1 mon 2 days'",
    "bytea": r"'\x4711'",
    "jsonb": """'{"name": "Jane"}'""",
    "json": """'{"name": "Jane"}'""",
    "xml": "'<name>Jane</name>'",
    "text[]": "'{Jane,Doe}'",
    "inet": "'192.0.2.1'",
    "uuid": "'6ba7b810-9dad-11d1-80b4-00c04fd430c8'",
    "int4range": "'[1,5)'",
    "tsvector": "'Jane'",
    "mood": "'sad'",
    "pair": "ROW('Jane', NULL)",
    "surname": "'Jane'",
}


def test_an_original_of_any_type_is_found(masking: Masking) -> None:
    columns = {f"c{i}": "masked" for i, _ in enumerate(TYPED)}
    masking.columns = {"public": {"people": columns, **_CUSTOMERS}, "Odd Schema": ODD}
    defined = ", ".join(f"c{i} {kind}" for i, kind in enumerate(TYPED))
    execute(
        masking.restored,
        "CREATE TYPE mood AS ENUM ('sad', 'ok')",
        "CREATE TYPE pair AS (a text, b text)",
        "CREATE DOMAIN surname AS text",
        f"CREATE TABLE people ({defined})",
        f"INSERT INTO people VALUES ({', '.join(TYPED.values())})",
        f"ALTER DATABASE {DATABASE} SET datestyle = 'German'",
    )
    masking.remember()
    masking.mask("SET LOCAL timezone = 'Asia/Tokyo'; UPDATE people SET c0 = c0")
    execute(
        masking.restored,
        f"ALTER DATABASE {DATABASE} SET datestyle = 'SQL, DMY'",
        f"ALTER DATABASE {DATABASE} SET intervalstyle = 'iso_8601'",
        f"ALTER DATABASE {DATABASE} SET bytea_output = 'escape'",
        f"ALTER DATABASE {DATABASE} SET timezone = 'Asia/Tokyo'",
    )

    (result,) = masking.results().values()

    assert {each.place for each in result.findings} == {f"public.people.{name}" for name in columns}


def test_originals_are_looked_for_in_every_partition(masking: Masking) -> None:
    masking.columns = {
        "public": {"events": {"day": "safe", "email": "masked"}, **_CUSTOMERS},
        "Odd Schema": ODD,
    }
    execute(
        masking.restored,
        "CREATE TABLE events (day int, email text) PARTITION BY RANGE (day)",
        "CREATE TABLE events_1 (email text, day int NOT NULL)",
        "ALTER TABLE events ATTACH PARTITION events_1 FOR VALUES FROM (1) TO (2)",
        "CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM (2) TO (9)"
        " PARTITION BY RANGE (day)",
        "CREATE TABLE events_2a PARTITION OF events_2 FOR VALUES FROM (2) TO (3)",
        "INSERT INTO events SELECT 1 + n % 2, n || '@real.example' FROM generate_series(1, 9) n",
    )
    masking.remember()
    masking.mask("UPDATE events SET email = 'x'")

    assert masking.prove()["columns"][0]["originals"] == 9
    masking.mask("INSERT INTO events VALUES (2, '2@real.example')", name="second.sql")
    with pytest.raises(OriginalDataLeftError, match=r"public\.events\.email .* 1 original value$"):
        masking.prove()


def test_a_sample_of_a_large_table_reaches_its_rare_values_and_all_parts_of_it(
    masking: Masking,
) -> None:
    masking.columns = {
        "public": {"large": {"id": "safe", "email": "masked", "rare": "masked"}, **_CUSTOMERS},
        "Odd Schema": ODD,
    }
    execute(
        masking.restored,
        "CREATE TABLE large AS SELECT id, id || '@real.example' AS email,"
        " CASE WHEN id % 49999 = 0 THEN 'rare ' || id END AS rare"
        " FROM generate_series(1, 100000) id",
    )
    masking.remember()
    masking.mask("UPDATE large SET email = 'x' WHERE id < 80000; UPDATE large SET rare = NULL")

    (result,) = masking.results().values()

    # A block may be among the first and in the sample.
    assert 900 < result.summary["originals"] <= 1000 + 2
    assert [each.place for each in result.findings] == ["public.large.email"]


def test_rows_that_a_policy_hides_are_an_error_and_not_passed_over(masking: Masking) -> None:
    execute(
        masking.restored,
        "ALTER TABLE customers ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE customers FORCE ROW LEVEL SECURITY",
    )

    with pytest.raises(DatabaseError, match='row-level security policy for table "customers"'):
        masking.remember()


# What cannot be proven


def test_originals_are_not_taken_from_data_that_a_script_has_changed(masking: Masking) -> None:
    masking.mask(MASK)

    with pytest.raises(
        MaskingUnprovableError, match=r"before mask\.sql ran, .* public\.customers\.email"
    ):
        masking.remember()


def test_a_column_that_is_masked_only_since_the_scripts_cannot_be_proven(masking: Masking) -> None:
    safe = {"public": _CUSTOMERS, "Odd Schema": ODD}
    masking.columns = safe
    masking.remember()
    masking.mask(MASK)
    masking.columns = SHOP

    with pytest.raises(MaskingUnprovableError):
        masking.remember()
    with pytest.raises(MaskingUnprovableError):
        masking.prove()


def test_originals_under_another_key_prove_nothing(masking: Masking) -> None:
    masking.remember()
    masking.mask(MASK)
    masking.key = EvidenceKey("another")

    with pytest.raises(MaskingUnprovableError):
        masking.prove()


def test_a_column_may_be_classified_again_before_the_first_script(masking: Masking) -> None:
    masking.columns = CLEARED
    masking.remember()
    masking.columns = SHOP
    masking.remember()
    masking.mask(MASK)

    assert masking.prove()["columns"][0]["originals"] == 100


def test_originals_that_came_with_the_snapshot_of_a_restored_source_are_dropped(
    masking: Masking,
) -> None:
    source = replace(OPERATION, cluster_resource_id="cluster-SOURCE")
    with masking.access.session() as session:
        journal.prepare(session)
        originals.prepare(session, source, EvidenceKey("old"))
        session.run(
            f"INSERT INTO {originals.TABLE} SELECT :restore, :key, 'public', 'customers', 'email',"
            " '{}'",
            restore=str(source),
            key=EvidenceKey("old").fingerprint,
        )
    masking.remember()

    with masking.access.session() as session:
        assert session.column(f"SELECT DISTINCT restore FROM {originals.TABLE}") == [str(OPERATION)]
        originals.forget_originals(session)
        assert session.scalar(f"SELECT to_regclass('{originals.TABLE}')") is None


def test_a_view_in_the_place_of_what_is_remembered_is_refused(masking: Masking) -> None:
    with masking.access.session() as session:
        journal.prepare(session)
    execute(
        masking.restored,
        f"CREATE VIEW {originals.TABLE} AS SELECT pg_terminate_backend(pg_backend_pid())",
    )

    with pytest.raises(JournalNotOwnError, match="its remembered_originals is not a plain table"):
        masking.remember()


def test_nothing_that_is_remembered_can_be_compared_without_the_key(masking: Masking) -> None:
    masking.remember()

    with masking.restored.session(MASTER) as connection:
        ((kept, hashes),) = connection.run(
            f"SELECT t::text, hashes FROM {originals.TABLE} t WHERE column_name = 'email'"
        )
        ((known,),) = connection.run("SELECT array_agg(sha256(email::bytea)) FROM customers")
    assert len(hashes) == 100
    assert not {*map(bytes, hashes)} & {*map(bytes, known)}
    assert "key-canary" not in kept
    assert "real.example" not in kept


def test_no_value_is_in_the_journal_a_failure_a_result_or_the_servers_log(
    masking: Masking,
) -> None:
    values = ("jane-canary@real.io", "+49 30 7654321", "4111 1111 1111 1111")
    execute(masking.restored, "UPDATE customers SET email = 'jane-canary@real.io' WHERE id = 1")
    execute(masking.restored, "UPDATE customers SET email = '+49 30 7654321' WHERE id = 2")
    execute(masking.restored, "UPDATE customers SET email = '4111 1111 1111 1111' WHERE id = 3")
    masking.personal_data = {}
    masking.checks = [
        check("SELECT email FROM customers", "rows"),
        check("SELECT email::int FROM customers", "error"),
    ]
    before = masking.restored.log.read_text()
    masking.remember()
    masking.mask("SELECT 1")

    results = masking.results()

    error = judge(results)
    assert error is not None
    assert len(error.details["failed"]) == 4
    with masking.restored.session(MASTER) as connection:
        journal_rows = connection.run("SELECT j::text FROM aurora_restore.restore_journal j")
    said = (error.message, error.details, described(results), results, journal_rows)
    logged = masking.restored.log.read_text().removeprefix(before)
    # A server quotes a value that a query of the user's cannot convert, and who reads its log can.
    logged = "\n".join(line for line in logged.splitlines() if "invalid input syntax" not in line)
    for value in values:
        assert value not in repr(said)
        assert value not in logged


def test_the_query_of_the_documentation_writes_the_first_classification(masking: Masking) -> None:
    page = (REPOSITORY / "docs" / "masking.md").read_text(encoding="utf-8")
    query = page.partition("```sql\n")[2].partition("```")[0]

    with masking.restored.session(MASTER) as connection:
        ((written,),) = connection.run(query)

    masking.columns = json.loads(written)
    masking.remember()
    assert masking.columns is not None
    assert masking.columns["public"] == {"customers": {"id": "masked", "email": "masked"}}
