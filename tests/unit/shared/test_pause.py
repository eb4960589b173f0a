"""When a paused schedule holds a run back, and what is kept of a pause."""

from datetime import UTC, datetime

import pytest

from aurora_restore.shared.documents.event import Event
from aurora_restore.shared.errors import Action, UnreadablePauseError
from aurora_restore.shared.pause import Pause, PauseStore, is_scheduled_start
from tests.unit.bench import Bench

JANE = "arn:aws:sts::123456789012:assumed-role/operator/jane"
SINCE = "2026-05-15T02:00:00.000000Z"
UNTIL = "2026-05-18T06:00:00.000000Z"
PAUSE = Pause(restore="staging", by=JANE, since=SINCE)


@pytest.mark.parametrize(
    ("event", "is_new", "is_redriven", "held_back"),
    [
        (Event(started_by="schedule"), True, False, True),
        (Event(started_by="schedule"), False, False, False),
        (Event(started_by="schedule"), True, True, False),
        (Event(started_by="schedule", retire=True), True, False, False),
        (Event(started_by=JANE), True, False, False),
        (Event(), True, False, False),
    ],
    ids=["scheduled", "begun", "redriven", "retirement", "by a person", "by nobody known"],
)
def test_only_the_start_of_a_scheduled_restore_is_held_back(
    event: Event, is_new: bool, is_redriven: bool, held_back: bool
) -> None:
    assert is_scheduled_start(event, is_new=is_new, is_redriven=is_redriven) is held_back


@pytest.mark.parametrize(
    ("until", "hour", "in_force"), [(None, 23, True), (UNTIL, 5, True), (UNTIL, 6, False)]
)
def test_a_pause_ends_by_itself_at_the_moment_that_was_given(
    until: str | None, hour: int, in_force: bool
) -> None:
    pause = Pause(restore="staging", by=JANE, since=SINCE, until=until)

    assert pause.is_in_force(datetime(2026, 5, 18, hour, tzinfo=UTC)) is in_force


def test_a_pause_says_who_when_why_and_until_when() -> None:
    pause = Pause(restore="staging", by=JANE, since=SINCE, reason="The release.", until=UNTIL)

    assert str(pause) == (
        "The schedule of staging is paused until 2026-05-18 06:00 UTC, since 2026-05-15 02:00 UTC, "
        f"by {JANE}: The release."
    )
    assert str(PAUSE) == (
        "The schedule of staging is paused without an end, since 2026-05-15 02:00 UTC, by " + JANE
    )


def test_what_is_written_is_read_again_until_it_is_removed(bench: Bench) -> None:
    kept = PauseStore(bench.store, "staging")
    assert kept.read() is None

    kept.write(PAUSE)
    assert PauseStore(bench.store, "other").read() is None
    assert kept.read() == PAUSE

    again = Pause(restore="staging", by="bob", since=SINCE, reason="why", until=UNTIL)
    kept.write(again)
    assert kept.read() == again

    kept.remove()
    kept.remove()
    assert kept.read() is None


def test_an_item_that_is_no_pause_is_an_error_that_names_it(bench: Bench) -> None:
    bench.store.put({"operation_id": "pause#staging", "step": "pause", "by": "x", "until": "soon"})

    with pytest.raises(UnreadablePauseError, match=r"the item pause#staging .* until: 'soon'"):
        PauseStore(bench.store, "staging").read()


def test_whom_no_pause_holds_back_is_warned_of_it_also_where_it_cannot_be_read(
    bench: Bench,
) -> None:
    kept = PauseStore(bench.store, "staging")
    moment = datetime(2026, 5, 18, 6, tzinfo=UTC)

    assert kept.warning(moment) is None
    kept.write(PAUSE)
    assert kept.warning(moment) == str(PAUSE)
    kept.write(Pause(restore="staging", by=JANE, since=SINCE, until=UNTIL))
    assert kept.warning(moment) is None
    bench.store.put({"operation_id": "pause#staging", "step": "pause", "by": "x", "until": "soon"})
    assert "the item pause#staging" in str(kept.warning(moment))


def test_the_remedy_of_an_unreadable_pause_does_not_go_round_it() -> None:
    remedy = UnreadablePauseError.remedy

    assert remedy.action is Action.NOTHING
    assert "no pause holds a redriven run back" in remedy.what_to_do({})
