"""What every function does around its own work."""

import json
from dataclasses import replace
from typing import Any
from unittest import mock

import pytest

from aurora_restore.shared.awaited import Awaited
from aurora_restore.shared.base_handler import BaseHandler
from aurora_restore.shared.documents.restore import Polling
from aurora_restore.shared.errors import (
    AuroraRestoreError,
    AwsThrottledError,
    CopyFailedError,
    CorruptStateError,
    NameTakenError,
    SnapshotNotFoundError,
    ValidationError,
)
from aurora_restore.shared.job import Answer, Job
from aurora_restore.shared.pipeline import get_step
from aurora_restore.shared.state_utils import StateStore
from tests.unit.bench import RESTORE, SOURCE_REGION, Bench


class Succeeds(BaseHandler):
    step = get_step("copy-snapshot")

    def run(self, job: Job) -> Answer:
        return Answer(
            "done", {"region": job.target_region}, replace(job.state, copy_status="available")
        )


class Counts(BaseHandler):
    step = get_step("copy-snapshot")

    def run(self, job: Job) -> Answer:
        return Answer("started", state=job.with_attempt(job.state))


class Waits(BaseHandler):
    step = get_step("check-copy-status")

    def run(self, job: Job) -> Answer:
        return Answer.wait(Awaited.COPY, "not yet")


class Refuses(BaseHandler):
    step = get_step("delete-rds")

    def run(self, job: Job) -> Answer:
        raise NameTakenError("no: protected", target_cluster_id="my-cluster")


class FindsItDead(BaseHandler):
    step = get_step("check-copy-status")

    def run(self, job: Job) -> Answer:
        return job.start_again(CopyFailedError("the copy is 'failed'", status="failed"))


class Breaks(BaseHandler):
    step = get_step("copy-snapshot")

    def run(self, job: Job) -> Answer:
        raise ZeroDivisionError("secret-canary")


def test_an_answer_is_written_to_state_and_audit(bench: Bench) -> None:
    answer = bench.step(Succeeds)
    assert answer == {
        "statusCode": 200,
        "body": {"message": "done", "operation_id": "op-1", "region": "us-west-2"},
    }
    state = bench.state("copy-snapshot")
    assert state["status"] == "SUCCESS"
    assert state["details"]["copy_status"] == "available"
    assert state["details"]["restore"] == "staging"
    assert bench.audit_trail() == [("copy-snapshot", "SUCCESS")]


def test_the_state_is_cumulative(bench: Bench) -> None:
    bench.step(Succeeds)
    bench.advance(1)
    bench.step(Waits)
    assert bench.state("check-copy-status")["details"]["copy_status"] == "available"


def starters(bench: Bench) -> list[str | None]:
    trail = bench.store.audit_trail("op-1")
    return [event["details"].get("started_by") for event in trail]


def test_who_has_started_an_operation_is_in_its_state_and_who_continues_it_in_the_audit(
    bench: Bench,
) -> None:
    bench.step(Succeeds, {"started_by": "schedule"})
    bench.advance(1)
    with pytest.raises(NameTakenError):
        bench.step(Refuses, {"started_by": "arn:aws:iam::123456789012:user/jane"})
    bench.advance(1)
    bench.step(Waits)

    assert bench.state("delete-rds")["details"]["started_by"] == "schedule"
    assert bench.state("check-copy-status")["details"]["started_by"] == "schedule"
    assert "started_by" not in bench.state("delete-rds")["details"]["error"]
    assert starters(bench) == ["schedule", "arn:aws:iam::123456789012:user/jane", None]


def test_an_operation_of_which_nobody_knows_the_starter_gets_none_later(bench: Bench) -> None:
    bench.step(Succeeds)
    bench.advance(1)
    bench.step(Waits, {"started_by": "jane"})

    assert "started_by" not in bench.state("check-copy-status")["details"]
    assert starters(bench) == [None, "jane"]


@pytest.mark.parametrize("starter", ["", " jane", "a\nb", "a\tb", "x" * 257, "\u202ejane", 7])
def test_a_starter_that_cannot_be_printed_on_one_line_is_refused(
    bench: Bench, starter: Any
) -> None:
    with pytest.raises(ValidationError, match="started_by"):
        bench.step(Succeeds, {"started_by": starter})


def test_a_failure_in_an_execution_raises_its_own_type(bench: Bench) -> None:
    with pytest.raises(NameTakenError, match="no: protected"):
        bench.step(Refuses)
    state = bench.state("delete-rds")
    assert state["status"] == "FAILED"
    assert state["details"]["error"] == {
        "type": "NameTakenError",
        "message": "no: protected",
        "details": {"target_cluster_id": "my-cluster"},
        "remedy": "redrive",
        "what_to_do": "Rename or delete what has the name, if it is not needed. Then redrive the "
        "execution, within 14 days of its failure: it continues at the step that failed.",
    }
    assert bench.audit_trail() == [("delete-rds", "FAILED")]


