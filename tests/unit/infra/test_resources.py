"""What the stack makes in AWS, resource by resource."""

import json
import re
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk.assertions import Match, Template
from constructs import Construct

from aurora_restore.shared.documents.restore import Restore
from aurora_restore.shared.documents.schema import parse_configuration
from aurora_restore.shared.lambda_environment import LambdaEnvironment
from aurora_restore.shared.names import refresh_schedule_name, retire_schedule_name
from aurora_restore.shared.pipeline import STEP_NAMES, STEPS, Step
from tests.unit.infra.synthesis import (
    ABSENT,
    Document,
    Synthesis,
    environment,
    example,
    restore,
    synthesise,
)

steps = pytest.mark.parametrize("step", STEPS, ids=STEP_NAMES)


@pytest.mark.parametrize(
    ("name", "sort_key"), [("aurora-restore-state", "step"), ("aurora-restore-audit", "timestamp")]
)
def test_a_table_is_on_demand_recoverable_encrypted_and_kept(
    stack: Synthesis, name: str, sort_key: str
) -> None:
    stack.template.has_resource(
        "AWS::DynamoDB::Table",
        {
            "DeletionPolicy": "RetainExceptOnCreate",
            "UpdateReplacePolicy": "Retain",
            "Properties": {
                "TableName": name,
                "KeySchema": [
                    {"AttributeName": "operation_id", "KeyType": "HASH"},
                    {"AttributeName": sort_key, "KeyType": "RANGE"},
                ],
                "BillingMode": "PAY_PER_REQUEST",
                "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
                "SSESpecification": {"SSEEnabled": True},
            },
        },
    )


def test_only_state_items_expire(stack: Synthesis) -> None:
    expiry = {
        table["TableName"]: table.get("TimeToLiveSpecification")
        for table in stack.of_type("AWS::DynamoDB::Table").values()
    }

    assert expiry == {
        "aurora-restore-state": {"AttributeName": "expires_at", "Enabled": True},
        "aurora-restore-audit": None,
    }


@pytest.mark.parametrize(
    ("name", "known", "generated"),
    [
        (
            "aurora-restore-master-credentials",
            {"username": "postgres", "database": "orders"},
            "password",
        ),
        (
            "aurora-restore-app-credentials",
            {"app_username": "orders_app", "readonly_username": "orders_readonly"},
            "app_password",
        ),
    ],
)
def test_a_secret_is_generated_as_rds_wants_it_and_kept(
    stack: Synthesis, name: str, known: Document, generated: str
) -> None:
    stack.template.has_resource(
        "AWS::SecretsManager::Secret",
        {
            "DeletionPolicy": "RetainExceptOnCreate",
            "Properties": {
                "Name": name,
                "GenerateSecretString": {
                    "SecretStringTemplate": json.dumps(known),
                    "GenerateStringKey": generated,
                    "PasswordLength": 32,
                    "ExcludeCharacters": "/\"@'\\` ",
                },
            },
        },
    )


def test_adopted_secrets_are_not_made() -> None:
    arn = "arn:aws:secretsmanager:us-west-2:222222222222:secret:master"
    adopted = synthesise(example({"secrets.master": arn, "secrets.app": "shared/app"}))
    _, function = adopted.functions()["setup-db-users"]

    adopted.template.resource_count_is("AWS::SecretsManager::Secret", 0)
    assert function["Environment"]["Variables"]["MASTER_SECRET"] == arn
    assert function["Environment"]["Variables"]["APP_SECRET"] == "shared/app"
    adopted.template.has_output("MasterSecret", {"Value": f"{arn}-??????"})


def test_the_topic_is_encrypted_with_a_rotated_key_that_alarms_may_use(stack: Synthesis) -> None:
    by_alarms = {
        "Effect": "Allow",
        "Principal": {"Service": "cloudwatch.amazonaws.com"},
        "Condition": {"StringEquals": {"aws:SourceAccount": "222222222222"}},
    }
    stack.template.has_resource_properties(
        "AWS::KMS::Key",
        {
            "EnableKeyRotation": True,
            "KeyPolicy": {
                "Statement": Match.array_with(
                    [
                        Match.object_like(
                            {"Action": ["kms:Decrypt", "kms:GenerateDataKey*"], **by_alarms}
                        )
                    ]
                )
            },
        },
    )
    stack.template.has_resource_properties(
        "AWS::SNS::Topic",
        {"TopicName": "aurora-restore-notifications", "KmsMasterKeyId": Match.any_value()},
    )
    stack.template.has_resource_properties(
        "AWS::SNS::TopicPolicy",
        {
            "PolicyDocument": {
                "Statement": Match.array_with(
                    [
                        Match.object_like(
                            {
                                "Effect": "Deny",
                                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                            }
                        ),
                        Match.object_like({"Action": "sns:Publish", **by_alarms}),
                    ]
                )
            }
        },
    )
    stack.template.has_resource_properties(
        "AWS::SNS::Subscription", {"Protocol": "email", "Endpoint": "database-team@example.com"}
    )


