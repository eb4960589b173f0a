"""Sessions that trust nothing in the database they log in to, in a real PostgreSQL."""

from typing import Any

import pytest

from aurora_restore.configuration.sql_text import deployed_script
from aurora_restore.shared.errors import (
    DatabaseConnectionError,
    JournalNotOwnError,
    ScriptFailedError,
)
from aurora_restore.shared.postgres.access import DatabaseAccess
from aurora_restore.shared.postgres.lock_out import lock_out
from aurora_restore.shared.postgres.membership import plan_membership
from aurora_restore.shared.postgres.scripts import SqlScript
from aurora_restore.shared.postgres.tasks import TaskStatus, start_task
from tests.integration.database.conftest import (
    DATABASE,
    MASTER,
    OPERATION,
    SINCE_17,
    Restored,
)
from tests.integration.database.roles import prove
from tests.integration.database.test_roles import ETL, set_up

HELP_ONESELF = """
CREATE FUNCTION public.help_oneself() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  IF current_user = 'postgres' THEN
    GRANT rds_superuser TO monitoring;
  END IF;
  RETURN true;
END $$;
"""
FUNCTIONS = """
CREATE FUNCTION public.pg_has_role(name, oid, text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN PERFORM public.help_oneself(); RETURN pg_catalog.pg_has_role($1, $2, $3); END $$;
CREATE FUNCTION public.to_regclass(text) RETURNS regclass LANGUAGE plpgsql AS $$
BEGIN PERFORM public.help_oneself(); RETURN pg_catalog.to_regclass($1); END $$;
CREATE FUNCTION public.current_setting(text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN PERFORM public.help_oneself(); RETURN pg_catalog.current_setting($1); END $$;
CREATE FUNCTION public.current_setting(text, boolean) RETURNS text LANGUAGE plpgsql AS $$
BEGIN PERFORM public.help_oneself(); RETURN pg_catalog.current_setting($1, $2); END $$;
CREATE FUNCTION public.current_database() RETURNS name LANGUAGE plpgsql AS $$
BEGIN PERFORM public.help_oneself(); RETURN pg_catalog.current_database(); END $$;
CREATE AGGREGATE public.array_agg(text) (SFUNC = array_append, STYPE = text[]);
"""
OPERATORS = """
CREATE FUNCTION public.same(name, text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN PERFORM public.help_oneself(); RETURN $1 OPERATOR(pg_catalog.=) $2; END $$;
CREATE OPERATOR public.= (LEFTARG = name, RIGHTARG = text, FUNCTION = public.same);
CREATE FUNCTION public.differs(name, name) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN PERFORM public.help_oneself(); RETURN $1 OPERATOR(pg_catalog.<>) $2; END $$;
CREATE OPERATOR public.<> (LEFTARG = name, RIGHTARG = name, FUNCTION = public.differs);
CREATE FUNCTION public.differs_from_text(name, text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN PERFORM public.help_oneself(); RETURN $1 OPERATOR(pg_catalog.!~) $2; END $$;
CREATE OPERATOR public.!~ (LEFTARG = name, RIGHTARG = text, FUNCTION = public.differs_from_text);
"""
RELATIONS = """
CREATE VIEW public.pg_roles AS SELECT *, public.help_oneself() FROM pg_catalog.pg_roles;
CREATE VIEW public.pg_namespace AS SELECT *, public.help_oneself() FROM pg_catalog.pg_namespace;
CREATE VIEW public.pg_stat_activity AS
    SELECT *, public.help_oneself() FROM pg_catalog.pg_stat_activity;
"""
OVERLOADS = {"functions": FUNCTIONS, "operators": OPERATORS, "relations": RELATIONS}
SUPERUSERS = "SELECT rolname FROM pg_roles WHERE pg_has_role(oid, 'rds_superuser', 'MEMBER')"


def access(restored: Restored) -> DatabaseAccess:
    return DatabaseAccess(restored.server, MASTER, DATABASE, (DATABASE,), OPERATION)


def run(restored: Restored, sql: str, name: str = "mask.sql") -> TaskStatus:
    script = SqlScript(DATABASE, name, deployed_script(sql.encode()))
    return start_task(access(restored), script, 20.0)


def as_master(restored: Restored, sql: str) -> Any:
    with restored.session(MASTER) as connection:
        return connection.run(sql)


