"""The state machine that calls the steps."""

from collections.abc import Collection, Mapping, Sequence
from http import HTTPStatus
from typing import Final, TypedDict

from aws_cdk import Duration
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from aurora_restore.infra.log_groups import RetainedLogGroup
from aurora_restore.shared.errors import retryable_error_names
from aurora_restore.shared.names import EXPIRES_AT, state_machine_name
from aurora_restore.shared.pipeline import Hook, Step, get_step
from aurora_restore.shared.protocol import (
    CALLED_AFTER,
    DRY_RUN,
    EXECUTION,
    HOOK,
    HOOK_ITEM,
    INPUT,
    NEXT_STEP,
    PAUSED,
    REDRIVE_COUNT,
    RESTART_FROM,
    RETRY_AFTER,
)
from aurora_restore.shared.sequences import (
    StepSequence,
    called_before,
    followers_of,
    hooks_of,
    lead_backs_of,
)

# https://docs.aws.amazon.com/step-functions/latest/dg/bp-lambda-serviceexception.html
LAMBDA_ERRORS: Final = (
    "Lambda.AWSLambdaException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.SdkClientException",
    "Lambda.ServiceException",
    "Lambda.TooManyRequestsException",
)
TIMEOUT_MARGIN_SECONDS: Final = 60
"""How much longer than its function a task waits: for a cold start in a VPC, and for queueing."""

_RESULT: Final = "$.result"
_BODY: Final = f"{_RESULT}.body"
_HOOK: Final = f"{_BODY}.{HOOK}"


class _Retry(TypedDict):
    """How often a Task is tried again, and when."""

    interval: Duration
    backoff_rate: float
    max_attempts: int
    max_delay: Duration
    jitter_strategy: sfn.JitterType


_RETRY: Final = _Retry(
    interval=Duration.seconds(2),
    backoff_rate=2,
    max_attempts=6,
    max_delay=Duration.minutes(1),
    jitter_strategy=sfn.JitterType.FULL,
)


