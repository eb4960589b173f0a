"""What the state machine may do."""

from collections.abc import Iterator, Mapping
from typing import Final

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from aurora_restore.infra.permissions.roles import add_statements, attach_policies
from aurora_restore.permissions.arns import Arns
from aurora_restore.permissions.packing import packed
from aurora_restore.permissions.statements import RoleStatement, allow
from aurora_restore.shared.documents.environment import Environment
from aurora_restore.shared.documents.regions import partition_of
from aurora_restore.shared.names import HOOK_KEY_PREFIX
from aurora_restore.shared.pipeline import HOOKS

# https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
_DELIVER_LOGS: Final = (
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
)
# https://docs.aws.amazon.com/step-functions/latest/dg/concepts-xray-tracing.html
_TRACE: Final = (
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
)


class StateMachineRole(Construct):
    """The role of the state machine.

    It calls the steps' functions and the configured hooks, each by its ARN and no other; and it
    writes the items of the state table that say which hooks have succeeded.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: Environment,
        functions: Mapping[str, lambda_.IFunction],
        state_table_arn: str,
    ) -> None:
        super().__init__(scope, construct_id)
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal(
                "states.amazonaws.com", conditions=_for_state_machines_of(Stack.of(self))
            ),
            description=f"The state machine of {environment.name_prefix}",
        )
        steps = [function.function_arn for function in functions.values()]
        add_statements(self.role, [allow("lambda:InvokeFunction", steps)])
        add_statements(self.role, [allow((*_DELIVER_LOGS, *_TRACE), ["*"])])
        attach_policies(self.role, packed(hook_statements(environment, state_table_arn)))


def _for_state_machines_of(stack: Stack) -> dict[str, dict[str, str]]:
    """Return the conditions by which Step Functions acts for the state machines of a place only.

    https://docs.aws.amazon.com/step-functions/latest/dg/procedure-create-iam-role.html
    """
    machines = stack.format_arn(
        service="states",
        resource="stateMachine",
        resource_name="*",
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )
    return {
        "StringEquals": {"aws:SourceAccount": stack.account},
        "ArnLike": {"aws:SourceArn": machines},
    }


def hook_statements(environment: Environment, state_table_arn: str) -> Iterator[RoleStatement]:
    """Yield what the hooks of an environment's restores need; nothing if there are none."""
    arns = Arns(environment=environment, partition=partition_of(environment.region))
    if functions := arns.hook_functions(*HOOKS):
        yield allow("lambda:InvokeFunction", functions)
    if arns.hook_functions(*(hook for hook in HOOKS if not hook.may_fail)):
        yield allow(
            "dynamodb:PutItem",
            [state_table_arn],
            {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [f"{HOOK_KEY_PREFIX}*"]}},
        )