def test_a_failure_of_a_direct_call_is_the_documented_envelope(bench: Bench) -> None:
    assert bench.call(Refuses, {"operation_id": "op-1"}) == {
        "statusCode": 409,
        "body": {
            "message": "no: protected",
            "operation_id": "op-1",
            "error": "no: protected",
            "error_type": "NameTakenError",
            "target_cluster_id": "my-cluster",
            "remedy": "redrive",
            "what_to_do": "Rename or delete what has the name, if it is not needed. Then repeat "
            "the call.",
        },
    }


def test_an_error_does_not_outlive_the_next_attempt(bench: Bench) -> None:
    with pytest.raises(NameTakenError):
        bench.step(Refuses)
    bench.advance(1)
    bench.step(Succeeds)
    assert "error" not in bench.state("copy-snapshot")["details"]


def test_an_unexpected_error_says_where_to_look_and_nothing_else(bench: Bench) -> None:
    with pytest.raises(AuroraRestoreError, match="ZeroDivisionError; its log") as caught:
        bench.step(Breaks)
    assert "canary" not in str(caught.value)
    assert bench.call(Breaks, {})["statusCode"] == 500
    assert "canary" not in json.dumps(bench.state("copy-snapshot"), default=str)


def test_waiting_grows_with_the_time_waited(bench: Bench) -> None:
    waits = []
    for _ in range(8):
        waits.append(bench.step(Waits)["body"]["retry_after"])
        bench.advance(3600)
    assert waits == sorted(waits)
    assert waits[0] == Polling().floor_seconds
    assert waits[-1] > 9 * 60


def test_a_dead_operation_leads_back_a_bounded_number_of_times(bench: Bench) -> None:
    bench.step(Counts)
    bench.advance(1)
    answer = bench.step(FindsItDead)
    assert answer["statusCode"] == 202
    assert answer["body"]["restart_from"] == "copy-snapshot"
    bench.advance(1)
    bench.step(Counts)
    bench.advance(1)
    with pytest.raises(CopyFailedError, match="'failed'"):
        bench.step(FindsItDead)


def test_a_state_that_cannot_be_read_is_not_overwritten(bench: Bench) -> None:
    bench.step(Succeeds)
    bench.advance(1)
    with (
        mock.patch.object(StateStore, "load_all", side_effect=AwsThrottledError("slow down")),
        pytest.raises(AwsThrottledError),
    ):
        bench.step(Refuses)
    bench.advance(1)
    bench.step(Waits)
    assert bench.state("check-copy-status")["details"]["copy_status"] == "available"


def test_a_redriven_execution_may_try_again(bench: Bench) -> None:
    for _ in range(2):
        bench.step(Counts)
        bench.advance(1)
    bench.redrive_count = 1
    assert bench.step(FindsItDead)["body"]["restart_from"] == "copy-snapshot"


def test_a_direct_call_learns_of_a_dead_operation_immediately(bench: Bench) -> None:
    assert bench.call(FindsItDead, {"operation_id": "op-1"})["body"]["error_type"] == (
        "CopyFailedError"
    )


def test_the_only_restore_needs_no_name(bench: Bench) -> None:
    assert bench.call(Succeeds, {})["statusCode"] == 200


def test_one_of_several_restores_is_named_or_known_by_its_target(bench: Bench) -> None:
    other = {**RESTORE, "target": {**RESTORE["target"], "cluster_id": "other-cluster"}}
    bench.configure(other, name="other")
    bench.environment = type(bench.environment)(
        **{**vars(bench.environment), "default_restore": ""}
    )
    missing = bench.call(Succeeds, {})
    assert missing["statusCode"] == 400
    assert "several: other, staging" in missing["body"]["error"]
    assert bench.call(Succeeds, {"restore": "other", "operation_id": "op-1"})["statusCode"] == 200
    assert bench.state("copy-snapshot")["details"]["restore"] == "other"
    assert bench.call(Succeeds, {"target_cluster_id": "other-cluster"})["statusCode"] == 200
    assert bench.call(Succeeds, {"target_cluster_id": "unknown"})["statusCode"] == 400


