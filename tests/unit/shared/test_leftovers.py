"""Which clusters beside a target are deleted, decided from facts alone."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from aurora_restore.shared.cluster.leftovers import Beside, Occasion, why_kept, why_unproven
from aurora_restore.shared.rds.statuses import AVAILABLE
from aurora_restore.shared.recorded_cluster import RecordedCluster
from aurora_restore.shared.target_record import TargetRecord

NOW = datetime(2026, 5, 16, 3, 0, tzinfo=UTC)
SOON, BEFORE = NOW + timedelta(seconds=1), NOW - timedelta(seconds=1)
TEMPORARY = Beside(keep_until=SOON)
RETIRED = Beside(is_retired=True, keep_until=SOON)
OWN = Beside(is_own=True, keep_until=SOON)
DEAD = replace(OWN, is_dead=True)
ROOM = Occasion(unproven=None)
UNPROVEN = Occasion(unproven="nobody has seen it serve")
RETIREMENT = Occasion(unproven=None, due_by=NOW)


@pytest.mark.parametrize(
    ("beside", "occasion"),
    [
        (TEMPORARY, ROOM),
        (TEMPORARY, UNPROVEN),
        (DEAD, ROOM),
        (DEAD, UNPROVEN),
        (RETIRED, ROOM),
        (replace(RETIRED, keep_until=None), ROOM),
        (replace(TEMPORARY, keep_until=NOW), RETIREMENT),
        (replace(TEMPORARY, keep_until=BEFORE), replace(UNPROVEN, due_by=NOW)),
        (replace(RETIRED, keep_until=BEFORE), RETIREMENT),
        (replace(RETIRED, is_going=True), UNPROVEN),
        (replace(RETIRED, is_going=True), RETIREMENT),
        (replace(OWN, is_going=True), ROOM),
    ],
)
def test_what_is_in_the_way_or_due_goes(beside: Beside, occasion: Occasion) -> None:
    assert why_kept(beside, occasion) is None


@pytest.mark.parametrize(
    ("beside", "occasion", "because"),
    [
        (OWN, ROOM, "this operation has restored it"),
        (TEMPORARY, replace(ROOM, has_restored=True), "has restored its cluster already"),
        (RETIRED, replace(ROOM, has_restored=True), "has restored its cluster already"),
        (RETIRED, UNPROVEN, "what a roll-back returns to, and nobody has seen it serve"),
        (replace(RETIRED, keep_until=BEFORE), replace(UNPROVEN, due_by=NOW), "roll-back"),
        (TEMPORARY, RETIREMENT, "kept until 2026-05-16T03:00:01"),
        (RETIRED, RETIREMENT, "kept until 2026-05-16T03:00:01"),
        (replace(RETIRED, keep_until=None), RETIREMENT, "nothing says until when"),
    ],
)
def test_what_is_needed_or_not_yet_due_stays(
    beside: Beside, occasion: Occasion, because: str
) -> None:
    assert because in str(why_kept(beside, occasion))


def every_beside() -> list[Beside]:
    """Every cluster beside a target that there could be."""
    flags = [each.name for each in fields(Beside) if each.name != "keep_until"]
    return [
        Beside(keep_until=until, **dict(zip(flags, values, strict=True)))
        for until in (None, BEFORE, SOON)
        for values in product((False, True), repeat=len(flags))
    ]


OCCASIONS = [
    Occasion(unproven=unproven, has_restored=restored, due_by=due)
    for unproven, restored, due in product((None, "why"), (False, True), (None, NOW))
]


def test_nothing_ever_deletes_what_serves_or_is_being_switched() -> None:
    for beside, occasion in product(every_beside(), OCCASIONS):
        if beside.is_live or beside.is_switching:
            assert why_kept(beside, occasion) is not None


def test_the_only_way_back_from_an_unproven_cluster_is_never_deleted() -> None:
    for beside, occasion in product(every_beside(), OCCASIONS):
        if beside.is_retired and occasion.unproven and not beside.is_going and not beside.is_own:
            assert why_kept(beside, occasion) is not None


def test_what_goes_in_a_retirement_goes_for_a_restore_too() -> None:
    for beside, occasion in product(every_beside(), OCCASIONS):
        if occasion.due_by is not None and why_kept(beside, occasion) is None:
            assert why_kept(beside, replace(occasion, due_by=None)) is None


LIVE = RecordedCluster(resource_id="cluster-1", cluster_id="orders", verified_at="then")
PROVEN = TargetRecord(restored_by="op-1", live=LIVE)
SERVING: Any = {
    "DBClusterIdentifier": "orders",
    "DbClusterResourceId": "cluster-1",
    "Status": AVAILABLE,
}


def test_a_cluster_is_proven_once_it_was_verified_under_the_name_and_is_available() -> None:
    assert why_unproven("orders", SERVING, PROVEN) is None


@pytest.mark.parametrize(
    ("cluster", "record", "because"),
    [
        (None, PROVEN, "there is no cluster orders"),
        (SERVING, None, "not the one that was switched to last"),
        (SERVING, replace(PROVEN, live=None), "not the one that was switched to last"),
        (SERVING | {"DbClusterResourceId": "cluster-2"}, PROVEN, "switched to last"),
        (SERVING | {"Status": "stopped"}, PROVEN, "orders is stopped"),
        (SERVING, replace(PROVEN, live=replace(LIVE, verified_at=None)), "not been verified"),
    ],
)
def test_any_other_cluster_is_unproven(
    cluster: Any, record: TargetRecord | None, because: str
) -> None:
    assert because in str(why_unproven("orders", cluster, record))
