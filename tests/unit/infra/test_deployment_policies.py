"""The documented policies for deploying are enough for the templates, and for nothing else.

What CloudFormation calls for a type of resource is what AWS publishes in its schema, as cfn-lint
packages it: https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import aws_cdk as cdk
import pytest
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from aurora_restore.infra.stack import AuroraRestoreStack
from aurora_restore.reference.repository import REPOSITORY
from tests.support.iam import Policy, listed, matches
from tests.support.service_authorization import reference
from tests.unit.infra.examples import across_accounts, many, published, widest
from tests.unit.infra.synthesis import WITHOUT_BUNDLING, Document, environment, example, synthesise

FOLDER: Final = REPOSITORY / "docs" / "examples" / "iam"
EXECUTION: Final = ("execution-policy-1", "execution-policy-2")
OPERATIONS: Final = ("create", "read", "update", "delete")
PLACE: Final = "us-west-2:222222222222"
MOST: Final = 6144
"""https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""


@dataclass(frozen=True)
class LeftOut:
    """What CloudFormation calls only for properties that no template has."""

    resource_type: str
    actions: str
    """A pattern with IAM's wildcards."""
    properties: tuple[str, ...]


LEFT_OUT: Final = (
    LeftOut("AWS::DynamoDB::Table", "dynamodb:*Import*", ("ImportSourceSpecification",)),
    # Only the resource type of global tables has replicas.
    LeftOut("AWS::DynamoDB::Table", "dynamodb:*Replica", ()),
    LeftOut("AWS::DynamoDB::Table", "dynamodb:[items]", ("ImportSourceSpecification",)),
    LeftOut(
        "AWS::DynamoDB::Table",
        "dynamodb:UpdateContributorInsights",
        ("ContributorInsightsSpecification",),
    ),
    LeftOut(
        "AWS::DynamoDB::Table",
        "dynamodb:*ableKinesisStreamingDestination",
        ("KinesisStreamSpecification",),
    ),
    LeftOut(
        "AWS::DynamoDB::Table",
        "dynamodb:UpdateKinesisStreamingDestination",
        ("KinesisStreamSpecification",),
    ),
    LeftOut("AWS::DynamoDB::Table", "dynamodb:PutResourcePolicy", ("ResourcePolicy",)),
    LeftOut("AWS::DynamoDB::Table", "dynamodb:DeleteResourcePolicy", ("ResourcePolicy",)),
    LeftOut("AWS::DynamoDB::Table", "kinesis:*", ("KinesisStreamSpecification",)),
    LeftOut("AWS::DynamoDB::Table", "iam:CreateServiceLinkedRole", ("KinesisStreamSpecification",)),
    LeftOut("AWS::DynamoDB::Table", "logs:*", ("ImportSourceSpecification",)),
    LeftOut("AWS::DynamoDB::Table", "s3:*", ("ImportSourceSpecification",)),
    LeftOut("AWS::DynamoDB::Table", "kms:*", ("SSESpecification.KMSMasterKeyId",)),
    LeftOut("AWS::IAM::Policy", "iam:*UserPolicy", ("Users",)),
    LeftOut("AWS::IAM::Policy", "iam:*GroupPolicy", ("Groups",)),
    LeftOut("AWS::IAM::ManagedPolicy", "iam:*UserPolicy", ("Users",)),
    LeftOut("AWS::IAM::ManagedPolicy", "iam:*GroupPolicy", ("Groups",)),
    LeftOut("AWS::Lambda::EventSourceMapping", "kms:*", ("KmsKeyArn",)),
    LeftOut("AWS::Lambda::Function", "elasticfilesystem:*", ("FileSystemConfigs",)),
    LeftOut("AWS::Lambda::Function", "s3files:*", ("FileSystemConfigs",)),
    LeftOut("AWS::Lambda::Function", "lambda:GetCodeSigningConfig", ("CodeSigningConfigArn",)),
    LeftOut(
        "AWS::Lambda::Function", "lambda:*FunctionCodeSigningConfig", ("CodeSigningConfigArn",)
    ),
    LeftOut(
        "AWS::Lambda::Function", "lambda:*FunctionConcurrency", ("ReservedConcurrentExecutions",)
    ),
    LeftOut("AWS::Lambda::Function", "lambda:PutFunctionRecursionConfig", ("RecursiveLoop",)),
    LeftOut(
        "AWS::Lambda::Function", "lambda:PutRuntimeManagementConfig", ("RuntimeManagementConfig",)
    ),
    LeftOut("AWS::Lambda::Function", "lambda:PutFunctionScalingConfig", ("FunctionScalingConfig",)),
    LeftOut("AWS::Lambda::Function", "lambda:PassCapacityProvider", ("CapacityProviderConfig",)),
    LeftOut("AWS::Lambda::Function", "lambda:AssociateRuntimeAlias", ("RuntimeManagementConfig",)),
    LeftOut("AWS::Lambda::Function", "lambda:PublishVersion", ("PublishToLatestPublished",)),
    LeftOut("AWS::Lambda::Function", "kms:*", ("KmsKeyArn", "Code.SourceKMSKeyArn")),
    LeftOut("AWS::Logs::LogGroup", "logs:*KmsKey", ("KmsKeyId",)),
    LeftOut("AWS::Logs::LogGroup", "logs:PutDataProtectionPolicy", ("DataProtectionPolicy",)),
    LeftOut("AWS::Logs::LogGroup", "logs:DeleteDataProtectionPolicy", ("DataProtectionPolicy",)),
    LeftOut("AWS::Logs::LogGroup", "logs:CreateLogDelivery", ("DataProtectionPolicy",)),
    LeftOut("AWS::Logs::LogGroup", "s3:*", ("DataProtectionPolicy",)),
    LeftOut("AWS::Logs::LogGroup", "firehose:*", ("DataProtectionPolicy",)),
    LeftOut("AWS::Logs::LogGroup", "logs:PutIndexPolicy", ("FieldIndexPolicies",)),
    LeftOut("AWS::Logs::LogGroup", "logs:DeleteIndexPolicy", ("FieldIndexPolicies",)),
    LeftOut("AWS::Logs::LogGroup", "logs:PutResourcePolicy", ("ResourcePolicyDocument",)),
    LeftOut("AWS::Logs::LogGroup", "logs:DeleteResourcePolicy", ("ResourcePolicyDocument",)),
    LeftOut(
        "AWS::Logs::LogGroup", "logs:PutLogGroupDeletionProtection", ("DeletionProtectionEnabled",)
    ),
    LeftOut(
        "AWS::Logs::LogGroup",
        "logs:PutBearerTokenAuthentication",
        ("BearerTokenAuthenticationEnabled",),
    ),
    LeftOut("AWS::SNS::Subscription", "iam:*", ("SubscriptionRoleArn",)),
    LeftOut("AWS::SNS::Topic", "iam:*", ("DeliveryStatusLogging",)),
    LeftOut("AWS::SNS::Topic", "sns:PutDataProtectionPolicy", ("DataProtectionPolicy",)),
    LeftOut("AWS::SecretsManager::Secret", "secretsmanager:Re*Region*", ("ReplicaRegions",)),
    LeftOut("AWS::StepFunctions::StateMachine", "s3:*", ("DefinitionS3Location",)),
    LeftOut("AWS::StepFunctions::StateMachine", "kms:*", ("EncryptionConfiguration",)),
)
ITEMS: Final = re.compile(r"dynamodb:(Scan|Query|(Update|Put|Get|Delete)Item|BatchWriteItem)")


