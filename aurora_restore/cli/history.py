"""The history of an execution, of which each event is fetched once."""

from collections.abc import Mapping
from typing import Any, Final

_WHOLE_PAGE: Final = 100
_NEWEST_PAGE: Final = 20
"""What is added between two looks is mostly less."""


class History:
    """The events of an execution, of which each is fetched once."""

    def __init__(self, client: Any, execution_arn: str) -> None:
        self._client = client
        self._arn = execution_arn
        self.events: list[Mapping[str, Any]] = []

    def refresh(self) -> None:
        """Fetch what has been added, the last event first, down to those that are known."""
        known = self.events[-1]["id"] if self.events else 0
        size = _NEWEST_PAGE if known else _WHOLE_PAGE
        pages = self._client.get_paginator("get_execution_history").paginate(
            executionArn=self._arn, reverseOrder=True, PaginationConfig={"PageSize": size}
        )
        added: list[Mapping[str, Any]] = []
        for page in pages:
            new = [event for event in page["events"] if event["id"] > known]
            added += new
            if len(new) < len(page["events"]):
                break
        self.events += reversed(added)
