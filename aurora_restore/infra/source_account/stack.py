"""The stack of a source account."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from aurora_restore.infra.feature_flags import set_feature_flags
from aurora_restore.infra.permissions.roles import attach_policies
from aurora_restore.infra.source_account.key_policy import key_policy_text
from aurora_restore.permissions.source_role import SourceRolePermissions, sources_in
from aurora_restore.shared.documents.environment import Environment
from aurora_restore.shared.names import source_role_name


class SourceAccountStack(cdk.Stack):
    """The role by which an environment's pipeline works in one source account, and nothing else.

    It is deployed with that account's credentials. It has no assets and no bootstrap stack behind
    it, so its template can also be handed to the account's administrators:
    https://docs.aws.amazon.com/cdk/v2/guide/customize-synth.html

    The role's name is fixed: environments that share a source account need prefixes of their own.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: Environment,
        account: str,
        stack_name: str | None = None,
        permissions_boundary: cdk.PermissionsBoundary | None = None,
        termination_protection: bool | None = None,
    ) -> None:
        sources = sources_in(environment, account)
        super().__init__(
            scope,
            construct_id,
            env=cdk.Environment(account=account, region=sources[0].region),
            description=f"Lets {environment.name_prefix} in account {environment.account} share "
            "snapshots of this account",
            synthesizer=cdk.LegacyStackSynthesizer(),
            suppress_template_indentation=True,
            tags=dict(environment.tags) or None,
            stack_name=stack_name,
            permissions_boundary=permissions_boundary,
            termination_protection=termination_protection,
        )
        set_feature_flags(self)
        access = SourceRolePermissions(
            environment=environment, account=account, partition=self.partition
        )
        role = iam.Role(
            self,
            "Role",
            role_name=source_role_name(environment.name_prefix),
            description="Copies snapshots, shares the copies, and deletes them again",
            # They are named in a condition: as principals, IAM would refuse those that do not exist
            # yet, and forget those that were deleted
            # (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html).
            assumed_by=iam.AccountPrincipal(environment.account).with_conditions(
                {"ArnEquals": {"aws:PrincipalArn": access.trusted}}
            ),
        )
        attach_policies(role, access.policies())
        cdk.CfnOutput(self, "RoleArn", value=role.role_arn)
        if any(source.kms_key_id for source in sources):
            cdk.CfnOutput(
                self,
                "KeyPolicyStatements",
                description="To add to the policy of each key that snapshots are shared under",
                value=key_policy_text(environment, partition=self.partition),
            )
