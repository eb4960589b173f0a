"""Everything that a step's function may do."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from aws_cdk import aws_iam as iam

from aurora_restore.infra.notifications import Notifications
from aurora_restore.infra.permissions.grants import GrantStatements
from aurora_restore.infra.permissions.statements import allow, deny
from aurora_restore.infra.secrets import PipelineSecrets, SecretReference
from aurora_restore.infra.tables import Tables
from aurora_restore.shared.names import LOCK_KEY_PREFIX, config_path
from aurora_restore.shared.pipeline import Step

# https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
_ATTACH_TO_VPC: Final = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
)


@dataclass(frozen=True, kw_only=True)
class FunctionPermissions:
    """The statements of each step's role, from its row and from what the stack holds."""

    grants: GrantStatements
    tables: Tables
    secrets: PipelineSecrets
    notifications: Notifications

    def of(self, step: Step, *, attached: bool) -> Iterator[iam.PolicyStatement]:
        """Yield a step's statements; ``attached`` is whether its function is in the VPC."""
        yield allow(
            ("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"),
            [self.tables.state.table_arn],
        )
        yield allow("dynamodb:PutItem", [self.tables.audit.table_arn])
        if step.publishes:
            # What a failed step has recorded of its error, to announce what to do about it.
            yield allow("dynamodb:Query", [self.tables.audit.table_arn])
        yield allow(
            ("ssm:GetParameter", "ssm:GetParametersByPath"),
            [self._parameters(), self._parameters().removesuffix("/*")],
        )
        yield from self._lock(step)
        yield from self.grants.of(step)
        switched = self.secrets.apps_of_switched() if step.writes_endpoint else []
        read = [self.secrets.of_kind(which) for which in step.reads_secrets]
        written = [self.secrets.of_kind(which) for which in step.writes_secrets]
        for secrets in (*read, switched):
            yield from self._secrets(secrets, "secretsmanager:GetSecretValue", "kms:Decrypt")
        for secrets in (*written, switched):
            yield from self._secrets(
                secrets, "secretsmanager:PutSecretValue", "kms:GenerateDataKey"
            )
        if step.publishes:
            yield allow("sns:Publish", self.notifications.topic_arns)
            if keys := self.notifications.key_arns:
                yield allow(("kms:Decrypt", "kms:GenerateDataKey*"), keys)
        if attached:
            yield from self._attach_to_vpc(step)

    def _lock(self, step: Step) -> Iterator[iam.PolicyStatement]:
        """Yield what the target's lock needs, which is an item of the state table.

        A step that finds it taken asks whether the holder's execution is over. An execution
        releases it in the step that takes none; a direct call that changes something, itself.
        https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
        """
        if step.locks:
            yield allow("states:DescribeExecution", [self.grants.arns.executions()])
        if step.changes_aws or not step.locks:
            yield allow(
                "dynamodb:DeleteItem",
                [self.tables.state.table_arn],
                {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [f"{LOCK_KEY_PREFIX}*"]}},
            )

    def _attach_to_vpc(self, step: Step) -> Iterator[iam.PolicyStatement]:
        """Yield what lets Lambda make a function's network interfaces, but not the function itself.

        https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html
        """
        environment = self.grants.environment
        function = (
            f"arn:{self.grants.partition}:lambda:{environment.region}:{environment.account}"
            f":function:{step.function_name(environment.name_prefix)}"
        )
        yield allow(_ATTACH_TO_VPC, ["*"])
        yield deny(_ATTACH_TO_VPC, ["*"], {"ArnEquals": {"lambda:SourceFunctionArn": function}})

    def _parameters(self) -> str:
        environment = self.grants.environment
        path = config_path(environment.name_prefix)
        return (
            f"arn:{self.grants.partition}:ssm:{environment.region}:{environment.account}"
            f":parameter{path}/*"
        )

    def _secrets(
        self, secrets: Sequence[SecretReference], action: str, key_action: str
    ) -> Iterator[iam.PolicyStatement]:
        """Yield an action on secrets, if any, and on the keys that adopted ones may be under.

        Secrets Manager names the secret in the encryption context:
        https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
        """
        if not secrets:
            return
        yield allow(action, [secret.arn for secret in secrets])
        adopted = [secret.arn for secret in secrets if secret.adopted]
        if adopted:
            environment = self.grants.environment
            yield allow(
                key_action,
                [f"arn:{self.grants.partition}:kms:{environment.region}:*:key/*"],
                {
                    "StringEquals": {
                        "kms:ViaService": f"secretsmanager.{environment.region}.amazonaws.com"
                    },
                    "StringLike": {"kms:EncryptionContext:SecretARN": adopted},
                },
            )