def test_each_restore_has_a_parameter_that_reads_back_as_its_configuration() -> None:
    document = example({"restores.test": restore({"target.cluster_id": "orders-test"})})
    parameters = synthesise(document).of_type("AWS::SSM::Parameter").values()
    read = {
        each["Name"]: parse_configuration(Restore, json.loads(each["Value"]), source="parameter")
        for each in parameters
    }

    assert read == {
        f"/aurora-restore/restores/{name}": expected
        for name, expected in environment(document).restores.items()
    }
    assert {each["Tier"] for each in parameters} == {"Intelligent-Tiering"}


@steps
def test_a_function_is_as_its_row_says(stack: Synthesis, step: Step) -> None:
    _, function = stack.functions()[step.name]

    assert function["Handler"] == step.handler
    assert function["Description"] == step.purpose
    assert function["Timeout"] == step.timeout_seconds
    assert function["MemorySize"] == step.memory_mb
    assert function["Runtime"] == "python3.14"
    assert function["Architectures"] == ["arm64"]
    assert function["TracingConfig"] == {"Mode": "Active"}
    assert len(function["Layers"]) == (2 if step.reaches_database else 1)


@steps
def test_a_function_logs_to_a_group_of_its_own(stack: Synthesis, step: Step) -> None:
    _, function = stack.functions()[step.name]
    group = stack.resources[function["LoggingConfig"]["LogGroup"]["Ref"]]

    assert group["Properties"] == {
        "LogGroupName": f"/aws/lambda/aurora-restore-{step.name}",
        "RetentionInDays": 90,
    }


@steps
def test_a_function_finds_its_environment(stack: Synthesis, step: Step) -> None:
    _, function = stack.functions()[step.name]
    variables = function["Environment"]["Variables"]
    read = LambdaEnvironment.from_env(variables)

    assert read.to_env() == variables
    assert read.state_machine_arn == (
        "arn:aws:states:us-west-2:222222222222:stateMachine:aurora-restore-pipeline"
    )
    assert read.default_restore == "staging"
    assert read.config_path == "/aurora-restore/restores"
    assert read.state_retention_days == "90"
    assert variables["POWERTOOLS_SERVICE_NAME"] == "aurora-restore"
    assert variables["POWERTOOLS_METRICS_NAMESPACE"] == "AuroraRestore"


def test_with_several_restores_none_is_the_default() -> None:
    other = restore({"target.cluster_id": "orders-test"})
    _, function = synthesise(example({"restores.test": other})).functions()["snapshot-check"]

    assert function["Environment"]["Variables"]["DEFAULT_RESTORE"] == ""


@pytest.mark.parametrize(
    ("lambda_vpc", "attached"),
    [("all", set(STEP_NAMES)), ("database-only", {"setup-db-users", "verify-switch"})],
)
def test_functions_are_attached_as_configured(lambda_vpc: str, attached: set[str]) -> None:
    functions = synthesise(example({"network.lambda_vpc": lambda_vpc})).functions()
    vpcs = {
        name: function["VpcConfig"]
        for name, (_, function) in functions.items()
        if "VpcConfig" in function
    }

    assert set(vpcs) == attached
    for vpc in vpcs.values():
        assert vpc["SubnetIds"] == ["subnet-0a1b2c3d4e5f60711", "subnet-0a1b2c3d4e5f60712"]
        assert vpc["SecurityGroupIds"][0] == "sg-0a1b2c3d4e5f60721"


def groups_by_purpose(stack: Synthesis) -> dict[str, tuple[str, Document]]:
    """Logical id and properties of the quarantine's two security groups."""
    found = stack.of_type("AWS::EC2::SecurityGroup")
    access, quarantine = sorted(found, key=lambda name: "Quarantine" in name)
    return {
        "access": (access, found[access]),
        "quarantine": (quarantine, found[quarantine]),
    }


