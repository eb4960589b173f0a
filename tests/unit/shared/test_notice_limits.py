"""A notice fits into what SNS takes, whatever the facts are."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from aurora_restore.shared.notices.notice import MOST_ITEMS, Notice, bullets, duration, subject_of
from aurora_restore.shared.notices.publication import MOST_BYTES, by_protocol
from tests.unit.shared.notices import BEGUN, failed, notice_of

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.text(), st.text())
def test_a_subject_is_what_sns_takes(where: str, what: str) -> None:
    subject = subject_of(where, what)

    assert len(subject) < 100
    assert subject.isascii()
    assert subject.isprintable()


@given(st.text(alphabet="abc-", max_size=100), st.text(alphabet="xyz", min_size=1, max_size=70))
def test_what_has_happened_is_whole_in_a_subject_however_long_the_names_are(
    where: str, what: str
) -> None:
    assert subject_of(where, what).endswith(f": {what}")


def test_the_longest_names_leave_room_for_outcome_step_and_target() -> None:
    notice = notice_of(failed(step="check-restore-status"), BEGUN, restore="r" * 40)

    assert notice.subject.endswith("...: FAILED at check-restore-status - target unchanged")


@given(ANY_JSON, st.integers(0, 3))
def test_what_fits_is_published_whole(details: Any, times: int) -> None:
    document = {"operation_id": "op-1", "details": {"found": [details] * times}}

    published = by_protocol(Notice("subject", "text", document))

    assert json.loads(published["default"]) == document
    text, machines = published["email"].split("\n\nTHE SAME FOR MACHINES\n")
    assert (text, json.loads(machines)) == ("text", document)


@settings(max_examples=20, deadline=None)
@given(
    st.text(min_size=1, max_size=5),
    st.sampled_from([1_000, 100_000, 1_000_000]),
    st.sampled_from([1, 50, 1_000]),
)
def test_however_much_there_is_to_say_the_message_is_published(
    text: str, length: int, items: int
) -> None:
    long = (text * length)[: length // items]
    document = {"operation_id": "op-1", "details": {"found": [long] * items}}

    published = by_protocol(Notice("subject", text * length, document))

    assert len(json.dumps(published).encode()) <= MOST_BYTES
    assert json.loads(published["default"])["operation_id"] == "op-1"


def test_a_long_document_leaves_the_email_its_text() -> None:
    document = {"details": {"found": ["x" * 1000] * 150}}

    published = by_protocol(Notice("subject", "text", document))

    assert published["email"] == "text\n"
    assert json.loads(published["default"]) == document


def test_a_list_beyond_what_a_person_reads_is_counted() -> None:
    shown = bullets(f"item {number}" for number in range(MOST_ITEMS + 7)).splitlines()

    assert len(shown) == MOST_ITEMS + 1
    assert shown[-1] == "  - and 7 more, which the JSON names"


def test_durations_are_said_as_a_person_does() -> None:
    said = [duration(seconds) for seconds in (-1, 59, 60, 3600, 7000, 3 * 86400 + 7200)]

    assert said == ["0 s", "59 s", "1 min 00 s", "1 h 00 min", "1 h 56 min", "3 d 2 h"]
