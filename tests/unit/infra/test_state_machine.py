"""The state machine does what the rows of the pipeline say."""

from collections import defaultdict
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora_restore.infra.state_machine import LAMBDA_ERRORS, TIMEOUT_MARGIN_SECONDS
from aurora_restore.shared.errors import retryable_error_names
from aurora_restore.shared.pipeline import STEP_NAMES, STEPS, Step, get_step
from aurora_restore.shared.protocol import CALLED_AFTER, EXECUTION, INPUT
from aurora_restore.shared.sequences import (
    REPLACE,
    SEQUENCES,
    StepSequence,
    called_before,
    followers_of,
    lead_backs_of,
)
from tests.unit.infra.asl import Machine, successors
from tests.unit.infra.synthesis import Document, Synthesis

DONE: Document = {"statusCode": 200, "body": {"message": "done"}}
NOT_FOUND: Document = {"statusCode": 404, "body": {"message": "nothing to delete"}}

steps = pytest.mark.parametrize("step", STEPS, ids=STEP_NAMES)


def later(seconds: int = 60) -> Document:
    return {"statusCode": 202, "body": {"message": "not yet", "retry_after": seconds}}


def again_from(step: str) -> Document:
    return {
        "statusCode": 202,
        "body": {"message": "dead", "retry_after": 0, "restart_from": step},
    }


def checked(dry_run: object) -> Document:
    return {"statusCode": 200, "body": {"message": "checked", "dry_run": dry_run}}


def path_from(step: str) -> tuple[str, ...]:
    """The steps of a run that is entered at ``step`` and says nowhere how it goes on."""
    following = followers_of(step)[0]
    return (step,) if following is None else (step, *path_from(following))


def always_done(_step: str) -> Document:
    return DONE


@pytest.fixture(scope="module")
def machine(stack: Synthesis) -> Machine:
    return Machine.of(stack)


def test_calls_every_step_once_and_in_order(machine: Machine) -> None:
    walk = machine.walk({}, always_done)

    assert walk.calls == list(REPLACE.steps)
    assert walk.waits == []


@pytest.mark.parametrize("sequence", SEQUENCES, ids=lambda each: each.name)
def test_a_run_takes_the_steps_of_its_sequence(machine: Machine, sequence: StepSequence) -> None:
    def answer(step: str) -> Document:
        return {"statusCode": 200, "body": {"message": "done", "next_step": sequence.next_of(step)}}

    asked = {} if sequence.asked_by is None else {sequence.asked_by: True}

    assert machine.walk(asked, answer).calls == list(sequence.steps)


@pytest.mark.parametrize("field", ["roll_back", "retire"])
@pytest.mark.parametrize("said", [False, None, "true", 1])
def test_another_kind_of_run_begins_only_if_it_is_asked_for(
    machine: Machine, field: str, said: object
) -> None:
    assert machine.walk({field: said}, always_done).calls == list(REPLACE.steps)


def test_start_at_comes_before_what_kind_of_run_it_is(machine: Machine) -> None:
    asked = {"roll_back": True, "start_at": "verify-switch"}

    assert machine.walk(asked, always_done).calls[0] == "verify-switch"


@steps
def test_start_at_enters_at_any_step(machine: Machine, step: Step) -> None:
    walk = machine.walk({"start_at": step.name}, always_done)

    assert walk.calls == list(path_from(step.name))


def test_leaves_an_unknown_start_at_to_the_first_step_to_refuse(machine: Machine) -> None:
    assert machine.walk({"start_at": "no-such-step"}, always_done).calls[0] == REPLACE.first


@pytest.mark.parametrize(
    ("delay", "waits"), [(90, [90]), (0, []), (-1, []), ("soon", []), (None, []), (True, [])]
)
def test_delay_seconds_waits_first(machine: Machine, delay: object, waits: list[int]) -> None:
    walk = machine.walk({"delay_seconds": delay, "start_at": "archive-snapshot"}, always_done)

    assert walk.waits == waits
    assert walk.calls == ["archive-snapshot", "put-back-access", "sns-notification"]


@steps
def test_a_step_that_may_wait_is_called_again(machine: Machine, step: Step) -> None:
    answers = iter([later(7), later(9), DONE])
    walk = machine.walk(
        {"start_at": step.name}, lambda name: next(answers, DONE) if name == step.name else DONE
    )

    repeated = 3 if step.waits else 1
    assert walk.calls == [step.name] * (repeated - 1) + list(path_from(step.name))
    assert walk.waits == ([7, 9] if step.waits else [])


