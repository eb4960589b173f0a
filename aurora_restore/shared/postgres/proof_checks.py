"""What must hold for the session of an application's role, by the server's own judgement.

The questions go to PostgreSQL's privilege functions, which also count what comes by a membership,
by ownership or through PUBLIC; the access lists alone would not show that. What belongs to a
superuser is left out, because nobody can change it.
"""

from collections.abc import Iterator
from typing import Any, Final

from aurora_restore.shared.documents.schema import to_json
from aurora_restore.shared.errors import PrivilegeCheckError
from aurora_restore.shared.name_list import NameList
from aurora_restore.shared.postgres.catalog import USER_RELATIONS, USER_SCHEMA
from aurora_restore.shared.postgres.connection import DatabaseSession, literal
from aurora_restore.shared.postgres.default_privileges import (
    describe_default_excess,
    find_default_excess,
    find_default_privileges,
)
from aurora_restore.shared.postgres.ownership import count_property
from aurora_restore.shared.postgres.privileges import (
    READ_ONLY,
    READ_WRITE,
    plan_grantees,
)

_TABLES_AND_VIEWS: Final = "'r', 'p', 'v', 'm'"
_SEQUENCES: Final = "'S'"
_FOREIGN_TABLES: Final = "'f'"
_SCHEMAS: Final = (
    "FROM pg_namespace n JOIN pg_roles o ON o.oid = n.nspowner "
    f"WHERE {USER_SCHEMA} AND NOT o.rolsuper"
)
_FUNCTIONS: Final = (
    "FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace "
    f"JOIN pg_roles o ON o.oid = p.proowner WHERE {USER_SCHEMA} AND NOT o.rolsuper"
)
_COLUMN_WRITES: Final = ("INSERT", "UPDATE", "REFERENCES")
# Every catalog that has access lists, with what its objects are. Default privileges are judged
# by themselves.
_ACCESS_LISTS: Final = {
    "tables": "SELECT relacl FROM pg_class",
    "columns": "SELECT attacl FROM pg_attribute",
    "schemas": "SELECT nspacl FROM pg_namespace",
    "databases": "SELECT datacl FROM pg_database",
    "functions": "SELECT proacl FROM pg_proc",
    "types": "SELECT typacl FROM pg_type",
    "languages": "SELECT lanacl FROM pg_language",
    "foreign data wrappers": "SELECT fdwacl FROM pg_foreign_data_wrapper",
    "foreign servers": "SELECT srvacl FROM pg_foreign_server",
    "large objects": "SELECT lomacl FROM pg_largeobject_metadata",
    "tablespaces": "SELECT spcacl FROM pg_tablespace",
}
_ACCESS_LISTS_SINCE_15: Final = {"parameters": "SELECT paracl FROM pg_parameter_acl"}
_FIFTEEN: Final = 150000
_ATTRIBUTES: Final = ("rolsuper", "rolcreaterole", "rolcreatedb", "rolreplication", "rolbypassrls")


def require_nothing(session: DatabaseSession, fault: str, query: str, **parameters: Any) -> None:
    """Raise PrivilegeCheckError naming what a query finds; ``fault`` begins its sentence."""
    _require_none(fault, session.column(query, **parameters))


def _require_none(fault: str, found: list[str]) -> None:
    if found:
        listed = NameList.of(found)
        raise PrivilegeCheckError(f"{fault} {listed}", found=to_json(listed))


def require_no_groups(session: DatabaseSession, role: str) -> None:
    """Raise PrivilegeCheckError if the role is a member of another, in whatever way.

    The owner of a database is a member of pg_database_owner, to which nobody can be added.
    """
    groups = session.column(
        "SELECT rolname FROM pg_roles WHERE rolname NOT IN (session_user, 'pg_database_owner') "
        "AND pg_has_role(oid, 'MEMBER') ORDER BY rolname"
    )
    if groups:
        listed = NameList.of(repr(group) for group in groups)
        raise PrivilegeCheckError(
            f"role {role!r} is a member of {listed}", role=role, groups=to_json(NameList.of(groups))
        )


def require_rights_of_the_application(session: DatabaseSession) -> None:
    """Raise PrivilegeCheckError unless the role can read and write everything, foreign data aside.

    And run every function.
    """
    lacks = "the application role lacks a privilege on"
    for objects, function, privileges in (
        (_TABLES_AND_VIEWS, "has_table_privilege", READ_WRITE.tables),
        (_SEQUENCES, "has_sequence_privilege", READ_WRITE.sequences),
    ):
        has_all = _all(f"{function}(c.oid, {{}})", privileges)
        require_nothing(session, lacks, _relations(objects, f"NOT ({has_all})"))
    require_nothing(
        session,
        f"{lacks} schema",
        f"SELECT n.nspname {_SCHEMAS} AND NOT has_schema_privilege(n.oid, 'USAGE')",
    )
    require_nothing(
        session,
        f"{lacks} function",
        f"SELECT p.oid::regprocedure::text {_FUNCTIONS} "
        "AND NOT has_function_privilege(p.oid, 'EXECUTE')",
    )
    _require_nothing_foreign(session, "the application role")


def require_rights_of_the_reader(session: DatabaseSession) -> None:
    """Raise PrivilegeCheckError unless the role can read everything, foreign data aside."""
    cannot = "the read-only role cannot read"
    for objects, function in (
        (_TABLES_AND_VIEWS, "has_table_privilege"),
        (_SEQUENCES, "has_sequence_privilege"),
    ):
        condition = f"NOT {function}(c.oid, 'SELECT')"
        require_nothing(session, cannot, _relations(objects, condition))
    require_nothing(
        session,
        "the read-only role cannot use schema",
        f"SELECT n.nspname {_SCHEMAS} AND NOT has_schema_privilege(n.oid, 'USAGE')",
    )


