"""The queue of copies: who is before whom, and how soon one asks again."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from aurora_restore.shared.common import timestamp
from aurora_restore.shared.rds.arns import Place
from aurora_restore.shared.snapshots.turns import CopyQueue, CopyTurn, Ticket, look_again_after
from tests.unit.bench import START, Bench, bench_in_memory

LATER = START + timedelta(hours=1)


@pytest.fixture
def bench() -> Iterator[Bench]:
    with bench_in_memory() as made:
        yield made


def turn(*waiting: Ticket, in_progress: int = 0, copy: str = "mine") -> CopyTurn:
    copies = {f"copy-{number}": 50 for number in range(in_progress)}
    return CopyTurn(copy=copy, in_progress=copies, waiting=waiting)


def ticket(copy: str, limit: int = 5) -> Ticket:
    return Ticket(copy=copy, asked_at=timestamp(START), lapses_at=timestamp(LATER), limit=limit)


@pytest.mark.parametrize(
    ("others", "in_progress", "has_come"),
    [(0, 5, True), (1, 5, False), (1, 4, False), (1, 3, True), (4, 0, True), (5, 0, False)],
)
def test_as_many_may_try_as_the_limit_leaves_and_the_first_always(
    others: int, in_progress: int, *, has_come: bool
) -> None:
    before = [ticket(f"other-{number}") for number in range(others)]

    assert turn(*before, ticket("mine"), in_progress=in_progress).has_come is has_come


def test_a_newcomer_is_behind_all_that_wait() -> None:
    assert turn(ticket("other"), in_progress=5).before == ("other",)


def test_a_shared_copy_keeps_the_place_of_who_has_waited_longest(bench: Bench) -> None:
    queue = CopyQueue(bench.store, Place("123456789012", "us-west-2"))
    early, late = timestamp(START), timestamp(START + timedelta(minutes=5))

    queue.wait(turn(in_progress=5), early, START, 30)
    queue.wait(turn(in_progress=5), late, START, 30)
    (kept,) = queue.tickets(START)
    queue.wait(turn(kept, in_progress=5), late, START + timedelta(minutes=2), 30)

    (refreshed,) = queue.tickets(START)
    assert (kept.asked_at, refreshed.asked_at) == (early, early)
    assert refreshed.lapses_at > kept.lapses_at


def test_who_joins_a_shared_copy_does_not_let_its_ticket_lapse_earlier(bench: Bench) -> None:
    """Who has waited for long asks seldom, and who has come to it may be stopped."""
    queue = CopyQueue(bench.store, Place("123456789012", "us-west-2"))
    queue.wait(turn(in_progress=5), timestamp(START), START, 300)
    (kept,) = queue.tickets(START)
    joined = START + timedelta(minutes=1)

    queue.wait(turn(kept, in_progress=5), timestamp(joined), joined, 30)

    assert queue.tickets(joined) == [kept]


def test_a_lapsed_ticket_makes_room_for_a_new_one(bench: Bench) -> None:
    queue = CopyQueue(bench.store, Place("123456789012", "us-west-2"))
    queue.wait(turn(in_progress=5), timestamp(START), START, 30)

    queue.wait(turn(in_progress=5), timestamp(LATER), LATER, 30)

    assert [each.asked_at for each in queue.tickets(LATER)] == [timestamp(LATER)]


def test_the_limit_that_was_seen_is_remembered(bench: Bench) -> None:
    queue = CopyQueue(bench.store, Place("123456789012", "us-west-2"))
    queue.wait(turn(in_progress=5), timestamp(START), START, 30)
    (kept,) = queue.tickets(START)

    queue.wait(turn(kept, in_progress=2), timestamp(START), START, 30)

    assert queue.tickets(START) == [replace(kept, limit=5)]


@pytest.mark.parametrize(
    ("waited", "chance", "seconds"),
    [(0, 0, 30), (0, 1, 27), (1000, 0, 100), (36000, 0, 300), (36000, 1, 270)],
)
def test_it_asks_again_within_five_minutes_and_not_in_step(
    waited: float, chance: float, seconds: int
) -> None:
    assert look_again_after(waited, chance) == seconds
