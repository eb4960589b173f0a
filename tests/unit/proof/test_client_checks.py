"""Each check of a switch holds for what a client is promised, and fails without it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from aurora_restore.proof.checks import Check
from aurora_restore.proof.client_checks import (
    ClientAttempt,
    Data,
    KeptCluster,
    check_certificate,
    check_ended,
    check_interruption,
    check_kept,
    check_served,
    check_strangers,
    check_unmasked,
    find_interruption,
)
from tests.unit.demo.histories import at

USERS = ("analyst", "postgres")
STATE = {
    "switch_started_at": at(1.9).isoformat(),
    "switched_at": at(4.4).isoformat(),
    "interruption_seconds": 2.5,
    "interruption_granularity_seconds": 1.0,
}
KEPT = KeptCluster(
    name="staging-ar-01234567-old",
    resource_id="cluster-OLD",
    statuses=frozenset({"available"}),
    groups=frozenset({"sg-quarantine"}),
    keep_until=at(86_400),
    reached=(),
)


def attempts(phases: Iterable[tuple[Data | None, int]]) -> list[ClientAttempt]:
    """Attempts every half a second that took a tenth: so many with each outcome."""
    outcomes = [data for data, count in phases for _ in range(count)]
    return [
        ClientAttempt(
            began=at(number * 0.5),
            ended=at(number * 0.5 + 0.1),
            data=data,
            values=2 if data is Data.NEW else 0,
            stranger=USERS[number % 2],
            stranger_let_in=None if data is None else False,
        )
        for number, data in enumerate(outcomes)
    ]


SWITCHED = attempts([(Data.OLD, 4), (None, 4), (Data.NEW, 3)])


def assert_not_held(check: Check, found: str) -> None:
    assert not check.held
    assert found in check.found


def test_the_interruption_is_from_the_first_refusal_to_the_next_log_in() -> None:
    found = find_interruption(SWITCHED, Data.OLD, Data.NEW)
    assert found is not None
    assert (found.refused, found.seconds, found.granularity) == (4, 2.0, 0.5)
    assert (found.first, found.last) == (at(2), at(3.5))


@pytest.mark.parametrize(
    "phases",
    [
        [],
        [(Data.OLD, 3)],
        [(Data.OLD, 3), (Data.NEW, 3)],
        [(Data.OLD, 3), (None, 1), (Data.OLD, 3)],
        [(None, 1), (Data.OLD, 3), (None, 1), (Data.NEW, 3)],
        [(Data.OLD, 3), (None, 1), (Data.NEW, 3), (None, 1), (Data.NEW, 1)],
    ],
)
def test_one_that_was_refused_twice_or_never_has_no_one_interruption(
    phases: Sequence[tuple[Data | None, int]],
) -> None:
    assert find_interruption(attempts(phases), Data.OLD, Data.NEW) is None
    assert not check_interruption(attempts(phases), Data.OLD, Data.NEW, STATE).held


def test_a_client_was_served_until_the_switch_began() -> None:
    check = check_served(SWITCHED, Data.OLD, at(1.9))
    assert check.held
    assert check.evidence == "at each of 4 attempts before 2026-03-04T05:06:08.900Z"
    assert_not_held(
        check_served(SWITCHED, Data.OLD, at(2.9)),
        "it found the old data 4 times, then nothing 2 times",
    )
    assert not check_served(SWITCHED, Data.NEW, at(1.9)).held
    assert_not_held(check_served(SWITCHED, Data.OLD, None), "it made no attempt")


def test_a_client_was_refused_no_longer_than_the_pipeline_says() -> None:
    check = check_interruption(SWITCHED, Data.OLD, Data.NEW, STATE)
    assert check.held
    assert check.evidence == ("for 2.0 s, to 0.5 s (4 attempts); the pipeline says 2.5 s, to 1.0 s")


@pytest.mark.parametrize(
    "change",
    [
        {"interruption_seconds": None},
        {"interruption_granularity_seconds": None},
        {"switch_started_at": None},
        {"switched_at": None},
        {"interruption_seconds": 0.4},
        {"switch_started_at": at(2.1).isoformat()},
        {"switched_at": at(2.9).isoformat()},
    ],
)
def test_an_interruption_that_the_pipeline_does_not_know_of_is_a_fault(
    change: Mapping[str, Any],
) -> None:
    assert not check_interruption(SWITCHED, Data.OLD, Data.NEW, {**STATE, **change}).held


def test_a_client_is_on_the_data_of_its_last_attempts() -> None:
    assert check_ended(SWITCHED, Data.NEW).evidence == "at each of 3 attempts"
    assert check_ended(SWITCHED, Data.NEW).held
    assert_not_held(check_ended(SWITCHED, Data.OLD), "then the new data 3 times")
    assert not check_ended(SWITCHED[:6], Data.NEW).held
    assert not check_ended([], Data.NEW).held


def test_what_the_notification_says_of_the_certificate_is_so() -> None:
    refused = check_certificate(verified=False, state={"certificate_matches": False})
    assert refused.held
    assert refused.evidence.startswith("they are refused until")
    assert check_certificate(verified=True, state={"certificate_matches": True}).held
    assert not check_certificate(verified=True, state={"certificate_matches": False}).held
    assert_not_held(check_certificate(verified=False, state={}), "it says None")


def test_one_original_value_that_was_seen_is_a_fault() -> None:
    assert check_unmasked(SWITCHED, 10).held
    assert_not_held(
        check_unmasked([*SWITCHED[:-1], replace(SWITCHED[-1], originals=1)], 10),
        "1 in 6 values, the first at 2026-03-04T05:06:12.000Z",
    )


def test_a_client_that_could_have_seen_no_original_value_proves_nothing() -> None:
    assert not check_unmasked(SWITCHED, 0).held
    assert not check_unmasked(SWITCHED[:6], 10).held


def test_one_password_of_production_that_worked_is_a_fault() -> None:
    check = check_strangers(SWITCHED, USERS)
    assert check.held
    assert check.evidence == "7 attempts, with those of analyst, postgres"
    assert_not_held(
        check_strangers([replace(SWITCHED[0], stranger_let_in=True), *SWITCHED[1:]], USERS),
        "let in were analyst;",
    )


def test_a_password_that_was_not_tried_on_the_new_data_proves_nothing() -> None:
    assert_not_held(check_strangers(SWITCHED, (*USERS, "etl")), "tried on the new data were")
    assert not check_strangers(SWITCHED[:8], USERS).held
    assert not check_strangers(SWITCHED, ()).held


def test_what_served_before_is_kept_for_the_pipeline_alone() -> None:
    check = check_kept("The old cluster", "cluster-OLD", KEPT, ["sg-quarantine"], at(0))
    assert check.held
    assert check.evidence == (
        "staging-ar-01234567-old, until 2026-03-05T05:06:07.000Z; another host is refused, and its "
        "security groups are sg-quarantine, the quarantine's"
    )


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"resource_id": "cluster-NEW"}, "as cluster-NEW"),
        ({"statuses": frozenset({"available", "deleting"})}, "available, deleting"),
        ({"groups": frozenset({"sg-quarantine", "sg-open"})}, "are sg-open, sg-quarantine"),
        ({"groups": frozenset()}, "security groups are none"),
        ({"keep_until": None}, "until no time"),
        ({"keep_until": at(-1)}, "until 2026-03-04T05:06:06.000Z"),
        ({"reached": ("localhost:1",)}, "reaches localhost:1"),
    ],
)
def test_one_that_is_gone_or_can_be_reached_is_not_kept(
    change: Mapping[str, Any], found: str
) -> None:
    kept = replace(KEPT, **change)
    check = check_kept("It", "cluster-OLD", kept, ["sg-quarantine"], at(0))
    assert_not_held(check, found)


def test_one_that_is_not_there_or_has_no_quarantine_is_not_kept() -> None:
    assert_not_held(
        check_kept("It", "cluster-OLD", None, ["sg-quarantine"], at(0)), "it is not there"
    )
    assert not check_kept("It", "cluster-OLD", replace(KEPT, groups=frozenset()), [], at(0)).held