@pytest.mark.parametrize("target", STEP_NAMES)
@steps
def test_a_step_leads_back_only_to_the_one_it_names(
    machine: Machine, step: Step, target: str
) -> None:
    answers = iter([again_from(target)])
    walk = machine.walk(
        {"start_at": step.name}, lambda name: next(answers, DONE) if name == step.name else DONE
    )

    back = lead_backs_of(step.name)
    if not step.waits:
        again: list[str] = []
    elif target in back:
        again = [step.name, *path_from(target)]
    else:
        again = [step.name, *path_from(step.name)]
    assert walk.calls == (again or list(path_from(step.name)))


@steps
def test_every_step_that_may_have_been_called_before_is_named_to_a_step(
    machine: Machine, step: Step
) -> None:
    """It reads the state of no others, and would take that of a step left out for not written."""
    _, state = machine.task_of(step.name)
    named = state["Parameters"][EXECUTION][CALLED_AFTER]
    before = {each for each in STEP_NAMES if step.name in called_next(machine, each)}

    assert named[0] == step.name
    assert sorted(named) == sorted({step.name, *before})


def called_next(machine: Machine, step: str) -> set[str]:
    """The steps that a Task may lead to, with no other Task between them."""
    name, _ = machine.task_of(step)
    found: set[str] = set()
    seen: set[str] = set()
    waiting = list(successors(machine.states[name]))
    while waiting:
        state = machine.states[each := waiting.pop()]
        if state["Type"] == "Task":
            found.add(state["Resource"])
        elif each not in seen:
            seen.add(each)
            waiting.extend(successors(state))
    return found


def test_a_dry_run_ends_with_the_first_step(machine: Machine) -> None:
    walk = machine.walk({"dry_run": True}, lambda _: checked(True))

    assert walk.calls == [REPLACE.first]
    assert walk.states[-1] == "Dry run done"


def test_a_start_of_a_paused_schedule_ends_with_the_first_step(machine: Machine) -> None:
    held_back = {"statusCode": 200, "body": {"message": "Nothing done.", "paused": True}}

    walk = machine.walk({"started_by": "schedule"}, lambda _: held_back)

    assert walk.calls == [REPLACE.first]
    assert walk.states[-1] == "Schedule paused"


def test_a_dry_run_waits_for_the_snapshot_first(machine: Machine) -> None:
    answers = iter([later(7), checked(True)])
    walk = machine.walk({"dry_run": True}, lambda _: next(answers))

    assert walk.calls == [REPLACE.first] * 2
    assert walk.waits == [7]


@pytest.mark.parametrize("said", [False, None, "true", 1])
def test_only_a_dry_run_ends_early(machine: Machine, said: object) -> None:
    walk = machine.walk({}, lambda name: checked(said) if name == REPLACE.first else DONE)

    assert walk.calls == list(REPLACE.steps)


@pytest.mark.parametrize("step", REPLACE.steps[1:])
def test_no_other_step_ends_a_run_early(machine: Machine, step: str) -> None:
    walk = machine.walk({}, lambda name: checked(True) if name == step else DONE)

    assert walk.calls == list(REPLACE.steps)


def test_an_answer_of_404_goes_on(machine: Machine) -> None:
    walk = machine.walk({}, lambda name: NOT_FOUND if name == "delete-rds" else DONE)

    assert walk.calls == list(REPLACE.steps)


@given(
    st.dictionaries(
        st.sampled_from(STEP_NAMES),
        st.lists(st.sampled_from(["done", "later", "again", "not found"]), max_size=3),
    )
)
def test_any_answers_lead_through_the_steps_as_declared(
    machine: Machine, scripted: dict[str, list[str]]
) -> None:
    assert machine.walk({}, _actor(scripted)).calls == _expected_calls(_actor(scripted))


def _actor(scripted: dict[str, list[str]]) -> Callable[[str], Document]:
    """Answers each step by its script, and then that it is done."""
    remaining = defaultdict(list, {step: list(words) for step, words in scripted.items()})

    def answer(name: str) -> Document:
        word = remaining[name].pop(0) if remaining[name] else "done"
        back = lead_backs_of(name)
        if word == "again" and back:
            return again_from(back[0])
        return {"done": DONE, "later": later(), "again": later(), "not found": NOT_FOUND}[word]

    return answer


