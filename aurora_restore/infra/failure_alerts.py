"""How operators learn that an execution has failed."""

from collections.abc import Mapping

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_destinations as destinations
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from aurora_restore.infra.alarms import Alarms, in_runbook
from aurora_restore.infra.dead_letters import DeadLetterQueue
from aurora_restore.shared.metric_names import FAILURES_ANNOUNCED, METRICS_NAMESPACE, SERVICE


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
        dead_letters: DeadLetterQueue,
    ) -> None:
        super().__init__(scope, construct_id)
        notifier.configure_async_invoke(
            on_failure=destinations.SqsDestination(dead_letters.queue), retry_attempts=2
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
                    dead_letter_queue=dead_letters.queue,
                    max_event_age=Duration.hours(24),
                    retry_attempts=185,
                )
            ],
        )


class FailureAlarms(Construct):
    """CloudWatch alarms to the topic, for what the rule does not announce.

    ``missed_starts`` counts the scheduled starts that were given up; None where there are no
    schedules. ``unwaited`` are the functions whose errors no run fails with; empty where there are
    to be no alarms on them. Step Functions' events are best effort:
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
        missed_starts: cloudwatch.IMetric | None,
        unwaited: Mapping[str, lambda_.IFunction],
        topic: sns.ITopic,
    ) -> None:
        super().__init__(scope, construct_id)
        alarms = Alarms(self, name_prefix=name_prefix, topic=topic)
        alarms.add(
            "failures-unannounced",
            "Stands in for a notice that did not go out: an execution failed, timed out or was "
            "stopped more than 15 minutes ago, and nothing has announced it. Look at the "
            f"executions of {name_prefix} in Step Functions.",
            _unannounced(name_prefix, machine),
            evaluation_periods=2,
        )
        alarms.add(
            "undelivered-events",
            "A failure notice or the events of outcomes could not be delivered. "
            + in_runbook("undelivered-starts-and-notices"),
            dead_letters.metric_approximate_number_of_messages_visible(period=Duration.minutes(5)),
        )
        if missed_starts is not None:
            alarms.add(
                "missed-starts",
                "A scheduled start did not take place: for an hour, EventBridge Scheduler could "
                f"not start the state machine of {name_prefix}. `aurora-restore doctor` says where "
                "the start is kept, with the reason. Start the restore by hand. "
                + in_runbook("undelivered-starts-and-notices"),
                missed_starts,
            )
        for name, function in unwaited.items():
            alarms.add(
                f"errors-of-{name}",
                f"The function {name_prefix}-{name} has failed, which no run waits for: its log "
                "says why. " + in_runbook("errors-of-functions"),
                function.metric_errors(period=Duration.minutes(5)),
            )
        self.alarms = alarms.made
        """The alarms by name."""


def _unannounced(name_prefix: str, machine: sfn.StateMachine) -> cloudwatch.MathExpression:
    """Return how many failures of the evaluated periods have not been announced.

    The windows of an alarm slide with every minute, and a notice comes some seconds or minutes
    after its failure. So the difference is summed up from the earlier period to the later one,
    and the alarm asks that both sums are positive: a failure counts once it is in the earlier
    period, unless a notice in either of them makes up for it. None of the metrics has values while
    nothing fails.
    """
    period = Duration.minutes(15)
    announced = cloudwatch.Metric(
        namespace=METRICS_NAMESPACE,
        metric_name=FAILURES_ANNOUNCED,
        dimensions_map={SERVICE: name_prefix},
        statistic="Sum",
        period=period,
    )
    return cloudwatch.MathExpression(
        label="Failures without a notice",
        expression=(
            "RUNNING_SUM(FILL(failed, 0) + FILL(timed_out, 0) + FILL(aborted, 0) "
            "- FILL(announced, 0))"
        ),
        using_metrics={
            "failed": machine.metric_failed(period=period),
            "timed_out": machine.metric_timed_out(period=period),
            "aborted": machine.metric_aborted(period=period),
            "announced": announced,
        },
        period=period,
    )
