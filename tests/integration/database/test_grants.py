"""Grants that are exactly what they say, whatever production had granted before."""

from typing import Any

import pytest

from aurora_restore.shared.errors import PrivilegeCheckError
from aurora_restore.shared.postgres.connection import DatabaseLogin, identifier
from aurora_restore.shared.postgres.ownership import FORMER_OWNER
from embedded_aws.rds.data_plane.postgres import PostgresDataPlane
from tests.integration.database.conftest import DATABASE, MASTER, NEWEST, Restored
from tests.integration.database.roles import ACCESS, APP, READONLY, prove, set_up_access, setup_of

READER = identifier(READONLY.user)
BYSTANDER = DatabaseLogin("bystander", "bystander-password")
ROLES = f"""
CREATE ROLE {READER} LOGIN PASSWORD 'old-reader-password';
CREATE ROLE bystander LOGIN PASSWORD 'bystander-password';
CREATE ROLE deployer;
"""


def as_master(restored: Restored, sql: str, database: str = DATABASE) -> list[list[Any]]:
    with restored.session(MASTER, database) as connection:
        return list(connection.run(sql) or [])


def as_superuser(restored: Restored, sql: str) -> None:
    with restored.superuser.session(DATABASE) as session:
        session.run(sql)


def refused(restored: Restored, login: DatabaseLogin, sql: str) -> str:
    """Return the SQLSTATE with which a statement of a role is refused."""
    with restored.session(login) as connection, pytest.raises(Exception, match="'C'") as caught:
        connection.run(sql)
    return str(caught.value.args[0]["C"])


def in_another_role(role: str, sql: str) -> str:
    """Return SQL that the master user runs as a role, whose member it is meanwhile."""
    return (
        f"GRANT {role} TO postgres; SET ROLE {role}; {sql}; RESET ROLE; REVOKE {role} FROM postgres"
    )


FOREIGN = f"""
{ROLES}
CREATE EXTENSION postgres_fdw;
CREATE SERVER production FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'production.example');
CREATE USER MAPPING FOR PUBLIC SERVER production OPTIONS (user 'x', password 'y');
CREATE FOREIGN TABLE remote_orders (id int, note text) SERVER production;
GRANT ALL ON remote_orders TO app_user, {READER}, PUBLIC;
GRANT SELECT (id), UPDATE (note) ON remote_orders TO {READER}, PUBLIC;
GRANT USAGE ON FOREIGN SERVER production TO app_user, {READER}, PUBLIC;
"""


def test_a_foreign_table_is_out_of_reach_for_the_application(restored: Restored) -> None:
    as_master(restored, FOREIGN)
    set_up_access(restored)
    prove(restored)
    for login in (APP, READONLY):
        assert refused(restored, login, "SELECT * FROM remote_orders") == "42501"
        assert refused(restored, login, "INSERT INTO remote_orders VALUES (1)") == "42501"
    assert (
        refused(restored, APP, "CREATE USER MAPPING FOR CURRENT_USER SERVER production") == "42501"
    )


def test_a_foreign_table_within_reach_is_found_out(restored: Restored) -> None:
    as_master(restored, FOREIGN)
    set_up_access(restored)
    as_master(restored, "GRANT SELECT (id) ON remote_orders TO app_user")
    with pytest.raises(PrivilegeCheckError, match=r"foreign table public\.remote_orders"):
        prove(restored)


DEFAULTS = f"""
{ROLES}
CREATE SCHEMA bequest;
GRANT CREATE, USAGE ON SCHEMA bequest TO deployer;
GRANT deployer TO postgres;
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO {READER}, PUBLIC;
ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO {READER}, PUBLIC;
ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO {READER}, app_user, PUBLIC;
ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO {READER};
ALTER DEFAULT PRIVILEGES FOR ROLE deployer IN SCHEMA bequest
    GRANT ALL ON TABLES TO {READER} WITH GRANT OPTION;
ALTER DEFAULT PRIVILEGES FOR ROLE deployer IN SCHEMA bequest GRANT ALL ON TABLES TO PUBLIC;
REVOKE CREATE ON SCHEMA bequest FROM deployer;
REVOKE deployer FROM postgres;
"""