@pytest.mark.parametrize(
    ("event", "fault"),
    [
        ([], "event: must be an object"),
        ("text", "event: must be an object"),
        ({"operation_id": 7}, "operation_id: must be a string"),
        ({"operation_id": "no spaces"}, "operation_id: 'no spaces' is not valid"),
        ({"dry-run": True}, "dry-run: is not a known field"),
        ({"restore": "no such"}, "restore: 'no such' is not valid"),
        ({"restore": "unknown"}, "restore: there is none called 'unknown'"),
        ({"target_cluster_id": "production"}, "is not the target of restore"),
        ({"target_region": SOURCE_REGION}, "is not where this environment restores"),
        ({"start_at": "delete"}, "start_at: 'delete' is not one of"),
        ({"execution": {}, "input": {}}, "execution: is the state machine's own mark"),
        ({"execution": {"name": "x"}, "input": []}, "input must be an object"),
    ],
)
def test_a_bad_event_is_reported_by_field_and_fault(bench: Bench, event: Any, fault: str) -> None:
    try:
        answer = bench.call(Succeeds, event)
    except AuroraRestoreError as error:
        assert fault in error.message
    else:
        assert answer["statusCode"] == 400
        assert fault in answer["body"]["error"]


def test_a_configuration_that_was_edited_by_hand_is_checked(bench: Bench) -> None:
    bench.configure({**RESTORE, "polling": {"floor_seconds": 0}})
    answer = bench.call(Succeeds, {})
    assert answer["body"]["error_type"] == "ConfigurationError"
    assert "/aurora-restore/restores/staging: polling.floor_seconds" in answer["body"]["error"]


def test_a_snapshot_that_is_not_found_keeps_the_documented_message(bench: Bench) -> None:
    class FindsNothing(BaseHandler):
        step = get_step("snapshot-check")

        def run(self, job: Job) -> Answer:
            raise SnapshotNotFoundError("Not found: there are others", summary="Not found")

    body = bench.call(FindsNothing, {})["body"]
    assert (body["message"], body["error"]) == ("Not found", "Not found: there are others")


def put_corrupt(bench: Bench, details: Any) -> None:
    bench.clients.dynamodb.put_item(
        TableName=bench.environment.state_table,
        Item={
            "operation_id": {"S": "op-1"},
            "step": {"S": "snapshot-check"},
            "status": {"S": "SUCCESS"},
            "timestamp": {"S": "2026-05-16T02:00:00.000000Z"},
            "details": details,
        },
    )


@pytest.mark.parametrize(
    "details",
    [
        {"S": "text"},
        {"M": {"attempts": {"S": "x"}}},
        {"M": {"operation_started_at": {"S": "?"}}},
        {"M": {"waiting_since": {"M": {"copy-snapshot": {"S": "?"}}}}},
    ],
    ids=str,
)
def test_a_state_that_nobody_wrote_is_reported_and_left_alone(bench: Bench, details: Any) -> None:
    put_corrupt(bench, details)
    before = bench.clients.dynamodb.scan(TableName=bench.environment.state_table)["Items"]

    with pytest.raises(CorruptStateError, match="step snapshot-check in table"):
        bench.step(Succeeds)
    body = bench.call(Succeeds, {"operation_id": "op-1"})["body"]

    assert body["error_type"] == "CorruptStateError"
    assert "Correct the item that the message names, or delete it" in body["what_to_do"]
    after = bench.clients.dynamodb.scan(TableName=bench.environment.state_table)["Items"]
    assert [item for item in after if item["step"]["S"] != "lock"] == before


def test_a_lock_that_nobody_wrote_is_reported(bench: Bench) -> None:
    key = {"operation_id": {"S": "lock#123456789012/us-west-2/my-cluster"}, "step": {"S": "lock"}}
    bench.clients.dynamodb.put_item(TableName=bench.environment.state_table, Item=key)

    body = bench.call(Succeeds, {"operation_id": "op-2"})["body"]

    assert body["error_type"] == "CorruptStateError"
    assert "the lock of cluster my-cluster cannot be read" in body["error"]


@pytest.mark.parametrize(
    "asked",
    [
        {"Comment": "Insert your JSON here"},
        {"AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID": "arn:aws:states:…"},
    ],
)
def test_an_execution_may_have_what_step_functions_puts_into_an_input(
    bench: Bench, asked: Any
) -> None:
    assert bench.step(Succeeds, asked)["statusCode"] == 200


def test_a_source_in_an_unknown_region_is_refused_by_name(bench: Bench) -> None:
    bench.configure({**RESTORE, "source": {**RESTORE["source"], "region": "us-eats-1"}})

    body = bench.call(Succeeds, {})["body"]
    bench.environment = replace(bench.environment, extra_regions="us-eats-1,us-eats-2")

    assert body["error_type"] == "ConfigurationError"
    assert "source.region: 'us-eats-1' is not a Region that this version knows" in body["error"]
    assert bench.call(Succeeds, {})["statusCode"] == 200