def statements(*names: str) -> list[Document]:
    """The statements of documented policies."""
    files = (FOLDER / f"{name}.json" for name in names)
    return [each for file in files for each in json.loads(file.read_text())["Statement"]]


@cache
def resources() -> tuple[tuple[str, Document], ...]:
    """Type and properties of every resource of stacks that have all that a stack may have."""
    documents = (example(), widest(), published(), across_accounts(), many())
    return tuple(
        (each["Type"], each["Properties"])
        for document in documents
        for each in synthesise(document).resources.values()
    )


@cache
def schema(resource_type: str) -> Any:
    """What AWS publishes of a type of resource."""
    return PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", resource_type).schema


def called(resource_type: str) -> set[str]:
    """The actions that CloudFormation calls for a type of resource."""
    handlers = schema(resource_type)["handlers"]
    return {
        action
        for operation in OPERATIONS
        for action in handlers.get(operation, {}).get("permissions", ())
    }


def leaves_out(entry: LeftOut, resource_type: str, action: str) -> bool:
    if entry.resource_type != resource_type:
        return False
    if entry.actions == "dynamodb:[items]":
        return ITEMS.fullmatch(action) is not None
    return matches(entry.actions, action)


def is_left_out(resource_type: str, action: str) -> bool:
    return any(leaves_out(entry, resource_type, action) for entry in LEFT_OUT)


TYPES: Final = sorted({resource_type for resource_type, _ in resources()})


@pytest.mark.parametrize("resource_type", TYPES)
def test_what_cloudformation_calls_is_allowed(resource_type: str) -> None:
    allowed = Policy(statements(*EXECUTION)).actions
    needed = {action for action in called(resource_type) if not is_left_out(resource_type, action)}

    assert needed - allowed == set()


@pytest.mark.parametrize("entry", LEFT_OUT, ids=lambda each: f"{each.resource_type} {each.actions}")
def test_what_is_left_out_is_for_properties_that_no_template_has(entry: LeftOut) -> None:
    assert any(leaves_out(entry, entry.resource_type, each) for each in called(entry.resource_type))
    for path in entry.properties:
        name, _, member = path.partition(".")
        assert name in schema(entry.resource_type)["properties"]
        for resource_type, properties in resources():
            if resource_type == entry.resource_type:
                found = properties.get(name, {})
                assert member not in found if member else name not in properties


