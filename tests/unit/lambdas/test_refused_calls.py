"""A call that is refused leaves the operation as it is, and the audit trail says so."""

from typing import Any
from unittest import mock

import pytest

from aurora_restore.lambdas.check_copy_status import CheckCopyStatusHandler
from aurora_restore.lambdas.copy_snapshot import CopySnapshotHandler
from aurora_restore.lambdas.delete_rds import DeleteRdsHandler
from aurora_restore.lambdas.restore_snapshot import RestoreSnapshotHandler
from aurora_restore.lambdas.snapshot_check import SnapshotCheckHandler
from aurora_restore.lambdas.sns_notification import SnsNotificationHandler
from aurora_restore.shared.base_handler import BaseHandler
from aurora_restore.shared.errors import (
    OperationIdReusedError,
    OperationInProgressError,
    PreflightError,
    ValidationError,
)
from aurora_restore.shared.job import Answer, Job
from aurora_restore.shared.names import LOCK_KEY_PREFIX, state_machine_name
from aurora_restore.shared.pipeline import get_step
from aurora_restore.shared.state_utils import UNKNOWN_OPERATION
from aurora_restore.shared.target_lock import TargetLock
from tests.unit.bench import ACCOUNT, PREFIX, REGION, RESTORE, Bench, own_client
from tests.unit.lambdas.arrange import SOURCE_ARN, bring_the_new_data, lock_holder, take_daily
from tests.unit.lambdas.test_every_step import HANDLERS
from tests.unit.lambdas.test_every_step import state_items as items_of
from tests.unit.scene import HOME, TARGET, Scene, make_scene


def state_items(bench: Bench) -> dict[tuple[str, str], Any]:
    """Every item of the state table but the locks."""
    found = items_of(bench).items()
    return {key: item for key, item in found if not key[0].startswith(LOCK_KEY_PREFIX)}


def lock(bench: Bench) -> TargetLock:
    return TargetLock(bench.store, bench.clients, ACCOUNT, REGION, TARGET)


def run(bench: Bench, name: str = "op-1", operation_id: str = "op-1") -> str:
    """A running execution that works on an operation; its ARN."""
    client = own_client("stepfunctions", REGION)
    machine = client.create_state_machine(
        name=state_machine_name(PREFIX),
        definition="{}",
        roleArn=f"arn:aws:iam::{ACCOUNT}:role/state-machine",
    )["stateMachineArn"]
    arn: str = client.start_execution(stateMachineArn=machine, name=name)["executionArn"]
    bench.store.save(
        operation_id,
        "check-copy-status",
        "SUCCESS",
        {
            "restore": "staging",
            "sequence": "switch",
            "source_snapshot_arn": SOURCE_ARN,
            "copy_snapshot_id": "a-copy",
            "target_lock": [ACCOUNT, REGION, TARGET],
            "attempted_in": f"{arn}#0",
        },
        bench.clock(),
    )
    bench.advance(1)
    lock(bench).take(operation_id, arn, bench.clock())
    bench.advance(1)
    return arn


def in_execution(
    bench: Bench, handler: type[BaseHandler], name: str, asked: Any = None
) -> dict[str, Any]:
    machine = state_machine_name(PREFIX)
    arn = f"arn:aws:states:{REGION}:{ACCOUNT}:execution:{machine}:{name}"
    mark = {"id": arn, "name": name, "redrive_count": 0}
    return bench.call(handler, {"execution": mark, "input": asked or {}})


# Of an operation that is running


@pytest.mark.parametrize("handler", HANDLERS.values(), ids=HANDLERS)
def test_a_direct_call_changes_nothing_of_an_operation_that_is_running(
    scene: Scene, handler: type[BaseHandler]
) -> None:
    bench = scene.bench
    run(bench)
    before = state_items(bench)

    for event in ({}, {"status": "failed"}, {"date": "2026-05-14"}, {"restore": "unknown"}):
        bench.call(handler, {"operation_id": "op-1", **event})
        bench.advance(1)

    assert state_items(bench) == before
    assert lock_holder(scene) == "op-1"


def test_a_direct_call_that_is_refused_beside_an_execution_is_audited(scene: Scene) -> None:
    run(scene.bench)

    answer = scene.bench.call(DeleteRdsHandler, {"operation_id": "op-1"})

    assert answer["statusCode"] == 409
    assert answer["body"]["error_type"] == "OperationInProgressError"
    assert scene.bench.audit_trail() == [("delete-rds", "REFUSED")]