class PipelineStateMachine(Construct):
    """A standard state machine with a Task per step of the sequences, and its log group.

    A step's Task is never caught: a failed step fails the execution at exactly that state, so that
    a redrive from the console starts there again
    (https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html). A step that
    returns 202 is called again after a Wait, or leads back to the step whose operation failed.
    After any other result the next step follows: the first that is declared, unless the result
    names another. A dry run ends with the step that checks everything, and so does a scheduled run
    of a restore whose schedule is paused. A step may have a hook called, where any restore has one.
    The functions are unqualified, so a redrive runs their newest code.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name_prefix: str,
        sequences: Sequence[StepSequence],
        functions: Mapping[str, lambda_.IFunction],
        hooks: Collection[Hook],
        state_table: dynamodb.ITable,
        role: iam.Role,
        timeout: Duration,
        log_retention_days: int,
    ) -> None:
        super().__init__(scope, construct_id)
        names = dict.fromkeys(name for sequence in sequences for name in sequence.steps)
        self._hooks, self._state_table = hooks, state_table
        self._hook = lambda_.Function.from_function_attributes(
            self, "Hook", function_arn=sfn.JsonPath.string_at(f"{_HOOK}.function")
        )
        self._tasks = {name: self._task(get_step(name), functions[name]) for name in names}
        for step in names:
            self._connect(get_step(step))
        name = state_machine_name(name_prefix)
        self.machine = sfn.StateMachine(
            self,
            "Machine",
            state_machine_name=name,
            comment="Refreshes Aurora clusters from the day's snapshot",
            definition_body=sfn.DefinitionBody.from_chainable(self._entrance(sequences)),
            role=role.without_policy_updates(),
            timeout=timeout,
            tracing_enabled=True,
            logs=sfn.LogOptions(
                destination=RetainedLogGroup(
                    self,
                    "Logs",
                    name=f"/aws/vendedlogs/states/{name}",
                    days=log_retention_days,
                ),
                level=sfn.LogLevel.ALL,
                include_execution_data=True,
            ),
        )
        self.machine.node.add_dependency(role)

    def _entrance(self, sequences: Sequence[StepSequence]) -> sfn.IChainable:
        """Wait if the input says so, then enter at the step that it names."""
        enter = sfn.Choice(
            self, "Start at", comment="`start_at` of the input, or the first step of what it asks"
        )
        for step in dict.fromkeys(step for each in sequences for step in each.entry_points):
            enter.when(_equals("$.start_at", step), self._tasks[step])
        for sequence in sequences:
            if sequence.asked_by is not None:
                enter.when(_is_true(f"$.{sequence.asked_by}"), self._tasks[sequence.first])
        enter.otherwise(self._tasks[sequences[0].first])

        delay = sfn.Wait(self, "Delay", time=sfn.WaitTime.seconds_path("$.delay_seconds")).next(
            enter
        )
        return (
            sfn.Choice(self, "Delayed start?", comment="`delay_seconds` of the input")
            .when(
                sfn.Condition.and_(
                    sfn.Condition.is_present("$.delay_seconds"),
                    sfn.Condition.is_numeric("$.delay_seconds"),
                    sfn.Condition.number_greater_than("$.delay_seconds", 0),
                ),
                delay,
            )
            .otherwise(enter)
        )

    def _task(self, step: Step, function: lambda_.IFunction) -> tasks.LambdaInvoke:
        task = tasks.LambdaInvoke(
            self,
            step.state_name,
            comment=step.purpose,
            lambda_function=function,
            payload=sfn.TaskInput.from_object(
                {
                    EXECUTION: {
                        "id": sfn.JsonPath.string_at("$$.Execution.Id"),
                        "name": sfn.JsonPath.string_at("$$.Execution.Name"),
                        REDRIVE_COUNT: sfn.JsonPath.number_at("$$.Execution.RedriveCount"),
                        CALLED_AFTER: list(called_before(step.name)),
                    },
                    INPUT: sfn.JsonPath.object_at("$$.Execution.Input"),
                }
            ),
            payload_response_only=True,
            result_path=_RESULT,
            retry_on_service_exceptions=False,
            task_timeout=sfn.Timeout.duration(
                Duration.seconds(step.timeout_seconds + TIMEOUT_MARGIN_SECONDS)
            ),
        )
        for errors in (list(LAMBDA_ERRORS), retryable_error_names()):
            task.add_retry(errors=errors, **_RETRY)
        return task

    def _call_hook(self, hook: Hook, step: Step) -> sfn.IChainable:
        """Call the function that the step's answer names, and then the step again.

        The answer has it from the deployed configuration. What the function returns is ignored. Its
        own errors are not repeated: only it knows whether it may be. That it has succeeded is
        written down before the step is called.
        """
        task = tasks.LambdaInvoke(
            self,
            hook.state_name(step),
            comment=hook.purpose,
            lambda_function=self._hook,
            payload=sfn.TaskInput.from_json_path_at(f"{_HOOK}.input"),
            result_path=sfn.JsonPath.DISCARD,
            retry_on_service_exceptions=False,
            task_timeout=sfn.Timeout.at(f"{_HOOK}.timeout_seconds"),
        )
        task.add_retry(errors=list(LAMBDA_ERRORS), **_RETRY)
        if hook.may_fail:
            done = sfn.Succeed(self, f"{hook.state_name(step)}: over")
            task.add_catch(done, errors=["States.ALL"], result_path=sfn.JsonPath.DISCARD)
            return task.next(done)
        from_text, at = tasks.DynamoAttributeValue.from_string, sfn.JsonPath.string_at
        record = tasks.DynamoPutItem(
            self,
            hook.record_name(step),
            comment="So that it is not called again",
            table=self._state_table,
            item={
                "operation_id": from_text(at(f"{_HOOK}.record")),
                "step": from_text(HOOK_ITEM),
                "status": from_text("SUCCESS"),
                "timestamp": from_text(at("$$.State.EnteredTime")),
                EXPIRES_AT: tasks.DynamoAttributeValue.number_from_string(
                    at(f"{_HOOK}.expires_at")
                ),
            },
            result_path=sfn.JsonPath.DISCARD,
        )
        record.add_retry(**_RETRY)
        return task.next(record).next(self._tasks[step.name])

    def _connect(self, step: Step) -> None:
        """Lead from a step's Task to whatever comes after it."""
        task = self._tasks[step.name]
        first, *others = followers_of(step.name)
        after = self._tasks[first] if first else None
        hooks = [hook for hook in hooks_of(step.name) if hook in self._hooks]
        if not step.waits and not others and not hooks:
            if after:
                task.next(after)
            return
        choice = sfn.Choice(self, f"{step.state_name}: done?")
        if step.ends_dry_run:
            choice.when(
                _is_true(f"{_BODY}.{DRY_RUN}"),
                sfn.Succeed(self, "Dry run done"),
                comment="Everything was checked, nothing changed",
            )
            choice.when(
                _is_true(f"{_BODY}.{PAUSED}"),
                sfn.Succeed(self, "Schedule paused"),
                comment="It was started by a schedule that is paused",
            )
        for back in lead_backs_of(step.name):
            choice.when(
                _equals(f"{_BODY}.{RESTART_FROM}", back),
                self._tasks[back],
                comment="The operation it waits for has failed",
            )
        for hook in hooks:
            choice.when(
                _equals(f"{_HOOK}.name", hook.name),
                self._call_hook(hook, step),
                comment="A function of the configuration is called first"
                if not hook.may_fail
                else "A function of the configuration is called last",
            )
        if step.waits:
            wait = sfn.Wait(
                self,
                f"{step.state_name}: wait",
                time=sfn.WaitTime.seconds_path(f"{_BODY}.{RETRY_AFTER}"),
            ).next(task)
            choice.when(
                sfn.Condition.number_equals(f"{_RESULT}.statusCode", HTTPStatus.ACCEPTED.value),
                wait,
                comment="Not yet",
            )
        for other in filter(None, others):
            choice.when(
                _equals(f"{_BODY}.{NEXT_STEP}", other),
                self._tasks[other],
                comment="The operation's sequence goes on there",
            )
        choice.otherwise(after or sfn.Succeed(self, "Done"))
        task.next(choice)


def _equals(path: str, value: str) -> sfn.Condition:
    """Return the condition that there is such a value, and that it is this text."""
    return sfn.Condition.and_(
        sfn.Condition.is_present(path), sfn.Condition.string_equals(path, value)
    )


def _is_true(path: str) -> sfn.Condition:
    """Return the condition that there is such a value, and that it is true."""
    return sfn.Condition.and_(
        sfn.Condition.is_present(path), sfn.Condition.boolean_equals(path, True)
    )
