"""The notice of a failure: why, what the target is now, and what to do, for a person on call."""

import json
from dataclasses import replace
from typing import Any

import pytest

from aurora_restore.shared.errors import Action, AuroraRestoreError, leaves
from aurora_restore.shared.later_operation import LaterOperation
from aurora_restore.shared.notices.chat import custom_notification
from aurora_restore.shared.notices.way_on import DeployedPipeline, console_link
from aurora_restore.shared.sequences import get_sequence
from aurora_restore.shared.target_record import TargetRecord
from tests.unit.shared.notices import (
    BEGUN,
    DELETED,
    DEPLOYMENT,
    EXECUTION,
    HANDED_OVER,
    MACHINE,
    REGION,
    RESTORED,
    failed,
    notice_of,
    section,
)
from tests.unit.shared.test_visible import EVIL, SHOWN

IN_QUARANTINE = f"""\
The restore staging of aurora-restore failed at setup-db-users.

WHY
  Check 'no real address' has found 3 rows. (CheckFailedError)

THE TARGET NOW
  The old cluster is gone. my-cluster is restored (available), and not handed
  over yet. Take the data of my-cluster for unmasked: its databases are not
  set up yet. It is in quarantine: only the pipeline's functions can connect
  to it, so nobody else can log in. A run that comes to hand-over lifts the
  quarantine; do not lift it by hand.

WHAT TO DO
  Add a script that corrects the data, or correct the check, and deploy. Then
  redrive the execution, within 14 days of its failure: it continues at the
  step that failed.

  The command line:
    aurora-restore --region us-west-2 rerun op-1

  The AWS CLI:
    aws stepfunctions redrive-execution --region us-west-2 --execution-arn {EXECUTION}

  The execution in the console:
    https://us-west-2.console.aws.amazon.com/states/home?region=us-west-2#/v2/executions/details/{EXECUTION}

THE OPERATION
  - Operation: op-1
  - Execution:
    {EXECUTION}
    (FAILED)
  - Started at 2026-05-16 03:00:00 UTC
  - Snapshot:
    arn:aws:rds:us-east-1:123456789012:cluster-snapshot:rds:production, of
    2026-05-15 02:00:00 UTC"""

LOST_RACE = f"""\
The restore staging of aurora-restore failed at snapshot-check.

WHY
  Operation op-7 is at work on cluster my-cluster. (OperationInProgressError)

THE TARGET NOW
  This execution has changed nothing: the target is as it was.

WHAT TO DO
  Wait until operation op-7 is over. If it has refreshed the target, nothing
  is left to do; otherwise start a new execution. Do not redrive this one:
  that is refused once the other has refreshed the target.

  To see whether it is over:
    aurora-restore --region us-west-2 show op-7

  The execution in the console:
    https://us-west-2.console.aws.amazon.com/states/home?region=us-west-2#/v2/executions/details/{EXECUTION}

THE OPERATION
  - Operation: op-1
  - Execution:
    {EXECUTION}
    (FAILED)"""

OBSTACLES = [
    {"check": "network", "problem": "there is no subnet group 'x'", "remedy": "create it"},
    {"check": "keys", "problem": "key k is disabled", "remedy": "enable it"},
]


def test_a_failed_check_says_that_the_cluster_is_in_quarantine_and_how_to_go_on() -> None:
    reason = "check 'no real address' has found 3 rows"
    notice = notice_of(failed("CheckFailedError", step="setup-db-users", reason=reason), RESTORED)

    assert notice.subject == "aurora-restore staging: FAILED at setup-db-users - in quarantine"
    assert notice.text == IN_QUARANTINE
    assert notice.document["details"]["quarantine"].startswith("in force")


def test_who_loses_a_race_is_sent_to_the_winner_and_to_no_command_that_restores() -> None:
    reason = "operation op-7 is at work on cluster my-cluster"
    notice = notice_of(
        failed("OperationInProgressError", step="snapshot-check", reason=reason),
        {},
        is_own=False,
        details={"holder": "op-7"},
    )

    assert notice.subject == "aurora-restore staging: FAILED at snapshot-check - nothing changed"
    assert notice.text == LOST_RACE


