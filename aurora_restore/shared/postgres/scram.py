"""SCRAM verifiers: how PostgreSQL stores a password, computed here.

So no statement that the server might log holds a password in clear.
"""

import base64
from typing import Any, Final

from scramp import ScramException, ScramMechanism
from scramp.utils import saslprep

from aurora_restore.shared.documents.secrets import AppCredentials
from aurora_restore.shared.errors import ConfigurationError

FEWEST_CHARACTERS: Final = 8


def scram_verifier(password: str) -> str:
    """Return a password as PostgreSQL stores it under ``scram-sha-256``, with a random salt.

    RFC 5803 describes the format. Raises ScramException for a password that cannot be prepared.
    """
    salt, stored_key, server_key, iterations = ScramMechanism("SCRAM-SHA-256").make_auth_info(
        password
    )
    salt64, stored64, server64 = (
        base64.b64encode(part).decode() for part in (salt, stored_key, server_key)
    )
    return f"SCRAM-SHA-256${iterations}:{salt64}${stored64}:{server64}"


def parse_app_credentials(value: Any, *, source: str) -> AppCredentials:
    """Read the application's secret, whose passwords must be such that a client can log in.

    SCRAM lets a password be prepared (RFC 4013), which refuses control characters such as a tab,
    and characters that are younger than Unicode 3.2, such as most emoji. Raises ConfigurationError
    naming ``source`` and the field at fault.
    """
    credentials = AppCredentials.parse(value, source=source)
    for name in ("app_password", "readonly_password"):
        password = getattr(credentials, name)
        if password is None:
            continue
        try:
            scram_verifier(password)
            left = len(saslprep(password))
        except ScramException as error:
            raise _unusable(source, name, str(error)) from None
        if left < FEWEST_CHARACTERS:
            raise _unusable(source, name, f"{left} characters are left by SASLprep")
    return credentials


def _unusable(source: str, field: str, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"{source}: {field}: cannot be a password of PostgreSQL under SCRAM ({why}); "
        f"choose {FEWEST_CHARACTERS} or more printable characters, such as letters and digits"
    )
