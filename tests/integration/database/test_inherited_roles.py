"""What an inherited role brings along that would break it, or the setup."""

from typing import Any

import pytest

from aurora_restore.configuration.sql_text import deployed_script
from aurora_restore.shared.postgres.access import DatabaseAccess
from aurora_restore.shared.postgres.connection import DatabaseLogin
from aurora_restore.shared.postgres.scram import parse_app_credentials
from aurora_restore.shared.postgres.scripts import SqlScript
from aurora_restore.shared.postgres.tasks import TaskStatus, start_task
from tests.integration.database.conftest import (
    DATABASE,
    MASTER,
    OLDEST,
    OPERATION,
    Restored,
)
from tests.integration.database.roles import APP, prove, set_up_access


def as_master(restored: Restored, sql: str) -> list[list[Any]]:
    with restored.session(MASTER) as connection:
        return list(connection.run(sql) or [])


def mask(restored: Restored, sql: str) -> TaskStatus:
    access = DatabaseAccess(restored.server, MASTER, DATABASE, (DATABASE,), OPERATION)
    return start_task(
        access, SqlScript(DATABASE, "sql/mask.sql", deployed_script(sql.encode())), 30.0
    )


def test_a_connection_limit_of_none_is_reset(restored: Restored) -> None:
    as_master(restored, "ALTER ROLE app_user CONNECTION LIMIT 0")
    set_up_access(restored)
    prove(restored)
    assert not restored.refuses(APP)


def test_settings_by_which_a_role_could_not_write_are_reset_and_others_stay(
    restored: Restored,
) -> None:
    as_master(
        restored,
        f"""
        ALTER ROLE app_user SET default_transaction_read_only = on;
        ALTER ROLE app_user IN DATABASE {DATABASE} SET default_transaction_read_only = on;
        ALTER ROLE app_user SET role = writers;
        ALTER ROLE app_user SET work_mem = '8MB';
        """,
    )
    set_up_access(restored)
    with restored.session(APP) as connection:
        connection.run("INSERT INTO customers VALUES (1000, 'x')")
        assert connection.run("SELECT current_user::text, current_setting('work_mem')") == [
            ["app_user", "8MB"]
        ]


CIRCULAR = """
CREATE ROLE team; CREATE ROLE deployer;
GRANT postgres TO team WITH ADMIN OPTION; GRANT team TO deployer;
CREATE SCHEMA deployed AUTHORIZATION deployer;
CREATE TABLE deployed.orders (id int, email text); INSERT INTO deployed.orders VALUES (1, 'real');
ALTER TABLE deployed.orders OWNER TO deployer;
"""
MASK = "UPDATE deployed.orders SET email = 'masked'"
MEMBERS = """
SELECT m.member::regrole::text, m.admin_option FROM pg_auth_members m
WHERE m.roleid = 'postgres'::regrole ORDER BY 1
"""


def test_an_owner_that_is_a_member_of_the_master_does_not_break_masking(
    restored: Restored,
) -> None:
    with restored.superuser.session(DATABASE) as session:
        session.run(CIRCULAR)
    assert mask(restored, MASK) is TaskStatus.DONE
    with restored.superuser.session(DATABASE) as session:
        assert list(session.run("SELECT email FROM deployed.orders")) == [["masked"]]
        assert list(session.run(MEMBERS)) == [["team", True]]
        assert (
            list(
                session.run(
                    "SELECT roleid::regrole::text FROM pg_auth_members "
                    "WHERE member = 'postgres'::regrole AND roleid::regrole::text ~ 'data|maintain'"
                )
            )
            == []
        )


@pytest.mark.parametrize("restored", OLDEST, indirect=True)
def test_an_owner_that_is_a_member_of_the_master_does_not_break_the_grants(
    restored: Restored,
) -> None:
    with restored.superuser.session(DATABASE) as session:
        session.run(CIRCULAR)
    set_up_access(restored)
    prove(restored)
    assert as_master(restored, MEMBERS) == [["team", True]]


PASSWORDS = (
    "pässwörd-ÅÑ-ﬁ",
    "no\u00a0break\u2003spaces",
    "soft\u00adhyphens-ok",
    "日本語のパスワード",
    "quote'back\\slash\"$$x$$",
    " leading and trailing ",
    "Ⅸⅸ-compatibility-ª",
    "a" * 128,
)


def test_every_password_that_passes_the_check_works(restored: Restored) -> None:
    for password in PASSWORDS:
        parse_app_credentials(
            {"app_username": "app_user", "readonly_username": "r", "app_password": password},
            source="secret s",
        )
        reader = DatabaseLogin("reader", password)
        set_up_access(restored, readonly=reader)
        assert not restored.refuses(reader), password
