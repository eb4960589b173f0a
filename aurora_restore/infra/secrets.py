"""The two secrets: the master user's, and the application roles'."""

import json
import re
from dataclasses import dataclass
from typing import Final

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from aurora_restore.shared.documents import environment
from aurora_restore.shared.documents.secrets import GENERATED_LENGTH
from aurora_restore.shared.names import app_secret_name, master_secret_name
from aurora_restore.shared.pipeline import APP_SECRET, MASTER_SECRET

_NOT_IN_PASSWORDS: Final = "/\"@'\\` "


@dataclass(frozen=True, kw_only=True)
class SecretReference:
    """A secret as the functions name it, and the ARN that permissions on it are for."""

    name_or_arn: str
    arn: str
    adopted: bool


class PipelineSecrets(Construct):
    """The two secrets in Secrets Manager, either made here or adopted from the configuration.

    A secret made here gets its passwords from Secrets Manager and is kept when the stack is
    deleted. ``GenerateSecretString`` fills in a single key, so the application secret begins
    without ``readonly_password``: `setup-db-users` generates that one and stores it.

    The master password obeys the limits of ``MasterUserPassword``:
    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBCluster.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name_prefix: str,
        settings: environment.Secrets,
    ) -> None:
        super().__init__(scope, construct_id)
        self.master = (
            self._adopt(settings.master)
            if settings.master
            else self._make(
                "Master",
                name=master_secret_name(name_prefix),
                description="The master user of the restored Aurora clusters",
                known={"username": settings.master_username, "database": settings.master_database},
                generated="password",
            )
        )
        self.app = (
            self._adopt(settings.app)
            if settings.app
            else self._make(
                "App",
                name=app_secret_name(name_prefix),
                description="The application roles of the restored Aurora clusters",
                known={
                    "app_username": settings.app_username,
                    "readonly_username": settings.readonly_username,
                },
                generated="app_password",
            )
        )

    def named(self, which: str) -> SecretReference:
        """Return the secret that a row of the pipeline names."""
        return {MASTER_SECRET: self.master, APP_SECRET: self.app}[which]

    def _make(
        self,
        construct_id: str,
        *,
        name: str,
        description: str,
        known: dict[str, str],
        generated: str,
    ) -> SecretReference:
        secret = secretsmanager.Secret(
            self,
            construct_id,
            secret_name=name,
            description=description,
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template=json.dumps(known),
                generate_string_key=generated,
                password_length=GENERATED_LENGTH,
                exclude_characters=_NOT_IN_PASSWORDS,
            ),
            removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        )
        return SecretReference(name_or_arn=name, arn=secret.secret_arn, adopted=False)

    def _adopt(self, name_or_arn: str) -> SecretReference:
        """Return an adopted secret, with the ARN that permissions on it are for.

        An ARN is complete with the hyphen and six characters that Secrets Manager appends.
        """
        if not name_or_arn.startswith("arn:"):
            stack = Stack.of(self)
            arn = (
                f"arn:{stack.partition}:secretsmanager:{stack.region}:{stack.account}"
                f":secret:{name_or_arn}-??????"
            )
        elif re.search(r"-[A-Za-z0-9]{6}$", name_or_arn):
            arn = name_or_arn
        else:
            arn = f"{name_or_arn}-??????"
        return SecretReference(name_or_arn=name_or_arn, arn=arn, adopted=True)
