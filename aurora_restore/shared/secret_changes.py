"""Changes of a secret that lose nothing of what others change in it meanwhile.

Secrets Manager knows no condition on a write. So after it the version is read that the write has
replaced: if that is not the one that the change was made of, another one was stored in
between, a rotation for example, and the change is made of that one and stored again.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import UUID, uuid5

from aurora_restore.shared.aws_utils import PREVIOUS, Clients, call, get_secret_version
from aurora_restore.shared.errors import SecretContestedError

MOST_ATTEMPTS: Final = 5
"""How often a change is stored while others keep storing theirs."""

_TOKENS: Final = UUID("6c0c3f9e-6b1f-4c0a-9a6e-3f3a8f5e2d11")

SecretChange = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""Returns what a secret is to hold, made of what it holds."""


def change_secret(
    name: str, change: SecretChange, *, purpose: str, clients: Clients
) -> Mapping[str, Any]:
    """Store a new version of a secret if ``change`` makes it differ, and return what it holds then.

    ``purpose`` distinguishes this change from any other of the same version, without any secret in
    it: the new version's id is made of both, so the same change is never stored twice. Raises
    what ``get_secret_version`` raises, and SecretContestedError if others keep changing the secret.
    """
    base = current = get_secret_version(name, clients=clients)
    for attempt in range(MOST_ATTEMPTS):
        wanted = change(base.value)
        if base is current and wanted == current.value:
            return wanted
        source = f"{name}\n{base.version_id}\n{current.version_id}\n{attempt}\n{purpose}"
        stored = call(
            clients.secrets_manager.put_secret_value,
            SecretId=name,
            SecretString=json.dumps(wanted),
            ClientRequestToken=str(uuid5(_TOKENS, source)),
        )["VersionId"]
        replaced = get_secret_version(name, PREVIOUS, clients=clients)
        if replaced.version_id == current.version_id:
            return wanted
        current = get_secret_version(name, clients=clients)
        base = replaced if current.version_id == stored else current
    raise SecretContestedError(
        f"secret {name} was changed by others each time that it was completed", secret=name
    )
