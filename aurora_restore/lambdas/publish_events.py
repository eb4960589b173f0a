"""Publishes what the steps record in the audit table to EventBridge."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from aurora_restore.shared.aws_utils import Clients, call, default_clients
from aurora_restore.shared.common import logger, parse_timestamp
from aurora_restore.shared.errors import AwsError
from aurora_restore.shared.events.recorded import OutcomeEvent, event_of
from aurora_restore.shared.initialisation import end_loading
from aurora_restore.shared.lambda_environment import LambdaEnvironment
from aurora_restore.shared.state_utils import from_item

if TYPE_CHECKING:
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef

MOST_ENTRIES: Final = 10
"""How many events a call takes (API_PutEvents, Entries)."""


class EventPublisher:
    """The function that reads the stream of the audit table.

    It is no step: no run calls it or waits for it. Lambda calls it with new items of the table in
    their order, and again with the same ones if it fails, so that an event may come twice.
    """

    def __init__(
        self, *, clients: Clients | None = None, environment: LambdaEnvironment | None = None
    ) -> None:
        self._clients = clients
        self._environment = environment

    def __call__(self, event: Mapping[str, Any], context: object) -> None:
        """Publish the outcomes among the records of a stream: the Lambda entry point.

        Raises AuroraRestoreError if EventBridge refuses any, or is not reached.
        """
        del context
        environment = self._environment or LambdaEnvironment.from_env()
        items = (from_item(each["dynamodb"]["NewImage"]) for each in event["Records"])
        events = [event_of(item, environment.name_prefix) for item in items]
        self._publish([each for each in events if each is not None], environment.event_bus)

    def _publish(self, events: Sequence[OutcomeEvent], bus: str) -> None:
        client = (self._clients or default_clients()).events
        refused: list[str] = []
        for start in range(0, len(events), MOST_ENTRIES):
            entries = [_entry(each, bus) for each in events[start : start + MOST_ENTRIES]]
            results = call(client.put_events, Entries=entries)["Entries"]
            refused.extend(str(each["ErrorCode"]) for each in results if "ErrorCode" in each)
        logger.info("events published", published=len(events) - len(refused))
        if refused:
            raise AwsError(
                f"EventBridge has refused {len(refused)} of {len(events)} events: "
                f"{_codes(refused)}",
                event_bus=bus,
            )


def _entry(event: OutcomeEvent, bus: str) -> "PutEventsRequestEntryTypeDef":
    return {
        "EventBusName": bus,
        "Source": event.source,
        "DetailType": event.detail_type,
        "Detail": json.dumps(event.detail),
        "Time": parse_timestamp(event.at),
        "Resources": list(event.resources),
    }


def _codes(refused: Iterable[str]) -> str:
    return ", ".join(sorted(set(refused)))


handler = EventPublisher()
end_loading()