@pytest.mark.parametrize("handler", HANDLERS.values(), ids=HANDLERS)
def test_another_execution_changes_nothing_of_an_operation_that_is_running(
    scene: Scene, handler: type[BaseHandler]
) -> None:
    bench = scene.bench
    run(bench)
    before = state_items(bench)

    with pytest.raises(OperationInProgressError, match="in another execution"):
        in_execution(bench, handler, "second", {"operation_id": "op-1"})

    assert state_items(bench) == before
    assert bench.audit_trail() == [(handler.step.name, "REFUSED")]
    assert bench.messages() == []


def test_a_dry_run_changes_nothing_of_an_operation_that_is_running(scene: Scene) -> None:
    run(scene.bench)
    before = state_items(scene.bench)
    asked = {"operation_id": "op-1", "dry_run": True, "snapshot_arn": SOURCE_ARN}

    assert in_execution(scene.bench, SnapshotCheckHandler, "second", asked)["statusCode"] == 200

    assert state_items(scene.bench) == before


def test_the_end_of_a_refused_execution_changes_nothing_of_the_operation_that_it_named(
    scene: Scene,
) -> None:
    bench = scene.bench
    run(bench)
    client = own_client("stepfunctions", REGION)
    machine = bench.environment.state_machine_arn
    with pytest.raises(OperationInProgressError) as refused:
        in_execution(bench, DeleteRdsHandler, "second", {"operation_id": "op-1"})
    second = client.start_execution(
        stateMachineArn=machine, name="second", input='{"operation_id": "op-1"}'
    )["executionArn"]
    before = state_items(bench)
    bench.advance(1)

    with mock.patch(
        "aurora_restore.shared.failed_execution._last_step", return_value=("delete-rds", None)
    ):
        end(bench, second, "OperationInProgressError", refused.value.message)

    assert state_items(bench) == before
    assert lock_holder(scene) == "op-1"
    (notice,) = bench.messages()
    assert notice["details"]["what_to_do"].startswith("Wait until operation op-1 is over.")


def end(bench: Bench, arn: str, error: str, message: str) -> dict[str, Any]:
    """Let an execution fail, and EventBridge say so."""
    from moto.stepfunctions.models import stepfunctions_backends

    made = stepfunctions_backends[ACCOUNT][REGION].describe_execution(arn)
    made.status, made.error, made.cause = "FAILED", error, f'{{"errorMessage": "{message}"}}'
    event = {
        "detail-type": "Step Functions Execution Status Change",
        "detail": {"executionArn": arn, "status": "FAILED"},
    }
    return bench.call(SnsNotificationHandler, event)


class IsOvertaken(BaseHandler):
    """A direct call that reads, while an execution of the operation comes and goes."""

    step = get_step("check-copy-status")
    bench: Bench

    def run(self, job: Job) -> Answer:
        self.bench.advance(1)
        self.bench.store.save(
            "op-1", "restore-snapshot", "SUCCESS", {"new_cluster_id": TARGET}, self.bench.clock()
        )
        self.bench.advance(1)
        return Answer("what was known before")


def test_what_a_reading_call_knew_before_an_execution_is_not_written_after_it(
    bench: Bench,
) -> None:
    IsOvertaken.bench = bench

    assert bench.call(IsOvertaken, {"operation_id": "op-1"})["statusCode"] == 200

    latest = bench.store.load("op-1")
    assert latest is not None
    assert latest["details"] == {"new_cluster_id": TARGET}


class KeepsWhatItKnows(BaseHandler):
    step = get_step("copy-snapshot")

    def run(self, job: Job) -> Answer:
        return Answer("done")


def test_a_call_that_waited_for_the_lock_goes_by_what_was_found_meanwhile(bench: Bench) -> None:
    take = TargetLock.take

    def end_another_call(*args: Any, **kwargs: Any) -> None:
        bench.store.save("op-1", "delete-rds", "SUCCESS", {"final_snapshot": "f"}, bench.clock())
        bench.advance(1)
        take(*args, **kwargs)

    with mock.patch.object(TargetLock, "take", end_another_call):
        bench.call(KeepsWhatItKnows, {"operation_id": "op-1"})

    assert bench.state("copy-snapshot")["details"]["final_snapshot"] == "f"


# Of an operation that is not running


