"""Each event of a history is fetched once, however long it grows."""

from collections.abc import Iterator
from typing import Any

from aurora_restore.cli.history import History
from tests.unit.demo.histories import whole_run

PAGE = 20


class FakeStepFunctions:
    """Answers with the events there are, the last one first, page by page."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.pages = 0

    def get_paginator(self, name: str) -> "FakeStepFunctions":
        assert name == "get_execution_history"
        return self

    def paginate(self, **arguments: Any) -> Iterator[dict[str, Any]]:
        assert arguments["reverseOrder"] is True
        latest_first = list(reversed(self.events))
        for start in range(0, max(1, len(latest_first)), PAGE):
            self.pages += 1
            yield {"events": latest_first[start : start + PAGE]}


def test_a_history_grows_in_order_and_without_repetition() -> None:
    client = FakeStepFunctions()
    history = History(client, "arn")
    events = whole_run().events
    assert len(events) > 3 * PAGE
    for length in (0, 1, 1, 45, len(events)):
        client.events = events[:length]
        history.refresh()
        assert history.events == events[:length]


def test_known_pages_are_not_fetched_again() -> None:
    client = FakeStepFunctions()
    history = History(client, "arn")
    events = whole_run().events
    client.events = events[:-3]
    history.refresh()
    client.pages = 0
    client.events = events
    history.refresh()
    assert history.events == events
    assert client.pages == 1
