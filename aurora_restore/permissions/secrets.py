"""The secrets that an environment's restores use, as permissions name them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from aurora_restore.shared.documents.environment import Environment
from aurora_restore.shared.documents.restore_secrets import secrets_of
from aurora_restore.shared.pipeline import APP_SECRET, MASTER_SECRET


@dataclass(frozen=True, kw_only=True)
class SecretReference:
    """A secret as the functions name it, and the ARN that permissions on it are for."""

    name_or_arn: str
    arn: str
    adopted: bool


@dataclass(frozen=True, kw_only=True)
class SecretsInUse:
    """The secrets of the restores, each once, whether the stack makes or adopts them."""

    environment: Environment
    partition: str

    def of_kind(self, which: str) -> list[SecretReference]:
        """Return the secrets of the kind that a row of the pipeline names."""
        return self._of(which, self.environment.restores)

    def apps_of_switched(self) -> list[SecretReference]:
        """Return the application's secrets by which clients may be led in a switch."""
        restores = self.environment.restores.items()
        return self._of(APP_SECRET, (name for name, each in restores if each.target.is_switched))

    def _of(self, which: str, restores: Iterable[str]) -> list[SecretReference]:
        environment = self.environment
        found: dict[str, SecretReference] = {}
        for restore in restores:
            own = environment.restores[restore].secrets
            used = secrets_of(
                restore, own, name_prefix=environment.name_prefix, defaults=environment.secrets
            )
            settings = own.over(environment.secrets)
            name, adopted = {
                MASTER_SECRET: (used.master, settings.master),
                APP_SECRET: (used.app, settings.app),
            }[which]
            found[name] = SecretReference(
                name_or_arn=name, arn=self.arn_of(name), adopted=adopted is not None
            )
        return list(found.values())

    def arn_of(self, name_or_arn: str) -> str:
        """Return a secret's ARN, which Secrets Manager ends with a hyphen and six characters."""
        if not name_or_arn.startswith("arn:"):
            environment = self.environment
            return (
                f"arn:{self.partition}:secretsmanager:{environment.region}:{environment.account}"
                f":secret:{name_or_arn}-??????"
            )
        complete = re.search(r"-[A-Za-z0-9]{6}$", name_or_arn)
        return name_or_arn if complete else f"{name_or_arn}-??????"
