"""The function of a self-test that logs in to its clusters, which nothing outside can reach."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from aurora_restore.configuration.files import ConfigurationFolder
from aurora_restore.deployed_code import IMPORT_ROOT, deployed_files
from aurora_restore.infra.bundles.database_assets import ca_bundle
from aurora_restore.infra.bundles.dependencies import DependencyLayer
from aurora_restore.infra.bundles.local_bundling import bundled_code
from aurora_restore.infra.bundles.runtime import RUNTIME
from aurora_restore.infra.log_groups import RetainedLogGroup
from aurora_restore.infra.permissions.functions import ATTACH_TO_VPC
from aurora_restore.proof.naming import prefix_of, probe_function
from aurora_restore.proof.settings import SelfTestSettings
from aurora_restore.shared.names import ASSETS_PACKAGE, CA_BUNDLE

_LOG_DAYS: Final = 7

CODE: Final = ("aurora_restore/__init__.py", "aurora_restore/shared", "aurora_restore/proof")
"""What the function is made of."""


class Probe(Construct):
    """A function in the network of the clusters, with a role and a log group of its own.

    It may read the secrets of the run, and write that of the source cluster. It may not create log
    groups: one that is at work while its stack is deleted would leave one behind.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: SelfTestSettings,
        vpc: ec2.IVpc,
        group_id: str,
        secret_arn: str,
        secrets_of_environment: str,
    ) -> None:
        super().__init__(scope, construct_id)
        name = probe_function(settings.run)
        log_group = RetainedLogGroup(self, "Logs", name=f"/aws/lambda/{name}", days=_LOG_DAYS)
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            description=f"The function {name}",
        )
        log_group.grant_write(role)
        for actions, resource in (
            (ATTACH_TO_VPC, "*"),
            (("secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"), secret_arn),
            (("secretsmanager:GetSecretValue",), secrets_of_environment),
        ):
            role.add_to_policy(iam.PolicyStatement(actions=list(actions), resources=[resource]))
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=name,
            description="Logs in to the clusters of a self-test",
            runtime=RUNTIME,
            architecture=lambda_.Architecture.ARM_64,
            handler="aurora_restore.proof.function.handler",
            code=_code(settings),
            layers=[DependencyLayer(self, "Dependencies", interpreter=None)],
            environment={
                "SELFTEST_SOURCE_SECRET": secret_arn,
                "SELFTEST_PREFIX": prefix_of(settings.run),
            },
            role=role,
            log_group=log_group,
            timeout=Duration.minutes(15),
            memory_size=512,
            vpc=vpc,
            vpc_subnets=ec2.SubnetSelection(subnets=vpc.private_subnets),
            security_groups=[
                ec2.SecurityGroup.from_security_group_id(self, "Group", group_id, mutable=False)
            ],
        )


def _code(settings: SelfTestSettings) -> lambda_.Code:
    here = ConfigurationFolder(Path.cwd())
    authorities = ca_bundle(settings.ca_bundle, here, settings.region, datetime.now(UTC))
    contents = {
        **{
            file.relative_to(IMPORT_ROOT).as_posix(): file.read_bytes()
            for file in deployed_files(parts=CODE)
        },
        f"{ASSETS_PACKAGE}/__init__.py": b"",
        f"{ASSETS_PACKAGE}/{CA_BUNDLE}": authorities,
    }
    digest = hashlib.sha256()
    for path, data in sorted(contents.items()):
        digest.update(f"{path}\0{len(data)}\0".encode() + data)

    def write(folder: Path) -> None:
        for path, data in contents.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)

    return bundled_code(digest=digest.hexdigest(), write=write)