@pytest.mark.parametrize("overloads", OVERLOADS.values(), ids=OVERLOADS)
def test_nothing_in_the_database_is_called_instead_of_what_is_postgresqls(
    restored: Restored, overloads: str
) -> None:
    before = as_master(restored, SUPERUSERS)
    as_master(
        restored,
        f"{HELP_ONESELF} {overloads} "
        f"ALTER DATABASE {DATABASE} SET search_path = public, pg_catalog",
    )
    set_up(restored)
    assert run(restored, "UPDATE customers SET email = 'masked'") is TaskStatus.DONE
    prove(restored)
    with restored.server.session(MASTER, "postgres") as session:
        session.run("SET search_path = pg_catalog")
        assert session.run(SUPERUSERS) == before


SETTINGS = (
    "role = 'weak'",
    "search_path = public, pg_catalog",
    "statement_timeout = 1",
    "lock_timeout = 1",
    "idle_in_transaction_session_timeout = 1",
    "default_transaction_read_only = on",
    "default_transaction_isolation = 'serializable'",
    "standard_conforming_strings = off",
    "client_encoding = 'LATIN1'",
    "row_security = on",
    "synchronous_commit = off",
    "default_table_access_method = 'nothing'",
    "default_tablespace = 'nowhere'",
)


@pytest.mark.parametrize("whose", [f"ROLE {MASTER.user}", f"DATABASE {DATABASE}"])
def test_settings_of_roles_and_databases_do_not_decide_whether_a_run_works(
    restored: Restored, whose: str
) -> None:
    as_master(restored, "CREATE ROLE weak; GRANT weak TO postgres; SET check_function_bodies = off")
    newer = ["idle_session_timeout = 250"]
    if restored.major >= SINCE_17[0]:
        newer.append("transaction_timeout = 250")
    with restored.session(MASTER) as connection:
        for setting in (*SETTINGS, *newer):
            if setting.startswith("role") and whose.startswith("DATABASE"):
                continue
            connection.run(f"ALTER {whose} SET {setting}")

    assert set_up(restored) == ["app_user", "etl"]
    masking = "UPDATE customers SET email = E'm\\\\sked'; SELECT pg_sleep(0.5)"
    assert run(restored, masking) is TaskStatus.DONE
    prove(restored)
    with restored.server.session(MASTER, DATABASE) as session:
        assert session.run(
            "SELECT current_user, session_user, current_setting('standard_conforming_strings'), "
            "current_setting('row_security'), current_setting('search_path')"
        ) == [["postgres", "postgres", "on", "off", "pg_catalog, pg_temp"]]


def test_we_are_who_has_logged_in_whatever_role_is_taken(restored: Restored) -> None:
    as_master(restored, "CREATE ROLE weak; GRANT weak TO postgres")
    with restored.server.session(MASTER, DATABASE) as session:
        session.run("SET ROLE weak")
        planned = plan_membership(session, ["weak", "etl"])
    assert not any("weak" in statement for statement in planned.gain)


def test_a_script_sees_names_as_psql_does(restored: Restored) -> None:
    as_master(
        restored,
        f"CREATE SCHEMA masking; ALTER DATABASE {DATABASE} SET search_path = masking, public",
    )
    run(restored, "CREATE TABLE masked AS SELECT count(*) FROM customers")
    assert as_master(restored, "SELECT count FROM masking.masked") == [[100]]


def test_a_script_cannot_leave_its_search_path_to_what_follows(restored: Restored) -> None:
    as_master(restored, f"{HELP_ONESELF} {FUNCTIONS}")
    run(restored, "SET search_path = public, pg_catalog; UPDATE customers SET email = 'masked'")
    rows = as_master(restored, "SELECT pg_has_role('monitoring', 'rds_superuser', 'MEMBER')")
    assert rows == [[False]]


HIDDEN = """
ALTER TABLE customers ENABLE ROW LEVEL SECURITY;
ALTER TABLE customers FORCE ROW LEVEL SECURITY;
CREATE POLICY few ON customers USING (id <= 10);
"""


