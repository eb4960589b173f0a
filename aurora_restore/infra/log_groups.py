"""Log groups with a retention in days."""

from typing import cast

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs
from constructs import Construct


class RetainedLogGroup(logs.LogGroup):
    """A CloudWatch log group whose events stay for some days, and which goes with the stack."""

    def __init__(self, scope: Construct, construct_id: str, *, name: str, days: int) -> None:
        super().__init__(
            scope, construct_id, log_group_name=name, removal_policy=RemovalPolicy.DESTROY
        )
        cast(logs.CfnLogGroup, self.node.default_child).retention_in_days = days
