"""How operators learn that an execution has failed."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_destinations as destinations
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct


class DeadLetterQueue(Construct):
    """An encrypted SQS queue for the events that could not be delivered, kept for two weeks."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.queue = sqs.Queue(
            self,
            "Queue",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
        )


class FailureRule(Construct):
    """An EventBridge rule by which the notification step announces each failed execution.

    The rule stands outside the state machine, which must end at the state that failed. EventBridge
    delivers the event to Lambda's queue; if the function itself fails three times, Lambda sends
    the event to the same dead-letter queue.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        machine: sfn.IStateMachine,
        notifier: lambda_.Function,
        dead_letters: sqs.IQueue,
    ) -> None:
        super().__init__(scope, construct_id)
        notifier.configure_async_invoke(
            on_failure=destinations.SqsDestination(dead_letters), retry_attempts=2
        )
        events.Rule(
            self,
            "Rule",
            description="Announces executions that failed, timed out or were aborted",
            event_pattern=events.EventPattern(
                source=["aws.states"],
                detail_type=["Step Functions Execution Status Change"],
                detail={
                    "stateMachineArn": [machine.state_machine_arn],
                    "status": ["FAILED", "TIMED_OUT", "ABORTED"],
                },
            ),
            targets=[
                targets.LambdaFunction(
                    notifier,
                    dead_letter_queue=dead_letters,
                    max_event_age=Duration.hours(24),
                    retry_attempts=185,
                )
            ],
        )


class FailureAlarms(Construct):
    """CloudWatch alarms to the topic, behind the rule: Step Functions' events are best effort.

    https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name_prefix: str,
        machine: sfn.StateMachine,
        dead_letters: sqs.IQueue,
        topic: sns.ITopic,
    ) -> None:
        super().__init__(scope, construct_id)
        period = Duration.minutes(5)
        watched = {
            "executions-failed": ("An execution failed", machine.metric_failed(period=period)),
            "executions-timed-out": (
                "An execution timed out",
                machine.metric_timed_out(period=period),
            ),
            "executions-aborted": (
                "An execution was aborted",
                machine.metric_aborted(period=period),
            ),
            "undelivered-events": (
                "A scheduled start or a failure notice could not be delivered",
                dead_letters.metric_approximate_number_of_messages_visible(period=period),
            ),
        }
        for name, (description, metric) in watched.items():
            alarm = cloudwatch.Alarm(
                self,
                name,
                alarm_name=f"{name_prefix}-{name}",
                alarm_description=description,
                metric=metric,
                threshold=1,
                evaluation_periods=1,
                comparison_operator=(
                    cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
                ),
                treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            )
            alarm.add_alarm_action(actions.SnsAction(topic))
