"""Names and objects that anybody in production may have made, and what they must not lead to."""

import pg8000.native
import pytest

from aurora_restore.shared.errors import (
    AfterMaskingError,
    OriginalDataLeftError,
    PersonalDataFoundError,
    PrivilegeCheckError,
    ScriptFailedError,
)
from aurora_restore.shared.postgres.connection import identifier
from embedded_aws.rds.data_plane.builds import MAJORS
from tests.integration.database.conftest import OLDEST, Restored
from tests.integration.database.masking import MASK, SHOP, Masking
from tests.integration.database.roles import APP, KEPT, READONLY, set_up_access, setup_of
from tests.integration.database.test_after_masking import mask, prepare, rows, script
from tests.integration.database.test_lock_out import as_master, as_superuser

EDGES = pytest.mark.parametrize("restored", [MAJORS[0], MAJORS[-1]], indirect=True)

SAME_WHEN_WRITTEN_WITH_A_DOT = """
CREATE SCHEMA x; CREATE SCHEMA "x.y";
CREATE {kind} "x.y".z AS SELECT email FROM customers;
CREATE {kind} x."y.z" AS SELECT email FROM customers;
"""


@EDGES
def test_views_whose_names_look_the_same_are_all_refreshed(restored: Restored) -> None:
    prepare(restored, SAME_WHEN_WRITTEN_WITH_A_DOT.format(kind="MATERIALIZED VIEW"))

    mask(restored, script(MASK))

    for view in ('"x.y".z', 'x."y.z"'):
        assert rows(restored, f"SELECT count(*) FROM {view} WHERE email ~ 'real'") == [[0]]


@EDGES
def test_tables_whose_names_look_the_same_are_all_searched(restored: Restored) -> None:
    prepare(restored, SAME_WHEN_WRITTEN_WITH_A_DOT.format(kind="TABLE"))
    prepare(restored, "UPDATE x.\"y.z\" SET email = 'jane@real.io'")

    with pytest.raises(PersonalDataFoundError, match=r"x\.y\.z\.email"):
        Masking(restored, columns=None, personal_data={}).prove()


@EDGES
def test_evidence_is_not_taken_for_made_where_tables_look_the_same(restored: Restored) -> None:
    prepare(restored, SAME_WHEN_WRITTEN_WITH_A_DOT.format(kind="TABLE"))
    masked = {"email": "masked"}
    masking = Masking(
        restored,
        columns={
            **SHOP,
            "public": {"customers": {"id": "safe", "email": "safe"}},
            "x": {"y.z": masked},
            "x.y": {"z": masked},
        },
    )
    masking.remember()
    masking.mask("UPDATE \"x.y\".z SET email = 'masked'")

    with pytest.raises(OriginalDataLeftError, match=r"x\.y\.z\.email .*100 original values"):
        masking.prove()


@EDGES
@pytest.mark.parametrize("opens", ["CREATE ROLE backdoor", "ALTER ROLE etl"])
def test_a_login_that_a_planted_function_has_opened_is_found_before_the_hand_over(
    restored: Restored, opens: str
) -> None:
    role = opens.split()[-1]
    prepare(
        restored,
        f"""
        CREATE SCHEMA planted;
        CREATE FUNCTION planted.open_a_door() RETURNS void LANGUAGE plpgsql AS $$ BEGIN
            {opens} LOGIN PASSWORD 'open-sesame';
            GRANT CONNECT ON DATABASE shop TO {role};
        EXCEPTION WHEN duplicate_object THEN NULL;
        END $$;
        CREATE FUNCTION planted.normal(email text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
        BEGIN
            IF email = 'masked' THEN PERFORM planted.open_a_door(); END IF;
            RETURN email;
        END $$;
        CREATE INDEX ON customers (planted.normal(email));
        """,
    )
    setup = setup_of(restored)
    setup.lock_out(KEPT).require_complete()
    mask(restored, script("UPDATE customers SET email = 'masked' WHERE id = 1"))
    set_up_access(restored)

    door = f"{role!r} to shop; name them in database.keep_logins"
    with pytest.raises(PrivilegeCheckError, match=door):
        setup.prove_access(APP, READONLY, KEPT)
    setup.prove_access(APP, READONLY, (*KEPT, role))


ROWS = "INSERT INTO people SELECT n % 5, 'real' || n % 3, true FROM generate_series(1, 300) n;"
PEOPLE = f"""
CREATE TABLE people (id int, email text COLLATE "C", active bool); {ROWS}
{{and_also}}; ANALYZE people; {{and_later}}
"""
MASK_PEOPLE = "UPDATE people SET email = 'masked', active = false"
STATISTICS = {
    "of an index into which no row goes any more": (
        "CREATE INDEX ON people (lower(email)) WHERE active; CREATE VIEW v AS SELECT * FROM people",
        "",
        MASK_PEOPLE,
    ),
    "of an index of a truncated table": (
        "CREATE INDEX ON people (lower(email))",
        "",
        "TRUNCATE people",
    ),
    "of a column for which none are collected any more": (
        "",
        "ALTER TABLE people ALTER email SET STATISTICS 0",
        MASK_PEOPLE,
    ),
    "of columns together for which none are collected any more": (
        "CREATE STATISTICS together (mcv) ON id, email FROM people",
        "ALTER STATISTICS together SET STATISTICS 0",
        MASK_PEOPLE,
    ),
    "of an expression on an emptied table": (
        "CREATE STATISTICS expression ON (lower(email)) FROM people",
        "",
        "DELETE FROM people",
    ),
    "of a parent that has no children any more": (
        f"CREATE TABLE child () INHERITS (people); {ROWS.replace('people', 'child')}",
        "",
        f"{MASK_PEOPLE}; ALTER TABLE child NO INHERIT people",
    ),
}
SHOWN = """
SELECT 1 FROM pg_stats WHERE concat(most_common_vals, histogram_bounds) ~ 'real[012]'
UNION ALL SELECT 1 FROM pg_stats_ext WHERE most_common_vals::text ~ 'real[012]'
UNION ALL SELECT 1 FROM pg_stats_ext_exprs
    WHERE concat(most_common_vals, histogram_bounds) ~ 'real[012]'
"""