def test_what_is_made_tomorrow_is_not_written_by_the_read_only_role(restored: Restored) -> None:
    as_master(restored, DEFAULTS)
    set_up_access(restored)
    prove(restored)
    as_master(
        restored,
        "CREATE SCHEMA tomorrow; CREATE TABLE tomorrow.orders (id serial); "
        "GRANT CREATE ON SCHEMA bequest TO deployer; "
        + in_another_role("deployer", "CREATE TABLE bequest.orders (id int)"),
    )
    with restored.session(READONLY) as connection:
        assert connection.run("SELECT * FROM tomorrow.orders") == []
    assert refused(restored, READONLY, "INSERT INTO tomorrow.orders DEFAULT VALUES") == "42501"
    assert refused(restored, READONLY, "SELECT nextval('tomorrow.orders_id_seq')") == "42501"
    assert refused(restored, READONLY, "CREATE TABLE tomorrow.mine ()") == "42501"
    assert refused(restored, READONLY, "DELETE FROM bequest.orders") == "42501"
    assert as_master(
        restored, "SELECT has_table_privilege('bystander', 'bequest.orders', 'SELECT')"
    ) == [[False]]
    with restored.session(APP) as connection:
        connection.run("INSERT INTO tomorrow.orders DEFAULT VALUES")


def test_a_default_privilege_that_lets_the_read_only_role_write_is_found_out(
    restored: Restored,
) -> None:
    set_up_access(restored)
    as_master(restored, f"ALTER DEFAULT PRIVILEGES GRANT INSERT ON TABLES TO {READER}")
    with pytest.raises(PrivilegeCheckError, match="will have INSERT on tables that are made by po"):
        prove(restored)


GRANTED_ON = f"""
{ROLES}
GRANT SELECT, INSERT ON customers TO {READER} WITH GRANT OPTION;
GRANT UPDATE (email) ON customers TO {READER} WITH GRANT OPTION;
GRANT CREATE, USAGE ON SCHEMA public TO {READER} WITH GRANT OPTION;
GRANT ALL ON DATABASE {DATABASE} TO {READER} WITH GRANT OPTION;
{
    in_another_role(
        READER,
        "GRANT SELECT, INSERT ON customers TO bystander; "
        "GRANT UPDATE (email) ON customers TO bystander; GRANT CREATE ON SCHEMA public TO "
        f"bystander; GRANT CONNECT, CREATE ON DATABASE {DATABASE} TO bystander",
    )
};
GRANT INSERT ON customers TO deployer WITH GRANT OPTION;
{in_another_role("deployer", f"GRANT INSERT ON customers TO {READER}")}
"""


def test_what_the_read_only_role_has_granted_on_goes_with_its_grant_options(
    restored: Restored,
) -> None:
    as_master(restored, GRANTED_ON)
    set_up_access(restored)
    prove(restored)
    assert restored.refuses(BYSTANDER)
    assert as_master(
        restored,
        "SELECT has_any_column_privilege('bystander', 'customers', 'SELECT, INSERT, UPDATE'), "
        "has_schema_privilege('bystander', 'public', 'CREATE'), "
        "has_table_privilege('deployer', 'customers', 'INSERT')",
    ) == [[False, False, True]]
    assert refused(restored, READONLY, "INSERT INTO customers VALUES (0, 'x')") == "42501"


def test_a_grant_option_of_the_read_only_role_is_found_out(restored: Restored) -> None:
    set_up_access(restored)
    as_master(restored, f"GRANT SELECT ON customers TO {READER} WITH GRANT OPTION")
    with pytest.raises(PrivilegeCheckError, match="can grant on 1 tables"):
        prove(restored)
    set_up_access(restored)
    prove(restored)


