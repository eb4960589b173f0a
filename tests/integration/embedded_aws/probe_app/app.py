"""A small app with one of everything that the real one has, to try the embedded AWS with."""

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as scheduler_targets
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_ssm as ssm
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

HERE = Path(__file__).parent


class ProbeStack(cdk.Stack):
    """Functions with a layer, a state machine around it, and what stands behind them."""

    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name)
        table = dynamodb.TableV2(
            self,
            "Table",
            partition_key=dynamodb.Attribute(
                name="operation_id", type=dynamodb.AttributeType.STRING
            ),
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        topic = sns.Topic(self, "Topic")
        parameter = ssm.StringParameter(self, "Parameter", string_value='{"retain": 3}')
        secret = secretsmanager.Secret(
            self,
            "Secret",
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template='{"username": "postgres"}',
                generate_string_key="password",
                exclude_characters='/@" ',
            ),
        )
        layer = lambda_.LayerVersion(
            self, "Layer", code=lambda_.Code.from_asset(str(HERE / "layer"))
        )
        environment = {
            "TABLE": table.table_name,
            "TOPIC": topic.topic_arn,
            "PARAMETER": parameter.parameter_name,
            "SECRET": secret.secret_name,
        }
        code = lambda_.Code.from_asset(str(HERE / "functions"), exclude=["__pycache__"])
        probe = self._function("probe", "probe.handler", code, layer, environment)
        failures = sqs.Queue(self, "FailedNotifications")
        notifier = self._function("notifier", "probe.notify", code, layer, environment, failures)
        for grantee in (probe, notifier):
            table.grant_read_write_data(grantee)
            topic.grant_publish(grantee)
            parameter.grant_read(grantee)
            secret.grant_read(grantee)
        machine = self._machine(probe)
        undelivered = sqs.Queue(self, "Undelivered")
        events.Rule(
            self,
            "Failures",
            event_pattern=events.EventPattern(
                source=["aws.states"],
                detail_type=["Step Functions Execution Status Change"],
                detail={
                    "stateMachineArn": [machine.state_machine_arn],
                    "status": ["FAILED", "TIMED_OUT", "ABORTED"],
                },
            ),
            targets=[targets.LambdaFunction(notifier, dead_letter_queue=undelivered)],
        )
        group = scheduler.ScheduleGroup(self, "Group", schedule_group_name="probe")
        missed = sqs.Queue(self, "Missed")
        scheduler.Schedule(
            self,
            "Nightly",
            schedule_name="nightly",
            schedule_group=group,
            schedule=scheduler.ScheduleExpression.cron(
                minute="0", hour="3", time_zone=cdk.TimeZone.of("Asia/Tokyo")
            ),
            target=scheduler_targets.StepFunctionsStartExecution(
                machine,
                input=scheduler.ScheduleTargetInput.from_object(
                    {"action": "describe", "seconds": 0, "wait": False}
                ),
                dead_letter_queue=missed,
            ),
        )
        group.metric_dropped().create_alarm(
            self,
            "StartsMissed",
            threshold=1,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        ).add_alarm_action(actions.SnsAction(topic))
        alarm = machine.metric_failed(period=cdk.Duration.minutes(1), statistic="sum").create_alarm(
            self,
            "ExecutionsFailed",
            threshold=1,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(actions.SnsAction(topic))
        for output, value in {
            "Machine": machine.state_machine_arn,
            "Table": table.table_name,
            "Topic": topic.topic_arn,
            "Secret": secret.secret_name,
            "FailedNotifications": failures.queue_url,
            "Undelivered": undelivered.queue_url,
            "Missed": missed.queue_url,
        }.items():
            cdk.CfnOutput(self, f"{output}Output", value=value)

    def _function(
        self,
        name: str,
        handler: str,
        code: lambda_.Code,
        layer: lambda_.LayerVersion,
        environment: dict[str, str],
        dead_letter_queue: sqs.Queue | None = None,
    ) -> lambda_.Function:
        group = logs.LogGroup(
            self,
            f"{name}-logs",
            log_group_name=f"/probe/{name}",
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        return lambda_.Function(
            self,
            name,
            function_name=f"probe-{name}",
            handler=handler,
            code=code,
            layers=[layer],
            runtime=lambda_.Runtime.PYTHON_3_14,
            architecture=lambda_.Architecture.ARM_64,
            timeout=cdk.Duration.seconds(2),
            environment=environment,
            log_group=group,
            dead_letter_queue=dead_letter_queue,
        )

    def _machine(self, probe: lambda_.Function) -> sfn.StateMachine:
        call = tasks.LambdaInvoke(
            self,
            "Call",
            lambda_function=probe,
            retry_on_service_exceptions=False,
            payload=sfn.TaskInput.from_object(
                {
                    "action": sfn.JsonPath.string_at("$.action"),
                    "operation_id": sfn.JsonPath.string_at("$$.Execution.Name"),
                    "redrives": sfn.JsonPath.number_at("$$.Execution.RedriveCount"),
                    "attempt": sfn.JsonPath.number_at("$$.State.RetryCount"),
                    "seconds": sfn.JsonPath.number_at("$.seconds"),
                }
            ),
            result_path="$.answer",
            result_selector={"payload.$": "$.Payload"},
        )
        call.add_retry(
            errors=["SnapshotIsGoneError"], interval=cdk.Duration.seconds(1), max_attempts=1
        )
        wait = sfn.Wait(self, "Wait", time=sfn.WaitTime.seconds_path("$.seconds"))
        done = sfn.Succeed(self, "Done")
        asked = (
            sfn.Choice(self, "Wait first?")
            .when(sfn.Condition.boolean_equals("$.wait", True), wait)
            .otherwise(call)
        )
        wait.next(call)
        call.next(done)
        return sfn.StateMachine(
            self,
            "Machine",
            state_machine_name="probe",
            definition_body=sfn.DefinitionBody.from_chainable(asked),
            timeout=cdk.Duration.seconds(50),
        )


def main() -> None:
    """Synthesises the stack of the environment that the context names."""
    app = cdk.App()
    ProbeStack(app, f"Probe-{app.node.try_get_context('environment')}")
    app.synth()


if __name__ == "__main__":
    main()
