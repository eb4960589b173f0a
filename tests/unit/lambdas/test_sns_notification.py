"""sns-notification: the outcome is announced, and the target is free for the next run."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from moto.stepfunctions.models import stepfunctions_backends

from aurora_restore.lambdas.restore_snapshot import RestoreSnapshotHandler
from aurora_restore.lambdas.sns_notification import SnsNotificationHandler
from aurora_restore.shared.common import timestamp
from aurora_restore.shared.errors import (
    AuroraRestoreError,
    AwsError,
    NotificationError,
    OperationInProgressError,
    ValidationError,
    leaves,
)
from aurora_restore.shared.names import state_machine_name
from aurora_restore.shared.pause import Pause, PauseStore
from aurora_restore.shared.pipeline import STEP_NAMES, get_step
from aurora_restore.shared.state_utils import IN_PROGRESS
from aurora_restore.shared.target_lock import DIRECT_CALL, TargetLock
from aurora_restore.shared.target_record import TargetRecord, TargetRecordStore
from tests.unit.bench import (
    ACCOUNT,
    APP_PASSWORD,
    MASTER_PASSWORD,
    PREFIX,
    READONLY_PASSWORD,
    REGION,
    RESTORE,
    Bench,
    execution_arn,
    own_client,
)
from tests.unit.lambdas.midway import OPERATION
from tests.unit.scene import TARGET

STATUS_CHANGE = "Step Functions Execution Status Change"
UNMASKED = (
    "no script masks the data, so it is handed over as it is in production; if that is meant, set "
    "database.masking to none"
)
LOCKED: dict[str, Any] = {"target_lock": [ACCOUNT, REGION, TARGET]}
FACTS: dict[str, Any] = {
    "restore": "staging",
    "cluster_endpoint": "my-cluster.cluster-xyz.us-west-2.rds.amazonaws.com",
    "cluster_port": 5432,
    "source_snapshot_arn": "arn:aws:rds:us-east-1:123456789012:cluster-snapshot:rds:production",
    "snapshot_created_at": "2026-05-15T02:00:00.000000Z",
    "deleted_cluster_id": TARGET,
    "disabled_logins": ["etl"],
    "wiring_removed": {"subscriptions": {"count": 1, "names": ["follows in shop"]}},
    "wiring_kept": {"cron_jobs": {"count": 1, "names": ["1 nightly of etl in postgres"]}},
    "wiring_reported": {"triggers": {"count": 1, "names": ["audit on public.orders in shop"]}},
    "scripts": [{"path": "sql/mask.sql", "database": "app", "sha256": "0" * 64, "seconds": 1.5}],
    "deleted_snapshots": ["monday"],
    "route": "copied to the target's Region",
    "final_snapshot": "my-cluster-final-20260516030000",
    "drift": [{"setting": "StorageType", "wanted": "aurora-iopt1", "found": None}],
}


def came_to(bench: Bench, step: str, status: str = "SUCCESS", **facts: Any) -> None:
    """Let the operation have come to a step, and hold the lock."""
    bench.advance(1)
    facts = {"restore": "staging", "restore_status": "available", **facts}
    bench.store.save(OPERATION, step, status, facts, bench.clock())
    lock(bench).take(OPERATION, execution_arn(OPERATION), bench.clock())
    bench.advance(1)


def has_restored(bench: Bench, operation_id: str = OPERATION) -> None:
    """Let the operation have restored the cluster, without holding the lock."""
    facts = {"restore": "staging", "restore_status": "available"}
    bench.store.save(operation_id, "archive-snapshot", "SUCCESS", facts, bench.clock())
    bench.advance(1)


def lock(bench: Bench) -> TargetLock:
    return TargetLock(bench.store, bench.clients, ACCOUNT, REGION, TARGET)


def holder(bench: Bench) -> str | None:
    found = lock(bench).holder()
    return None if found is None else found.operation_id


def announce(bench: Bench, **event: Any) -> dict[str, Any]:
    return bench.call(SnsNotificationHandler, {"operation_id": OPERATION, **event})


def notice(bench: Bench) -> dict[str, Any]:
    """Return the one message that was sent."""
    (message,) = bench.messages()
    return message


def subjects(bench: Bench) -> list[str]:
    sqs = own_client("sqs", REGION)
    url = sqs.get_queue_url(QueueName="listener")["QueueUrl"]
    received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    return [json.loads(message["Body"])["Subject"] for message in received]


def without_topic(bench: Bench) -> None:
    bench.clients.sns.delete_topic(TopicArn=bench.environment.topic_arn)


# As the last step


def test_the_last_step_announces_success_with_what_a_person_asks_first(bench: Bench) -> None:
    came_to(bench, "archive-snapshot", old_cluster={"Tags": {}}, attempts={}, **FACTS)
    now = bench.clock()

    answer = bench.step(SnsNotificationHandler)

    assert answer["statusCode"] == 200
    assert answer["body"]["message"] == "Notification sent successfully"
    assert answer["body"]["operation_id"] == OPERATION
    assert notice(bench) == {
        "operation_id": OPERATION,
        "status": "success",
        "message": "Aurora restore completed successfully",
        "details": {
            "cluster_identifier": TARGET,
            "target_cluster_id": TARGET,
            **FACTS,
            "warnings": [UNMASKED],
        },
        "timestamp": f"{now:%Y-%m-%dT%H:%M:%S.%fZ}",
    }


def test_the_subject_names_the_restore_and_the_outcome(bench: Bench) -> None:
    has_restored(bench)
    announce(bench, status="success")
    announce(bench, status="failed")

    assert subjects(bench) == [
        "aurora-restore staging: success - my-cluster is refreshed",
        "aurora-restore staging: FAILED",
    ]


def test_what_is_not_known_is_left_out_of_the_message(bench: Bench) -> None:
    came_to(bench, "archive-snapshot", final_snapshot=None, drift=[])

    bench.step(SnsNotificationHandler)

    assert notice(bench)["details"] == {
        "cluster_identifier": TARGET,
        "target_cluster_id": TARGET,
        "restore": "staging",
        "drift": [],
        "warnings": [UNMASKED],
    }


@pytest.mark.parametrize(
    "database", [{"masking": "none"}, {"scripts": [{"path": "sql/mask.sql"}]}], ids=str
)
def test_a_success_warns_of_unmasked_data_unless_that_is_meant(
    bench: Bench, database: dict[str, Any]
) -> None:
    bench.configure({**RESTORE, "database": database})
    came_to(bench, "archive-snapshot")

    bench.step(SnsNotificationHandler)

    assert "warnings" not in notice(bench)["details"]


def test_a_success_warns_of_a_paused_schedule_so_that_it_is_not_forgotten(bench: Bench) -> None:
    bench.configure({**RESTORE, "database": {"masking": "none"}})
    paused = Pause(restore="staging", by="jane", since="2026-05-15T02:00:00Z")
    kept = PauseStore(bench.store, "staging")
    kept.write(paused)
    came_to(bench, "archive-snapshot", started_by="jane")

    bench.step(SnsNotificationHandler)

    details = notice(bench)["details"]
    assert (details["warnings"], details["started_by"]) == ([str(paused)], "jane")


def test_a_pause_that_cannot_be_read_holds_no_announcement_back(bench: Bench) -> None:
    bench.configure({**RESTORE, "database": {"masking": "none"}})
    bench.store.put({"operation_id": "pause#staging", "step": "pause"})
    came_to(bench, "archive-snapshot")

    bench.step(SnsNotificationHandler)

    (warning,) = notice(bench)["details"]["warnings"]
    assert "the item pause#staging" in warning


def test_a_success_says_what_was_proven_of_the_masking(bench: Bench) -> None:
    proven = {"checks": [{"database": "app", "name": "no real address", "rows": 0}]}
    came_to(bench, "archive-snapshot", masking=proven)

    bench.step(SnsNotificationHandler)

    assert notice(bench)["details"]["masking"] == proven


def test_success_lets_go_of_the_lock_and_is_written_down(bench: Bench) -> None:
    came_to(bench, "archive-snapshot")

    bench.step(SnsNotificationHandler)

    state = bench.state("sns-notification")
    assert holder(bench) is None
    assert state["status"] == "SUCCESS"
    assert state["details"]["notified_status"] == "success"
    assert bench.audit_trail() == [("sns-notification", "SUCCESS")]


def test_the_lock_of_another_operation_is_not_let_go(bench: Bench) -> None:
    bench.store.save(
        OPERATION, "archive-snapshot", "SUCCESS", {"restore_status": "available"}, bench.clock()
    )
    bench.advance(1)
    lock(bench).take("op-2", DIRECT_CALL, bench.clock())

    bench.step(SnsNotificationHandler)

    assert holder(bench) == "op-2"


def test_a_second_call_announces_again_and_does_no_harm(bench: Bench) -> None:
    came_to(bench, "archive-snapshot")
    bench.step(SnsNotificationHandler)
    bench.advance(1)

    answer = bench.step(SnsNotificationHandler)

    assert answer["statusCode"] == 200
    assert [message["status"] for message in bench.messages()] == ["success", "success"]


def test_the_outcome_and_the_whole_operations_duration_are_measured(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    began = bench.clock()
    came_to(bench, "archive-snapshot", operation_started_at=f"{began:%Y-%m-%dT%H:%M:%S.%fZ}")
    bench.advance(7198)

    bench.step(SnsNotificationHandler)

    measured = metrics_of(capsys)
    assert measured["OperationDuration"] == [7200.0]
    assert measured["RestoreSucceeded"] == [1.0]
    assert measured["RestoreFailed"] == [0.0]


def metrics_of(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The last metrics that a function has written."""
    lines = [line for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    found: dict[str, Any] = json.loads(lines[-1])
    return found


def dimensions(written: dict[str, Any]) -> list[dict[str, Any]]:
    """The sets of dimensions under which each of the metrics counts."""
    sets = written["_aws"]["CloudWatchMetrics"][0]["Dimensions"]
    return [{name: written[name] for name in names} for names in sets]


# A direct call


def test_a_direct_call_with_the_documented_input_announces_what_it_says(bench: Bench) -> None:
    has_restored(bench, "op-123456")
    details = {
        "target_cluster_id": "my-restored-cluster",
        "target_region": "us-west-2",
        "cluster_endpoint": "my-restored-cluster.cluster-xyz.us-west-2.rds.amazonaws.com",
    }

    answer = bench.call(
        SnsNotificationHandler,
        {
            "operation_id": "op-123456",
            "status": "success",
            "message": "Aurora restore completed successfully",
            "details": details,
        },
    )

    assert answer["statusCode"] == 200
    assert answer["body"]["message"] == "Notification sent successfully"
    assert answer["body"]["operation_id"] == "op-123456"
    assert notice(bench)["details"] == details


def test_a_sentence_and_no_details_are_announced_as_given(bench: Bench) -> None:
    has_restored(bench)

    announce(bench, status="success", message="All is well", details={})

    message = notice(bench)
    assert (message["message"], message["details"]) == ("All is well", {})


def test_a_failure_can_be_announced_by_hand(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = announce(bench, status="failed")

    assert answer["statusCode"] == 200
    assert notice(bench)["message"] == "Aurora restore failed"
    measured = metrics_of(capsys)
    assert (measured["RestoreSucceeded"], measured["RestoreFailed"]) == ([0.0], [1.0])


def test_an_outcome_that_there_is_not_is_refused(bench: Bench) -> None:
    answer = announce(bench, status="perhaps")

    assert answer["statusCode"] == 400
    assert answer["body"]["error_type"] == "ValidationError"
    assert bench.messages() == []


def test_a_message_that_cannot_be_sent_is_an_error_and_the_lock_is_kept(bench: Bench) -> None:
    came_to(bench, "archive-snapshot")
    without_topic(bench)

    with pytest.raises(NotificationError):
        bench.step(SnsNotificationHandler)

    assert bench.state("sns-notification")["status"] == "FAILED"
    assert holder(bench) == OPERATION


def test_a_direct_call_says_that_its_message_cannot_be_sent(bench: Bench) -> None:
    has_restored(bench)
    without_topic(bench)

    answer = announce(bench, status="success")

    assert answer["statusCode"] == 500
    assert answer["body"]["error_type"] == "NotificationError"


@pytest.mark.parametrize("event", [{}, {"message": "All is well"}, {"details": {"a": 1}}])
def test_a_direct_call_announces_nothing_without_a_status(
    bench: Bench, event: dict[str, Any]
) -> None:
    has_restored(bench)

    answer = announce(bench, **event)

    assert answer["statusCode"] == 400
    assert answer["body"]["error"].startswith("status: is missing; give 'success' or 'failed'")
    assert bench.messages() == []


@pytest.mark.parametrize("given", [{"operation_id": "op-9"}, {}])
def test_no_success_of_an_operation_that_nobody_knows_is_announced(
    bench: Bench, given: dict[str, Any]
) -> None:
    answer = bench.call(SnsNotificationHandler, {"status": "success", **given})

    assert answer["statusCode"] == 400
    assert "has restored no cluster that could be announced" in answer["body"]["error"]
    assert bench.messages() == []


def test_the_state_machine_is_given_the_error(bench: Bench) -> None:
    bench.store.save(
        OPERATION, "archive-snapshot", "SUCCESS", {"restore_status": "available"}, bench.clock()
    )
    bench.advance(1)
    without_topic(bench)

    with pytest.raises(NotificationError, match="the notification was not sent"):
        bench.step(SnsNotificationHandler)


# An execution that has not succeeded


def execution(
    bench: Bench,
    *,
    status: str = "FAILED",
    error: str | None = None,
    cause: str | None = None,
    entered: Sequence[str] = ("snapshot-check", "restore-snapshot"),
    given: Any = None,
    name: str = OPERATION,
) -> str:
    """An execution that stands like this; its ARN."""
    client = own_client("stepfunctions", REGION)
    machine = client.create_state_machine(
        name=state_machine_name(PREFIX),
        definition="{}",
        roleArn=f"arn:aws:iam::{ACCOUNT}:role/state-machine",
    )["stateMachineArn"]
    arn: str = client.start_execution(
        stateMachineArn=machine, name=name, input=json.dumps(given or {})
    )["executionArn"]
    made = stepfunctions_backends[ACCOUNT][REGION].describe_execution(arn)
    made.status, made.error, made.cause = status, error, cause
    history = [
        {
            "timestamp": made.start_date,
            "type": "TaskStateEntered",
            "id": number,
            "previousEventId": number - 1,
            "stateEnteredEventDetails": {"name": state, "input": "{}"},
        }
        for number, state in enumerate(["Start where?", *map(_state_name, entered)], 1)
    ]
    made.get_execution_history = lambda _: history[::-1]
    return arn


def _state_name(step: str) -> str:
    return get_step(step).state_name if step in STEP_NAMES else step


def ended(bench: Bench, arn: str, status: str = "FAILED") -> dict[str, Any]:
    """EventBridge tells the function of an execution's end."""
    return bench.call(
        SnsNotificationHandler,
        {
            "detail-type": STATUS_CHANGE,
            "source": "aws.states",
            "detail": {"executionArn": arn, "status": status},
        },
    )


@contextmanager
def not_redrivable(bench: Bench) -> Iterator[None]:
    """Let Step Functions say of every execution that it can no longer be redriven."""

    def add_status(parsed: dict[str, Any], **_: Any) -> None:
        parsed["redriveStatus"] = "NOT_REDRIVABLE"

    events = bench.clients.step_functions.meta.events
    events.register("after-call.stepfunctions.DescribeExecution", add_status)
    try:
        yield
    finally:
        events.unregister("after-call.stepfunctions.DescribeExecution", add_status)


def raised(error: str, message: str) -> dict[str, str]:
    """Error and cause as Lambda reports what a function has raised."""
    return {"error": error, "cause": json.dumps({"errorType": error, "errorMessage": message})}


def test_a_failure_is_announced_with_its_step_its_cause_and_what_to_do(bench: Bench) -> None:
    came_to(bench, "check-delete-status", **LOCKED)
    arn = execution(bench, **raised("ForeignClusterError", "cluster my-cluster exists"))
    now = bench.clock()

    answer = ended(bench, arn)

    assert answer["statusCode"] == 200
    assert answer["body"]["message"] == "Notification sent successfully"
    assert answer["body"]["operation_id"] == OPERATION
    message = notice(bench)
    assert message["operation_id"] == OPERATION
    assert message["status"] == "failed"
    assert message["message"] == (
        "Aurora restore failed at restore-snapshot: cluster my-cluster exists"
    )
    assert message["timestamp"] == f"{now:%Y-%m-%dT%H:%M:%S.%fZ}"
    assert message["details"] == {
        "restore": "staging",
        "step": "restore-snapshot",
        "execution_status": "FAILED",
        "error_type": "ForeignClusterError",
        "error": "cluster my-cluster exists",
        "execution_arn": arn,
        "remedy": "resume",
        "resume_at": "delete-rds",
        "what_to_do": "Find out who has made the cluster. If it is to be replaced, enter at "
        "delete-rds, which first checks that it may be. Then start a new execution with this "
        'operation_id and with "start_at": "delete-rds".',
    }


def test_a_wrong_input_calls_for_a_new_execution_not_for_a_redrive(bench: Bench) -> None:
    arn = execution(bench, **raised("ValidationError", "date: must be YYYY-MM-DD"))

    ended(bench, arn)

    details = notice(bench)["details"]
    assert details["remedy"] == "start again"
    assert details["what_to_do"] == (
        "Correct the input as the message says: a redrive would use the same input. Then start a "
        "new execution."
    )


def test_the_notice_says_what_the_error_class_declares(bench: Bench) -> None:
    for error in leaves(AuroraRestoreError):
        ended(bench, execution(bench, **raised(error.__name__, "why"), name=error.__name__))

        assert notice(bench)["details"]["what_to_do"] == error.remedy.what_to_do({})


def test_who_loses_a_race_is_reported_which_operation_to_wait_for(bench: Bench) -> None:
    came_to(bench, "snapshot-check")
    lock(bench).release(OPERATION, execution_arn(OPERATION))
    lock(bench).take(OPERATION, execution(bench, status="RUNNING"), bench.clock())
    with pytest.raises(OperationInProgressError) as refused:
        bench.step(RestoreSnapshotHandler, operation_id="op-2")
    bench.advance(1)

    ended(
        bench,
        execution(bench, **raised("OperationInProgressError", str(refused.value)), name="op-2"),
    )

    details = notice(bench)["details"]
    assert details["remedy"] == "wait for another operation"
    assert details["what_to_do"].startswith("Wait until operation op-1 is over.")
    assert "Do not redrive this one" in details["what_to_do"]
    assert "Then redrive" not in details["what_to_do"]
    assert holder(bench) == OPERATION


@pytest.mark.parametrize(
    ("failed_at", "remedy", "entry"),
    [
        (None, "start again", None),
        ("snapshot-check", "start again", None),
        ("check-copy-status", "resume", "copy-snapshot"),
        ("restore-snapshot", "resume", "restore-snapshot"),
        ("check-restore-status", "resume", "delete-rds"),
    ],
)
def test_what_can_no_longer_be_redriven_is_resumed_where_its_work_begins(
    bench: Bench, failed_at: str | None, remedy: str, entry: str | None
) -> None:
    entered = [] if failed_at is None else [failed_at]
    arn = execution(bench, **raised("AwsError", "no capacity"), entered=entered)

    with not_redrivable(bench):
        ended(bench, arn)

    details = notice(bench)["details"]
    assert (details["remedy"], details.get("resume_at")) == (remedy, entry)
    assert "redrive" not in details["what_to_do"]


def test_what_only_the_input_can_end_is_not_redriven_while_it_could_be(bench: Bench) -> None:
    arn = execution(bench, entered=[], error="States.Runtime", cause="no such path")

    ended(bench, arn)

    assert notice(bench)["details"]["remedy"] == "start again"


def test_a_state_machine_that_failed_in_itself_is_not_run_again_as_it_was(bench: Bench) -> None:
    arn = execution(bench, entered=["check-copy-status"], error="States.Runtime", cause="a path")

    ended(bench, arn)

    details = notice(bench)["details"]
    assert (details["remedy"], details["resume_at"]) == ("resume", "copy-snapshot")


@pytest.mark.parametrize(
    ("status", "error", "remedy", "said"),
    [
        ("TIMED_OUT", "States.Timeout", "redrive", "A redriven execution has its whole time again"),
        ("ABORTED", None, "nothing", "if it was stopped on purpose"),
        ("ABORTED", "ValidationError", "nothing", "if it was stopped on purpose"),
        ("FAILED", "States.Timeout", "redrive", "Read the function's log."),
        ("FAILED", "Lambda.TooManyRequestsException", "redrive", "Read the execution's history"),
        ("FAILED", "AwsThrottledError", "redrive", "wait until AWS recovers"),
    ],
)
def test_what_no_error_class_stands_for_has_a_remedy_too(
    bench: Bench, status: str, error: str | None, remedy: str, said: str
) -> None:
    ended(bench, execution(bench, status=status, error=error), status)

    details = notice(bench)["details"]
    assert details["remedy"] == remedy
    assert said in details["what_to_do"]


@pytest.mark.parametrize(
    ("status", "error", "cause", "error_type", "reason"),
    [
        ("TIMED_OUT", None, None, "TIMED_OUT", "the execution took longer than the state machine"),
        (
            "TIMED_OUT",
            "States.Timeout",
            None,
            "States.Timeout",
            "the execution took longer than the state machine",
        ),
        ("ABORTED", None, None, "ABORTED", "the execution was stopped by hand"),
        ("ABORTED", None, "wrong snapshot", "ABORTED", "wrong snapshot"),
        ("FAILED", None, None, "FAILED", "no cause was given"),
        ("FAILED", "States.Runtime", "a path", "States.Runtime", "a path"),
        ("FAILED", "States.Runtime", "[1]", "States.Runtime", "[1]"),
        ("FAILED", "States.Timeout", None, "States.Timeout", "the function did not return"),
        ("FAILED", "Sandbox.Timedout", "after 60 s", "Sandbox.Timedout", "after 60 s"),
    ],
)
def test_every_kind_of_end_is_reported_with_a_reason(
    bench: Bench,
    status: str,
    error: str | None,
    cause: str | None,
    error_type: str,
    reason: str,
) -> None:
    arn = execution(bench, status=status, error=error, cause=cause)

    ended(bench, arn, status)

    details = notice(bench)["details"]
    assert details["execution_status"] == status
    assert details["error_type"] == error_type
    assert details["error"].startswith(reason)


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_a_step_that_could_not_say_so_itself_is_marked_as_failed(bench: Bench, status: str) -> None:
    came_to(bench, "check-delete-status", old_cluster={"Tags": {}}, **LOCKED)
    came_to(bench, "restore-snapshot", IN_PROGRESS, old_cluster={"Tags": {}}, **LOCKED)
    arn = execution(bench, status=status)

    ended(bench, arn, status)

    state = bench.state("restore-snapshot")
    assert state["status"] == "FAILED"
    assert state["details"]["error"]["type"] == status
    assert state["details"]["error"]["what_to_do"]
    assert state["details"]["old_cluster"] == {"Tags": {}}
    assert bench.audit_trail() == [("restore-snapshot", "FAILED"), ("sns-notification", "SUCCESS")]


def test_what_a_failed_step_says_of_itself_stands(bench: Bench) -> None:
    with pytest.raises(ValidationError):
        bench.step(RestoreSnapshotHandler)
    bench.advance(1)
    before = bench.state("restore-snapshot")

    ended(bench, execution(bench, error="Lambda.Unknown", cause="less exact"))

    assert bench.state("restore-snapshot") == before
    assert bench.audit_trail() == [("restore-snapshot", "FAILED"), ("sns-notification", "SUCCESS")]


def test_what_the_operation_knows_outlives_the_failure_for_a_redrive(bench: Bench) -> None:
    came_to(bench, "check-delete-status", old_cluster={"Port": 5433}, **LOCKED)

    ended(bench, execution(bench, **raised("AwsError", "no capacity")))

    latest = bench.store.load(OPERATION)
    assert latest is not None
    announced = bench.state("sns-notification")["details"]
    assert latest["details"]["old_cluster"] == announced["old_cluster"] == {"Port": 5433}
    assert announced["notified_status"] == "failed"
    assert "error" not in announced


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_the_lock_of_an_execution_that_is_over_is_let_go(bench: Bench, status: str) -> None:
    came_to(bench, "delete-rds", **LOCKED)

    ended(bench, execution(bench, status=status), status)

    assert holder(bench) is None


def test_a_failure_before_the_lock_was_taken_lets_nobody_elses_go(bench: Bench) -> None:
    lock(bench).take("op-2", "another execution", bench.clock())

    ended(bench, execution(bench, entered=["snapshot-check"]))

    assert holder(bench) == "op-2"


@pytest.mark.parametrize("status", ["RUNNING", "PENDING_REDRIVE"])
def test_an_execution_that_was_redriven_meanwhile_keeps_its_lock_and_its_state(
    bench: Bench, status: str
) -> None:
    came_to(bench, "restore-snapshot", IN_PROGRESS, **LOCKED)
    before = bench.store.load_all(OPERATION)
    arn = execution(bench, status=status)

    ended(bench, arn, "FAILED")

    assert holder(bench) == OPERATION
    assert bench.store.load_all(OPERATION) == before
    details = notice(bench)["details"]
    assert details["execution_status"] == "FAILED"
    assert details["what_to_do"] == (
        "Nothing has to be done: the execution has been redriven since. Wait for its end."
    )


@pytest.mark.parametrize(
    ("sequence", "what"), [("retire", "retirement"), ("roll-back", "roll-back")]
)
def test_the_failure_of_another_sequence_is_called_what_it_is(
    bench: Bench, sequence: str, what: str
) -> None:
    came_to(bench, "check-delete-status", sequence=sequence, **LOCKED)
    arn = execution(bench, **raised("AwsError", "refused"))

    ended(bench, arn)

    assert notice(bench)["message"].startswith(f"Aurora {what} failed at ")


def test_an_execution_that_failed_before_its_first_step_failed_at_its_start(
    bench: Bench,
) -> None:
    arn = execution(bench, entered=[], error="States.Runtime", cause="no such path")

    ended(bench, arn)

    assert notice(bench)["message"] == "Aurora restore failed at its start: no such path"
    assert bench.state("sns-notification")["details"]["notified_status"] == "failed"


@pytest.mark.parametrize(
    ("given", "operation", "restore"),
    [
        ({}, OPERATION, "staging"),
        ({"operation_id": "op-7"}, "op-7", "staging"),
        ({"restore": "orders"}, OPERATION, "orders"),
        ([], OPERATION, "staging"),
        ({"operation_id": ["op-7"]}, OPERATION, "staging"),
        ({"operation_id": "lock#x"}, OPERATION, "staging"),
        ({"restore": "two\nlines"}, OPERATION, "staging"),
        ({"restore": "\u00e9tage"}, OPERATION, "staging"),
    ],
)
def test_the_operation_and_its_restore_are_taken_from_the_executions_input(
    bench: Bench, given: Any, operation: str, restore: str
) -> None:
    arn = execution(bench, given=given)

    answer = ended(bench, arn)

    assert answer["body"]["operation_id"] == operation
    assert bench.state("sns-notification", operation)["details"]["notified_status"] == "failed"
    (subject,) = subjects(bench)
    assert subject.startswith(f"aurora-restore {restore}: FAILED at restore-snapshot - ")


def test_a_wrong_configuration_does_not_keep_the_failure_back(bench: Bench) -> None:
    bench.configure({"source": "nonsense"})

    ended(bench, execution(bench, **raised("ConfigurationError", "source: must be an object")))

    assert notice(bench)["details"]["error_type"] == "ConfigurationError"


def test_a_failure_is_measured_under_the_same_name_as_a_success(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.store.save(
        OPERATION, "archive-snapshot", "SUCCESS", {"restore_status": "available"}, bench.clock()
    )
    bench.advance(1)
    bench.step(SnsNotificationHandler)
    success = metrics_of(capsys)

    ended(bench, execution(bench))

    measured = metrics_of(capsys)
    assert dimensions(measured) == dimensions(success)
    assert (measured["RestoreSucceeded"], measured["RestoreFailed"]) == ([0.0], [1.0])


def test_an_outcome_counts_for_all_restores_and_for_its_own(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    ended(bench, execution(bench))

    of_all = {"step": "sns-notification", "service": "aurora-restore"}
    assert dimensions(metrics_of(capsys)) == [of_all, {**of_all, "restore": "staging"}]


def test_an_announced_failure_is_counted_for_the_minute_after_its_end(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    stopped = int(datetime.now(UTC).timestamp() * 1000)
    detail = {"executionArn": execution(bench), "status": "FAILED", "stopDate": stopped}

    bench.call(SnsNotificationHandler, {"detail-type": STATUS_CHANGE, "detail": detail})

    lines = map(json.loads, capsys.readouterr().out.splitlines())
    (counted,) = [line for line in lines if "FailuresAnnounced" in line]
    assert counted["FailuresAnnounced"] == [1.0]
    assert dimensions(counted) == [{"service": "aurora-restore"}]
    assert counted["_aws"]["Timestamp"] == stopped + 60_000


def test_a_failure_whose_event_comes_twice_is_counted_once_and_the_next_one_again(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    arn = execution(bench)

    def counts(stopped: int) -> tuple[int, int]:
        detail = {"executionArn": arn, "status": "FAILED", "stopDate": stopped}
        bench.call(SnsNotificationHandler, {"detail-type": STATUS_CHANGE, "detail": detail})
        bench.advance(1)
        out = capsys.readouterr().out
        return out.count('"FailuresAnnounced":[1.0]'), out.count('"RestoreFailed":[1.0]')

    stopped = int(datetime.now(UTC).timestamp() * 1000)
    once = counts(stopped)

    assert once[0] == 1
    assert once[1] >= 1
    assert counts(stopped) == (0, 0)
    assert counts(stopped + 60_000) == once


def test_a_failure_that_could_not_be_announced_is_not_counted(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    arn = execution(bench)
    without_topic(bench)

    with pytest.raises(NotificationError):
        ended(bench, arn)

    assert "FailuresAnnounced" not in capsys.readouterr().out


# A chat channel


@pytest.fixture
def channel(bench: Bench) -> str:
    """The queue that listens to a chat channel's topic, which the environment names."""
    sqs = own_client("sqs", REGION)
    url: str = sqs.create_queue(QueueName="channel")["QueueUrl"]
    topic = bench.clients.sns.create_topic(Name="chat")["TopicArn"]
    bench.clients.sns.subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{REGION}:{ACCOUNT}:channel"
    )
    bench.environment = replace(bench.environment, chat_topic_arn=topic)
    return url


def shown_in(channel: str) -> list[dict[str, Any]]:
    received = own_client("sqs", REGION).receive_message(QueueUrl=channel, MaxNumberOfMessages=10)
    return [
        json.loads(json.loads(each["Body"])["Message"]) for each in received.get("Messages", [])
    ]


def test_a_chat_channel_is_notified_beside_the_topic(bench: Bench, channel: str) -> None:
    came_to(bench, "archive-snapshot")
    bench.step(SnsNotificationHandler)
    ended(bench, execution(bench, **raised("AwsError", "no"), name="op-2"))

    assert [each["status"] for each in bench.messages()] == ["success", "failed"]
    success, failure = shown_in(channel)
    assert success["metadata"]["threadId"] == OPERATION
    assert success["content"]["title"].endswith("success - my-cluster is refreshed")
    assert failure["metadata"]["threadId"] == "op-2"
    assert failure["content"]["nextSteps"][1].startswith("The command line: `aurora-restore ")


def test_a_chat_channel_that_cannot_be_notified_costs_nothing_else(
    bench: Bench, channel: str
) -> None:
    bench.clients.sns.delete_topic(TopicArn=bench.environment.chat_topic_arn)
    came_to(bench, "archive-snapshot")

    assert bench.step(SnsNotificationHandler)["statusCode"] == 200
    assert ended(bench, execution(bench, name="op-2"))["statusCode"] == 200

    assert [each["status"] for each in bench.messages()] == ["success", "failed"]
    assert holder(bench) is None
    assert shown_in(channel) == []


def test_a_notice_that_cannot_be_sent_is_not_made_up_for_by_the_channel(
    bench: Bench, channel: str
) -> None:
    came_to(bench, "archive-snapshot")
    without_topic(bench)

    with pytest.raises(NotificationError):
        bench.step(SnsNotificationHandler)

    assert shown_in(channel) == []


def test_an_event_that_is_delivered_twice_is_announced_twice_and_does_no_harm(
    bench: Bench,
) -> None:
    came_to(bench, "restore-snapshot", IN_PROGRESS, **LOCKED)
    arn = execution(bench)
    ended(bench, arn)
    bench.advance(1)

    ended(bench, arn)

    assert [message["status"] for message in bench.messages()] == ["failed", "failed"]
    assert bench.audit_trail().count(("restore-snapshot", "FAILED")) == 1


def test_the_lock_is_let_go_even_if_the_failure_cannot_be_announced(bench: Bench) -> None:
    came_to(bench, "restore-snapshot", IN_PROGRESS, **LOCKED)
    arn = execution(bench)
    without_topic(bench)

    with pytest.raises(NotificationError):
        ended(bench, arn)

    assert holder(bench) is None
    assert bench.state("restore-snapshot")["status"] == "FAILED"


@pytest.mark.parametrize("detail", [{"status": "FAILED"}, {}, None, ["executionArn"], "FAILED"])
def test_an_event_that_names_no_execution_is_kept_for_a_person_to_see(
    bench: Bench, detail: Any
) -> None:
    event = {"detail-type": STATUS_CHANGE, "detail": detail}

    with pytest.raises(ValidationError, match=r"detail\.executionArn: is missing"):
        bench.call(SnsNotificationHandler, event)

    assert bench.messages() == []


def test_an_execution_that_aws_does_not_know_is_kept_for_a_person_to_see(bench: Bench) -> None:
    arn = execution(bench).replace(OPERATION, "op-9")

    with pytest.raises(AwsError, match="ExecutionDoesNotExist"):
        ended(bench, arn)

    assert bench.messages() == []


def test_a_redrive_after_the_announcement_takes_up_the_operation_where_it_was(
    bench: Bench,
) -> None:
    came_to(bench, "archive-snapshot", cluster_port=5432, **LOCKED)
    ended(bench, execution(bench, entered=["sns-notification"]))
    bench.messages()
    bench.advance(1)
    bench.redrive_count = 1

    bench.step(SnsNotificationHandler)

    assert notice(bench)["details"]["cluster_port"] == 5432
    assert bench.state("sns-notification")["details"]["notified_status"] == "success"


def test_no_password_is_ever_announced(bench: Bench) -> None:
    came_to(bench, "setup-db-users", IN_PROGRESS, **FACTS, **LOCKED)
    ended(bench, execution(bench, entered=["setup-db-users"]))
    bench.advance(1)

    bench.step(SnsNotificationHandler)

    sent = json.dumps(bench.messages())
    for password in (MASTER_PASSWORD, APP_PASSWORD, READONLY_PASSWORD):
        assert password not in sent


def test_no_run_begins_on_a_target_that_a_running_execution_works_on(bench: Bench) -> None:
    came_to(bench, "snapshot-check")
    lock(bench).release(OPERATION, execution_arn(OPERATION))
    lock(bench).take(OPERATION, execution(bench, status="RUNNING"), bench.clock())

    with pytest.raises(
        OperationInProgressError, match="operation op-1 is at work on cluster my-cluster"
    ):
        bench.step(RestoreSnapshotHandler, operation_id="op-2")


def test_an_execution_that_has_restored_nothing_announces_no_success(bench: Bench) -> None:
    with pytest.raises(ValidationError, match="has restored no cluster that could be announced"):
        bench.step(SnsNotificationHandler, {"start_at": "sns-notification"})

    assert bench.messages() == []


def test_a_direct_call_leaves_a_running_execution_its_lock(bench: Bench) -> None:
    came_to(bench, "archive-snapshot")

    assert announce(bench, status="success")["statusCode"] == 200

    assert holder(bench) == OPERATION


def test_a_failure_says_what_a_later_operation_has_made_of_the_target(bench: Bench) -> None:
    arn = execution(bench, **raised("SupersededError", "op-2 has replaced it"))
    own = {"operation_started_at": timestamp(bench.clock()), "attempted_in": f"{arn}#0"}
    came_to(bench, "delete-rds", old_cluster={}, deletion_of="cluster-OLD", **own, **LOCKED)
    began = {"operation_started_at": timestamp(bench.clock() + timedelta(hours=1))}
    bench.store.save("op-2", "hand-over", "SUCCESS", began, bench.clock())
    record = TargetRecord(restored_by="op-2", handed_over_at="2027-01-01T00:00:00Z")
    TargetRecordStore(bench.store, ACCOUNT, REGION, TARGET).write(record, None)

    ended(bench, arn)

    assert subjects(bench)[-1].endswith(" - has other data now")


def test_a_failure_before_any_state_names_the_only_restore(bench: Bench) -> None:
    ended(bench, execution(bench, **raised("ValidationError", "dat: is not a known field")))

    assert notice(bench)["details"]["restore"] == "staging"


def test_a_failure_before_any_state_names_the_restore_of_the_target(bench: Bench) -> None:
    bench.environment = replace(bench.environment, default_restore="")
    arn = execution(bench, given={"target_cluster_id": TARGET}, **raised("AwsError", "no"))

    ended(bench, arn)

    assert notice(bench)["details"]["restore"] == "staging"


def test_a_failure_is_announced_though_the_state_cannot_be_read(bench: Bench) -> None:
    came_to(bench, "restore-snapshot", IN_PROGRESS, attempts="none")
    before = bench.store.load_all(OPERATION)

    ended(bench, execution(bench, **raised("CorruptStateError", "an item")))

    assert notice(bench)["details"]["error_type"] == "CorruptStateError"
    assert bench.store.load_all(OPERATION) == before
