"""The demo's snapshots of production, on an ordinary day and around midnight."""

from datetime import UTC, datetime, timedelta

import pytest

from demo.preparation import moments_of_snapshots

_NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


def test_the_demo_has_one_snapshot_of_yesterday() -> None:
    assert moments_of_snapshots(_NOON) == [_NOON - timedelta(days=1)]


@pytest.mark.parametrize("minutes", [1, 20, 59])
def test_a_run_after_midnight_finds_a_snapshot_of_its_yesterday_too(minutes: int) -> None:
    begun = datetime(2026, 12, 1, tzinfo=UTC) - timedelta(minutes=minutes)
    days = {moment.date() for moment in moments_of_snapshots(begun)}
    for run in (begun, begun + timedelta(minutes=59)):
        assert run.date() - timedelta(days=1) in days
