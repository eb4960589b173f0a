"""What a terminal needs in order to work with the embedded AWS, and nothing but it.

The AWS CLI, boto3 and every other SDK take it all from the environment; psql from a service file.
"""

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from embedded_aws.endpoints import Endpoints
from embedded_aws.environment import credentials, identity

SOURCE_PROFILE: Final = "source"
"""The profile by which a source in another account is reached."""
NAMES: Final = (
    "local.env",
    "local-aws-config",
    "local-pg_service.conf",
)
"""The files, in the folder that is given for them."""
_FORGET: Final = (
    "unset PGSERVICE AURORA_RESTORE_NAME_PREFIX "
    "$(env | sed -n 's/^\\(AWS_[A-Za-z0-9_]*\\)=.*/\\1/p')"
)
"""Variables that a terminal may have, and that would lead elsewhere: every one of AWS's."""
_THIS_MACHINE: Final = "127.0.0.1,localhost"


@dataclass(frozen=True, kw_only=True)
class PsqlService:
    """A database as psql finds it by a name."""

    name: str
    host: str
    port: int
    database: str
    user: str
    password: str
    authorities: Path
    """The file with the certificate authorities that its certificate is verified by."""

    def entry(self) -> str:
        """Return its entry of a service file."""
        return (
            f"[{self.name}]\nhost={self.host}\nport={self.port}\ndbname={self.database}\n"
            f"user={self.user}\npassword={self.password}\n"
            f"sslmode=verify-full\nsslrootcert={self.authorities}\n"
        )


@dataclass(frozen=True, kw_only=True)
class LocalSettings:
    """Where everything is."""

    endpoints: Endpoints
    account: str
    region: str
    source_account: str
    services: Sequence[PsqlService]
    programs: Path
    """The folder of the programs of this repository."""

    def files(self, folder: Path) -> Mapping[str, str]:
        """Return the texts of the files by name, which refer to each other in ``folder``."""
        exports, config, services = NAMES
        return {
            config: self._aws_config(),
            services: "\n".join(each.entry() for each in self.services),
            exports: self._script(folder / config, folder / services),
        }

    def exports(self, config: Path, services: Path) -> dict[str, str]:
        """Return the variables of the environment."""
        return {
            **self.endpoints.variables(),
            **identity(self.account, self.region),
            "AWS_CONFIG_FILE": str(config),
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_PAGER": "",
            "NO_PROXY": _THIS_MACHINE,
            "no_proxy": _THIS_MACHINE,
            "PGSERVICEFILE": str(services),
        }

    def _script(self, config: Path, services: Path) -> str:
        exports = self.exports(config, services)
        lines = [
            "# Written by `make local`, and removed when it ends. With it a terminal works with",
            "# the embedded AWS on this machine alone: no setting in it leads to a real account.",
            _FORGET,
            *(f"export {name}={shlex.quote(value)}" for name, value in exports.items()),
            f'export PATH={shlex.quote(str(self.programs))}:"$PATH"',
        ]
        return "\n".join(lines) + "\n"

    def _aws_config(self) -> str:
        identities = credentials(self.source_account)
        settings = "".join(f"{name.lower()} = {value}\n" for name, value in identities.items())
        return f"[profile {SOURCE_PROFILE}]\n{settings}"
