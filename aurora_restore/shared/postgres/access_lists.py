"""What the access lists of a database's objects say too much or too little.

Each query returns whole statements, with as many objects as one should name: a database may have a
hundred thousand. What PUBLIC or a role is given is in an object's access list, with the role that
has granted it, which alone can revoke it. Privileges by ownership are not looked at here.

The fragments know ``pg_namespace`` as ``n``.
"""

from collections.abc import Sequence
from typing import Final

from aurora_restore.shared.name_list import NameList
from aurora_restore.shared.postgres.catalog import USER_SCHEMA
from aurora_restore.shared.postgres.changes import Change
from aurora_restore.shared.postgres.connection import DatabaseSession, literal
from aurora_restore.shared.postgres.privileges import FUNCTIONS, PUBLIC_OID, Grantee, ObjectKind

OBJECTS_PER_STATEMENT: Final = 200
"""How many objects one GRANT or REVOKE names."""
HARMLESS: Final = ("SELECT", "USAGE", "EXECUTE", "CONNECT")
"""Privileges that are not reported where nobody but a superuser could revoke them."""

_RELATIONS: Final = f"""
    SELECT CASE c.relkind WHEN 'S' THEN '{ObjectKind.SEQUENCE}'
            WHEN 'f' THEN '{ObjectKind.FOREIGN_TABLE}'
            ELSE '{ObjectKind.TABLE}' END AS kind,
        CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS keyword,
        c.oid, format('%I.%I', n.nspname, c.relname) AS identity, c.relowner AS owner,
        c.relacl AS acl
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE {USER_SCHEMA} AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
"""
_COLUMNS: Final = f"""
    SELECT CASE c.relkind WHEN 'f' THEN '{ObjectKind.FOREIGN_TABLE}'
            ELSE '{ObjectKind.TABLE}' END,
        'TABLE', c.oid, format('%I.%I', n.nspname, c.relname), c.relowner, a.attacl
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE {USER_SCHEMA} AND a.attacl IS NOT NULL AND NOT a.attisdropped
"""
_OTHERS: Final = f"""
    SELECT '{ObjectKind.SCHEMA}', 'SCHEMA', n.oid, format('%I', n.nspname), n.nspowner, n.nspacl
    FROM pg_namespace n WHERE {USER_SCHEMA}
    UNION ALL
    SELECT '{ObjectKind.DATABASE}', 'DATABASE', oid, format('%I', datname), datdba,
        coalesce(datacl, acldefault('d', datdba))
    FROM pg_database WHERE datname = current_database()
    UNION ALL
    SELECT CASE p.provolatile WHEN 'v' THEN '{ObjectKind.VOLATILE_FUNCTION}'
            ELSE '{ObjectKind.FUNCTION}' END,
        'ROUTINE', p.oid, p.oid::regprocedure::text, p.proowner, p.proacl
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE {USER_SCHEMA} AND p.proacl IS NOT NULL
    UNION ALL
    SELECT '{ObjectKind.SERVER}', 'FOREIGN SERVER', oid, format('%I', srvname), srvowner, srvacl
    FROM pg_foreign_server
    UNION ALL
    SELECT '{ObjectKind.WRAPPER}', 'FOREIGN DATA WRAPPER', oid, format('%I', fdwname), fdwowner,
        fdwacl
    FROM pg_foreign_data_wrapper
    UNION ALL
    SELECT '{ObjectKind.LARGE_OBJECT}', 'LARGE OBJECT', oid, oid::text, lomowner, lomacl
    FROM pg_largeobject_metadata WHERE lomacl IS NOT NULL
"""
_IN_PARTS: Final = f"(number - 1) / {OBJECTS_PER_STATEMENT}"
_ACTOR: Final = """CASE r.rolname WHEN 'pg_database_owner' THEN (
    SELECT o.rolname FROM pg_database d JOIN pg_roles o ON o.oid = d.datdba
    WHERE d.datname = current_database()) ELSE r.rolname END"""
"""Who acts for ``r``. The owner of a database acts for a role to which nobody can be added."""
_EXCESS: Final = f"""
    WITH allowed (kind, grantee, privilege) AS (VALUES {{allowed}}),
    objects AS ({_RELATIONS} UNION ALL {_COLUMNS} UNION ALL {_OTHERS}),
    excess AS (
        SELECT o.keyword, o.identity, g.grantor, g.grantee, a.kind IS NOT NULL AS only_option,
            string_agg(DISTINCT g.privilege_type, ', ' ORDER BY g.privilege_type) AS privileges
        FROM objects o CROSS JOIN LATERAL aclexplode(o.acl) g
        LEFT JOIN allowed a ON a.kind = o.kind AND a.grantee = g.grantee
            AND a.privilege = g.privilege_type
        WHERE g.grantee IN ({{grantees}}) AND g.grantee <> o.owner
            AND (a.kind IS NULL OR g.is_grantable)
        GROUP BY 1, 2, 3, 4, 5
    )
"""