OWNED = f"""
{ROLES}
CREATE SCHEMA "reader's"; CREATE TABLE "reader's"."it's" (id serial PRIMARY KEY);
CREATE VIEW "reader's".addresses AS SELECT email FROM public.customers;
GRANT SELECT ON customers TO {READER};
CREATE FUNCTION "reader's".peek() RETURNS bigint LANGUAGE sql SECURITY DEFINER
    AS 'SELECT count(*) FROM public.customers';
GRANT {READER} TO postgres;
ALTER SCHEMA "reader's" OWNER TO {READER};
ALTER TABLE "reader's"."it's" OWNER TO {READER};
ALTER VIEW "reader's".addresses OWNER TO {READER};
ALTER FUNCTION "reader's".peek() OWNER TO {READER};
ALTER DATABASE others OWNER TO {READER};
REVOKE {READER} FROM postgres;
"""


def test_what_the_read_only_role_owns_is_taken_from_it_and_still_works(restored: Restored) -> None:
    as_master(restored, "CREATE DATABASE others")
    as_master(restored, "CREATE TABLE hidden ()", "others")
    as_master(restored, OWNED)
    as_master(restored, f"GRANT {READER} TO postgres")
    as_master(restored, f"ALTER TABLE hidden OWNER TO {READER}", "others")
    as_master(restored, f"REVOKE {READER} FROM postgres")
    set_up_access(restored)
    prove(restored)
    assert refused(restored, READONLY, 'DROP TABLE "reader\'s"."it\'s"') == "42501"
    assert refused(restored, READONLY, "ALTER DATABASE others RENAME TO mine") == "42501"
    with restored.session(READONLY) as connection:
        assert connection.run('SELECT count(*) FROM "reader\'s".addresses') == [[100]]
        assert connection.run('SELECT "reader\'s".peek()') == [[100]]
    with restored.session(APP) as connection:
        connection.run('INSERT INTO "reader\'s"."it\'s" DEFAULT VALUES')
    owner = "SELECT c.relowner::regrole::text FROM pg_class c WHERE c.relname = 'hidden'"
    assert as_master(restored, owner, "others") == [[FORMER_OWNER]]
    rights = "SELECT rolcanlogin, rolsuper, rolcreaterole FROM pg_roles WHERE rolname = "
    assert as_master(restored, f"{rights}'{FORMER_OWNER}'") == [[False, False, False]]


def test_more_property_than_the_server_has_locks_for_is_left_and_counted(
    restored: Restored, data_plane: PostgresDataPlane
) -> None:
    for setting in ("max_locks_per_transaction = 10", "max_connections = 20"):
        restored.superuser.run(f"ALTER SYSTEM SET {setting}")
    data_plane.close("restored")
    data_plane.open("restored")
    as_master(restored, f"{ROLES} GRANT {READER} TO postgres")
    as_master(restored, f"GRANT CREATE ON SCHEMA empty TO {READER}")
    as_master(
        restored,
        "DO $$ BEGIN FOR n IN 1..2000 LOOP "
        "EXECUTE format('CREATE TABLE empty.t%s ()', n); "
        f"EXECUTE format('ALTER TABLE empty.t%s OWNER TO {READER}', n); "
        "IF n % 50 = 0 THEN COMMIT; END IF; END LOOP; END $$",
    )
    with pytest.raises(PrivilegeCheckError, match=r"owns 2000 objects.*max_locks_per_tr") as caught:
        set_up_access(restored)
    assert caught.value.details["objects"] == 2000
    count = f"SELECT count(*) FROM pg_tables WHERE tableowner = '{READONLY.user}'"
    assert as_master(restored, count) == [[2000]]


def test_ownership_of_the_read_only_role_is_found_out(restored: Restored) -> None:
    set_up_access(restored)
    as_master(restored, f"GRANT {READER} TO postgres")
    as_master(restored, f"CREATE DATABASE mine OWNER {READER}")
    with pytest.raises(PrivilegeCheckError, match=r"owns something in pg_database \(1\)"):
        prove(restored)