def require_nothing_but_reading(session: DatabaseSession, role: str) -> None:
    """Raise PrivilegeCheckError if the role can write, create, own or grant something.

    Today, or by default privileges tomorrow.
    """
    _require_no_attributes(session, role)
    _require_no_writes(session)
    _require_nothing_foreign(session, "the read-only role")
    require_nothing(
        session,
        "the read-only role can create in schema",
        f"SELECT n.nspname {_SCHEMAS} AND has_schema_privilege(n.oid, 'CREATE')",
    )
    require_nothing(
        session,
        "the read-only role can create in database",
        "SELECT datname FROM pg_database WHERE datname = current_database() "
        "AND has_database_privilege(oid, 'CREATE, TEMPORARY')",
    )
    owned = count_property(session, role)
    _require_none(
        "the read-only role owns something in", [f"{name} ({n})" for name, n in owned.items()]
    )
    _require_none("the read-only role can grant on", list(_find_grantable(session)))
    oids = dict(session.run("SELECT rolname, oid FROM pg_roles WHERE rolname = session_user"))
    grantees = plan_grantees(oids, {role: READ_ONLY}, ())
    excess = [
        each
        for each in find_default_excess(find_default_privileges(session), grantees)
        if not each.creator_is_superuser
    ]
    _require_none("default privileges:", describe_default_excess(excess, grantees))


def _require_no_attributes(session: DatabaseSession, role: str) -> None:
    (row,) = session.run(
        f"SELECT {', '.join(_ATTRIBUTES)} FROM pg_roles WHERE rolname = session_user"
    )
    _require_none(
        f"role {role!r} has", [name for name, has in zip(_ATTRIBUTES, row, strict=True) if has]
    )


def _require_no_writes(session: DatabaseSession) -> None:
    can = "the read-only role can write to"
    writes = ["INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"]
    if session.version >= 170000:
        writes.append("MAINTAIN")
    for objects, condition in (
        (_TABLES_AND_VIEWS, f"has_table_privilege(c.oid, {literal(', '.join(writes))})"),
        (
            _TABLES_AND_VIEWS,
            f"has_any_column_privilege(c.oid, {literal(', '.join(_COLUMN_WRITES))})",
        ),
        (_SEQUENCES, "has_sequence_privilege(c.oid, 'USAGE, UPDATE')"),
    ):
        require_nothing(session, can, _relations(objects, condition))
    require_nothing(
        session,
        f"{can} large object",
        "SELECT DISTINCT l.oid::text FROM pg_largeobject_metadata l, aclexplode(l.lomacl) g "
        "WHERE g.privilege_type = 'UPDATE' "
        "AND g.grantee IN (0, (SELECT oid FROM pg_roles WHERE rolname = session_user))",
    )
    require_nothing(
        session,
        "the read-only role, and not PUBLIC, can run the volatile function",
        f"SELECT p.oid::regprocedure::text {_FUNCTIONS} AND p.provolatile = 'v' "
        "AND has_function_privilege(p.oid, 'EXECUTE') "
        "AND NOT has_function_privilege('public', p.oid, 'EXECUTE')",
    )


def _require_nothing_foreign(session: DatabaseSession, who: str) -> None:
    """PUBLIC included, nobody may reach what is in another database."""
    held = (
        "has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE') "
        "OR has_any_column_privilege(c.oid, 'SELECT, INSERT, UPDATE')"
    )
    owned = "c.relowner = (SELECT oid FROM pg_roles WHERE rolname = session_user)"
    require_nothing(
        session,
        f"{who} has a privilege on foreign table",
        _relations(_FOREIGN_TABLES, f"NOT {owned} AND ({held})"),
    )
    require_nothing(
        session,
        f"{who} may use foreign server",
        "SELECT s.srvname FROM pg_foreign_server s JOIN pg_roles o ON o.oid = s.srvowner "
        "WHERE NOT o.rolsuper AND o.rolname <> session_user "
        "AND has_server_privilege(s.oid, 'USAGE')",
    )


def _find_grantable(session: DatabaseSession) -> Iterator[str]:
    catalogs = dict(_ACCESS_LISTS)
    if session.version >= _FIFTEEN:
        catalogs |= _ACCESS_LISTS_SINCE_15
    for objects, query in catalogs.items():
        (number,) = session.column(
            f"SELECT count(*) FROM ({query}) a (acl) CROSS JOIN LATERAL aclexplode(a.acl) g "
            "WHERE g.is_grantable "
            "AND g.grantee = (SELECT oid FROM pg_roles WHERE rolname = session_user)"
        )
        if number:
            yield f"{number} {objects}"


def _relations(kinds: str, condition: str) -> str:
    """Return the query for the names of the relations of some kinds that meet a condition.

    WHERE promises no order, and a privilege function fails on an object of another kind.
    """
    return (
        f"SELECT n.nspname || '.' || c.relname {USER_RELATIONS} "
        f"AND CASE WHEN c.relkind IN ({kinds}) THEN {condition} END"
    )


def _all(test: str, privileges: tuple[str, ...]) -> str:
    return " AND ".join(test.format(literal(privilege)) for privilege in privileges)
