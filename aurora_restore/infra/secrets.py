"""The secrets: of the master users, and of the application roles."""

import json
from typing import Final

from aws_cdk import RemovalPolicy
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from aurora_restore.permissions.secrets import SecretsInUse
from aurora_restore.shared.documents.environment import Environment
from aurora_restore.shared.documents.regions import partition_of
from aurora_restore.shared.documents.restore_secrets import OwnSecrets
from aurora_restore.shared.documents.secrets import GENERATED_LENGTH

_NOT_IN_PASSWORDS: Final = "/\"@'\\` "


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
        self._arns: dict[str, str] = {}
        self._environment = environment
        for name, restore in environment.restores.items():
            self._use(name, restore.secrets, environment)

    @property
    def outputs(self) -> dict[str, str]:
        """Return the ARNs of the environment's secrets, by the names of the stack's outputs."""
        common = self._environment.common_secrets
        named = {"MasterSecret": common.master, "AppSecret": common.app}
        return {output: self._arns[name] for output, name in named.items() if name in self._arns}

    def _use(self, restore: str, own: OwnSecrets, environment: Environment) -> None:
        """Make or adopt what a restore uses, unless another restore uses it, too."""
        used, settings = environment.secrets_of(restore), own.over(environment.secrets)
        for_itself = Construct(self, restore) if own.makes_master or own.makes_app else self
        in_use = SecretsInUse(environment=environment, partition=partition_of(environment.region))
        if used.master not in self._arns:
            self._arns[used.master] = (
                in_use.arn_of(used.master)
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
        if used.app not in self._arns:
            self._arns[used.app] = (
                in_use.arn_of(used.app)
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
    ) -> str:
        """Make a secret and return its ARN."""
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
        return secret.secret_arn