def test_only_what_logs_in_has_the_group_that_the_quarantine_lets_in() -> None:
    stack = synthesise(example({"network.lambda_vpc": "all"}))
    access, _ = groups_by_purpose(stack)["access"]
    with_access = {
        name
        for name, (_, function) in stack.functions().items()
        if {"Fn::GetAtt": [access, "GroupId"]} in function["VpcConfig"]["SecurityGroupIds"]
    }

    assert with_access == {step.name for step in STEPS if step.reaches_database}


NOTHING_OUT = [
    {
        "CidrIp": "255.255.255.255/32",
        "Description": "Nothing: no traffic has this address",
        "FromPort": 252,
        "IpProtocol": "icmp",
        "ToPort": 86,
    }
]


@pytest.mark.parametrize(
    ("changes", "ports"),
    [
        ({}, [5432]),
        ({"restores.staging.target.port": 5433}, [5433]),
        ({"restores.test": restore({"target.cluster_id": "t", "target.port": 6000})}, [5432, 6000]),
    ],
)
def test_the_quarantine_lets_in_the_access_group_on_the_ports_of_the_targets_and_nothing_out(
    changes: Document, ports: list[int]
) -> None:
    stack = synthesise(example(changes))
    groups = groups_by_purpose(stack)
    access, of_access = groups["access"]
    _, of_quarantine = groups["quarantine"]

    assert "SecurityGroupIngress" not in of_access
    assert of_access["SecurityGroupEgress"] == NOTHING_OUT
    assert of_quarantine["SecurityGroupEgress"] == NOTHING_OUT
    assert of_quarantine["SecurityGroupIngress"] == [
        {
            "Description": "The functions that log in",
            "FromPort": port,
            "IpProtocol": "tcp",
            "SourceSecurityGroupId": {"Fn::GetAtt": [access, "GroupId"]},
            "ToPort": port,
        }
        for port in ports
    ]
    assert {each["VpcId"] for each in (of_access, of_quarantine)} == {"vpc-0a1b2c3d4e5f60718"}


def test_no_other_network_is_made(stack: Synthesis) -> None:
    made = [
        each["Type"] for each in stack.resources.values() if each["Type"].startswith("AWS::EC2")
    ]

    assert made == ["AWS::EC2::SecurityGroup"] * 2


def test_a_restore_without_a_quarantine_is_warned_of() -> None:
    found = synthesise(example({"restores.staging.target.quarantine": "off"})).warnings()

    assert [each for each in found if "target.quarantine: the quarantine is off" in each]


@pytest.mark.parametrize(
    ("lambda_vpc", "source_region", "warnings"),
    [("all", "us-east-1", 1), ("all", "us-west-2", 0), ("database-only", "us-east-1", 0)],
)
def test_attached_functions_and_a_source_elsewhere_are_warned_of(
    lambda_vpc: str, source_region: str, warnings: int
) -> None:
    changed = {
        "network.lambda_vpc": lambda_vpc,
        "restores.staging.source.region": source_region,
    }
    found = synthesise(example(changed)).warnings()

    assert len(found) == warnings
    assert all("NAT gateway" in warning and "us-east-1" in warning for warning in found)


def test_a_key_of_another_account_than_the_environments_is_warned_of() -> None:
    key = "arn:aws:kms:us-west-2:333333333333:key/1234abcd-12ab-34cd-56ef-1234567890ab"

    (warning,) = synthesise(example({"restores.staging.target.kms_key_id": key})).warnings()

    assert "restores.staging.target.kms_key_id: the key is of account 333333333333" in warning
    assert "222222222222" in warning


def test_a_schedule_starts_its_restore_at_its_time_in_its_time_zone() -> None:
    stack = synthesise(example({"restores.staging.schedule.time_zone": "Europe/Berlin"}))
    (group,) = stack.of_type("AWS::Scheduler::ScheduleGroup").values()
    (machine,) = stack.of_type("AWS::StepFunctions::StateMachine")
    (schedule,) = stack.of_type("AWS::Scheduler::Schedule").values()

    target = schedule.pop("Target")
    assert group["Name"] == schedule["GroupName"] == "aurora-restore"
    assert schedule == {
        "Name": "staging.refresh",
        "GroupName": "aurora-restore",
        "Description": "Starts the restore staging",
        "ScheduleExpression": "cron(0 4 ? * MON-FRI *)",
        "ScheduleExpressionTimezone": "Europe/Berlin",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "State": "ENABLED",
    }
    assert target["Arn"] == {"Ref": machine}
    assert target["Input"] == '{"restore":"staging","started_by":"schedule"}'
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 20}
    assert target["DeadLetterConfig"]["Arn"]


