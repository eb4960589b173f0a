"""What holds for every step: it is documented and tested, and stumbles over no event.

Whatever JSON a function is called with, it has an answer, and a bad event reaches no AWS.
"""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from aurora_restore.shared.base_handler import BaseHandler
from aurora_restore.shared.documents.event import Event
from aurora_restore.shared.documents.schema import fields, parse
from aurora_restore.shared.errors import AuroraRestoreError, ValidationError, error_named
from aurora_restore.shared.pipeline import STEPS
from aurora_restore.shared.protocol import EXECUTION, INPUT, REDRIVE_COUNT
from tests.unit.bench import REGION, Bench, FakeContext
from tests.unit.lambdas.arrange import COPY, SOURCE_ARN
from tests.unit.scene import SNAPSHOT, TARGET, Scene
from tests.unit.shared.test_schema import ANY_JSON

HANDLERS: dict[str, type[BaseHandler]] = {
    step.name: type(import_module(step.handler.rpartition(".")[0]).handler) for step in STEPS
}
every_handler = pytest.mark.parametrize("handler", HANDLERS.values(), ids=HANDLERS)
FIELDS = sorted(field.name for field in fields(Event))
FUNCTION_SCOPED = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=25,
    deadline=None,
)

MARKS = st.sampled_from(["id", "name", REDRIVE_COUNT])
NAMES = st.sampled_from(FIELDS) | st.text(min_size=1)
ANY_INPUT = ANY_JSON | st.dictionaries(NAMES, ANY_JSON, min_size=1)
ANY_MARK = st.fixed_dictionaries(
    {EXECUTION: ANY_JSON | st.dictionaries(MARKS, ANY_JSON), INPUT: ANY_INPUT}
)
# An event with the state machine's mark is that of an execution, which fails instead.
ANY_EVENT = ANY_INPUT.filter(lambda event: not (isinstance(event, dict) and EXECUTION in event))

PLAUSIBLE: dict[str, list[Any]] = {
    "operation_id": ["op-1", "op-2"],
    "restore": ["staging", "unknown"],
    "date": ["2026-05-15", "2026-05-14", "2026-02-31"],
    "snapshot_id": [SNAPSHOT, "by-hand"],
    "snapshot_name": [SNAPSHOT, "by-hand"],
    "snapshot_arn": [SOURCE_ARN, SOURCE_ARN.replace("rds:production", "other")],
    "source_region": ["us-east-1", "eu-west-1"],
    "target_region": [REGION, "eu-west-1"],
    "target_snapshot_name": [COPY, "another-copy"],
    "target_cluster_id": [TARGET, "another"],
    "skip_final_snapshot": [True, False],
    "dry_run": [True, False],
    "start_at": list(HANDLERS),
    "db_subnet_group_name": ["my-subnet-group", "missing"],
    "vpc_security_group_ids": [["sg-12345678"]],
    "status": ["success", "failed"],
    "message": ["It is done."],
    "details": [{}, {"a": [1]}],
}
RIGHT_EVENT = st.fixed_dictionaries(
    {}, optional={name: st.sampled_from(values) for name, values in PLAUSIBLE.items()}
)


def state_items(bench: Bench) -> dict[tuple[str, str], Any]:
    """Every item of the state table, the locks included."""
    items = bench.clients.dynamodb.scan(TableName=bench.environment.state_table)["Items"]
    return {(item["operation_id"]["S"], item["step"]["S"]): item for item in items}


DOCUMENTED = frozenset({200, 202, 400, 404, 409, 500, 503})


class NoAws:
    """An AWS that must not be called."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"AWS was called: {name}")


def is_right(asked: Any) -> bool:
    try:
        parse(Event, asked)
    except ValidationError:
        return False
    return True


def is_a_mark(mark: Any) -> bool:
    """Whether the state machine could have marked its call like this."""
    return (
        isinstance(mark, dict)
        and isinstance(mark.get("name"), str)
        and isinstance(mark.get(REDRIVE_COUNT, 0), int)
    )


@every_handler
def test_a_step_says_what_it_does_and_has_tests_of_its_own(handler: type[BaseHandler]) -> None:
    assert handler.step.handler == f"{handler.__module__}.handler"
    assert handler.__doc__
    assert handler.run.__doc__
    assert Path(__file__).with_name(f"test_{handler.step.module}.py").is_file()


@every_handler
@FUNCTION_SCOPED
@given(event=ANY_EVENT)
@example(event={"operation_id": "lock#x"})
def test_any_bad_event_is_answered_with_400_before_any_call(
    handler: type[BaseHandler], event: Any
) -> None:
    assume(not is_right(event))
    made = handler(clients=NoAws())  # type: ignore[arg-type]

    answer = made(event, FakeContext())

    assert answer["statusCode"] == 400
    assert {"message", "operation_id", "error", "error_type"} <= set(answer["body"])


@every_handler
@FUNCTION_SCOPED
@given(event=ANY_MARK)
@example(event={EXECUTION: {"name": "op-1", "redrive_count": "no number"}, INPUT: {}})
@example(event={EXECUTION: {"name": "op-1"}, INPUT: {"date": 7}})
def test_any_bad_execution_fails_for_its_input_before_any_call(
    handler: type[BaseHandler], event: Any
) -> None:
    assume(not is_a_mark(event[EXECUTION]) or not is_right(event[INPUT]))
    made = handler(clients=NoAws())  # type: ignore[arg-type]

    with pytest.raises(ValidationError):
        made(event, FakeContext())


@every_handler
@FUNCTION_SCOPED
@given(event=ANY_EVENT)
@example(event={"operation_id": "lock#x"})
@example(event={"operation_id": "op-1", "\ud800": 1})
def test_any_bad_event_leaves_no_trace_but_in_the_audit_table(
    bench: Bench, handler: type[BaseHandler], event: Any
) -> None:
    assume(not is_right(event))
    audited = count(bench, bench.environment.audit_table)

    bench.call(handler, event)

    assert count(bench, bench.environment.state_table) == 0
    assert count(bench, bench.environment.audit_table) == audited + 1


def count(bench: Bench, table: str) -> int:
    return bench.clients.dynamodb.scan(TableName=table)["Count"]


@every_handler
@FUNCTION_SCOPED
@given(event=RIGHT_EVENT)
def test_any_right_event_has_a_documented_answer(
    scene: Scene, handler: type[BaseHandler], event: Any
) -> None:
    before = state_items(scene.bench)

    answer = scene.bench.call(handler, event)

    assert answer["statusCode"] in DOCUMENTED
    error = error_named(answer["body"].get("error_type", ""))
    if error is not None and error.is_refusal:
        assert state_items(scene.bench) == before
    assert {"message", "operation_id"} <= set(answer["body"])
    assert answer["body"].get("error_type") != AuroraRestoreError.__name__, answer["body"]["error"]
