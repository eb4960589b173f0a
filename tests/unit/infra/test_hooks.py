"""What the stack makes of the hooks of a configuration, and what it refuses."""

from collections.abc import Iterator
from typing import Any

import pytest

from aurora_restore.configuration.checks.environment import faults_of_environment
from aurora_restore.infra.state_machine import LAMBDA_ERRORS
from aurora_restore.shared.documents.environment import Environment
from aurora_restore.shared.documents.schema import parse_configuration
from aurora_restore.shared.errors import ConfigurationError
from aurora_restore.shared.pipeline import AFTER_RUN, AFTER_SETUP, BEFORE_REPLACE, get_step
from aurora_restore.shared.sequences import REPLACE
from tests.unit.infra.asl import Machine
from tests.unit.infra.synthesis import FOLDER, Document, Synthesis, example, synthesise

PLACE = "arn:aws:lambda:us-west-2:222222222222:function"
FUNCTIONS = {
    "before_replace": f"{PLACE}:drain:live",
    "after_setup": f"{PLACE}:migrate",
    "after_run": f"{PLACE}:tell:7",
}
SETUP = AFTER_SETUP.state_name(get_step("hand-over"))
SETUP_DONE = AFTER_SETUP.record_name(get_step("hand-over"))
RUN = AFTER_RUN.state_name(get_step("sns-notification"))


def hooks(*fields: str) -> Document:
    return {field: {"function": FUNCTIONS[field]} for field in fields}


@pytest.fixture(scope="module")
def hooked() -> Synthesis:
    """The stack of an environment whose restore has every hook."""
    return synthesise(example({"restores.staging.hooks": hooks(*FUNCTIONS)}))


@pytest.fixture(scope="module")
def machine(hooked: Synthesis) -> Machine:
    return Machine.of(hooked)


def answers(asking: dict[str, str]) -> Any:
    """Every step is done, but first some ask for a hook, once."""
    left = dict(asking)

    def answer(step: str) -> Document:
        hook = left.pop(step, None)
        if hook is None:
            return {"statusCode": 200, "body": {}}
        status = 200 if hook == AFTER_RUN.name else 202
        return {"statusCode": status, "body": {"hook": {"name": hook}}}

    return answer


def test_a_step_is_called_again_after_its_hook(machine: Machine) -> None:
    walk = machine.walk({"start_at": "hand-over"}, answers({"hand-over": AFTER_SETUP.name}))

    assert walk.calls[:4] == ["hand-over", SETUP, SETUP_DONE, "hand-over"]
    assert walk.waits == []


def test_a_run_ends_with_the_last_hook(machine: Machine) -> None:
    walk = machine.walk(
        {"start_at": "sns-notification"}, answers({"sns-notification": AFTER_RUN.name})
    )

    assert walk.calls == ["sns-notification", RUN]


def test_a_restore_without_hooks_takes_the_steps_alone(machine: Machine) -> None:
    assert machine.walk({}, answers({})).calls == list(REPLACE.steps)


def test_the_function_is_the_one_of_the_answer_and_its_time_is_limited(machine: Machine) -> None:
    task = machine.states[SETUP]

    assert task["Resource"].endswith(":states:::lambda:invoke")
    assert task["Parameters"] == {
        "FunctionName.$": "$.result.body.hook.function",
        "Payload.$": "$.result.body.hook.input",
    }
    assert task["TimeoutSecondsPath"] == "$.result.body.hook.timeout_seconds"
    assert task["ResultPath"] is None


def test_only_the_errors_of_lambda_itself_are_tried_again(machine: Machine) -> None:
    (retry,) = machine.states[SETUP]["Retry"]

    assert retry["ErrorEquals"] == list(LAMBDA_ERRORS)


def test_only_the_last_hook_may_fail(machine: Machine) -> None:
    caught = {name for name, state in machine.states.items() if "Catch" in state}

    assert caught == {RUN}
    assert machine.states[RUN]["Catch"][0]["ErrorEquals"] == ["States.ALL"]


def test_a_hook_that_no_restore_has_is_no_state() -> None:
    found = Machine.of(synthesise(example({"restores.staging.hooks": hooks("after_setup")})))

    of_hooks = {name for name in found.states if name.startswith("Hook")}
    assert of_hooks == {SETUP, SETUP_DONE}
    assert "SNS notification: done?" not in found.states


def invocable(stack: Synthesis) -> Iterator[str]:
    """The functions by their ARNs that the state machine may call, beside those of the steps."""
    (machine,) = stack.of_type("AWS::StepFunctions::StateMachine").values()
    for statement in stack.statements_of_role(machine["RoleArn"]["Fn::GetAtt"][0]):
        if statement["Action"] == "lambda:InvokeFunction":
            yield from (each for each in statement["Resource"] if isinstance(each, str))


def test_the_state_machine_may_call_the_configured_functions_and_no_other(
    hooked: Synthesis, stack: Synthesis
) -> None:
    assert set(invocable(hooked)) == set(FUNCTIONS.values())
    assert set(invocable(stack)) == set()


def test_it_may_write_down_hooks_and_nothing_else(hooked: Synthesis, stack: Synthesis) -> None:
    def writes(found: Synthesis) -> list[Document]:
        (machine,) = found.of_type("AWS::StepFunctions::StateMachine").values()
        statements = found.statements_of_role(machine["RoleArn"]["Fn::GetAtt"][0])
        return [each for each in statements if "dynamodb:PutItem" in each["Action"]]

    (write,) = writes(hooked)
    assert write["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["hook#*"]}}
    assert writes(stack) == []


def test_who_announces_a_failure_may_call_the_last_hook_alone(hooked: Synthesis) -> None:
    (call,) = (
        each
        for each in hooked.statements("sns-notification")
        if "lambda:InvokeFunction" in each["Action"]
    )

    assert call["Resource"] == FUNCTIONS["after_run"]


def faults(function: str) -> list[str]:
    document = example({"restores.staging.hooks": {"after_setup": {"function": function}}})
    environment = parse_configuration(Environment, document, source="test")
    return [str(each) for each in faults_of_environment(environment, folder=FOLDER)]


@pytest.mark.parametrize(
    ("function", "fault"),
    [
        (FUNCTIONS["after_setup"].replace("us-west-2", "us-east-1"), "us-east-1"),
        (FUNCTIONS["after_setup"].replace("2222", "3333", 1), "account"),
        (f"{PLACE}:aurora-restore-delete-rds", "of the pipeline itself"),
    ],
)
def test_a_function_elsewhere_or_of_the_pipeline_is_refused(function: str, fault: str) -> None:
    (found,) = faults(function)

    assert found.startswith("restores.staging.hooks.after_setup.function")
    assert fault in found


@pytest.mark.parametrize(
    "function", ["migrate", f"{PLACE}:*", f"{PLACE}:a:b:c", "$.result", f"{PLACE}:migrate:$LATEST"]
)
def test_what_is_no_arn_of_a_function_is_refused(function: str) -> None:
    with pytest.raises(ConfigurationError, match="ARN of a Lambda function"):
        faults(function)


def test_every_hook_has_a_field_in_the_configuration() -> None:
    assert {each.field for each in (BEFORE_REPLACE, AFTER_SETUP, AFTER_RUN)} == set(FUNCTIONS)
