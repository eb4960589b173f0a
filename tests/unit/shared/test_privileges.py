"""Which privileges are granted and revoked, as decisions: without PostgreSQL."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from aurora_restore.shared.errors import ConfigurationError
from aurora_restore.shared.postgres.changes import (
    MOST_ACTORS,
    MOST_OBJECTS,
    Change,
    TimeLimit,
    make_changes,
)
from aurora_restore.shared.postgres.connection import DatabaseSession
from aurora_restore.shared.postgres.default_privileges import (
    DefaultPrivilege,
    describe_default_excess,
    find_default_excess,
    plan_defaults,
)
from aurora_restore.shared.postgres.privileges import (
    PUBLIC_OID,
    READ_ONLY,
    READ_WRITE,
    ObjectKind,
    plan_grantees,
)
from aurora_restore.shared.postgres.scram import parse_app_credentials

OIDS = {"app": 10, "reader": 11, "kept": 12, "owner": 13}
GRANTEES = plan_grantees(OIDS, {"app": READ_WRITE, "reader": READ_ONLY}, ["kept", "nobody"])


def default(
    grantee: int, privilege: str, *, of: str = "r", schema: str | None = None, option: bool = False
) -> DefaultPrivilege:
    return DefaultPrivilege("owner", False, schema, of, grantee, privilege, option)


def statements(found: list[DefaultPrivilege], sparing: tuple[str, ...] = ()) -> list[str]:
    return [each.statement for each in plan_defaults(found, GRANTEES, ["owner"], sparing)]


def test_a_kept_role_gets_connect_and_is_not_judged() -> None:
    (kept,) = [each for each in GRANTEES if each.name == "kept"]
    assert kept.granted == {ObjectKind.DATABASE: ("CONNECT",)}
    assert kept.allowed is None
    assert find_default_excess([default(12, "DELETE")], GRANTEES) == []


def test_the_read_only_role_runs_only_functions_that_are_not_volatile() -> None:
    assert READ_ONLY.granted()[ObjectKind.FUNCTION] == ("EXECUTE",)
    assert ObjectKind.VOLATILE_FUNCTION not in READ_ONLY.allowed()
    assert ObjectKind.FOREIGN_TABLE not in READ_WRITE.allowed()


def test_a_creator_without_defaults_gets_all_of_them() -> None:
    assert statements([]) == [
        'ALTER DEFAULT PRIVILEGES FOR ROLE "owner" GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES '
        'TO "app"',
        'ALTER DEFAULT PRIVILEGES FOR ROLE "owner" GRANT USAGE, SELECT, UPDATE ON SEQUENCES '
        'TO "app"',
        'ALTER DEFAULT PRIVILEGES FOR ROLE "owner" GRANT USAGE ON SCHEMAS TO "app"',
        'ALTER DEFAULT PRIVILEGES FOR ROLE "owner" GRANT SELECT ON TABLES TO "reader"',
        'ALTER DEFAULT PRIVILEGES FOR ROLE "owner" GRANT SELECT ON SEQUENCES TO "reader"',
        'ALTER DEFAULT PRIVILEGES FOR ROLE "owner" GRANT USAGE ON SCHEMAS TO "reader"',
    ]


def test_the_application_runs_what_a_creator_keeps_from_public() -> None:
    granted = [each for each in statements([], ("owner",)) if "FUNCTIONS" in each]
    assert granted == [
        'ALTER DEFAULT PRIVILEGES FOR ROLE "owner" GRANT EXECUTE ON FUNCTIONS TO "app"'
    ]


@pytest.mark.parametrize(
    ("found", "revoked"),
    [
        (default(11, "INSERT"), 'REVOKE INSERT ON TABLES FROM "reader" CASCADE'),
        (default(11, "SELECT", option=True), 'REVOKE SELECT ON TABLES FROM "reader" CASCADE'),
        (default(10, "TRUNCATE"), 'REVOKE TRUNCATE ON TABLES FROM "app" CASCADE'),
        (default(PUBLIC_OID, "SELECT"), "REVOKE SELECT ON TABLES FROM PUBLIC CASCADE"),
        (default(PUBLIC_OID, "USAGE", of="n"), "REVOKE USAGE ON SCHEMAS FROM PUBLIC CASCADE"),
        (
            default(11, "DELETE", schema='Odd "S'),
            'IN SCHEMA "Odd ""S" REVOKE DELETE ON TABLES FROM "reader" CASCADE',
        ),
        (default(11, "EXECUTE", of="f"), 'REVOKE EXECUTE ON FUNCTIONS FROM "reader" CASCADE'),
        (default(11, "UPDATE", of="L"), 'REVOKE UPDATE ON LARGE OBJECTS FROM "reader" CASCADE'),
    ],
)
def test_a_default_that_is_too_much_is_revoked(found: DefaultPrivilege, revoked: str) -> None:
    assert statements([found])[0].endswith(revoked)


@pytest.mark.parametrize(
    "found",
    [
        default(PUBLIC_OID, "EXECUTE", of="f"),
        default(PUBLIC_OID, "USAGE", of="T"),
        default(13, "DELETE"),
        default(11, "SELECT"),
    ],
)
def test_a_default_that_is_allowed_or_anothers_stays(found: DefaultPrivilege) -> None:
    assert find_default_excess([found], GRANTEES) == []


def test_what_a_superuser_will_grant_is_described_and_not_revoked() -> None:
    found = [
        default(PUBLIC_OID, "INSERT")._replace(creator=name, creator_is_superuser=True)
        for name in ("rdsadmin", "root")
    ]
    assert not [each for each in statements(found) if "REVOKE" in each]
    assert describe_default_excess(found, GRANTEES) == [
        "PUBLIC will have INSERT on tables that are made by rdsadmin, root"
    ]


@dataclass
class Recorded(DatabaseSession):
    """A session that only notes what it is to run; each transaction is a list."""

    transactions: list[list[str]] = field(default_factory=list)

    @contextmanager
    def transaction(self) -> Iterator["Recorded"]:
        self.transactions.append([])
        yield self

    def run(self, sql: str, **parameters: Any) -> list[list[Any]]:
        if self.transactions and not sql.startswith(("SELECT", "WITH")):
            self.transactions[-1].append(sql)
        return [["180004"]] if "server_version_num" in sql else []


def test_a_transaction_names_no_more_objects_and_acts_as_no_more_roles_than_it_may() -> None:
    many = [Change("owner", f"GRANT {n}", 200) for n in range(5)]
    several = [Change(f"r{n:03}", "GRANT x") for n in range(MOST_ACTORS + 1)]
    session = Recorded()
    assert make_changes(session, [*many, *several], TimeLimit(60))
    assert [len(each) for each in session.transactions] == [1, 1, MOST_ACTORS, 2]
    assert session.transactions[0] == [
        'SET LOCAL ROLE "owner"; GRANT 0; GRANT 1; SET LOCAL ROLE NONE'
    ]


def test_one_batch_is_made_however_little_time_there_is() -> None:
    many = [Change("owner", f"GRANT {n}", MOST_OBJECTS) for n in range(3)]
    session = Recorded()
    assert not make_changes(session, many, TimeLimit(0))
    assert len(session.transactions) == 1
    assert make_changes(session, many[:1], TimeLimit(0))


@pytest.mark.parametrize(
    "password",
    ["tab\tinside", "emoji-\U0001f600-x", "\u00ad" * 8, "right-\u05d0-left", "a\u00ad" * 4],
)
@pytest.mark.parametrize("name", ["app_password", "readonly_password"])
def test_a_password_that_no_client_could_use_is_refused_by_its_fields_name(
    name: str, password: str
) -> None:
    secret = {"app_username": "app", "readonly_username": "reader", name: password}
    with pytest.raises(ConfigurationError, match=f"^secret s: {name}: cannot be a password") as e:
        parse_app_credentials(secret, source="secret s")
    assert password not in str(e.value)
    assert e.value.__context__ is None or password not in str(e.value.__context__)
