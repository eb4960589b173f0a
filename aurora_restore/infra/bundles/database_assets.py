"""The layer with what a login to the database needs."""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from aurora_restore.configuration.authorities import (
    RDS_BUNDLES,
    current_authorities,
    fault_of_authorities,
    parse_authorities,
    rds_authorities,
)
from aurora_restore.configuration.files import ConfigurationFolder
from aurora_restore.configuration.loading import LoadedEnvironment
from aurora_restore.configuration.sql_text import deployed_script
from aurora_restore.infra.bundles.local_bundling import bundled_code
from aurora_restore.infra.bundles.runtime import RUNTIME
from aurora_restore.shared.documents.restore import Database
from aurora_restore.shared.errors import ConfigurationError
from aurora_restore.shared.names import (
    ASSETS_PACKAGE,
    CA_BUNDLE,
    check_resource,
    columns_resource,
    script_resource,
)


class DatabaseLayer(lambda_.LayerVersion):
    """A Lambda layer with the package ``aurora_restore_assets``.

    It holds a CA bundle, and the files that restores name: scripts, checks, and classifications.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, environment: LoadedEnvironment
    ) -> None:
        contents = database_assets(environment)
        super().__init__(
            scope,
            construct_id,
            description="The certificate authorities of the database, SQL scripts and checks",
            code=bundled_code(
                digest=_digest(contents), write=lambda folder: _write(contents, folder)
            ),
            compatible_runtimes=[RUNTIME],
        )


def database_assets(environment: LoadedEnvironment) -> dict[str, bytes]:
    """Return the layer's files by path, scripts and checks in their configured order.

    Raises ConfigurationError if no certificate authority is there for the environment's Region.
    """
    contents = {
        "__init__.py": b"",
        CA_BUNDLE: ca_bundle(
            environment.database_ca_bundle,
            environment.folder,
            environment.region,
            datetime.now(UTC),
        ),
    } | {
        resource: data
        for name, restore in environment.restores.items()
        for resource, data in _files_of(name, restore.database, environment.folder)
    }
    return {f"python/{ASSETS_PACKAGE}/{path}": data for path, data in contents.items()}


def _files_of(
    restore: str, database: Database, folder: ConfigurationFolder
) -> Iterator[tuple[str, bytes]]:
    """Yield where in the package each file of a restore is, and what is in it."""
    for i, script in enumerate(database.scripts):
        deployed = deployed_script(folder.read(script.path))
        yield script_resource(restore, i, script.path), deployed.to_json().encode()
    for i, check in enumerate(database.checks):
        if check.path is not None:
            yield check_resource(restore, i, check.path), folder.read(check.path)
    if database.columns is not None:
        yield columns_resource(restore), folder.read(database.columns)


def ca_bundle(
    configured: str | None, folder: ConfigurationFolder, region: str, moment: datetime
) -> bytes:
    """Return the certificate authorities of the database that have not expired, in PEM.

    They are those of a configured file, or of RDS. Raises ConfigurationError if none of them is for
    the Region.
    """
    bundle = folder.read_anywhere(configured).decode("ascii") if configured else rds_authorities()
    current = current_authorities(parse_authorities(bundle), moment)
    if fault := fault_of_authorities(current, region):
        which = configured or "is missing, and the list that comes with this package"
        raise ConfigurationError(
            f"database_ca_bundle: {which} {fault}; download the Region's bundle from "
            f"{RDS_BUNDLES}, and name that file"
        )
    return "".join(authority.pem for authority in current).encode("ascii")


def _digest(contents: Mapping[str, bytes]) -> str:
    total = hashlib.sha256()
    for path, data in sorted(contents.items()):
        total.update(f"{path}\0{len(data)}\0".encode() + data)
    return total.hexdigest()


def _write(contents: Mapping[str, bytes], folder: Path) -> None:
    for path, data in contents.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
