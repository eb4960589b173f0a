"""Who can log in and what they can do, in a real PostgreSQL."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from aurora_restore.configuration.authorities import rds_authorities
from aurora_restore.shared.errors import (
    ConfigurationError,
    DatabaseConnectionError,
    InvalidPasswordError,
    PrivilegeCheckError,
)
from aurora_restore.shared.postgres import journal
from aurora_restore.shared.postgres.access import DatabaseAccess
from aurora_restore.shared.postgres.connection import (
    DatabaseLogin,
    DatabaseServer,
    DatabaseSession,
    identifier,
)
from aurora_restore.shared.postgres.journal import JournalKey
from aurora_restore.shared.postgres.lock_out import (
    LOGIN_DISABLED,
    LOGINS_DISABLED,
    lock_out,
)
from embedded_aws.rds.data_plane.builds import MAJORS
from embedded_aws.rds.data_plane.postgres import PostgresDataPlane
from tests.integration.database.conftest import (
    DATABASE,
    MASTER,
    OLDEST,
    OPERATION,
    SINCE_16,
    Aged,
    Restored,
    opened,
)
from tests.integration.database.roles import APP, READONLY, prove, set_up_access

ETL = DatabaseLogin("etl", "old-etl-password")
MONITORING = DatabaseLogin("monitoring", "old-monitoring-password")

SNAPSHOT_OF_THE_CATALOG = """
SELECT 'role', rolname, row(rolsuper, rolcanlogin, rolcreatedb, rolvaliduntil)::text FROM pg_roles
UNION ALL SELECT 'member', roleid::regrole::text, member::regrole::text FROM pg_auth_members
UNION ALL SELECT 'database', datname, datacl::text FROM pg_database
UNION ALL SELECT 'schema', nspname, nspacl::text FROM pg_namespace
UNION ALL SELECT 'relation', oid::regclass::text, relacl::text FROM pg_class WHERE oid >= 16384
UNION ALL SELECT 'default', defaclrole::regrole::text || defaclobjtype::text, defaclacl::text
    FROM pg_default_acl