def find_excess(session: DatabaseSession, grantees: Sequence[Grantee]) -> list[Change]:
    """Return what revokes that which ``grantees`` have been granted beyond what they are allowed.

    A privilege goes with all that has been granted on by it. Where the privilege itself is allowed,
    only the option to grant it on goes. Left out is what a superuser has granted.
    """
    rows = session.run(
        f"""
        {_EXCESS.format(**_judged(grantees))}
        SELECT {_ACTOR}, e.keyword, e.grantee, e.only_option, e.privileges, count(*)::int,
            string_agg(e.identity, ', ' ORDER BY number)
        FROM (
            SELECT *, row_number() OVER (PARTITION BY keyword, grantor, grantee, only_option,
                privileges ORDER BY identity) AS number FROM excess
        ) e JOIN pg_roles r ON r.oid = e.grantor
        WHERE NOT r.rolsuper GROUP BY 1, 2, 3, 4, 5, {_IN_PARTS} ORDER BY 1, 2, 3, 4, 5, min(number)
        """
    )
    named = {each.oid: each for each in grantees}
    return [
        Change(
            actor,
            f"REVOKE {'GRANT OPTION FOR ' if only_option else ''}{privileges} "
            f"ON {keyword} {objects} FROM {named[grantee].sql} CASCADE",
            count,
        )
        for actor, keyword, grantee, only_option, privileges, count, objects in rows
    ]


def find_beyond_reach(session: DatabaseSession, grantees: Sequence[Grantee]) -> list[str]:
    """Return what ``grantees`` may change by a superuser's grant, which the pipeline cannot revoke.

    One sentence for each privilege, such as that PUBLIC may create in a schema of PostGIS.
    """
    harmless = ", ".join(map(literal, HARMLESS))
    rows = session.run(
        f"""
        {_EXCESS.format(**_judged(grantees))}
        SELECT r.rolname, e.keyword, e.grantee, e.privileges, array_agg(e.identity)
        FROM (
            SELECT keyword, grantor, grantee, identity, privilege AS privileges
            FROM excess CROSS JOIN LATERAL unnest(string_to_array(privileges, ', ')) privilege
        ) e JOIN pg_roles r ON r.oid = e.grantor
        WHERE r.rolsuper AND (e.privileges NOT IN ({harmless}) OR e.keyword = 'FOREIGN SERVER')
        GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
        """
    )
    named = {each.oid: each for each in grantees}
    return [
        f"{named[grantee].name} has {privilege} on {keyword.lower()} {NameList.of(objects)}, which "
        f"superuser {owner!r} has granted"
        for owner, keyword, grantee, privilege, objects in rows
    ]


def find_missing(session: DatabaseSession, grantees: Sequence[Grantee]) -> list[Change]:
    """Return what grants that which ``grantees`` are to have and have not.

    A function that PUBLIC may run needs no grant. What belongs to a superuser is left out.
    """
    wanted = ", ".join(
        f"({literal(kind)}, {each.oid}::oid, ARRAY[{', '.join(map(literal, privileges))}])"
        for each in grantees
        for kind, privileges in each.granted.items()
    )
    functions = ", ".join(map(literal, FUNCTIONS))
    rows = session.run(
        f"""
        WITH wanted (kind, grantee, privileges) AS (VALUES {wanted}),
        objects AS ({_RELATIONS} UNION ALL {_OTHERS}),
        missing AS (
            SELECT o.keyword, o.identity, o.owner, w.grantee, w.privileges
            FROM objects o JOIN wanted w ON w.kind = o.kind
            WHERE NOT (o.acl IS NULL AND w.grantee = o.owner)
                AND NOT (o.kind IN ({functions})
                    AND o.acl @> makeaclitem({PUBLIC_OID}, o.owner, 'EXECUTE', false))
                AND EXISTS (
                    SELECT FROM unnest(w.privileges) p WHERE o.acl IS NULL
                    OR NOT o.acl @> makeaclitem(w.grantee, o.owner, p, false)
                )
        )
        SELECT {_ACTOR}, m.keyword, m.grantee, array_to_string(m.privileges, ', '), count(*)::int,
            string_agg(m.identity, ', ' ORDER BY number)
        FROM (
            SELECT *, row_number() OVER (PARTITION BY keyword, owner, grantee, privileges
                ORDER BY identity) AS number FROM missing
        ) m JOIN pg_roles r ON r.oid = m.owner
        WHERE NOT r.rolsuper GROUP BY 1, 2, 3, 4, {_IN_PARTS} ORDER BY 1, 2, 3, 4, min(number)
        """
    )
    named = {each.oid: each for each in grantees}
    return [
        Change(actor, f"GRANT {privileges} ON {keyword} {objects} TO {named[grantee].sql}", count)
        for actor, keyword, grantee, privileges, count, objects in rows
    ]


def _judged(grantees: Sequence[Grantee]) -> dict[str, str]:
    """Return the parts of the query for those who may have no more than what they are allowed."""
    allowed = [
        f"({literal(kind)}, {each.oid}::oid, {literal(privilege)})"
        for each in grantees
        for kind, privileges in (each.allowed or {}).items()
        for privilege in privileges
    ]
    oids = [str(each.oid) for each in grantees if each.allowed is not None]
    return {"allowed": ", ".join(allowed), "grantees": ", ".join(oids)}
