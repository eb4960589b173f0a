"""An existing topic instead of one of the stack's own, and the topic of a chat channel."""

from typing import Any

import pytest
from aws_cdk.assertions import Match

from aurora_restore.configuration.checks.topics import faults_of_topics
from aurora_restore.shared.documents.environment import Environment
from aurora_restore.shared.documents.schema import parse_configuration
from tests.unit.infra.synthesis import Synthesis, example, synthesise

TOPIC = "arn:aws:sns:us-west-2:222222222222:operations"
KEY = "arn:aws:kms:us-west-2:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab"
CHAT = "arn:aws:sns:us-west-2:222222222222:chat"


def with_topics(**fields: Any) -> Synthesis:
    return synthesise(example(fields))


@pytest.fixture(scope="module")
def adopted() -> Synthesis:
    return with_topics(notification_topic_arn=TOPIC, notification_key_arn=KEY, chat_topic_arn=CHAT)


def published_to(stack: Synthesis) -> dict[str, Any]:
    """What the role of sns-notification may do with topics and keys, by action."""
    found = stack.template.find_resources(
        "AWS::IAM::Policy",
        {
            "Properties": {
                "PolicyDocument": {
                    "Statement": Match.array_with([Match.object_like({"Action": "sns:Publish"})])
                }
            }
        },
    )
    (policy,) = found.values()
    return {
        str(each["Action"]): each["Resource"]
        for each in policy["Properties"]["PolicyDocument"]["Statement"]
        if "sns:" in str(each["Action"]) or "kms:" in str(each["Action"])
    }


def test_an_existing_topic_is_used_and_none_is_made(adopted: Synthesis) -> None:
    adopted.template.resource_count_is("AWS::SNS::Topic", 0)
    adopted.template.resource_count_is("AWS::SNS::TopicPolicy", 0)
    adopted.template.resource_count_is("AWS::KMS::Key", 0)
    adopted.template.has_output("TopicArn", {"Value": TOPIC})
    _, function = adopted.functions()["sns-notification"]
    assert function["Environment"]["Variables"]["TOPIC_ARN"] == TOPIC
    assert function["Environment"]["Variables"]["CHAT_TOPIC_ARN"] == CHAT


def test_alarms_and_addresses_go_to_the_existing_topic(adopted: Synthesis) -> None:
    for alarm in adopted.template.find_resources("AWS::CloudWatch::Alarm").values():
        assert alarm["Properties"]["AlarmActions"] == [TOPIC]
    adopted.template.has_resource_properties(
        "AWS::SNS::Subscription", {"Protocol": "email", "TopicArn": TOPIC}
    )


def test_the_function_may_publish_to_exactly_these_topics_with_exactly_this_key(
    adopted: Synthesis,
) -> None:
    assert published_to(adopted) == {
        "sns:Publish": [CHAT, TOPIC],
        "['kms:Decrypt', 'kms:GenerateDataKey*']": KEY,
    }


def test_a_topic_without_a_key_needs_no_grant_on_keys() -> None:
    assert published_to(with_topics(notification_topic_arn=TOPIC)) == {"sns:Publish": TOPIC}


def test_the_topic_of_a_channel_may_have_a_key_beside_that_of_the_stacks_own() -> None:
    stack = with_topics(chat_topic_arn=CHAT, chat_key_arn=KEY)

    (own,) = stack.of_type("AWS::KMS::Key")
    keys = published_to(stack)["['kms:Decrypt', 'kms:GenerateDataKey*']"]
    assert keys == [KEY, {"Fn::GetAtt": [own, "Arn"]}]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            {"notification_key_arn": KEY},
            "notification_key_arn: is the key of a topic; name the topic with "
            "notification_topic_arn, or leave it out",
        ),
        (
            {"chat_key_arn": KEY},
            "chat_key_arn: is the key of a topic; name the topic with chat_topic_arn, or leave it "
            "out",
        ),
        (
            {"notification_topic_arn": TOPIC.replace("us-west-2", "us-east-1")},
            "notification_topic_arn: is in us-east-1, and the functions and alarms that publish "
            "are in us-west-2: name one there",
        ),
        (
            {"chat_topic_arn": CHAT, "chat_key_arn": KEY.replace("us-west-2", "us-east-1")},
            "chat_key_arn: is in us-east-1, and the functions and alarms that publish are in "
            "us-west-2: name one there",
        ),
        (
            {"notification_topic_arn": TOPIC, "chat_topic_arn": TOPIC},
            "chat_topic_arn: is the topic of the notices, too; a channel needs one of its own",
        ),
        (
            {"notification_topic_arn": TOPIC.replace("222222222222", "111111111111")},
            "notification_emails: cannot be subscribed to a topic of account 111111111111; "
            "subscribe them there, and leave the list empty",
        ),
    ],
)
def test_topics_that_could_not_work_are_refused(fields: dict[str, str], said: str) -> None:
    document = example(fields)
    environment = parse_configuration(Environment, document, source="test")

    assert [str(fault) for fault in faults_of_topics(environment)] == [said]
