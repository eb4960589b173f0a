"""Who uses a copy: decisions on its item, and writes that no other write is lost by."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from aurora_restore.shared.common import timestamp
from aurora_restore.shared.errors import CorruptStateError
from aurora_restore.shared.names import COPY_LEASES_KEY
from aurora_restore.shared.snapshots.leases import (
    LONGEST_CALL,
    Claim,
    CommonCopy,
    CommonCopyStore,
    Lease,
)
from tests.unit.bench import START, Bench

ARN = "arn:aws:rds:us-west-2:123456789012:cluster-snapshot:prod-1a2b3c4d-copy"
SECOND = timedelta(seconds=1)
UNUSED = CommonCopy(arn=ARN, users={})


def lease(operation: str, redrives: int = 0) -> Lease:
    return Lease(
        operation_id=operation,
        execution=f"the execution of {operation}",
        redrive_count=redrives,
        since=timestamp(START),
        restarts_before=0,
    )


def claim(operation: str, moment: datetime = START) -> Claim:
    return Claim(operation_id=operation, at=timestamp(moment))


BY_ONE = UNUSED.taken("one", lease("op-1"), START)
BY_BOTH = BY_ONE.taken("two", lease("op-2"), START)
GOING = BY_ONE.released({"one"}, claim("op-1"))


def test_each_restore_has_a_lease() -> None:
    assert dict(BY_BOTH.users) == {"one": lease("op-1"), "two": lease("op-2")}
    assert BY_BOTH.others("one") == ("two",)


def test_a_lease_is_taken_once_in_a_run() -> None:
    later = replace(lease("op-1"), since=timestamp(START + SECOND))

    assert BY_BOTH.taken("one", later, START + SECOND) == BY_BOTH


def test_a_redriven_run_counts_the_restarts_from_its_own_beginning() -> None:
    failed = replace(BY_BOTH, restarts=2)

    assert failed.restarts_in_run("one") == 2
    assert failed.taken("one", lease("op-1", redrives=1), START).restarts_in_run("one") == 0


def test_the_last_user_deletes_the_copy() -> None:
    assert BY_BOTH.released({"one"}, claim("op-1")).deleting is None
    assert BY_BOTH.released({"one", "two"}, claim("op-2")).deleting == claim("op-2")
    assert GOING.users == {}
    assert GOING.deleting == claim("op-1")


@pytest.mark.parametrize(
    ("age", "is_used"),
    [(SECOND, False), (LONGEST_CALL, False), (LONGEST_CALL + SECOND, True)],
)
def test_nobody_uses_a_copy_that_a_function_may_still_delete(age: timedelta, is_used: bool) -> None:
    taken = GOING.taken("two", lease("op-2"), START + age)

    assert ("two" in taken.users, taken.deleting is None) == (is_used, is_used)


@pytest.mark.parametrize(
    ("operation", "age", "is_claimed"),
    [
        ("op-1", SECOND, True),
        ("op-2", SECOND, False),
        ("op-2", LONGEST_CALL, False),
        ("op-2", LONGEST_CALL + SECOND, True),
    ],
)
def test_a_deletion_is_finished_by_the_same_operation_or_much_later(
    operation: str, age: timedelta, is_claimed: bool
) -> None:
    wanted = claim(operation, START + age)

    assert (GOING.claimed(wanted).deleting == wanted) == is_claimed


def test_what_is_used_is_never_claimed() -> None:
    assert BY_ONE.claimed(claim("op-1")) == BY_ONE


def test_a_failed_copy_is_started_again_by_one() -> None:
    by_one = BY_BOTH.restarted("one", 0, claim("op-1"), is_first=False)
    by_two = by_one.restarted("two", 0, claim("op-2"), is_first=False)

    assert (by_one.restarts, by_one.restarting) == (1, claim("op-1"))
    assert by_two == by_one
    assert [by_one.restarts_in_run(name) for name in ("one", "two")] == [1, 1]


@pytest.mark.parametrize(
    ("operation", "age", "is_taken_over"),
    [("op-1", SECOND, True), ("op-2", SECOND, False), ("op-2", LONGEST_CALL + SECOND, True)],
)
def test_nobody_else_starts_it_again_while_a_function_may_still_delete_it(
    operation: str, age: timedelta, is_taken_over: bool
) -> None:
    before = BY_BOTH.restarted("one", 0, claim("op-1"), is_first=False)
    wanted = claim(operation, START + age)

    again = before.restarted("two", 1, wanted, is_first=False)

    assert before.is_restarted_by_other(operation, START + age) != is_taken_over
    assert (again.restarting == wanted) == is_taken_over
    # It is the same failure.
    assert again.restarts == 1


def test_once_it_is_started_again_the_next_failure_is_another_one() -> None:
    started = BY_BOTH.restarted("one", 0, claim("op-1"), is_first=False).started()

    again = started.restarted("two", 1, claim("op-2"), is_first=False)

    assert (again.restarts, again.restarting) == (2, claim("op-2"))


def test_a_copy_that_had_failed_before_a_run_came_is_not_counted_in_it() -> None:
    again = BY_BOTH.restarted("one", 0, claim("op-1"), is_first=True)

    assert [again.restarts_in_run(name) for name in ("one", "two")] == [0, 1]


# In the state table


def test_what_is_written_is_read(bench: Bench) -> None:
    store = CommonCopyStore(bench.store)

    written = store.change(ARN, lambda _: replace(GOING, restarting=claim("op-1"), restarts=1))

    assert written.revision > 0
    assert store.of(ARN) == written
    assert store.all() == [written]


def test_a_write_that_comes_between_is_not_lost(bench: Bench) -> None:
    store = CommonCopyStore(bench.store)
    seen = []

    def decide(found: CommonCopy) -> CommonCopy:
        seen.append(found)
        if len(seen) == 1:
            store.change(ARN, lambda other: other.taken("two", lease("op-2"), START))
        return found.taken("one", lease("op-1"), START)

    written = store.change(ARN, decide)

    assert [len(each.users) for each in seen] == [0, 1]
    assert sorted(written.users) == ["one", "two"]
    assert written.revision == seen[1].revision + 1


def test_nothing_is_written_where_nothing_changes(bench: Bench) -> None:
    store = CommonCopyStore(bench.store)
    before = store.change(ARN, lambda found: found.taken("one", lease("op-1"), START))

    assert store.change(ARN, lambda found: found) == before


def test_an_item_that_has_been_written_since_is_not_removed(bench: Bench) -> None:
    store = CommonCopyStore(bench.store)
    old = store.change(ARN, lambda _: GOING)
    new = store.change(ARN, lambda found: found.claimed(claim("op-1", START + SECOND)))

    store.remove(old)
    assert store.of(ARN) == new

    store.remove(new)
    assert store.all() == []


def test_an_item_that_cannot_be_read_is_named(bench: Bench) -> None:
    bench.store.put({"operation_id": COPY_LEASES_KEY, "step": ARN, "users": "nobody"})

    with pytest.raises(CorruptStateError, match=r"prod-1a2b3c4d-copy.*users: must be an object"):
        CommonCopyStore(bench.store).of(ARN)


def test_an_item_that_was_made_again_is_not_taken_for_the_one_before(bench: Bench) -> None:
    """A write may take a minute, because boto3 repeats it: long enough for both."""
    store = CommonCopyStore(bench.store)
    store.change(ARN, lambda found: found.taken("one", lease("op-1"), START))

    def decide(found: CommonCopy) -> CommonCopy:
        if "one" in found.users:
            store.remove(store.change(ARN, lambda old: old.released({"one"}, claim("op-1"))))
            store.change(ARN, lambda new: new.taken("three", lease("op-3"), START))
        return found.taken("two", lease("op-2"), START)

    assert sorted(store.change(ARN, decide).users) == ["three", "two"]


def test_an_item_without_its_revision_is_named(bench: Bench) -> None:
    """No write would ever find it as it was read."""
    bench.store.put({"operation_id": COPY_LEASES_KEY, "step": ARN, "users": {}})

    with pytest.raises(CorruptStateError, match=r"prod-1a2b3c4d-copy.*revision: is missing"):
        CommonCopyStore(bench.store).of(ARN)