def test_a_refusal_by_the_checks_leaves_the_step_as_it_was(bench: Bench) -> None:
    scene = make_scene(bench, HOME)
    scene.make_target(tags=[])
    bring_the_new_data(scene)
    holder = lock(bench).holder()
    assert holder is not None
    lock(bench).release(holder.operation_id, holder.execution)
    bench.store.save("op-1", "delete-rds", "SUCCESS", {"restore": "staging"}, bench.clock())
    bench.advance(1)
    before = state_items(bench)

    answer = bench.call(
        DeleteRdsHandler,
        {"operation_id": "op-1", "target_snapshot_name": "rds:production-2026-05-15-02-00"},
    )

    assert (answer["statusCode"], answer["body"]["error_type"]) == (409, PreflightError.__name__)
    assert state_items(bench) == before
    assert bench.audit_trail()[-1] == ("delete-rds", "REFUSED")


def test_a_failure_of_a_direct_call_is_still_one_of_the_step(bench: Bench) -> None:
    class Fails(BaseHandler):
        step = get_step("copy-snapshot")

        def run(self, job: Job) -> Answer:
            raise ZeroDivisionError

    bench.call(Fails, {"operation_id": "op-1"})

    assert bench.state("copy-snapshot")["status"] == "FAILED"
    assert bench.audit_trail() == [("copy-snapshot", "FAILED")]


def test_a_refusal_after_the_step_had_begun_to_act_is_a_failure(bench: Bench) -> None:
    class ActsAndRefuses(BaseHandler):
        step = get_step("copy-snapshot")

        def run(self, job: Job) -> Answer:
            job.record(job.state)
            raise PreflightError("too late")

    bench.call(ActsAndRefuses, {"operation_id": "op-1"})

    assert bench.state("copy-snapshot")["status"] == "FAILED"


@pytest.mark.parametrize(
    "given", ["lock#123456789012/us-west-2/my-cluster", "no spaces", "x" * 4000, {"a": 1}, 7, "ä"]
)
def test_a_call_with_an_id_that_is_none_is_audited_under_no_operation(
    bench: Bench, given: Any
) -> None:
    answer = bench.call(CopySnapshotHandler, {"operation_id": given})

    assert answer["statusCode"] == 400
    assert state_items(bench) == {}
    assert bench.audit_trail(UNKNOWN_OPERATION) == [("copy-snapshot", "REFUSED")]
    (audited,) = bench.clients.dynamodb.scan(TableName=bench.environment.audit_table)["Items"]
    assert len(audited["details"]["M"]["message"]["S"]) < 500


def test_an_event_full_of_faults_is_audited_in_a_few_lines(bench: Bench) -> None:
    event = {"\ud800" * 300 + str(number): "x" * 300 for number in range(2000)}

    answer = bench.call(CopySnapshotHandler, {"operation_id": "op-1", **event})

    assert answer["statusCode"] == 400
    assert bench.audit_trail() == [("copy-snapshot", "REFUSED")]
    assert "and 1980 more" in answer["body"]["error"]


# Of another restore


def two_restores(bench: Bench) -> None:
    other = {**RESTORE, "target": {**RESTORE["target"], "cluster_id": "orders-cluster"}}
    bench.configure(other, name="orders")


def test_an_operation_is_not_continued_for_another_restore(bench: Bench) -> None:
    two_restores(bench)
    bench.store.save("op-1", "copy-snapshot", "SUCCESS", {"restore": "staging"}, bench.clock())
    bench.advance(1)
    before = state_items(bench)

    answer = bench.call(RestoreSnapshotHandler, {"operation_id": "op-1", "restore": "orders"})
    with pytest.raises(OperationIdReusedError, match="is one of restore 'staging'"):
        in_execution(
            bench, SnapshotCheckHandler, "e", {"operation_id": "op-1", "restore": "orders"}
        )

    assert answer["statusCode"] == 409
    assert answer["body"]["error_type"] == "OperationIdReusedError"
    assert answer["body"]["remedy"] == "start again"
    assert "Leave operation_id out" in answer["body"]["what_to_do"]
    assert state_items(bench) == before


def test_an_operation_is_not_continued_on_another_target(bench: Bench) -> None:
    run(bench)
    bench.configure({**RESTORE, "target": {**RESTORE["target"], "cluster_id": "renamed"}})

    answer = bench.call(DeleteRdsHandler, {"operation_id": "op-1"})

    assert answer["body"]["error_type"] == "OperationIdReusedError"
    assert "has worked on cluster my-cluster, and the target is renamed" in answer["body"]["error"]


def test_an_operation_that_has_begun_is_not_continued_with_another_snapshot(
    scene: Scene,
) -> None:
    bench = scene.bench
    bench.store.save(
        "op-1",
        "sns-notification",
        "SUCCESS",
        {"restore": "staging", "source_snapshot_arn": SOURCE_ARN, "new_cluster_id": TARGET},
        bench.clock(),
    )
    take_daily(scene, "2026-05-14")
    before = state_items(bench)

    answer = bench.call(SnapshotCheckHandler, {"operation_id": "op-1", "date": "2026-05-14"})

    assert answer["body"]["error_type"] == "OperationIdReusedError"
    assert state_items(bench) == before


