"""Each question is answered by what was seen, and stays open where nothing was."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from aurora_restore.cli.selftest.measurements import (
    QUESTIONS,
    ClusterLook,
    MeasuredFact,
    SelfTestObservations,
    answers,
)
from aurora_restore.proof.client_checks import ClientAttempt, Data

START = datetime(2026, 11, 30, 12, tzinfo=UTC)
TARGET = "target"
BESIDE = "target-ar-12345678"
OLD, NEW = "cluster-old", "cluster-new"


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def looks(resource_id: str, *seen: tuple[float, str | None, str | None]) -> list[ClusterLook]:
    return [
        ClusterLook(at=at(seconds), resource_id=resource_id, name=name, status=status)
        for seconds, name, status in seen
    ]


SWITCHED = [
    *looks(
        OLD,
        (0, TARGET, "available"),
        (10, TARGET, "renaming"),
        (20, f"{BESIDE}-old", "renaming"),
        (30, f"{BESIDE}-old", "available"),
    ),
    *looks(
        NEW,
        (0, BESIDE, "available"),
        (30, BESIDE, "renaming"),
        (40, TARGET, "renaming"),
        (50, TARGET, "available"),
    ),
]


def of(key: str, **seen: Any) -> MeasuredFact:
    known = {"target": TARGET, "old_resource_id": OLD, "new_resource_id": NEW, **seen}
    return next(each for each in answers(SelfTestObservations(**known)) if each.key == key)


def test_nothing_seen_answers_nothing() -> None:
    facts = answers(SelfTestObservations())
    assert [each.key for each in facts] == [each.key for each in QUESTIONS]
    assert [each.answer for each in facts] == [None] * len(QUESTIONS)


def test_questions_have_names_of_their_own() -> None:
    assert len({each.key for each in QUESTIONS}) == len(QUESTIONS)
    assert all(each.text.endswith("?") for each in QUESTIONS)


def test_a_rename_lasts_from_the_last_look_before_to_the_first_after() -> None:
    assert of("rename_seconds", looks=SWITCHED).value == {"old": 30.0, "new": 50.0}


def test_a_rename_that_was_seen_of_one_cluster_only_stays_open() -> None:
    assert of("rename_seconds", looks=SWITCHED[:4]).answer is None
    assert of("rename_seconds", looks=[*SWITCHED[:4], *SWITCHED[4:7]]).answer is None


def test_a_cluster_that_was_always_found_by_its_resource_id() -> None:
    assert of("found_while_renaming", looks=SWITCHED).value is True
    lost = [*SWITCHED, *looks(NEW, (45, None, None))]
    assert of("found_while_renaming", looks=lost).value is False


def test_the_name_is_free_between_the_two_clusters() -> None:
    assert of("name_gap_seconds", looks=SWITCHED).value == 20.0
    assert of("name_gap_seconds", looks=SWITCHED[:4]).answer is None


def attempts(*data: Data | None) -> Sequence[ClientAttempt]:
    return [
        ClientAttempt(began=at(number), ended=at(number + 0.5), data=each)
        for number, each in enumerate(data)
    ]


def test_an_application_is_refused_from_its_first_refusal_to_its_next_success() -> None:
    seen = attempts(Data.OLD, None, None, Data.NEW)
    assert of("interruption_seconds", attempts=seen).value == 2.0
    assert of("interruption_seconds", attempts=attempts(Data.OLD, Data.OLD)).answer is None


def test_the_certificate_the_snapshot_and_the_slots() -> None:
    assert of("certificate_of_name", certificate_of_name=False).value is False
    assert "let in" in str(of("certificate_of_name", certificate_of_name=True).answer)
    assert "the one at the time" in str(of("snapshot_names", snapshot_names=TARGET).answer)
    assert "another" in str(of("snapshot_names", snapshot_names=f"{BESIDE}-old").answer)
    assert of("slots_in_copy", slots_in_copy=["s in db"]).value == ["s in db"]
    assert "no" in str(of("slots_in_copy", slots_in_copy=[]).answer)


def test_a_parameter_is_shown_as_rds_describes_it() -> None:
    fact = of("worker_parameter", worker_parameter={"AllowedValues": "0-100", "IsModifiable": True})
    assert fact.value == {"allowed": "0-100", "modifiable": True}
    assert "0-100" in str(fact.answer)


def test_durations_are_given_by_run() -> None:
    fact = of("step_seconds", step_seconds={"replace": {"delete-rds": 90.0, "hand-over": 0.2}})
    assert fact.answer == "replace: delete-rds 90 s"