def test_nothing_is_allowed_that_cloudformation_does_not_call() -> None:
    needed = {
        action
        for resource_type in TYPES
        for action in called(resource_type)
        if not is_left_out(resource_type, action)
    }

    assert Policy(statements(*EXECUTION)).actions - needed == set()


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.json")), ids=lambda file: file.stem)
def test_a_policy_fits_and_each_action_can_be_on_its_resources(file: Path) -> None:
    document = json.loads(file.read_text())

    assert len(json.dumps(document, separators=(",", ":"))) <= MOST
    for statement in document["Statement"]:
        for action in listed(statement["Action"]):
            (known,) = reference().actions(action)
            for resource in listed(statement["Resource"]):
                if resource == "*":
                    continue
                assert known.types_of(resource), f"{action} on {resource}"
            if "*" not in listed(statement["Resource"]):
                assert known.types, f"{action} can be on all resources only"
            for keys in statement.get("Condition", {}).values():
                for key in keys:
                    assert any(known.knows(key, each) for each in listed(statement["Resource"]))


NAMES: Final = {
    "AWS::CloudWatch::Alarm": ("AlarmName", "cloudwatch:PutMetricAlarm", "alarm:{}"),
    "AWS::CloudWatch::Dashboard": ("DashboardName", "cloudwatch:PutDashboard", "dashboard/{}"),
    "AWS::DynamoDB::Table": ("TableName", "dynamodb:CreateTable", "table/{}"),
    "AWS::Lambda::Function": ("FunctionName", "lambda:CreateFunction", "function:{}"),
    "AWS::Logs::LogGroup": ("LogGroupName", "logs:CreateLogGroup", "log-group:{}"),
    "AWS::SNS::Topic": ("TopicName", "sns:CreateTopic", "{}"),
    "AWS::SSM::Parameter": ("Name", "ssm:PutParameter", "parameter{}"),
    "AWS::Scheduler::ScheduleGroup": ("Name", "scheduler:CreateScheduleGroup", "schedule-group/{}"),
    "AWS::SecretsManager::Secret": ("Name", "secretsmanager:CreateSecret", "secret:{}-a1B2c3"),
    "AWS::StepFunctions::StateMachine": (
        "StateMachineName",
        "states:CreateStateMachine",
        "stateMachine:{}",
    ),
}
"""Where a name is, and the action and the ARN's end of what has it."""

EVERYWHERE: Final = {"AWS::CloudWatch::Dashboard"}
"""What is in no Region."""


@pytest.mark.parametrize("resource_type", sorted(NAMES))
def test_what_has_a_name_may_have_it(resource_type: str) -> None:
    field, action, end = NAMES[resource_type]
    policy = Policy(statements(*EXECUTION))
    named = [
        properties[field]
        for kind, properties in _of_the_example()
        if kind == resource_type and field in properties
    ]

    place = f":{PLACE.partition(':')[2]}" if resource_type in EVERYWHERE else PLACE
    assert named
    for name in named:
        arn = f"arn:aws:{action.partition(':')[0]}:{place}:{end.format(name)}"
        assert policy.allows(action, arn)
        assert not policy.allows(action, arn.replace("aurora-restore", "other"))


def test_roles_are_those_of_the_environment() -> None:
    policy = Policy(statements(*EXECUTION))
    names = [
        properties["RoleName"]
        for kind, properties in _of_the_example()
        if kind == "AWS::IAM::Role" and "RoleName" in properties
    ]

    assert names
    for name in (*names, "AuroraRestore-staging-PipelineMachineRoleB7B471A8-AbCdEf"):
        assert policy.allows("iam:CreateRole", f"arn:aws:iam::222222222222:role/{name}")
    assert not policy.allows("iam:CreateRole", "arn:aws:iam::222222222222:role/admin")
    lambda_role = f"arn:aws:iam::222222222222:role/{names[0]}"
    assert policy.allows(
        "iam:PassRole", lambda_role, {"iam:PassedToService": "lambda.amazonaws.com"}
    )
    assert not policy.allows(
        "iam:PassRole", lambda_role, {"iam:PassedToService": "ec2.amazonaws.com"}
    )


def _of_the_example() -> Iterator[tuple[str, Document]]:
    for each in synthesise(example()).resources.values():
        yield each["Type"], each["Properties"]


def test_a_deployer_may_assume_the_roles_that_the_cdk_assumes(tmp_path: Path) -> None:
    app = cdk.App(context=WITHOUT_BUNDLING, outdir=str(tmp_path))
    AuroraRestoreStack(app, "AuroraRestore-staging", environment=environment(example()))
    app.synth()
    texts = [file.read_text() for file in tmp_path.glob("*.json")]
    roles = {
        role.replace("${AWS::Partition}", "aws")
        for text in texts
        for role in re.findall(r"arn:[^\"]+:role/cdk-[^\"]+", text)
        if "cfn-exec" not in role
    }
    (statement,) = statements("deployer-policy")

    assert roles == set(statement["Resource"])
    assert statement["Action"] == "sts:AssumeRole"