# Two direct calls


class CallsTwice(BaseHandler):
    """A direct call, and beside it another one of the same operation."""

    step = get_step("delete-rds")
    bench: Bench
    second: dict[str, Any]

    def run(self, job: Job) -> Answer:
        if job.event.message == "second":
            return Answer("the second has worked beside the first")
        type(self).second = self.bench.call(
            type(self), {"operation_id": job.operation_id, "message": "second"}
        )
        assert lock(self.bench).holder() is not None
        return Answer("first")


def test_a_second_direct_call_of_an_operation_is_refused_while_the_first_works(
    bench: Bench,
) -> None:
    CallsTwice.bench = bench

    first = bench.call(CallsTwice, {"operation_id": "op-1"})

    second = CallsTwice.second
    assert (first["statusCode"], second["statusCode"]) == (200, 409)
    assert second["body"]["error_type"] == "OperationInProgressError"
    assert "in a direct call, until 2026-05-16T03:01:10" in second["body"]["error"]
    assert lock(bench).holder() is None
    assert bench.audit_trail() == [("delete-rds", "REFUSED"), ("delete-rds", "SUCCESS")]


def died(bench: Bench) -> None:
    """A direct call has died, and its lock is still there."""

    class Dies(BaseHandler):
        step = get_step("delete-rds")

        def run(self, job: Job) -> Answer:
            raise SystemExit

    with (
        pytest.raises(SystemExit),
        mock.patch.object(TargetLock, "release"),
    ):
        bench.call(Dies, {"operation_id": "op-1"})
    assert lock(bench).holder() is not None


def test_lambdas_own_repetition_of_a_call_that_died_goes_on(bench: Bench) -> None:
    bench.context.aws_request_id = "5f5b-1"
    died(bench)

    assert bench.call(KeepsWhatItKnows, {"operation_id": "op-1"})["statusCode"] == 200
    assert lock(bench).holder() is None


def test_the_lock_of_a_call_that_died_is_free_once_lambda_would_have_ended_it(
    bench: Bench,
) -> None:
    died(bench)

    assert bench.call(KeepsWhatItKnows, {"operation_id": "op-1"})["statusCode"] == 409
    bench.advance(bench.context.remaining_milliseconds / 1000 + 20)
    assert bench.call(KeepsWhatItKnows, {"operation_id": "op-1"})["statusCode"] == 200


def test_a_reading_call_beside_a_direct_call_of_the_operation_writes_nothing(
    bench: Bench,
) -> None:
    died(bench)
    before = state_items(bench)

    bench.call(CheckCopyStatusHandler, {"operation_id": "op-1", "target_snapshot_name": "a-copy"})

    assert state_items(bench) == before


# An execution whose name is no operation's id


@pytest.mark.parametrize("name", ["refresh(1)", "now!", "o'clock", "März", "日本", "🚀"])
@pytest.mark.parametrize("handler", HANDLERS.values(), ids=HANDLERS)
def test_an_execution_is_refused_by_any_step_if_rds_or_sts_would_refuse_its_name(
    bench: Bench, handler: type[BaseHandler], name: str
) -> None:
    with pytest.raises(ValidationError, match=r"the execution's name: .* is not valid: it must be"):
        in_execution(bench, handler, name)

    assert state_items(bench) == {}
    assert bench.audit_trail(UNKNOWN_OPERATION) == [(handler.step.name, "REFUSED")]


def test_the_failure_of_an_execution_with_such_a_name_is_announced(bench: Bench) -> None:
    arn = run(bench, "now!", "op-1")
    before = state_items(bench)

    end(bench, arn, "ValidationError", "the execution's name: is not valid")

    (notice,) = bench.messages()
    assert (notice["operation_id"], notice["details"]["restore"]) == ("now!", "staging")
    assert state_items(bench) == before
    assert bench.audit_trail(UNKNOWN_OPERATION) == [("sns-notification", "SUCCESS")]


@pytest.mark.parametrize("name", ["a", "_a", "-a", "a+b=c@d.e", "x" * 80])
def test_an_execution_with_a_name_that_both_take_has_it_as_its_operation(
    bench: Bench, name: str
) -> None:
    answer = in_execution(bench, KeepsWhatItKnows, name)

    assert answer["body"]["operation_id"] == name
    assert bench.state("copy-snapshot", name)["status"] == "SUCCESS"
