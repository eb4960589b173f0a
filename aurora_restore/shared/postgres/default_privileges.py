"""What is granted on objects that do not exist yet: PostgreSQL's default privileges.

They belong to the role that will make the object, in one schema or in all of them.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from aurora_restore.shared.name_list import NameList
from aurora_restore.shared.postgres.changes import Change
from aurora_restore.shared.postgres.connection import DatabaseSession, identifier
from aurora_restore.shared.postgres.privileges import FUNCTIONS, PUBLIC_OID, Grantee, ObjectKind


class ObjectType(NamedTuple):
    """A type of object, as ALTER DEFAULT PRIVILEGES knows it, and as what it is judged.

    Which functions will be volatile is not known. So what is granted on them is judged as on those
    that are.
    """

    keyword: str
    kind: ObjectKind


TYPES: Final[Mapping[str, ObjectType]] = {
    "r": ObjectType("TABLES", ObjectKind.TABLE),
    "S": ObjectType("SEQUENCES", ObjectKind.SEQUENCE),
    "f": ObjectType("FUNCTIONS", ObjectKind.VOLATILE_FUNCTION),
    "n": ObjectType("SCHEMAS", ObjectKind.SCHEMA),
    "L": ObjectType("LARGE OBJECTS", ObjectKind.LARGE_OBJECT),
}
"""By their letter in ``pg_default_acl``. Types are left out: their privileges let nobody read or
write."""
_GRANTED: Final = ("r", "S", "n")


class DefaultPrivilege(NamedTuple):
    """An entry of ``pg_default_acl``, whose ``schema`` is None where it is for all of them."""

    creator: str
    creator_is_superuser: bool
    schema: str | None
    type: str
    grantee: int
    privilege: str
    is_grantable: bool


def find_default_privileges(session: DatabaseSession) -> list[DefaultPrivilege]:
    """Return all default privileges of the database that are not the creator's own."""
    rows = session.run(
        "SELECT r.rolname, r.rolsuper, n.nspname, d.defaclobjtype::text, g.grantee, "
        "g.privilege_type, g.is_grantable "
        "FROM pg_default_acl d CROSS JOIN LATERAL aclexplode(d.defaclacl) g "
        "JOIN pg_roles r ON r.oid = d.defaclrole "
        "LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace "
        "WHERE g.grantee <> d.defaclrole ORDER BY 1, 3, 4, 5, 6"
    )
    return [DefaultPrivilege(*row) for row in rows]


def find_sparing_creators(session: DatabaseSession) -> list[str]:
    """Return the roles whose future functions PUBLIC may not run."""
    return session.column(
        "SELECT r.rolname FROM pg_default_acl d JOIN pg_roles r ON r.oid = d.defaclrole "
        "WHERE d.defaclnamespace = 0 AND d.defaclobjtype = 'f' AND NOT EXISTS ("
        f"SELECT FROM aclexplode(d.defaclacl) g WHERE g.grantee = {PUBLIC_OID}) ORDER BY 1"
    )


def plan_defaults(
    found: Sequence[DefaultPrivilege],
    grantees: Sequence[Grantee],
    creators: Collection[str],
    sparing: Collection[str],
) -> list[Change]:
    """Return what lets ``grantees`` have, on what is made later, exactly what they are to have.

    What they are to have comes from ``creators``; what is too much goes, by any grantor. On
    future functions something is given by ``sparing`` alone, who keep them from PUBLIC.
    """
    return [
        *_plan_revocations(found, grantees),
        *_plan_grants(found, grantees, creators, sparing),
    ]


def find_default_excess(
    found: Sequence[DefaultPrivilege], grantees: Sequence[Grantee]
) -> list[DefaultPrivilege]:
    """Return what ``grantees`` will have beyond what they are allowed."""
    judged = {each.oid: each.allowed for each in grantees if each.allowed is not None}
    return [
        each
        for each in found
        if each.type in TYPES
        and each.grantee in judged
        and (each.is_grantable or not _is_allowed(each, judged[each.grantee]))
    ]


def describe_default_excess(
    excess: Sequence[DefaultPrivilege], grantees: Sequence[Grantee]
) -> list[str]:
    """Return one sentence for each privilege and grantee."""
    names = {each.oid: each.name for each in grantees}

    def what(each: DefaultPrivilege) -> tuple[str, str, str]:
        return names[each.grantee], each.privilege, TYPES[each.type].keyword.lower()

    return [
        f"{grantee} will have {privilege} on {objects} that are made by "
        f"{NameList.of(each.creator for each in group)}"
        for (grantee, privilege, objects), group in groupby(sorted(excess, key=what), key=what)
    ]


def _is_allowed(found: DefaultPrivilege, allowed: Mapping[ObjectKind, Sequence[str]]) -> bool:
    kind = TYPES[found.type].kind
    if found.grantee == PUBLIC_OID and kind not in FUNCTIONS:
        return False
    return found.privilege in allowed.get(kind, ())


def _plan_revocations(
    found: Sequence[DefaultPrivilege], grantees: Sequence[Grantee]
) -> Iterator[Change]:
    named = {each.oid: each for each in grantees}
    for each in find_default_excess(found, grantees):
        if not each.creator_is_superuser:
            schema = "" if each.schema is None else f"IN SCHEMA {identifier(each.schema)} "
            yield Change(
                each.creator,
                f"ALTER DEFAULT PRIVILEGES FOR ROLE {identifier(each.creator)} {schema}"
                f"REVOKE {each.privilege} ON {TYPES[each.type].keyword} "
                f"FROM {named[each.grantee].sql} CASCADE",
            )


def _plan_grants(
    found: Sequence[DefaultPrivilege],
    grantees: Sequence[Grantee],
    creators: Collection[str],
    sparing: Collection[str],
) -> Iterator[Change]:
    held = {
        (each.creator, each.type, each.grantee, each.privilege)
        for each in found
        if each.schema is None and not each.is_grantable
    }
    for creator in sorted(creators):
        types = (*_GRANTED, "f") if creator in sparing else _GRANTED
        for each in grantees:
            if each.allowed is None or each.name == creator:
                continue
            for letter in types:
                wanted = each.granted.get(TYPES[letter].kind, ())
                if any((creator, letter, each.oid, one) not in held for one in wanted):
                    yield Change(
                        creator,
                        f"ALTER DEFAULT PRIVILEGES FOR ROLE {identifier(creator)} "
                        f"GRANT {', '.join(wanted)} ON {TYPES[letter].keyword} "
                        f"TO {each.sql}",
                    )
