"""What the application's roles may do, and what nobody may do through PUBLIC, as a declaration.

The kinds of objects are those whose privileges differ, rather than those of GRANT: a foreign table
is a table to GRANT, and what it holds is in another database.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from aurora_restore.shared.postgres.connection import identifier

PUBLIC: Final = "PUBLIC"
PUBLIC_OID: Final = 0
"""How an access list names PUBLIC."""


class ObjectKind(StrEnum):
    """A kind of object, whose privileges are looked at."""

    TABLE = "table"
    """A table, partitioned table, view or materialized view."""
    FOREIGN_TABLE = "foreign table"
    SEQUENCE = "sequence"
    SCHEMA = "schema"
    DATABASE = "database"
    FUNCTION = "function"
    """A function that is not VOLATILE."""
    VOLATILE_FUNCTION = "volatile function"
    """A VOLATILE function, or a procedure."""
    SERVER = "server"
    WRAPPER = "wrapper"
    LARGE_OBJECT = "large object"


FUNCTIONS: Final = (ObjectKind.FUNCTION, ObjectKind.VOLATILE_FUNCTION)


@dataclass(frozen=True)
class Privileges:
    """What a role may do with the objects of every schema, present and future."""

    tables: tuple[str, ...]
    sequences: tuple[str, ...]
    functions: tuple[ObjectKind, ...]
    """The functions that the role may run where PUBLIC may not."""
    large_objects: tuple[str, ...]
    """What the role keeps where it has it, and is not given."""

    def granted(self) -> Mapping[ObjectKind, tuple[str, ...]]:
        """Return what the role is given on every object of a kind."""
        return {
            ObjectKind.TABLE: self.tables,
            ObjectKind.SEQUENCE: self.sequences,
            ObjectKind.SCHEMA: ("USAGE",),
            ObjectKind.DATABASE: ("CONNECT",),
            **dict.fromkeys(self.functions, ("EXECUTE",)),
        }

    def allowed(self) -> Mapping[ObjectKind, tuple[str, ...]]:
        """Return what the role may have on an object of a kind; the rest is revoked."""
        return {**self.granted(), ObjectKind.LARGE_OBJECT: self.large_objects}


READ_WRITE: Final = Privileges(
    tables=("SELECT", "INSERT", "UPDATE", "DELETE"),
    sequences=("USAGE", "SELECT", "UPDATE"),
    functions=FUNCTIONS,
    large_objects=("SELECT", "UPDATE"),
)
READ_ONLY: Final = Privileges(
    tables=("SELECT",),
    sequences=("SELECT",),
    functions=(ObjectKind.FUNCTION,),
    large_objects=("SELECT",),
)
ALLOWED_TO_PUBLIC: Final[Mapping[ObjectKind, tuple[str, ...]]] = {
    ObjectKind.SCHEMA: ("USAGE",),
    **dict.fromkeys(FUNCTIONS, ("EXECUTE",)),
}
"""What PUBLIC keeps where it has it, and is not given."""


class Grantee(NamedTuple):
    """A role that is granted something, or PUBLIC."""

    oid: int
    name: str
    granted: Mapping[ObjectKind, tuple[str, ...]]
    allowed: Mapping[ObjectKind, tuple[str, ...]] | None
    """None for a role whose other privileges are none of the pipeline's business."""

    @property
    def sql(self) -> str:
        """Its name as a statement has it."""
        return PUBLIC if self.oid == PUBLIC_OID else identifier(self.name)


def plan_grantees(
    oids: Mapping[str, int], roles: Mapping[str, Privileges], keep: Collection[str]
) -> tuple[Grantee, ...]:
    """Return everyone whose privileges the pipeline sets; a role that does not exist is left out.

    The roles in ``keep`` are given ``CONNECT``, because PUBLIC loses it, and keep the rest.
    """
    return (
        Grantee(PUBLIC_OID, PUBLIC, {}, ALLOWED_TO_PUBLIC),
        *(
            Grantee(oids[name], name, privileges.granted(), privileges.allowed())
            for name, privileges in roles.items()
            if name in oids
        ),
        *(
            Grantee(oids[name], name, {ObjectKind.DATABASE: ("CONNECT",)}, None)
            for name in sorted(keep)
            if name in oids and name not in roles
        ),
    )