def test_rows_that_a_policy_hides_make_a_script_fail_instead_of_being_skipped(
    restored: Restored,
) -> None:
    as_master(restored, HIDDEN)
    masking = "UPDATE customers SET email = 'masked'"

    with pytest.raises(ScriptFailedError, match=r"42501: .* row-level security .*customers"):
        run(restored, masking)

    run(
        restored,
        "ALTER TABLE customers NO FORCE ROW LEVEL SECURITY;"
        f"{masking}; ALTER TABLE customers FORCE ROW LEVEL SECURITY",
    )
    as_master(restored, "ALTER TABLE customers DISABLE ROW LEVEL SECURITY")
    assert as_master(restored, "SELECT count(*) FROM customers WHERE email <> 'masked'") == [[0]]


def test_policies_apply_to_the_application_as_ever(restored: Restored) -> None:
    as_master(restored, HIDDEN)
    set_up(restored)
    prove(restored)


LOGIN_TRIGGER = """
CREATE FUNCTION public.at_login() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$;
CREATE EVENT TRIGGER "doorman" ON login EXECUTE FUNCTION public.at_login();
"""


def by_a_superuser(restored: Restored, sql: str) -> None:
    """Run what on RDS a member of rds_superuser may."""
    restored.superuser.run(sql, database=DATABASE)


@pytest.mark.parametrize("restored", SINCE_17, indirect=True)
def test_a_trigger_on_login_leaves_no_setting_and_no_table_behind(restored: Restored) -> None:
    body = """
        PERFORM set_config('search_path', 'public, pg_catalog', false);
        PERFORM set_config('row_security', 'on', false);
        PERFORM set_config('default_transaction_read_only', 'on', false);
        CREATE TEMPORARY TABLE pg_roles AS SELECT * FROM pg_catalog.pg_roles LIMIT 0;
    """
    by_a_superuser(restored, LOGIN_TRIGGER.format(body=body))
    with restored.server.session(MASTER, DATABASE) as session:
        assert session.scalar("SELECT count(*) > 5 FROM pg_roles") is True
        assert session.scalar("SELECT current_setting('row_security')") == "off"
    assert set_up(restored) == ["app_user", "etl"]


@pytest.mark.parametrize("restored", SINCE_17, indirect=True)
def test_a_trigger_on_login_that_refuses_the_master_is_what_the_error_says(
    restored: Restored,
) -> None:
    by_a_superuser(restored, LOGIN_TRIGGER.format(body="RAISE EXCEPTION 'only from the office';"))
    with (
        pytest.raises(
            DatabaseConnectionError, match=r"P0001 \(raise_exception\); .* event trigger on login"
        ),
        restored.server.session(MASTER, DATABASE),
    ):
        pass


PLANTED = {
    "view": """
        CREATE SCHEMA aurora_restore AUTHORIZATION etl;
        CREATE VIEW aurora_restore.restore_journal AS
            SELECT *, public.help_oneself() FROM pg_catalog.pg_class;
        ALTER VIEW aurora_restore.restore_journal OWNER TO etl;
    """,
    "trigger": """
        CREATE SCHEMA aurora_restore AUTHORIZATION etl;
        CREATE TABLE aurora_restore.restore_journal (
            account text, region text, cluster_resource_id text, operation_id text, entry text,
            recorded_at timestamptz DEFAULT now(), details jsonb
        );
        ALTER TABLE aurora_restore.restore_journal OWNER TO etl;
        CREATE FUNCTION public.on_entry() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN PERFORM public.help_oneself(); RETURN NEW; END $$;
        CREATE TRIGGER on_entry BEFORE INSERT ON aurora_restore.restore_journal
            FOR EACH ROW EXECUTE FUNCTION public.on_entry();
    """,
    "schema": "CREATE SCHEMA aurora_restore AUTHORIZATION etl",
}


@pytest.mark.parametrize("planted", PLANTED.values(), ids=PLANTED)
def test_a_journal_that_was_planted_in_production_is_refused_and_never_run(
    restored: Restored, planted: str
) -> None:
    before = as_master(restored, SUPERUSERS)
    restored.superuser.run(f"{HELP_ONESELF} {planted}", database=DATABASE)

    with pytest.raises(JournalNotOwnError, match=f"'aurora_restore' of database '{DATABASE}'"):
        run(restored, "UPDATE customers SET email = 'masked'")

    assert lock_out(access(restored), keep=()).error is not None
    assert as_master(restored, SUPERUSERS) == before
    assert restored.refuses(ETL, DATABASE)
