"""What the secrets hold. No value of a password ever appears in an error or a ``repr``."""

import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Annotated, Any, Final, Self

from aurora_restore.shared.documents.fields import DatabaseName, UnreservedRoleName
from aurora_restore.shared.documents.schema import Rule, parse_configuration
from aurora_restore.shared.errors import ConfigurationError

GENERATED_LENGTH: Final = 32

# ModifyDBCluster, MasterUserPassword: 8 to 41 printable ASCII characters without / " @ and space.
MasterPassword = Annotated[
    str,
    Rule(
        pattern=r"[!#-.0-?A-~]{8,41}",
        means='8 to 41 printable ASCII characters without `/`, `"`, `@` and space',
        secret=True,
    ),
]
RolePassword = Annotated[
    str,
    Rule(pattern=r"[^\x00]{8,128}", means="8 to 128 characters", secret=True),
]


class _Secret:
    @classmethod
    def parse(cls, value: Any, *, source: str) -> Self:
        """Read a secret, passing over fields that are not the pipeline's.

        Raises ConfigurationError naming ``source`` and the fields at fault.
        """
        if isinstance(value, Mapping):
            known = {member.name for member in fields(cls)}  # type: ignore[arg-type]
            value = {name: item for name, item in value.items() if name in known}
        return parse_configuration(cls, value, source=source)


@dataclass(frozen=True, kw_only=True)
class MasterCredentials(_Secret):
    """The master user of the restored cluster. Its name is the source's: a restore keeps it."""

    username: UnreservedRoleName
    password: MasterPassword = field(repr=False)
    database: DatabaseName


@dataclass(frozen=True, kw_only=True)
class AppCredentials(_Secret):
    """The application's two roles."""

    app_username: UnreservedRoleName
    readonly_username: UnreservedRoleName
    app_password: RolePassword | None = field(default=None, repr=False)
    readonly_password: RolePassword | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.app_username == self.readonly_username:
            raise ConfigurationError(
                "the application secret: app_username and readonly_username must differ"
            )

    def generate_missing(self) -> dict[str, str]:
        """Return a new password for each role that has none, by the field that holds it."""
        missing = ("app_password", "readonly_password")
        return {name: generate_password() for name in missing if getattr(self, name) is None}


def generate_password() -> str:
    """Return 32 random letters and digits, which are about 190 bits."""
    alphabet = string.ascii_letters + string.digits
    return "".join(secrets.choice(alphabet) for _ in range(GENERATED_LENGTH))