def test_the_role_of_the_schedules_is_for_their_group_and_this_state_machine(
    stack: Synthesis,
) -> None:
    """Scheduler refuses a schedule whose role names anything but a group as the source."""
    (machine,) = stack.of_type("AWS::StepFunctions::StateMachine")
    (schedule,) = stack.of_type("AWS::Scheduler::Schedule").values()
    role = schedule["Target"]["RoleArn"]["Fn::GetAtt"][0]
    (trust,) = stack.of_type("AWS::IAM::Role")[role]["AssumeRolePolicyDocument"]["Statement"]
    (policy,) = (
        each
        for each in stack.of_type("AWS::IAM::Policy").values()
        if {"Ref": role} in each["Roles"]
    )
    start, send = policy["PolicyDocument"]["Statement"]

    assert trust["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert trust["Condition"] == {
        "StringEquals": {
            "aws:SourceAccount": "222222222222",
            "aws:SourceArn": "arn:aws:scheduler:us-west-2:222222222222:schedule-group/"
            "aurora-restore",
        }
    }
    assert (start["Action"], start["Resource"]) == ("states:StartExecution", {"Ref": machine})
    assert send["Action"] == "sqs:SendMessage"
    assert [send["Resource"]] == [schedule["Target"]["DeadLetterConfig"]["Arn"]]


def test_a_start_that_was_given_up_is_announced_each_time(stack: Synthesis) -> None:
    (topic,) = stack.of_type("AWS::SNS::Topic")
    stack.template.has_resource_properties(
        "AWS::CloudWatch::Alarm",
        {
            "AlarmName": "aurora-restore-missed-starts",
            "Namespace": "AWS/Scheduler",
            "MetricName": "InvocationDroppedCount",
            "Dimensions": [{"Name": "ScheduleGroup", "Value": "aurora-restore"}],
            "Statistic": "Sum",
            "Period": 300,
            "EvaluationPeriods": 1,
            "Threshold": 1,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "TreatMissingData": "notBreaching",
            "AlarmActions": [{"Ref": topic}],
        },
    )


def test_a_schedule_takes_the_place_of_no_rule_of_an_older_version(stack: Synthesis) -> None:
    """CloudFormation would refuse to change the type of a resource, and with it the upgrade."""
    older = cdk.Stack()
    scope = Construct(older, "Schedules")
    events.Rule(scope, "staging", schedule=events.Schedule.expression("rate(1 day)"))
    events.Rule(scope, "staging-retire", schedule=events.Schedule.expression("rate(1 hour)"))
    iam.Role(scope, "Role", assumed_by=iam.ServicePrincipal("events.amazonaws.com"))
    former = set(Template.from_stack(older).to_json()["Resources"])

    assert len(former) == 3
    assert not former & set(stack.resources)


def test_the_names_of_schedules_fit_however_long_those_of_restores_are() -> None:
    longest = "r" * 40
    names = {refresh_schedule_name(longest), retire_schedule_name(longest)}

    assert all(re.fullmatch(r"[0-9a-zA-Z-_.]{1,64}", each) for each in names)
    assert refresh_schedule_name("a") != retire_schedule_name("a")


@pytest.mark.parametrize(
    ("schedule", "states"),
    [(ABSENT, []), ({"expression": "rate(1 day)", "enabled": False}, ["DISABLED"])],
)
def test_a_restore_starts_by_itself_only_if_it_should(schedule: Any, states: list[str]) -> None:
    stack = synthesise(example({"restores.staging.schedule": schedule}))
    schedules = stack.of_type("AWS::Scheduler::Schedule").values()

    assert [each["State"] for each in schedules] == states
    assert len(stack.of_type("AWS::Scheduler::ScheduleGroup")) == len(states)


@pytest.mark.parametrize("schedule", [ABSENT, {"expression": "rate(1 day)", "enabled": False}])
def test_what_is_kept_beside_a_switched_target_is_looked_at_every_hour(schedule: Any) -> None:
    """However the restore itself is started: what is kept has to be deleted all the same."""
    changes = {"restores.staging.schedule": schedule, "restores.staging.target.strategy": "switch"}
    schedules = synthesise(example(changes)).of_type("AWS::Scheduler::Schedule").values()
    (hourly,) = (each for each in schedules if each["Name"] == "staging.retire")

    assert (hourly["State"], hourly["ScheduleExpression"]) == ("ENABLED", "rate(1 hour)")
    assert hourly["Target"]["Input"] == (
        '{"restore":"staging","retire":true,"started_by":"schedule"}'
    )