ORDER BY 1, 2, 3
"""


@pytest.fixture(params=MAJORS)
def restored(
    data_plane: PostgresDataPlane,
    snapshots: Callable[[int], str],
    request: pytest.FixtureRequest,
) -> Iterator[Restored]:
    """A cluster of its own for each test, of every version: memberships differ between them."""
    with opened(data_plane, "restored", request.param, snapshots(request.param)) as made:
        yield made


def set_up(restored: Restored, key: JournalKey = OPERATION) -> list[str]:
    access = DatabaseAccess(restored.server, MASTER, DATABASE, (DATABASE,), key)
    done = lock_out(access, ["monitoring", "nobody"])
    done.require_complete()
    set_up_access(restored, key)
    return sorted(done.disabled)


def catalog(restored: Restored) -> list[list[Any]]:
    with restored.session(MASTER) as connection:
        return list(connection.run(SNAPSHOT_OF_THE_CATALOG))


def named(*names: str) -> dict[str, Any]:
    """A list of names as details have it."""
    return {"count": len(names), "names": list(names)}


def test_sessions_end_that_an_earlier_attempt_has_left(restored: Restored) -> None:
    with restored.session(ETL) as old:
        with restored.session(MASTER) as connection:
            connection.run("BEGIN")
            stopped = DatabaseSession(connection)
            journal.prepare(stopped)
            connection.run("ALTER ROLE etl NOLOGIN")
            journal.write(stopped, OPERATION, f"{LOGIN_DISABLED}etl")
            journal.write(stopped, OPERATION, LOGINS_DISABLED)
            connection.run("COMMIT")
        assert set_up(restored) == ["etl"]
        with pytest.raises((Exception,), match=r"terminat|closed|network"):
            old.run("SELECT 1")


def test_inherited_logins_go_and_the_kept_ones_stay(restored: Restored) -> None:
    assert set_up(restored) == ["app_user", "etl"]
    assert restored.refuses(ETL)
    assert restored.refuses(DatabaseLogin("app_user", "old-app-password"))
    assert not restored.refuses(MONITORING)
    assert not restored.refuses(MASTER)


def test_sessions_of_inherited_logins_end(restored: Restored) -> None:
    with restored.session(ETL) as old:
        set_up(restored)
        with pytest.raises((Exception,), match=r"terminat|closed|network"):
            old.run("SELECT 1")


def test_the_application_can_write_where_the_other_can_only_read(restored: Restored) -> None:
    set_up(restored)
    prove(restored)
    with restored.session(APP) as connection:
        connection.run("""INSERT INTO "Odd Schema"."odd ""table" ("drop table") VALUES ('x')""")
        assert connection.run("SELECT count(*) FROM customers") == [[100]]
    with restored.session(READONLY) as connection:
        assert connection.run('SELECT count(*) FROM "Odd Schema"."odd ""table"') == [[1]]
        assert connection.run('SELECT one FROM "Odd Schema".odd_view') == [[1]]
        with pytest.raises(Exception, match="42501"):
            connection.run("DELETE FROM customers")


def test_objects_that_come_later_are_granted_too(restored: Restored) -> None:
    set_up(restored)
    with restored.session(MASTER) as connection:
        connection.run("CREATE SCHEMA later; CREATE TABLE later.t (id serial)")
        connection.run('GRANT "Odd ""Owner" TO postgres')
        connection.run(
            """SET ROLE "Odd ""Owner"; CREATE TABLE "Odd Schema".younger (id int); RESET ROLE"""
        )
    with restored.session(APP) as connection:
        connection.run("INSERT INTO later.t DEFAULT VALUES")
        connection.run('INSERT INTO "Odd Schema".younger VALUES (1)')
    with restored.session(READONLY) as connection:
        assert connection.run('SELECT * FROM later.t, "Odd Schema".younger') == [[1, 1]]


def test_public_may_nothing(restored: Restored) -> None:
    set_up(restored)
    with restored.session(MASTER) as connection:
        connection.run("CREATE ROLE nobody_in_particular LOGIN PASSWORD 'nobody-password'")
    assert restored.refuses(DatabaseLogin("nobody_in_particular", "nobody-password"))
    with restored.session(MASTER) as connection:
        assert connection.run("SELECT has_table_privilege('public', 'customers', 'SELECT')") == [
            [False]
        ]


def test_a_second_run_changes_nothing(restored: Restored) -> None:
    set_up(restored)
    before = catalog(restored)
    with restored.session(APP) as application:
        assert set_up(restored) == ["app_user", "etl"]
        application.run("SELECT 1")
    assert catalog(restored) == before


def test_another_operation_disables_the_logins_again(restored: Restored) -> None:
    set_up(restored)
    assert APP.user in set_up(restored, replace(OPERATION, operation_id="op-2"))
    prove(restored)


def test_a_role_whose_login_works_already_loses_its_other_rights_too(restored: Restored) -> None:
    set_up(restored)
    with restored.session(MASTER) as connection:
        connection.run(f"ALTER ROLE {APP.user} CREATEDB CREATEROLE VALID UNTIL '2090-01-01'")

    set_up(restored)

    with restored.session(MASTER) as connection:
        rights = connection.run(
            "SELECT rolcreatedb, rolcreaterole, rolvaliduntil = 'infinity' FROM pg_roles "
            "WHERE rolname = :role",
            role=APP.user,
        )
    assert rights == [[False, False, True]]


def test_no_password_reaches_the_servers_log(restored: Restored) -> None:
    set_up(restored)
    log = restored.log.read_text()
    assert "CREATE ROLE" in log
    assert "canary" not in log


def test_the_master_user_is_no_member_of_the_owners_afterwards(restored: Restored) -> None:
    set_up(restored)
    with restored.session(MASTER) as connection:
        (member,) = connection.run("""SELECT pg_has_role('postgres', 'Odd "Owner', 'USAGE')""")
    assert member == [False]


def test_a_read_only_role_that_can_write_is_found_out(restored: Restored) -> None:
    set_up(restored)
    with restored.session(MASTER) as connection:
        connection.run('GRANT UPDATE ON customers TO "read ""only"')
    with pytest.raises(PrivilegeCheckError, match=r"read-only role can write to public\.customers"):
        prove(restored)
    set_up(restored)
    prove(restored)


GRANTED_BY_ANOTHER = """
CREATE ROLE owners;
CREATE ROLE deployer;
CREATE ROLE bystander;
CREATE ROLE "read ""only";
GRANT INSERT ON customers TO owners;
GRANT owners TO deployer WITH ADMIN OPTION;
GRANT deployer TO postgres;
SET ROLE deployer;
GRANT owners TO "read ""only" WITH ADMIN TRUE, INHERIT FALSE, SET TRUE;
RESET ROLE;
GRANT "read ""only" TO postgres;
SET ROLE "read ""only";
GRANT owners TO bystander;
RESET ROLE;
REVOKE "read ""only" FROM postgres;
REVOKE deployer FROM postgres;
"""


@pytest.mark.parametrize("restored", SINCE_16, indirect=True)
def test_a_membership_that_another_role_has_granted_ends_with_all_that_depends_on_it(
    restored: Restored,
) -> None:
    with restored.session(MASTER) as connection:
        connection.run(GRANTED_BY_ANOTHER)
    set_up(restored)
    with restored.session(READONLY) as connection, pytest.raises(Exception, match="42501"):
        connection.run("SET ROLE owners; INSERT INTO customers VALUES (0, 'x')")
    prove(restored)
    with restored.session(MASTER) as connection:
        memberships = connection.run(
            "SELECT roleid::regrole::text, member::regrole::text FROM pg_auth_members "
            "WHERE roleid = 'owners'::regrole AND grantor <> 10 "
            "OR roleid = 'deployer'::regrole AND grantor <> 10"
        )
    assert memberships == [["owners", "deployer"]]


@pytest.mark.parametrize("restored", SINCE_16, indirect=True)
def test_a_membership_that_only_a_superuser_could_end_is_reported_with_its_remedy(
    restored: Restored,
) -> None:
    """Since PostgreSQL 16 a user who makes a role is its member by grant of the first superuser."""
    former = DatabaseLogin("app_user", "old-app-password")
    with restored.session(MASTER) as connection:
        connection.run("ALTER ROLE app_user CREATEROLE")
    with restored.session(former) as connection:
        connection.run('CREATE ROLE "made by app"')
    with pytest.raises(
        PrivilegeCheckError,
        match=r"'app_user' could not leave 'made by app' \(granted by 'rdsadmin'\).*in the source",
    ) as caught:
        set_up(restored)
    assert caught.value.details == {"role": "app_user", "groups": named("made by app")}
    assert restored.refuses(former)
    assert restored.refuses(APP)


@pytest.mark.parametrize("login", [APP, READONLY])
@pytest.mark.parametrize(
    ("restored", "how"),
    [
        *((major, "WITH INHERIT FALSE, SET TRUE") for major in SINCE_16),
        *((major, "WITH ADMIN TRUE, INHERIT FALSE, SET FALSE") for major in SINCE_16),
        *((major, "") for major in OLDEST),
    ],
    indirect=["restored"],
)
def test_a_role_that_is_a_member_of_another_is_found_out(
    restored: Restored, login: DatabaseLogin, how: str
) -> None:
    set_up(restored)
    with restored.session(MASTER) as connection:
        connection.run(f"GRANT writers TO {identifier(login.user)} {how}")
    with pytest.raises(PrivilegeCheckError, match="is a member of 'writers'") as caught:
        prove(restored)
    assert caught.value.details == {"role": login.user, "groups": named("writers")}
    set_up(restored)
    prove(restored)


@pytest.mark.parametrize("restored", OLDEST, indirect=True)
def test_a_failed_proof_names_the_first_of_many(restored: Restored) -> None:
    set_up(restored)
    with restored.session(MASTER) as connection:
        for number in range(60):
            group = f"g{number:02}"
            connection.run(f"CREATE ROLE {group}; GRANT {group} TO {identifier(READONLY.user)}")
    with pytest.raises(PrivilegeCheckError, match=r"'g49', and 10 more$") as caught:
        prove(restored)
    names = [f"g{number:02}" for number in range(50)]
    assert caught.value.details["groups"] == {"count": 60, "names": names}


def test_to_own_the_database_is_no_membership(restored: Restored) -> None:
    set_up(restored)
    with restored.session(MASTER) as connection:
        connection.run(
            f"GRANT app_user TO postgres; ALTER DATABASE {DATABASE} OWNER TO app_user; "
            "REVOKE app_user FROM postgres"
        )
    prove(restored)


@pytest.mark.parametrize("restored", OLDEST, indirect=True)
def test_an_older_server_is_set_up_with_what_it_knows(restored: Restored, aged: Aged) -> None:
    with restored.session(MASTER) as connection:
        connection.run('CREATE ROLE "read ""only"; GRANT writers TO "read ""only"')
    for version in aged:
        set_up(restored, replace(OPERATION, operation_id=f"op at {version}"))
        prove(restored)


@pytest.mark.parametrize("login", [APP, READONLY])
def test_a_role_that_reaches_a_database_that_is_not_listed_is_found_out(
    restored: Restored, login: DatabaseLogin
) -> None:
    with restored.session(MASTER) as connection:
        connection.run('CREATE DATABASE "other ""one"')
    set_up(restored)
    prove(restored, others_closed=True)
    for database in ('other "one', "postgres", "template1"):
        assert restored.refuses(login, database)
    with restored.session(MASTER) as connection:
        connection.run(f'GRANT CONNECT ON DATABASE "other ""one" TO {identifier(login.user)}')
    fault = re.escape(f'role {login.user!r} can log in to database other "one')
    with pytest.raises(PrivilegeCheckError, match=fault):
        prove(restored, others_closed=True)


def test_an_application_role_that_cannot_write_is_found_out(restored: Restored) -> None:
    set_up(restored)
    with restored.session(MASTER) as connection:
        connection.run("REVOKE DELETE ON customers FROM app_user")
    with pytest.raises(PrivilegeCheckError, match=r"lacks a privilege on public\.customers"):
        prove(restored)


def test_a_wrong_password_is_reported_with_its_code(restored: Restored) -> None:
    with (
        pytest.raises(InvalidPasswordError, match="'postgres' could not log in") as caught,
        restored.server.session(DatabaseLogin("postgres", "canary-wrong"), DATABASE),
    ):
        pass
    assert caught.value.details["sqlstate"] == "28P01"
    assert "canary" not in str(caught.value)


def test_a_server_that_no_authority_of_amazon_rds_has_signed_is_not_trusted(
    restored: Restored,
) -> None:
    authorities = rds_authorities()
    stranger = DatabaseServer(restored.server.host, restored.server.port, authorities)
    with (
        pytest.raises(DatabaseConnectionError, match="CA bundle"),
        stranger.session(MASTER, DATABASE),
    ):
        pass


def test_a_ca_bundle_that_is_none_is_a_configuration_error(restored: Restored) -> None:
    stranger = DatabaseServer(restored.server.host, restored.server.port, "no certificate")
    with pytest.raises(ConfigurationError, match="PEM"), stranger.session(MASTER, DATABASE):
        pass
