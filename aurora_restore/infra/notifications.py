"""The topics on which every outcome is announced."""

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from aurora_restore.shared.documents.environment import Environment
from aurora_restore.shared.names import topic_name


class Notifications(Construct):
    """The topics: one for each outcome, with its e-mail subscriptions, and one for chat.

    The first is an existing one, or one that is made with a customer key: CloudWatch alarms cannot
    publish to a topic that is encrypted with the AWS managed one.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
    """

    def __init__(self, scope: Construct, construct_id: str, *, environment: Environment) -> None:
        super().__init__(scope, construct_id)
        existing = environment.notification_topic_arn
        keys = [environment.notification_key_arn, environment.chat_key_arn]
        self.key_arns = [key for key in keys if key is not None]
        """The keys that publishers to the topics need."""
        if existing is None:
            key = self._make_key(environment.name_prefix)
            self.key_arns.insert(0, key.key_arn)
            self.topic: sns.ITopic = self._make_topic(environment.name_prefix, key)
        else:
            self.topic = sns.Topic.from_topic_arn(self, "Topic", existing)
        self.chat_topic_arn = environment.chat_topic_arn
        for email in environment.notification_emails:
            self.topic.add_subscription(subscriptions.EmailSubscription(email))

    @property
    def topic_arns(self) -> list[str]:
        """Return the ARN of each topic."""
        chat = [] if self.chat_topic_arn is None else [self.chat_topic_arn]
        return [self.topic.topic_arn, *chat]

    def _make_key(self, name_prefix: str) -> kms.Key:
        return kms.Key(
            self,
            "Key",
            description=f"Notifications of {name_prefix}",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.DESTROY,
        )

    def _make_topic(self, name_prefix: str, key: kms.IKey) -> sns.Topic:
        topic = sns.Topic(
            self,
            "Topic",
            topic_name=topic_name(name_prefix),
            display_name="Aurora restore",
            master_key=key,
            enforce_ssl=True,
        )
        topic.grant_publish(
            iam.ServicePrincipal(
                "cloudwatch.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": Stack.of(self).account}},
            )
        )
        return topic
