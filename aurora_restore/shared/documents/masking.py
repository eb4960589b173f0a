"""What is checked in the masked databases before anyone can log in, as a restore configures it."""

from dataclasses import dataclass
from typing import Annotated, Final

from aurora_restore.shared.documents.fields import DatabaseName, Text
from aurora_restore.shared.documents.schema import Rule

SQL_FILE: Final = r"(?!/)(?!.*\.\.)[A-Za-z0-9_./-]+\.sql"
JSON_FILE: Final = r"(?!/)(?!.*\.\.)[A-Za-z0-9_./-]+\.json"


@dataclass(frozen=True, kw_only=True)
class QueryCheck:
    """One query that must return no row, once the data is masked and before anyone can log in.

    Its rows are counted and not read. It can change nothing.
    """

    path: Annotated[
        str | None,
        Rule(
            help="A file with the query, relative to this one.",
            pattern=SQL_FILE,
            means="a path to a .sql file in the folder of this file, without `..`",
            example="sql/no-real-addresses.sql",
        ),
    ] = None
    sql: Annotated[
        Text | None, Rule(help="The query itself, instead of `path`; it needs a `name`.")
    ] = None
    name: Annotated[
        str | None,
        Rule(
            help="What the check is called in the notice and in the state; left out, its `path`.",
            pattern=r"[^\x00-\x1f]{1,100}",
            means="a text of 1 to 100 characters on one line",
            example="no real address is left",
        ),
    ] = None
    database: Annotated[
        DatabaseName | None, Rule(help="The database; left out, the first of `databases`.")
    ] = None

    @property
    def title(self) -> str:
        """Return what the check is called."""
        return self.name or self.path or ""


@dataclass(frozen=True, kw_only=True)
class PersonalDataCheck:
    """A ready-made check, which samples the text columns of every listed database.

    It fails on values that look like e-mail addresses, telephone numbers or card numbers, and names
    the column and how many it has found, never a value. It is made where this object is there, even
    if empty. A sample proves no absence: it is a net under the classification, not instead of it.
    """

    allowed_columns: Annotated[
        tuple[Text, ...],
        Rule(
            help="Columns that are not looked at, as `database.schema.table.column`; `*` stands "
            "for any characters.",
            example=["orders.public.suppliers.*"],
        ),
    ] = ()
    allowed_values: Annotated[
        tuple[Text, ...],
        Rule(
            help="Addresses and numbers that count as masked; `*` stands for any characters. An "
            "address is compared in small letters, of a number its digits and a leading `+`. "
            "Addresses in the domains that are reserved for examples are always allowed.",
            example=["*@staging.example.net", "+15550100*"],
        ),
    ] = ()
    rows: Annotated[
        int,
        Rule(help="How many rows of a table are looked at.", minimum=1, maximum=1_000_000),
    ] = 1000