def _expected_calls(answer: Callable[[str], Document]) -> list[str]:
    calls: list[str] = []
    name: str | None = REPLACE.first
    while name is not None:
        waits = get_step(name).waits
        calls.append(name)
        result = answer(name)
        if waits and "restart_from" in result["body"]:
            name = result["body"]["restart_from"]
        elif not (waits and result["statusCode"] == 202):
            name = followers_of(name)[0]
    return calls


def test_every_state_is_reachable_and_every_way_leads_to_an_end(machine: Machine) -> None:
    def reached(start: str, edges: dict[str, set[str]]) -> set[str]:
        found, open_ends = {start}, [start]
        while open_ends:
            new = edges[open_ends.pop()] - found
            found |= new
            open_ends += new
        return found

    forward = {name: set(successors(state)) for name, state in machine.states.items()}
    backward: dict[str, set[str]] = {name: set() for name in forward}
    for name, following in forward.items():
        for each in following:
            backward[each].add(name)
    ends = [
        name
        for name, state in machine.states.items()
        if state.get("End") or state["Type"] == "Succeed"
    ]

    assert reached(machine.definition["StartAt"], forward) == set(machine.states)
    assert set().union(*(reached(end, backward) for end in ends)) == set(machine.states)


def test_nothing_is_caught_and_nothing_fails_by_itself(machine: Machine) -> None:
    """A redrive would re-enter a Fail state and fail again."""
    for name, state in machine.states.items():
        assert "Catch" not in state, name
        assert state["Type"] in {"Task", "Choice", "Wait", "Succeed"}, name


@steps
def test_a_task_is_as_its_row_says(machine: Machine, step: Step) -> None:
    name, task = machine.task_of(step.name)

    assert name == step.state_name
    assert task["Comment"] == step.purpose
    assert task["TimeoutSeconds"] == step.timeout_seconds + TIMEOUT_MARGIN_SECONDS
    assert task["Parameters"] == {
        EXECUTION: {
            "id.$": "$$.Execution.Id",
            "name.$": "$$.Execution.Name",
            "redrive_count.$": "$$.Execution.RedriveCount",
            CALLED_AFTER: list(called_before(step.name)),
        },
        f"{INPUT}.$": "$$.Execution.Input",
    }


@steps
def test_a_task_retries_what_is_worth_it(machine: Machine, step: Step) -> None:
    _, task = machine.task_of(step.name)
    retried = [error for retry in task["Retry"] for error in retry["ErrorEquals"]]

    assert sorted(retried) == sorted([*LAMBDA_ERRORS, *retryable_error_names()])
    assert "Lambda.TooManyRequestsException" in retried
    for retry in task["Retry"]:
        assert retry["BackoffRate"] > 1
        assert retry["JitterStrategy"] == "FULL"
        assert retry["MaxAttempts"] > 0


def test_a_function_is_called_without_a_version(stack: Synthesis) -> None:
    """So that a redrive runs its newest code."""
    (machine,) = stack.of_type("AWS::StepFunctions::StateMachine").values()
    called = [part for part in machine["DefinitionString"]["Fn::Join"][1] if isinstance(part, dict)]

    assert {part["Fn::GetAtt"][1] for part in called} == {"Arn"}
    assert not stack.of_type("AWS::Lambda::Version")
    assert not stack.of_type("AWS::Lambda::Alias")


def test_it_is_traced_logged_and_given_up_in_time(stack: Synthesis, machine: Machine) -> None:
    (properties,) = stack.of_type("AWS::StepFunctions::StateMachine").values()

    assert machine.definition["TimeoutSeconds"] == 48 * 3600
    assert properties["StateMachineName"] == "aurora-restore-pipeline"
    assert properties["TracingConfiguration"] == {"Enabled": True}
    assert properties["LoggingConfiguration"]["Level"] == "ALL"
    assert properties["LoggingConfiguration"]["IncludeExecutionData"] is True
    stack.template.has_resource_properties(
        "AWS::Logs::LogGroup",
        {"LogGroupName": "/aws/vendedlogs/states/aurora-restore-pipeline", "RetentionInDays": 90},
    )