def test_the_cause_begins_with_a_capital_letter_and_keeps_those_that_it_has() -> None:
    reason = "AWS has not had an instance of class db.r6g.large"
    notice = notice_of(failed("InsufficientCapacityError", reason=reason), BEGUN)

    assert section(notice, "Why") == f"{reason}. (InsufficientCapacityError)"


def test_obstacles_are_a_list_and_not_repeated_in_the_cause() -> None:
    reason = "cluster my-cluster is left as it is, 2 obstacles: a; b | c; d"
    notice = notice_of(
        failed("PreflightError", step="snapshot-check", reason=reason),
        BEGUN,
        details={"obstacles": OBSTACLES},
    )

    assert section(notice, "Why") == (
        "Cluster my-cluster is left as it is, 2 obstacles. (PreflightError)"
    )
    assert section(notice, "Obstacles") == (
        "- there is no subnet group 'x'; create it (check: network) "
        "- key k is disabled; enable it (check: keys)"
    )
    assert notice.document["details"]["error"] == reason


# What to do


def commands_of(text: str) -> list[str]:
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line.startswith(("aws ", "aurora-restore --region"))]


@pytest.mark.parametrize(
    "error", list(leaves(AuroraRestoreError)), ids=lambda error: error.__name__
)
def test_the_commands_are_those_that_the_declared_remedy_allows(
    error: type[AuroraRestoreError],
) -> None:
    notice = notice_of(failed(error.__name__), DELETED, details={"holder": "op-7"})

    rerun = f"aurora-restore --region {REGION} rerun op-1"
    start = f"aws stepfunctions start-execution --region {REGION} --state-machine-arn {MACHINE}"
    step = error.remedy.step
    assert (
        commands_of(notice.text)
        == {
            Action.REDRIVE: [
                rerun,
                f"aws stepfunctions redrive-execution --region {REGION} "
                f"--execution-arn {EXECUTION}",
            ],
            Action.RESUME: [
                rerun,
                f'{start} --input \'{{"operation_id": "op-1", "start_at": "{step}"}}\'',
            ],
            Action.START_AGAIN: [
                f"aurora-restore --region {REGION} start staging",
                f'{start} --input \'{{"restore": "staging"}}\'',
            ],
            Action.WAIT: [f"aurora-restore --region {REGION} show op-7"],
            Action.NOTHING: [],
        }[error.remedy.action]
    )
    assert section(notice, "What to do").startswith(error.remedy.what_to_do({"holder": "op-7"}))


@pytest.mark.parametrize(
    ("sequence", "asked", "words"),
    [("roll-back", '{"restore": "staging", "roll_back": true}', ["rollback staging"]),
     ("retire", '{"restore": "staging", "retire": true}', []),
     ("switch", '{"restore": "staging"}', ["start staging"])],
)  # fmt: skip
def test_a_new_execution_asks_for_what_the_failed_one_was(
    sequence: str, asked: str, words: list[str]
) -> None:
    notice = notice_of(failed("ValidationError"), {**BEGUN, "sequence": sequence})

    *own, command = commands_of(notice.text)
    assert own == [f"aurora-restore --region {REGION} {each}" for each in words]
    assert command.endswith(f"--input '{asked}'")


def test_a_new_execution_of_an_unknown_restore_is_not_made_up() -> None:
    notice = notice_of(failed("ValidationError", step=None, restore=None), {}, restore=None)

    assert commands_of(notice.text) == []
    assert notice.subject.startswith("aurora-restore unknown restore: FAILED at its start")


def test_the_name_prefix_is_given_where_it_is_not_the_default() -> None:
    notice = notice_of(failed(), DELETED, deployment=DeployedPipeline("orders-restore", MACHINE))

    assert commands_of(notice.text)[0] == (
        f"aurora-restore --region {REGION} --name-prefix orders-restore rerun op-1"
    )


def test_what_was_stopped_on_purpose_is_not_run_again_by_habit() -> None:
    stopped = failed("ABORTED", status="ABORTED", reason="the execution was stopped by hand")

    text = notice_of(stopped, DELETED).text
    rerun = f"aurora-restore --region {REGION} rerun op-1"
    own, redrive = commands_of(text)
    assert (own, redrive.split()[2]) == (rerun, "redrive-execution")
    assert f"To continue the operation all the same:\n    {rerun}" in text
    assert commands_of(notice_of(replace(stopped, is_over=False), DELETED, is_own=False).text) == []
    too_late = replace(stopped, is_redrivable=False)
    assert commands_of(notice_of(too_late, DELETED).text) == [rerun]
    assert commands_of(notice_of(replace(too_late, step="snapshot-check"), BEGUN).text) == []


