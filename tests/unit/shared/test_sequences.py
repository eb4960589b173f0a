"""A sequence is a declaration that a run can follow, or it is refused when it is imported."""

import pytest

from aurora_restore.shared.pipeline import STEP_NAMES, get_step
from aurora_restore.shared.sequences import (
    ENTRY_POINTS,
    REPLACE,
    RETIRE,
    ROLL_BACK,
    SEQUENCES,
    SWITCH,
    LeadBack,
    StepSequence,
    Transition,
    lead_backs_of,
)


def sequence(*transitions: Transition) -> StepSequence:
    return StepSequence(name="test", purpose="Is tested.", transitions=transitions)


def test_replace_takes_every_step_once_in_the_specified_order() -> None:
    assert REPLACE.path_from(REPLACE.first) == (
        "snapshot-check",
        "copy-snapshot",
        "check-copy-status",
        "delete-rds",
        "check-delete-status",
        "restore-snapshot",
        "check-restore-status",
        "setup-db-users",
        "hand-over",
        "archive-snapshot",
        "put-back-access",
        "sns-notification",
    )


@pytest.mark.parametrize("found", [REPLACE, SWITCH, ROLL_BACK], ids=lambda found: str(found.name))
def test_no_step_logs_in_once_the_master_password_may_be_another_one(found: StepSequence) -> None:
    after = found.path_from("put-back-access")

    assert not [step for step in after if get_step(step).reaches_database]


def test_switch_is_replace_with_two_steps_more() -> None:
    beyond = ("switch-cluster", "verify-switch")

    assert tuple(step for step in SWITCH.steps if step not in beyond) == REPLACE.steps
    assert SWITCH.path_from("hand-over")[1:4] == (*beyond, "archive-snapshot")
    assert set(SWITCH.steps) == set(STEP_NAMES)


def test_a_roll_back_switches_and_a_retirement_deletes() -> None:
    assert ROLL_BACK.steps == (
        "switch-cluster",
        "verify-switch",
        "put-back-access",
        "sns-notification",
    )
    assert RETIRE.steps == ("delete-rds", "check-delete-status", "sns-notification")


@pytest.mark.parametrize("step", STEP_NAMES)
def test_no_sequence_leads_a_step_back_to_another_place(step: str) -> None:
    assert len(lead_backs_of(step)) <= 1


@pytest.mark.parametrize(
    ("step", "to", "attempts_of"),
    [
        ("check-copy-status", "copy-snapshot", "copy-snapshot"),
        ("check-delete-status", "delete-rds", "delete-rds"),
        ("check-restore-status", "delete-rds", "restore-snapshot"),
    ],
)
def test_a_failed_operation_is_started_again(step: str, to: str, attempts_of: str) -> None:
    assert REPLACE.lead_back_of(step) == LeadBack(to=to, attempts_of=attempts_of)


def test_every_step_stands_in_a_sequence() -> None:
    assert {step for each in SEQUENCES for step in each.steps} == set(STEP_NAMES)


def test_a_run_may_be_entered_wherever_a_sequence_allows_it() -> None:
    assert set(ENTRY_POINTS) == set(STEP_NAMES)


def test_a_step_has_another_successor_in_another_sequence() -> None:
    short = sequence(
        Transition(step="delete-rds", next="check-delete-status"),
        Transition(
            step="check-delete-status",
            next="sns-notification",
            lead_back=LeadBack(to="delete-rds", attempts_of="delete-rds"),
        ),
        Transition(step="sns-notification", next=None),
    )

    assert short.next_of("check-delete-status") == "sns-notification"
    assert REPLACE.next_of("check-delete-status") == "restore-snapshot"


def test_a_step_may_stand_beside_the_way_where_only_a_failure_leads_to_it() -> None:
    beside = sequence(
        Transition(step="restore-snapshot", next="check-restore-status"),
        Transition(
            step="check-restore-status",
            next="sns-notification",
            lead_back=LeadBack(to="delete-rds", attempts_of="restore-snapshot"),
        ),
        Transition(step="sns-notification", next=None),
        Transition(step="delete-rds", next="restore-snapshot", entry=False),
    )

    assert "delete-rds" not in beside.path_from(beside.first)
    assert beside.entry_points == ("restore-snapshot", "check-restore-status", "sns-notification")
    assert "check-restore-status" in beside.path_from("delete-rds")


COPY = Transition(step="copy-snapshot", next="check-copy-status")
END = Transition(step="sns-notification", next=None)


def check_copy(
    following: str | None = "sns-notification", lead_back: LeadBack | None = None
) -> Transition:
    return Transition(step="check-copy-status", next=following, lead_back=lead_back)


@pytest.mark.parametrize(
    ("transitions", "fault"),
    [
        ([], "it has no step"),
        ([Transition(step="no-such-step", next=None)], "the pipeline has no step no-such-step"),
        (
            [COPY, check_copy(lead_back=LeadBack(to="copy", attempts_of="copy-snapshot")), END],
            "the pipeline has no step copy",
        ),
        ([COPY, check_copy()], "leads to sns-notification, which has no transition"),
        ([COPY, check_copy(), END, END], "two transitions of sns-notification"),
        (
            [COPY, check_copy(following="copy-snapshot")],
            "no end is reached from copy-snapshot, check-copy-status",
        ),
        (
            [COPY, check_copy(), END, Transition(step="delete-rds", next="sns-notification")],
            "nothing leads to delete-rds",
        ),
        (
            [Transition(step="sns-notification", next=None, entry=False)],
            "the first step, sns-notification, is no entry",
        ),
        (
            [
                COPY,
                check_copy(lead_back=LeadBack(to="sns-notification", attempts_of="copy-snapshot")),
                END,
            ],
            "check-copy-status leads back to sns-notification, which is not before it",
        ),
        (
            [
                COPY,
                check_copy(lead_back=LeadBack(to="check-copy-status", attempts_of="copy-snapshot")),
                END,
            ],
            "check-copy-status leads back to check-copy-status, which is not before it",
        ),
        (
            [
                COPY,
                check_copy(lead_back=LeadBack(to="copy-snapshot", attempts_of="sns-notification")),
                END,
            ],
            "counts the attempts of sns-notification, which is not begun again",
        ),
        (
            [
                COPY,
                check_copy(),
                Transition(
                    step="sns-notification",
                    next=None,
                    lead_back=LeadBack(to="copy-snapshot", attempts_of="copy-snapshot"),
                ),
            ],
            "sns-notification leads back, but never waits",
        ),
    ],
)
def test_what_no_run_could_follow_is_refused(transitions: list[Transition], fault: str) -> None:
    with pytest.raises(ValueError, match=f"the sequence 'test': .*{fault}"):
        sequence(*transitions)