@EDGES
@pytest.mark.parametrize(("and_also", "and_later", "masking"), STATISTICS.values(), ids=STATISTICS)
def test_no_statistics_are_left_that_analyze_does_not_renew(
    restored: Restored, and_also: str, and_later: str, masking: str
) -> None:
    prepare(restored, PEOPLE.format(and_also=and_also, and_later=and_later))
    assert rows(restored, SHOWN)

    mask(restored, script(masking))

    assert rows(restored, SHOWN) == []
    collation = "SELECT collation_name FROM information_schema.columns WHERE column_name = 'email'"
    assert ["C"] in rows(restored, f"{collation} AND table_name = 'people'")


@pytest.mark.parametrize("restored", OLDEST, indirect=True)
@pytest.mark.parametrize("masking", ["TRUNCATE people", "DELETE FROM people"])
def test_statistics_that_cannot_be_removed_fail_the_run_however_the_table_was_emptied(
    restored: Restored, masking: str
) -> None:
    prepare(
        restored,
        PEOPLE.format(
            and_also='ALTER TABLE people RENAME email TO "e.mail"; CREATE VIEW v AS TABLE people',
            and_later="",
        ),
    )

    with pytest.raises(AfterMaskingError, match=r"public\.people\.e\.mail"):
        mask(restored, script(masking))


@EDGES
def test_views_that_lead_back_to_themselves_do_not_prevent_the_refresh_of_others(
    restored: Restored,
) -> None:
    prepare(
        restored,
        """
        CREATE VIEW a AS SELECT 1 AS n; CREATE VIEW b AS TABLE a;
        CREATE OR REPLACE VIEW a AS TABLE b;
        CREATE MATERIALIZED VIEW emails AS SELECT email FROM customers
        """,
    )

    mask(restored, script(MASK))

    assert rows(restored, "SELECT 1 FROM emails WHERE email ~ 'real'") == []


@EDGES
def test_what_is_granted_by_default_is_not_granted_on_the_journal(restored: Restored) -> None:
    prepare(
        restored,
        f"""
        CREATE ROLE {identifier(READONLY.user)};
        ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO {identifier(READONLY.user)}, app_user;
        ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO {identifier(READONLY.user)}, PUBLIC;
        """,
    )
    setup_of(restored).lock_out(KEPT).require_complete()
    Masking(restored).remember()
    set_up_access(restored)

    for login in (APP, READONLY):
        with restored.session(login) as session:
            for statement in (
                "SELECT * FROM aurora_restore.restore_journal",
                "SELECT * FROM aurora_restore.remembered_originals",
                "CREATE TABLE aurora_restore.mine ()",
            ):
                with pytest.raises(pg8000.native.DatabaseError, match="42501"):
                    session.run(statement)


@EDGES
def test_a_failure_of_a_script_quotes_no_value(restored: Restored) -> None:
    for sql in (
        "UPDATE customers SET id = email::int",
        "SELECT email::date FROM customers",
        "SELECT email::inet FROM customers",
    ):
        with pytest.raises(ScriptFailedError, match=r"line 1: 22[0-9A-Z]{3} \(") as caught:
            mask(restored, script(sql))
        assert "real.example" not in caught.value.message


@EDGES
def test_two_mappings_of_the_same_name_are_both_removed(restored: Restored) -> None:
    prepare(
        restored,
        """
        CREATE ROLE "PUBLIC"; CREATE EXTENSION postgres_fdw;
        CREATE SERVER production FOREIGN DATA WRAPPER postgres_fdw;
        CREATE USER MAPPING FOR PUBLIC SERVER production;
        CREATE USER MAPPING FOR "PUBLIC" SERVER production;
        """,
    )

    done = setup_of(restored).neutralise(())

    assert done.remaining == []
    assert rows(restored, "SELECT 1 FROM pg_user_mappings") == []


@EDGES
def test_a_database_that_can_only_be_dropped_stops_nothing(restored: Restored) -> None:
    as_master(restored, "CREATE DATABASE broken")
    as_superuser(restored, "UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'broken'")
    setup = setup_of(restored)
    setup.lock_out(KEPT).require_complete()

    done = setup.neutralise(())

    assert done.remaining == []
    assert done.findings["closed_databases"] == ["broken"]
    set_up_access(restored)
    setup.prove_access(APP, READONLY, KEPT)
