"""The environment variables of the Lambdas: written by the stack, read by the functions."""

import os
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Self

from aurora_restore.shared.documents.restore_secrets import (
    OwnSecrets,
    RestoreSecrets,
    Secrets,
    secrets_of,
)
from aurora_restore.shared.errors import ConfigurationError
from aurora_restore.shared.metric_names import METRICS_NAMESPACE


@dataclass(frozen=True, kw_only=True)
class LambdaEnvironment:
    """What a function must know before it can read its configuration."""

    name_prefix: str
    state_table: str
    audit_table: str
    topic_arn: str
    state_machine_arn: str
    config_path: str
    """The SSM path below which each restore's parameter stands."""
    default_restore: str
    """The only restore's name, or empty if there are several."""
    master_secret: str
    """The master secret of every restore that has none of its own."""
    app_secret: str
    """The same of the application's secret."""
    state_retention_days: str
    access_security_group: str
    """The security group that only the functions have that log in to a database."""
    quarantine_security_group: str
    """The security group of a restored cluster until it is handed over."""
    app_secrets_in_common: str = ""
    """The application's secrets that several restores use, separated by commas."""
    extra_regions: str = ""
    """Regions, separated by commas, that the pinned botocore does not know."""
    chat_topic_arn: str = ""
    """The topic of a chat channel, or empty if there is none."""
    event_bus: str = ""
    """The ARN of the bus that outcomes are published to, or empty if they are not."""
    code_digest: str = ""
    """The digest of the deployed code; empty where an older version has deployed it."""

    @property
    def account_id(self) -> str:
        """Return the account of the environment."""
        return self.state_machine_arn.split(":")[4]

    @property
    def regions_beyond_the_known(self) -> frozenset[str]:
        """Return the Regions of ``extra_regions``."""
        return frozenset(filter(None, self.extra_regions.split(",")))

    @property
    def app_secrets_of_several(self) -> frozenset[str]:
        """Return the secrets of ``app_secrets_in_common``."""
        return frozenset(filter(None, self.app_secrets_in_common.split(",")))

    def secrets_of(self, restore: str, own: OwnSecrets) -> RestoreSecrets:
        """Return the secrets that a restore uses: its own, or the environment's."""
        return secrets_of(
            restore,
            own,
            name_prefix=self.name_prefix,
            defaults=Secrets(master=self.master_secret, app=self.app_secret),
            in_common=self.app_secrets_of_several,
        )

    def to_env(self) -> dict[str, str]:
        """Return the variables, those of Powertools included."""
        return {name.upper(): value for name, value in asdict(self).items()} | {
            "POWERTOOLS_LOG_LEVEL": "INFO",
            "POWERTOOLS_METRICS_NAMESPACE": METRICS_NAMESPACE,
            "POWERTOOLS_SERVICE_NAME": self.name_prefix,
        }

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Return what the variables hold.

        Raises ConfigurationError with the name of every one that is needed and not set.
        """
        environ = os.environ if environ is None else environ
        given = {
            field.name: environ[field.name.upper()]
            for field in fields(cls)
            if field.name.upper() in environ
        }
        missing = [
            field.name.upper()
            for field in fields(cls)
            if field.name not in given and field.default is MISSING
        ]
        if missing:
            raise ConfigurationError(
                "the function's environment lacks "
                + ", ".join(missing)
                + "; deploy the stack again"
            )
        return cls(**given)

    def parameter_name(self, restore: str) -> str:
        """Return the name of the SSM parameter that holds a restore."""
        return f"{self.config_path}/{restore}"
