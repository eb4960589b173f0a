"""The policies of an environment's roles, as its stacks synthesise them, with every ARN in full."""

from collections.abc import Mapping
from typing import Any

from aurora_restore.permissions.source_role import source_accounts
from aurora_restore.shared.documents.environment import Environment
from aurora_restore.shared.pipeline import STEPS
from tests.support.iam import Document, Policy, Trust, listed
from tests.unit.infra.synthesis import Synthesis, source_stack_of, stack_of


def policies_of(environment: Environment) -> dict[str, Policy]:
    """What the function of each step may do, by the step's name."""
    stack = stack_of(environment)
    arns = _arns(stack, environment.account, environment.region)
    return {
        step.name: Policy([_resolved(each, arns) for each in stack.statements(step.name)])
        for step in STEPS
    }


def source_policies_of(environment: Environment) -> dict[str, tuple[Policy, Trust]]:
    """What the role in each source account may do, and who may assume it, by account."""
    found = {}
    for account in source_accounts(environment):
        stack = source_stack_of(environment, account)
        (role,) = stack.of_type("AWS::IAM::Role")
        found[account] = (
            Policy(stack.statements_of_role(role)),
            Trust(stack.of_type("AWS::IAM::Role")[role]["AssumeRolePolicyDocument"]["Statement"]),
        )
    return found


def _arns(stack: Synthesis, account: str, region: str) -> Mapping[str, str]:
    """The ARN of each resource that policies name, by logical id, with made-up ids of AWS's."""
    place = f"{region}:{account}"
    forms = {
        "AWS::DynamoDB::Table": f"arn:aws:dynamodb:{place}:table/{{TableName}}",
        "AWS::KMS::Key": f"arn:aws:kms:{place}:key/{{logical_id}}",
        "AWS::Logs::LogGroup": f"arn:aws:logs:{place}:log-group:{{LogGroupName}}:*",
        "AWS::SNS::Topic": f"arn:aws:sns:{place}:{{TopicName}}",
        "AWS::SQS::Queue": f"arn:aws:sqs:{place}:{{logical_id}}",
        "AWS::SecretsManager::Secret": f"arn:aws:secretsmanager:{place}:secret:{{Name}}-??????",
    }
    return {
        logical_id: forms[resource["Type"]].format(
            logical_id=logical_id, **resource.get("Properties", {})
        )
        for logical_id, resource in stack.resources.items()
        if resource["Type"] in forms
    }


def _resolved(statement: Document, arns: Mapping[str, str]) -> Document:
    resources = [_arn(each, arns) for each in listed(statement["Resource"])]
    return {**statement, "Resource": resources}


def _arn(resource: Any, arns: Mapping[str, str]) -> str:
    if isinstance(resource, str):
        return resource
    ((function, argument),) = resource.items()
    return arns[argument[0] if function == "Fn::GetAtt" else argument]
