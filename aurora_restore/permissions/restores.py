"""What a function may do because of the restores: it grows with their number."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from aurora_restore.permissions.arns import Arns
from aurora_restore.permissions.conditions import in_batches
from aurora_restore.permissions.grants import statements_of
from aurora_restore.permissions.packing import RolePolicy, packed
from aurora_restore.permissions.secrets import SecretReference, SecretsInUse
from aurora_restore.permissions.statements import RoleStatement, allow
from aurora_restore.shared.documents.environment import Environment
from aurora_restore.shared.documents.regions import partition_of
from aurora_restore.shared.pipeline import PipelineFunction, Step


@dataclass(frozen=True, kw_only=True)
class RestorePermissions:
    """The policies by which a step's function works on the restores and on their secrets."""

    environment: Environment

    @cached_property
    def _arns(self) -> Arns:
        partition = partition_of(self.environment.region)
        return Arns(environment=self.environment, partition=partition)

    @cached_property
    def _secrets_in_use(self) -> SecretsInUse:
        partition = partition_of(self.environment.region)
        return SecretsInUse(environment=self.environment, partition=partition)

    def policies_of(self, function: PipelineFunction) -> list[RolePolicy]:
        """Return the policies of a function's role."""
        return packed(self._of(function))

    def _of(self, function: PipelineFunction) -> Iterator[RoleStatement]:
        yield from statements_of(function, self._arns)
        if isinstance(function, Step):
            yield from self._of_secrets(function)

    def _of_secrets(self, step: Step) -> Iterator[RoleStatement]:
        secrets = self._secrets_in_use
        switched = secrets.apps_of_switched() if step.writes_endpoint else []
        read = [secrets.of_kind(which) for which in step.reads_secrets]
        written = [secrets.of_kind(which) for which in step.writes_secrets]
        for each in (*read, switched):
            yield from self._secrets(each, "secretsmanager:GetSecretValue", "kms:Decrypt")
        for each in (*written, switched):
            yield from self._secrets(each, "secretsmanager:PutSecretValue", "kms:GenerateDataKey")

    def _secrets(
        self, secrets: Sequence[SecretReference], action: str, key_action: str
    ) -> Iterator[RoleStatement]:
        """Yield an action on secrets, if any, and on the keys that adopted ones may be under.

        Secrets Manager names the secret in the encryption context:
        https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
        """
        if not secrets:
            return
        yield allow(action, [secret.arn for secret in secrets])
        region = self.environment.region
        for adopted in in_batches([secret.arn] for secret in secrets if secret.adopted):
            yield allow(
                key_action,
                [f"arn:{partition_of(region)}:kms:{region}:*:key/*"],
                {
                    "StringEquals": {"kms:ViaService": f"secretsmanager.{region}.amazonaws.com"},
                    "StringLike": {"kms:EncryptionContext:SecretARN": adopted},
                },
            )
