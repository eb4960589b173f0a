"""What each column of the restored databases holds: the document that ``database.columns`` names.

It is checked when it is deployed, and read again when a step runs.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal, get_args

from aurora_restore.shared.documents.fields import DatabaseName, PostgresName
from aurora_restore.shared.documents.schema import Fault, Rule, join_path

Treatment = Literal["masked", "cleared", "safe"]

MASKED: Final = "masked"
CLEARED: Final = "cleared"
SAFE: Final = "safe"
TREATMENTS: Final[tuple[Treatment, ...]] = get_args(Treatment)

EVERY_COLUMN: Final = "*"
"""The key of a table that stands for all of its columns, those of tomorrow included."""

Columns = Mapping[PostgresName, Treatment]
Schemas = Mapping[PostgresName, Mapping[PostgresName, Columns]]


@dataclass(frozen=True, kw_only=True)
class Classification:
    """What is done about each column, by database, schema, table and column.

    `masked`: no value that a row had in production may be left in the column. `cleared`: the column
    is empty. `safe`: it may be as it is in production. A table that is safe as a whole can be
    written as `{"*": "safe"}`.
    """

    databases: Annotated[
        Mapping[DatabaseName, Schemas],
        Rule(help="The columns by database, schema and table: `masked`, `cleared` or `safe`."),
    ]


def faults_of_classification(
    classification: Classification, databases: Collection[str]
) -> Iterator[Fault]:
    """Yield every fault that no field's own rule can find.

    ``databases`` are those that must be classified.
    """
    for database in databases:
        if database not in classification.databases:
            yield Fault(
                join_path("databases", database),
                "is missing: the restore lists the database, so its columns must be classified",
            )
    for database, schemas in classification.databases.items():
        for schema, tables in schemas.items():
            for table, columns in tables.items():
                if EVERY_COLUMN in columns and dict(columns) != {EVERY_COLUMN: SAFE}:
                    yield Fault(
                        ".".join(("databases", database, schema, table)),
                        f'"{EVERY_COLUMN}" is for a table that is safe as a whole: write '
                        f'{{"{EVERY_COLUMN}": "{SAFE}"}}, or name every column',
                    )
