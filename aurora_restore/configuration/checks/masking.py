"""Faults in how a restore's data is masked and proven, and what is warned of."""

from collections.abc import Iterator, Sequence

from aurora_restore.configuration.checks.sql_script import faults_of_query
from aurora_restore.configuration.files import ConfigurationFolder
from aurora_restore.configuration.json_file import read_json
from aurora_restore.shared.documents.classification import (
    Classification,
    faults_of_classification,
)
from aurora_restore.shared.documents.masking import QueryCheck
from aurora_restore.shared.documents.restore import Database
from aurora_restore.shared.documents.restore_secrets import Secrets
from aurora_restore.shared.documents.schema import Fault, parse_configuration
from aurora_restore.shared.errors import ConfigurationError


def faults_of_masking(
    secrets: Secrets, database: Database, path: str, folder: ConfigurationFolder
) -> Iterator[Fault]:
    """Yield every fault of the masking; ``path`` is that of the restore's ``database``."""
    if problem := database.masking_fault:
        yield Fault(f"{path}.masking", problem)
    if database.columns is not None:
        listed = database.databases or _database_of_the_secret(secrets)
        for problem in _faults_of_columns(folder, database.columns, listed):
            yield Fault(f"{path}.columns", problem)
    yield from _checks(database, path, folder)


def _database_of_the_secret(secrets: Secrets) -> tuple[str, ...]:
    """Return the database that the stack writes into the master secret; none if it writes none."""
    return () if secrets.master else (secrets.master_database,)


def _faults_of_columns(
    folder: ConfigurationFolder, name: str, databases: Sequence[str]
) -> Iterator[str]:
    try:
        file = folder.locate(name)
    except ConfigurationError as error:
        yield error.message
        return
    try:
        classification = parse_configuration(Classification, read_json(file), source="")
    except ConfigurationError as error:
        yield from (f"{file}: {each}" for each in error.details.get("faults") or [error.message])
        return
    for fault in faults_of_classification(classification, databases):
        yield f"{file}: {fault}"


def _checks(database: Database, path: str, folder: ConfigurationFolder) -> Iterator[Fault]:
    first: dict[tuple[str, str | None], int] = {}
    for i, check in enumerate(database.checks):
        where = f"{path}.checks[{i}]"
        if (check.path is None) == (check.sql is None):
            given = "neither `path` nor `sql`" if check.sql is None else "both `path` and `sql`"
            yield Fault(where, f"has {given}: give the one a file, or the other the query")
        elif check.sql is not None and check.name is None:
            yield Fault(f"{where}.name", "is missing: a query without a file needs a name")
        else:
            name = check.database or next(iter(database.databases), None)
            if (earlier := first.setdefault((check.title, name), i)) != i:
                yield Fault(
                    f"{where}.name",
                    f"{check.title!r} is also that of checks[{earlier}]: give one another name",
                )
            yield from _query(check, where, folder)


def _query(check: QueryCheck, where: str, folder: ConfigurationFolder) -> Iterator[Fault]:
    if check.sql is not None:
        for problem in faults_of_query(check.sql.encode()):
            yield Fault(f"{where}.sql", problem)
        return
    try:
        text = folder.read(str(check.path))
    except ConfigurationError as error:
        yield Fault(f"{where}.path", error.message)
        return
    for problem in faults_of_query(text):
        yield Fault(f"{where}.path", f"{folder.path / str(check.path)}: {problem}")
