"""Where the functions read their configuration."""

from collections.abc import Mapping

from aws_cdk import aws_ssm as ssm
from constructs import Construct

from aurora_restore.shared.documents.restore import Restore


class RestoreParameters(Construct):
    """An SSM parameter per restore, holding its part of the environment file as JSON.

    Intelligent tiering makes it an advanced parameter only where it is larger than 4 KB:
    https://docs.aws.amazon.com/systems-manager/latest/userguide/ps-default-tier.html
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, path: str, restores: Mapping[str, Restore]
    ) -> None:
        super().__init__(scope, construct_id)
        for name, restore in restores.items():
            ssm.StringParameter(
                self,
                name,
                parameter_name=f"{path}/{name}",
                description=f"The configuration of the restore {name}",
                string_value=restore.parameter_text,
                tier=ssm.ParameterTier.INTELLIGENT_TIERING,
            )