def test_create_is_taken_from_the_read_only_role_and_from_public(restored: Restored) -> None:
    as_master(
        restored,
        f"{ROLES} GRANT CREATE, TEMPORARY ON DATABASE {DATABASE} TO {READER}, app_user, PUBLIC; "
        f"GRANT CREATE ON SCHEMA public, empty TO {READER}, PUBLIC",
    )
    set_up_access(restored)
    prove(restored)
    for statement in ("CREATE SCHEMA mine", "CREATE TEMP TABLE mine ()", "CREATE TABLE empty.m ()"):
        assert refused(restored, READONLY, statement) == "42501"
    assert refused(restored, APP, "CREATE SCHEMA mine") == "42501"


def test_a_schema_of_a_superuser_is_left_out_and_reported(restored: Restored) -> None:
    as_master(restored, ROLES)
    as_superuser(
        restored,
        """
        CREATE SCHEMA topology; CREATE TABLE topology.layer (id int);
        GRANT USAGE, CREATE ON SCHEMA topology TO PUBLIC;
        GRANT SELECT, INSERT ON topology.layer TO PUBLIC;
        CREATE SCHEMA cron; CREATE TABLE cron.job (id int);
        ALTER DEFAULT PRIVILEGES GRANT INSERT ON TABLES TO PUBLIC;
        """,
    )
    found = set_up_access(restored).beyond_reach
    assert found == (
        "PUBLIC has CREATE on schema topology, which superuser 'rdsadmin' has granted",
        "PUBLIC has INSERT on table topology.layer, which superuser 'rdsadmin' has granted",
        "PUBLIC will have INSERT on tables that are made by rdsadmin",
    )
    prove(restored)


def test_tables_in_a_superusers_schema_are_granted_if_they_are_not_its_own(
    restored: Restored,
) -> None:
    """``public`` of a database that began before PostgreSQL 15."""
    as_superuser(
        restored, "ALTER SCHEMA public OWNER TO rdsadmin; GRANT ALL ON SCHEMA public TO PUBLIC"
    )
    found = set_up_access(restored).beyond_reach
    assert found == ("PUBLIC has CREATE on schema public, which superuser 'rdsadmin' has granted",)
    prove(restored)
    with restored.session(APP) as connection:
        connection.run("UPDATE customers SET email = 'new'")


FUNCTIONS = f"""
{ROLES}
CREATE FUNCTION "odd $$ name"(int[], customers, VARIADIC text[]) RETURNS int
    LANGUAGE sql STABLE AS 'SELECT 1';
CREATE FUNCTION total(customers) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2';
CREATE FUNCTION change() RETURNS int LANGUAGE sql VOLATILE AS 'SELECT 3';
CREATE PROCEDURE job(INOUT n int) LANGUAGE sql AS 'SELECT 4';
CREATE AGGREGATE sum_up(int) (sfunc = int4pl, stype = int);
CREATE FUNCTION open_to_all() RETURNS int LANGUAGE sql AS 'SELECT 5';
REVOKE EXECUTE ON ALL ROUTINES IN SCHEMA public FROM PUBLIC;
GRANT EXECUTE ON FUNCTION open_to_all() TO PUBLIC;
GRANT EXECUTE ON FUNCTION change() TO {READER};
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
"""


def test_functions_that_are_not_publics_are_the_applications(restored: Restored) -> None:
    as_master(restored, FUNCTIONS)
    set_up_access(restored)
    prove(restored)
    as_master(restored, "CREATE FUNCTION later() RETURNS int LANGUAGE sql AS 'SELECT 6'")
    with restored.session(APP) as connection:
        calls = "SELECT change(), open_to_all(), later(), (SELECT sum_up(id) FROM customers)"
        assert connection.run(calls) == [[3, 5, 6, 5050]]
        assert connection.run("CALL job(1)") == [[4]]
    with restored.session(READONLY) as connection:
        assert connection.run(
            "SELECT total(c), \"odd $$ name\"('{1}', c, 'x') FROM customers c LIMIT 1"
        ) == [[2, 1]]
    assert refused(restored, READONLY, "SELECT change()") == "42501"
    assert refused(restored, READONLY, "CALL job(1)") == "42501"


