"""The secrets: of the master users, and of the application roles."""

import json
import re
from dataclasses import dataclass
from typing import Final

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from aurora_restore.shared.documents.environment import Environment
from aurora_restore.shared.documents.restore_secrets import OwnSecrets
from aurora_restore.shared.documents.secrets import GENERATED_LENGTH
from aurora_restore.shared.pipeline import APP_SECRET, MASTER_SECRET

_NOT_IN_PASSWORDS: Final = "/\"@'\\` "


@dataclass(frozen=True, kw_only=True)
class SecretReference:
    """A secret as the functions name it, and the ARN that permissions on it are for."""

    name_or_arn: str
    arn: str
    adopted: bool


class PipelineSecrets(Construct):
    """The secrets of the restores in Secrets Manager, made here or adopted from the configuration.

    Those of the environment are there if any restore uses them, and each restore may have its own.
    A secret made here gets its passwords from Secrets Manager and is kept when the stack is
    deleted. ``GenerateSecretString`` fills in a single key, so the application secret begins
    without ``readonly_password``: `setup-db-users` generates that one and stores it.

    The master password obeys the limits of ``MasterUserPassword``:
    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBCluster.html
    """

    def __init__(self, scope: Construct, construct_id: str, *, environment: Environment) -> None:
        super().__init__(scope, construct_id)
        self._masters: dict[str, SecretReference] = {}
        self._apps: dict[str, SecretReference] = {}
        self._environment = environment
        self._common = environment.common_secrets
        for name, restore in environment.restores.items():
            self._use(name, restore.secrets, environment)

    @property
    def outputs(self) -> dict[str, str]:
        """Return the ARNs of the environment's secrets, by the names of the stack's outputs."""
        common = {
            "MasterSecret": self._masters.get(self._common.master),
            "AppSecret": self._apps.get(self._common.app),
        }
        return {name: secret.arn for name, secret in common.items() if secret is not None}

    def of_kind(self, which: str) -> list[SecretReference]:
        """Return the secrets of the kind that a row of the pipeline names, each once."""
        return list({MASTER_SECRET: self._masters, APP_SECRET: self._apps}[which].values())

    def apps_of_switched(self) -> list[SecretReference]:
        """Return the application's secrets by which clients may be led in a switch."""
        environment = self._environment
        names = [name for name, each in environment.restores.items() if each.target.is_switched]
        used = {environment.secrets_of(name).app for name in names}
        return [secret for name, secret in self._apps.items() if name in used]

    def _use(self, restore: str, own: OwnSecrets, environment: Environment) -> None:
        """Make or adopt what a restore uses, unless another restore uses it, too."""
        used, settings = environment.secrets_of(restore), own.over(environment.secrets)
        for_itself = Construct(self, restore) if own.makes_master or own.makes_app else self
        if used.master not in self._masters:
            self._masters[used.master] = (
                self._adopt(used.master)
                if settings.master
                else self._make(
                    for_itself if own.makes_master else self,
                    "Master",
                    name=used.master,
                    description="The master user of the restored Aurora clusters",
                    known={
                        "username": settings.master_username,
                        "database": settings.master_database,
                    },
                    generated="password",
                )
            )
        if used.app not in self._apps:
            self._apps[used.app] = (
                self._adopt(used.app)
                if settings.app
                else self._make(
                    for_itself if own.makes_app else self,
                    "App",
                    name=used.app,
                    description="The application roles of the restored Aurora clusters",
                    known={
                        "app_username": settings.app_username,
                        "readonly_username": settings.readonly_username,
                    },
                    generated="app_password",
                )
            )

    def _make(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        description: str,
        known: dict[str, str],
        generated: str,
    ) -> SecretReference:
        secret = secretsmanager.Secret(
            scope,
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