def test_what_can_no_longer_be_redriven_is_resumed() -> None:
    notice = notice_of(failed(step="check-restore-status", is_redrivable=False), RESTORED)

    rerun, start = commands_of(notice.text)
    assert rerun.endswith("rerun op-1")
    assert start.endswith('"start_at": "delete-rds"}\'')


@pytest.mark.parametrize(
    ("partition", "region", "console"),
    [
        ("aws", "us-west-2", "https://us-west-2.console.aws.amazon.com/states/home?region="),
        ("aws-cn", "cn-north-1", "https://cn-north-1.console.amazonaws.cn/states/home?region="),
        ("aws-us-gov", "us-gov-west-1", "https://console.amazonaws-us-gov.com/states/home?region="),
        ("aws-iso", "us-iso-east-1", None),
    ],
)
def test_the_console_is_that_of_the_partition(
    partition: str, region: str, console: str | None
) -> None:
    arn = f"arn:{partition}:states:{region}:123456789012:execution:aurora-restore-pipeline:op-1"

    expected = console and f"{console}{region}#/v2/executions/details/{arn}"
    assert console_link(arn) == expected


# What the target is now


@pytest.mark.parametrize(
    ("facts", "short", "said"),
    [
        ({}, "nothing changed", "has changed nothing"),
        (BEGUN, "target unchanged", "nothing of it has been changed"),
        ({**BEGUN, "old_cluster": {}}, "target perhaps gone", "its instances may be gone"),
        (DELETED, "target gone", "nothing serves in its place"),
        ({**DELETED, "final_snapshot": "last"}, "target gone", "Its final snapshot is last."),
        (RESTORED, "in quarantine", "nobody else can log in"),
        ({**RESTORED, "restore_is_dead": True}, "target unusable", "a re-run deletes it"),
        (
            {**RESTORED, "quarantine_security_group_ids": []},
            "restored, not handed over",
            "It has no quarantine",
        ),
        (
            {**RESTORED, "users_configured": True, "scripts": [{"path": "a.sql"}]},
            "in quarantine",
            "are set up: the script has run. It is in quarantine",
        ),
        (
            {**HANDED_OVER, "handed_over_at": None},
            "in quarantine",
            "Its quarantine is being lifted since 2026-05-16 03:50:00 UTC.",
        ),
        (HANDED_OVER, "serves the new data", "for unmasked: no script has masked it."),
        (HANDED_OVER, "serves the new data", "2 inherited logins are disabled."),
        (
            {**HANDED_OVER, "open_logins": ["rds_iam_user"]},
            "serves the new data",
            "These inherited logins are still open: rds_iam_user.",
        ),
        ({**BEGUN, "sequence": "switch"}, "serves the old data", "My-cluster serves as before"),
        (
            {**RESTORED, "sequence": "switch", "new_cluster_id": "my-cluster-new"},
            "serves the old data",
            "The new cluster beside it is my-cluster-new. Take the data of my-cluster-new for",
        ),
        (
            {**BEGUN, "sequence": "switch", "switch_started_at": "2026-05-16T03:40:00.000000Z"},
            "switch unfinished",
            "a re-run finishes or undoes it",
        ),
        (
            {**HANDED_OVER, "sequence": "switch", "switched_at": "2026-05-16T03:59:00.000000Z"},
            "serves the new data",
            "has been switched at",
        ),
        (
            {**BEGUN, "sequence": "roll-back", "switched_at": "2026-05-16T03:59:00.000000Z"},
            "serves the old data",
            "has been switched at",
        ),
        ({**BEGUN, "sequence": "retire"}, "target unchanged", "my-cluster serves as before"),
    ],
)  # fmt: skip
def test_the_notice_says_what_the_target_is_now(
    facts: dict[str, Any], short: str, said: str
) -> None:
    notice = notice_of(failed(), facts)

    assert notice.subject.endswith(f" - {short}")
    assert said in section(notice, "The target now")


