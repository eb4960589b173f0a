"""Faults in what happens inside a restored database, the SQL scripts included."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from aurora_restore.configuration.checks.masking import faults_of_masking
from aurora_restore.configuration.checks.sql_script import faults_of_script
from aurora_restore.configuration.files import ConfigurationFolder
from aurora_restore.shared.documents.environment import Environment
from aurora_restore.shared.documents.restore import Database, Restore
from aurora_restore.shared.documents.restore_secrets import Secrets
from aurora_restore.shared.documents.schema import Fault
from aurora_restore.shared.errors import ConfigurationError


def faults_of_database(
    environment: Environment, restore: Restore, path: str, folder: ConfigurationFolder
) -> Iterator[Fault]:
    """Yield every fault of a restore's database; ``path`` is the restore's."""
    path = f"{path}.database"
    yield from _scripts(restore.database, path, folder)
    secrets = restore.secrets.over(environment.secrets)
    yield from faults_of_masking(secrets, restore.database, path, folder)
    if not secrets.app:
        yield from _kept_logins(secrets, restore.database, path)


def _scripts(database: Database, path: str, folder: ConfigurationFolder) -> Iterator[Fault]:
    first: dict[tuple[PurePosixPath, str | None], int] = {}
    for i, script in enumerate(database.scripts):
        where = f"{path}.scripts[{i}].path"
        name = script.database or next(iter(database.databases), None)
        if (earlier := first.setdefault((PurePosixPath(script.path), name), i)) != i:
            yield Fault(
                where, f"is the same as scripts[{earlier}]: a script runs once in each database"
            )
            continue
        try:
            text = folder.read(script.path)
        except ConfigurationError as error:
            yield Fault(where, error.message)
            continue
        for problem in faults_of_script(text):
            yield Fault(where, f"{folder.path / script.path}: {problem}")


def _kept_logins(secrets: Secrets, database: Database, path: str) -> Iterator[Fault]:
    made = (secrets.app_username, secrets.readonly_username)
    for i, role in enumerate(database.keep_logins):
        if role in made:
            yield Fault(
                f"{path}.keep_logins[{i}]",
                f"{role!r} is set up by the pipeline, with a password of this environment: "
                "leave it out",
            )
