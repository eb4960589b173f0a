"""The limits of policies that a stack can run into unawares, as AWS imposes them."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws.aws import EmbeddedAws

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)


def policy(size: int, *, indent: int | None = None) -> str:
    """A policy of so many characters, without whitespace."""
    document = {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "arn:aws:sqs:"},
    }
    missing = size - len(json.dumps(document, separators=(",", ":")))
    document["Statement"]["Resource"] += "x" * missing  # type: ignore[index]
    return json.dumps(document, indent=indent)


@pytest.fixture
def iam(aws: EmbeddedAws) -> Any:
    """IAM, with the role of these tests."""
    client = aws.client("iam")
    for role in client.list_roles(PathPrefix="/limits/")["Roles"]:
        name = role["RoleName"]
        for each in client.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
            client.detach_role_policy(RoleName=name, PolicyArn=each["PolicyArn"])
            client.delete_policy(PolicyArn=each["PolicyArn"])
        for each in client.list_role_policies(RoleName=name)["PolicyNames"]:
            client.delete_role_policy(RoleName=name, PolicyName=each)
        client.delete_role(RoleName=name)
    client.create_role(RoleName="limited", Path="/limits/", AssumeRolePolicyDocument=TRUST)
    return client


def test_a_managed_policy_has_6144_characters_and_whitespace_is_none(iam: Any) -> None:
    made = iam.create_policy(PolicyName="large", PolicyDocument=policy(6144, indent=4))
    arn = made["Policy"]["Arn"]

    with pytest.raises(ClientError, match=r"LimitExceeded.*PolicySize: 6144"):
        iam.create_policy(PolicyName="too-large", PolicyDocument=policy(6145))
    with pytest.raises(ClientError, match=r"LimitExceeded.*PolicySize: 6144"):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=policy(6145))
    iam.delete_policy(PolicyArn=arn)


def test_a_role_has_ten_managed_policies_unless_the_quota_is_raised(iam: Any) -> None:
    arns = [
        iam.create_policy(PolicyName=f"one-of-many-{number}", PolicyDocument=policy(200))["Policy"][
            "Arn"
        ]
        for number in range(11)
    ]
    for arn in arns[:10]:
        iam.attach_role_policy(RoleName="limited", PolicyArn=arn)

    iam.attach_role_policy(RoleName="limited", PolicyArn=arns[0])
    with pytest.raises(ClientError, match=r"LimitExceeded.*PoliciesPerRole: 10"):
        iam.attach_role_policy(RoleName="limited", PolicyArn=arns[10])
    iam.delete_policy(PolicyArn=arns[10])


def test_the_inline_policies_of_a_role_have_10240_characters_together(iam: Any) -> None:
    iam.put_role_policy(RoleName="limited", PolicyName="a", PolicyDocument=policy(10_000))
    iam.put_role_policy(RoleName="limited", PolicyName="b", PolicyDocument=policy(240))

    iam.put_role_policy(RoleName="limited", PolicyName="a", PolicyDocument=policy(9_999))
    with pytest.raises(ClientError, match=r"LimitExceeded.*10240 bytes exceeded for role limited"):
        iam.put_role_policy(RoleName="limited", PolicyName="b", PolicyDocument=policy(242))


def statements(count: int) -> list[dict[str, Any]]:
    return [
        {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}
        for _ in range(count)
    ]


def template(**resources: Any) -> str:
    """A template with a role, a queue, and other resources."""
    role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": json.loads(TRUST)}}
    return json.dumps(
        {"Resources": {"Role": role, "Queue": {"Type": "AWS::SQS::Queue"}, **resources}}
    )


def managed(size: int = 200) -> dict[str, Any]:
    return {
        "Type": "AWS::IAM::ManagedPolicy",
        "Properties": {"PolicyDocument": json.loads(policy(size)), "Roles": [{"Ref": "Role"}]},
    }


def queue_policy(count: int) -> dict[str, Any]:
    return {
        "Type": "AWS::SQS::QueuePolicy",
        "Properties": {
            "Queues": [{"Ref": "Queue"}],
            "PolicyDocument": {"Version": "2012-10-17", "Statement": statements(count)},
        },
    }


def inline(size: int) -> dict[str, Any]:
    return {
        "Type": "AWS::IAM::Policy",
        "Properties": {
            "PolicyName": "inline",
            "PolicyDocument": json.loads(policy(size)),
            "Roles": [{"Ref": "Role"}],
        },
    }


@pytest.mark.parametrize(
    ("resources", "status"),
    [
        ({f"Policy{number}": managed() for number in range(10)}, "CREATE_COMPLETE"),
        ({f"Policy{number}": managed() for number in range(11)}, "ROLLBACK_COMPLETE"),
        ({"Policy": managed(6144)}, "CREATE_COMPLETE"),
        ({"Policy": managed(6145)}, "ROLLBACK_COMPLETE"),
        ({"Policy": inline(10_240)}, "CREATE_COMPLETE"),
        ({"Policy": inline(10_241)}, "ROLLBACK_COMPLETE"),
        ({"Policy": queue_policy(20)}, "CREATE_COMPLETE"),
        ({"Policy": queue_policy(21)}, "ROLLBACK_COMPLETE"),
    ],
    ids=[
        "ten policies",
        "eleven policies",
        "a large policy",
        "too large a policy",
        "a large inline policy",
        "too large an inline policy",
        "twenty statements of a queue",
        "twenty-one statements of a queue",
    ],
)
def test_a_stack_that_passes_a_limit_is_rolled_back(
    aws: EmbeddedAws, resources: dict[str, Any], status: str
) -> None:
    client = aws.client("cloudformation")
    client.create_stack(
        StackName="limits", TemplateBody=template(**resources), Capabilities=["CAPABILITY_IAM"]
    )
    try:
        for _ in range(200):
            (stack,) = client.describe_stacks(StackName="limits")["Stacks"]
            if not stack["StackStatus"].endswith("IN_PROGRESS"):
                break
        assert stack["StackStatus"] == status
    finally:
        client.delete_stack(StackName="limits")
        client.get_waiter("stack_delete_complete").wait(
            StackName="limits", WaiterConfig={"Delay": 0, "MaxAttempts": 200}
        )