def test_a_target_that_another_operation_has_restored_is_said_to_be_its() -> None:
    record = TargetRecord(restored_by="op-0", handed_over_at="2026-05-15T04:00:00.000000Z")

    notice = notice_of(failed(), BEGUN, record=record)

    assert section(notice, "The target now") == (
        "This operation has changed nothing of my-cluster. The last to restore it was operation "
        "op-0, handed over at 2026-05-15 04:00:00 UTC."
    )


LATER = LaterOperation(id="op-2", refreshed_at="2026-05-17T04:00:00.000000Z")


@pytest.mark.parametrize(
    "facts",
    [BEGUN, DELETED, RESTORED, HANDED_OVER,
     {**HANDED_OVER, "sequence": "switch", "switched_at": "2026-05-16T03:59:00.000000Z"}],
)  # fmt: skip
def test_a_target_that_a_later_operation_has_refreshed_is_no_longer_what_this_one_left(
    facts: dict[str, Any],
) -> None:
    notice = notice_of(failed(), facts, later=LATER)

    assert notice.subject.endswith(" - has other data now")
    assert section(notice, "The target now") == (
        "Operation op-2 has given my-cluster other data, at 2026-05-17 04:00:00 UTC. What "
        "else is said here of the cluster and its data is what this operation left."
    )


def test_a_later_operation_that_has_handed_over_nothing_yet_has_not_refreshed_the_target() -> None:
    notice = notice_of(failed(), RESTORED, later=LaterOperation(id="op-2"))

    assert notice.subject.endswith(" - replaced since")
    assert "has begun to replace my-cluster since, and has not handed it over." in notice.gist


@pytest.mark.parametrize(
    ("facts", "later", "short"),
    [
        (DELETED, replace(LATER, has_changed_target=False), "target gone"),
        ({**BEGUN, "sequence": "retire"}, LATER, "target unchanged"),
        ({}, LATER, "nothing changed"),
    ],
)
def test_a_later_operation_does_not_matter_where_it_has_left_the_target_as_it_was(
    facts: dict[str, Any], later: LaterOperation, short: str
) -> None:
    assert notice_of(failed(), facts, later=later).subject.endswith(f" - {short}")


@pytest.mark.parametrize(
    ("failure", "facts", "short"),
    [
        (failed("CorruptStateError"), None, "target unknown"),
        (failed("AwsError"), DELETED, "another run is at work"),
        (failed("ForeignClusterError"), DELETED, "nothing changed"),
        (failed("ForeignClusterError", is_over=False), DELETED, "another run is at work"),
        (failed("ValidationError", step=None), None, "nothing changed"),
    ],
)
def test_an_execution_that_is_not_the_operations_own_claims_nothing_of_its_target(
    failure: Any, facts: dict[str, Any] | None, short: str
) -> None:
    assert notice_of(failure, facts, is_own=False).subject.endswith(f" - {short}")


def test_the_deployment_says_which_region_it_is_in() -> None:
    assert DEPLOYMENT.region == REGION


def test_the_control_characters_of_a_reason_are_shown_and_not_obeyed() -> None:
    notice = notice_of(failed(reason=f"role {EVIL} is left"), BEGUN)

    shown = " ".join(notice.text.split())
    assert f"Role {SHOWN} is left" in shown
    assert notice.text.replace("\n", "").isprintable()
    assert SHOWN in json.loads(custom_notification(notice))["content"]["description"]


@pytest.mark.parametrize(
    ("sequence", "step", "entry"),
    [
        ("roll-back", "switch-cluster", "switch-cluster"),
        ("roll-back", "verify-switch", "verify-switch"),
        ("retire", "check-delete-status", "delete-rds"),
        ("replace", "check-restore-status", "delete-rds"),
    ],
)
def test_an_operation_that_cannot_be_redriven_enters_where_its_own_sequence_can_be(
    sequence: str, step: str, entry: str
) -> None:
    notice = notice_of(failed(step=step, is_redrivable=False), {**BEGUN, "sequence": sequence})

    assert f'"start_at": "{entry}"' in section(notice, "WHAT TO DO")
    assert entry in get_sequence(sequence).entry_points