def test_a_target_that_is_replaced_leaves_nothing_to_retire(stack: Synthesis) -> None:
    schedules = stack.of_type("AWS::Scheduler::Schedule").values()

    assert not [each for each in schedules if "retire" in each["Target"]["Input"]]


def test_a_bad_end_calls_the_notification_step(stack: Synthesis) -> None:
    notifier, _ = stack.functions()["sns-notification"]
    (machine,) = stack.of_type("AWS::StepFunctions::StateMachine")
    stack.template.has_resource_properties(
        "AWS::Events::Rule",
        {
            "EventPattern": {
                "source": ["aws.states"],
                "detail-type": ["Step Functions Execution Status Change"],
                "detail": {
                    "stateMachineArn": [{"Ref": machine}],
                    "status": ["FAILED", "TIMED_OUT", "ABORTED"],
                },
            },
            "Targets": [
                Match.object_like(
                    {
                        "Arn": {"Fn::GetAtt": [notifier, "Arn"]},
                        "DeadLetterConfig": Match.any_value(),
                    }
                )
            ],
        },
    )
    stack.template.has_resource_properties(
        "AWS::Lambda::EventInvokeConfig",
        {
            "FunctionName": {"Ref": notifier},
            "DestinationConfig": {"OnFailure": {"Destination": Match.any_value()}},
        },
    )


def test_the_dead_letter_queue_is_encrypted_in_rest_and_in_transit(stack: Synthesis) -> None:
    stack.template.has_resource_properties("AWS::SQS::Queue", {"SqsManagedSseEnabled": True})
    stack.template.has_resource_properties(
        "AWS::SQS::QueuePolicy",
        {
            "PolicyDocument": {
                "Statement": Match.array_with(
                    [
                        Match.object_like(
                            {
                                "Effect": "Deny",
                                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                            }
                        )
                    ]
                )
            }
        },
    )


def test_an_alarm_notices_what_could_not_be_delivered(stack: Synthesis) -> None:
    (topic,) = stack.of_type("AWS::SNS::Topic")
    stack.template.has_resource_properties(
        "AWS::CloudWatch::Alarm",
        {
            "AlarmName": "aurora-restore-undelivered-events",
            "MetricName": "ApproximateNumberOfMessagesVisible",
            "Threshold": 1,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "TreatMissingData": "notBreaching",
            "AlarmActions": [{"Ref": topic}],
        },
    )


def test_every_resource_gets_the_configured_tags(stack: Synthesis) -> None:
    """CloudFormation puts a stack's tags on all that it makes."""
    assert stack.stack.tags.tag_values() == {
        "service": "aurora-restore",
        "environment": "staging",
    }


def test_the_outputs_say_what_an_operator_looks_for(stack: Synthesis) -> None:
    assert set(stack.template.to_json()["Outputs"]) == {
        "StateMachineArn",
        "TopicArn",
        "StateTable",
        "AuditTable",
        "MasterSecret",
        "AppSecret",
        "AccessSecurityGroup",
        "QuarantineSecurityGroup",
    }


def test_two_environments_share_no_name() -> None:
    """So that they can share an account."""
    names = [
        _names(synthesise(example({"name_prefix": prefix}))) for prefix in ("one-restore", "two")
    ]

    assert len(names[0]) == len(names[1]) > 20
    assert not names[0] & names[1]


def test_the_longest_prefix_leaves_room_for_every_function_name() -> None:
    """Lambda allows 64 characters."""
    assert max(len(step.function_name("p" * 32)) for step in STEPS) <= 64


def _names(synthesis: Synthesis) -> set[str]:
    """The names that the stack chooses and that must be its account's only ones.

    A schedule's need only be its group's.
    """
    fields = {"AlarmName", "FunctionName", "LogGroupName", "Name", "RoleName", "TableName"}
    return {
        value
        for resource in synthesis.resources.values()
        if resource["Type"] != "AWS::Scheduler::Schedule"
        for field, value in resource.get("Properties", {}).items()
        if field in {*fields, "StateMachineName", "TopicName"} and isinstance(value, str)
    }
