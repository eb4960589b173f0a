"""The topic on which every outcome is announced."""

from collections.abc import Iterable

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from aurora_restore.shared.names import topic_name


class Notifications(Construct):
    """An SNS topic with its e-mail subscriptions, encrypted with a KMS key of its own.

    The key is a customer key because CloudWatch alarms cannot publish to a topic that is encrypted
    with the AWS managed one:
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, name_prefix: str, emails: Iterable[str]
    ) -> None:
        super().__init__(scope, construct_id)
        self.key = kms.Key(
            self,
            "Key",
            description=f"Notifications of {name_prefix}",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.topic = sns.Topic(
            self,
            "Topic",
            topic_name=topic_name(name_prefix),
            display_name="Aurora restore",
            master_key=self.key,
            enforce_ssl=True,
        )
        self.topic.grant_publish(
            iam.ServicePrincipal(
                "cloudwatch.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": Stack.of(self).account}},
            )
        )
        for email in emails:
            self.topic.add_subscription(subscriptions.EmailSubscription(email))