def test_bypassrls_that_the_master_user_may_not_take_is_reported_with_its_remedy(
    restored: Restored,
) -> None:
    as_superuser(
        restored,
        f"CREATE ROLE {READER} LOGIN BYPASSRLS; GRANT {READER} TO postgres WITH ADMIN OPTION",
    )
    with pytest.raises(PrivilegeCheckError, match=r"has BYPASSRLS.*name another role"):
        set_up_access(restored)


@pytest.mark.parametrize("restored", NEWEST, indirect=True)
def test_bypassrls_and_replication_are_taken_where_the_master_user_may(restored: Restored) -> None:
    as_superuser(
        restored,
        "ALTER ROLE postgres BYPASSRLS REPLICATION; "
        f"CREATE ROLE {READER} LOGIN BYPASSRLS REPLICATION CREATEDB CREATEROLE; "
        f"GRANT {READER} TO postgres WITH ADMIN OPTION",
    )
    set_up_access(restored)
    prove(restored)
    as_superuser(restored, f"ALTER ROLE {READER} BYPASSRLS")
    with pytest.raises(PrivilegeCheckError, match="has rolbypassrls"):
        prove(restored)


def test_the_master_user_still_gets_in_where_the_database_is_anothers(restored: Restored) -> None:
    as_master(restored, "CREATE ROLE deployer; GRANT deployer TO postgres")
    as_master(
        restored, f"ALTER DATABASE {DATABASE} OWNER TO deployer; REVOKE deployer FROM postgres"
    )
    set_up_access(restored)
    prove(restored)
    assert not restored.refuses(MASTER)


def test_a_large_object_is_not_written_by_the_read_only_role(restored: Restored) -> None:
    as_master(
        restored,
        f"{ROLES} SELECT lo_from_bytea(4711, 'scan'); "
        f"GRANT ALL ON LARGE OBJECT 4711 TO {READER}, PUBLIC",
    )
    set_up_access(restored)
    prove(restored)
    with restored.session(READONLY) as connection:
        assert connection.run("SELECT lo_get(4711)") == [[b"scan"]]
    assert refused(restored, READONLY, "SELECT lo_put(4711, 0, 'x')") == "42501"


def test_a_trigger_that_forbids_deletions_does_not_fail_the_proof(restored: Restored) -> None:
    as_master(
        restored,
        """
        CREATE FUNCTION forbid() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'append only'; END $$;
        CREATE TRIGGER forbid BEFORE DELETE ON customers EXECUTE FUNCTION forbid();
        """,
    )
    set_up_access(restored)
    prove(restored)


MANY = """
DO $$ BEGIN
  FOR s IN 1..4 LOOP
    EXECUTE format('CREATE SCHEMA %1$I', E'many\\n' || s);
    FOR t IN 1..2500 LOOP
      EXECUTE format('CREATE TABLE %I.%I ()', E'many\\n' || s, 'täble ''"$1 ' || t);
    END LOOP;
    COMMIT;
  END LOOP;
END $$
"""


def test_more_tables_than_the_lock_table_holds_are_granted_in_batches(restored: Restored) -> None:
    as_master(restored, MANY)
    access = setup_of(restored)
    access.set_up_roles(APP, READONLY)
    calls = 1
    while not access.grant_access(DATABASE, ACCESS, (), 0.0).complete:
        calls += 1
    assert calls > 1
    prove(restored)
    before = _lines_of_the_log(restored)
    assert access.grant_access(DATABASE, ACCESS, (), 60.0).complete
    assert not [line for line in _lines_of_the_log(restored)[len(before) :] if "GRANT " in line]


def _lines_of_the_log(restored: Restored) -> list[str]:
    return restored.log.read_text().splitlines()
