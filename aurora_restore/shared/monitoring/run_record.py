"""How each run of a restore has ended: an item of the state table for each.

Step Functions lists executions without their restore, and remembers them for three months. An
item is written once its run has ended, by the step that announces that, and again if the run is
continued and ends once more. A start that a pause has held back has one, too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final, Literal

from aurora_restore.shared.common import parse_timestamp, timestamp
from aurora_restore.shared.documents.fields import Moment, RestoreName, Text
from aurora_restore.shared.documents.schema import parse, to_json
from aurora_restore.shared.errors import ValidationError
from aurora_restore.shared.names import RUNS_KEY_PREFIX
from aurora_restore.shared.operation_state import OperationState
from aurora_restore.shared.state_utils import IS_NEW, StateStore, corrupt_item

SUCCEEDED: Final = "succeeded"
FAILED: Final = "failed"
HELD_BACK: Final = "held back"


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """How a run has ended. An attribute that is None is absent."""

    restore: RestoreName
    operation: Text
    """The operation's id."""
    outcome: Literal["succeeded", "failed", "held back"]
    started_at: Moment
    ended_at: Moment
    schedule: str | None = None
    """The schedule that the restore had at its end."""
    target: str | None = None
    """What the target was then, in a few words."""
    snapshot_created_at: Moment | None = None
    gone_since_at: Moment | None = None
    """When the target began to be deleted, if it was replaced."""
    handed_over_at: Moment | None = None
    interruption_seconds: float | None = None
    """As a switch has measured it."""
    drift: int | None = None
    """How many settings differ from the old cluster's, or from what is configured."""
    failed_at: str | None = None
    """After a failure, the step."""
    error_type: str | None = None

    @property
    def started(self) -> datetime:
        """Return when the operation began."""
        return parse_timestamp(self.started_at)

    @property
    def ended(self) -> datetime:
        """Return when the run ended."""
        return parse_timestamp(self.ended_at)

    @property
    def seconds(self) -> float:
        """Return how long it took, with the time in which it waited to be continued."""
        return max(0.0, (self.ended - self.started).total_seconds())

    @property
    def has_succeeded(self) -> bool:
        """Return whether the target has got new data, and that was announced."""
        return self.outcome == SUCCEEDED

    @property
    def gone_since(self) -> datetime | None:
        """Return when the target began to be deleted; None where it is not replaced."""
        return None if self.gone_since_at is None else parse_timestamp(self.gone_since_at)

    @property
    def handed_over(self) -> datetime | None:
        """Return when clients were let in to the restored cluster."""
        return None if self.handed_over_at is None else parse_timestamp(self.handed_over_at)


def facts_of_run(state: OperationState | None) -> dict[str, Any]:
    """Return what a record says of a run, from the state of its operation."""
    if state is None:
        return {}
    is_replaced = state.sequence == "replace"
    return {
        "snapshot_created_at": state.snapshot_created_at,
        "gone_since_at": state.delete_started_at if is_replaced else None,
        "handed_over_at": state.handed_over_at,
        "interruption_seconds": state.interruption_seconds,
        "drift": None if state.drift is None else len(state.drift),
    }


@dataclass(frozen=True)
class RunRecordStore:
    """The records of one restore, in the state table."""

    store: StateStore
    restore: str

    @property
    def key(self) -> str:
        """Return the partition key of the records."""
        return f"{RUNS_KEY_PREFIX}{self.restore}"

    def write(self, record: RunRecord) -> None:
        """Write how a run has ended. A failure does not replace the success of the same run."""
        item = {
            "operation_id": self.key,
            "step": f"{record.started_at}/{record.operation}",
            "expires_at": int((record.ended + self.store.retention).timestamp()),
            **to_json(record),
        }
        if record.has_succeeded:
            self.store.put(item)
        else:
            self.store.put_if(item, f"{IS_NEW} OR outcome <> :succeeded", {":succeeded": SUCCEEDED})

    def read(self) -> tuple[RunRecord, ...]:
        """Return the records that are kept, the run that began last first.

        Raises CorruptStateError if an item is not one.
        """
        items = self.store.load_all(self.key)
        found = [self._parsed(item) for item in items]
        return tuple(sorted(found, key=lambda each: each.started, reverse=True))

    def _parsed(self, item: Mapping[str, Any]) -> RunRecord:
        known = {each.name for each in fields(RunRecord)}
        found = {name: value for name, value in item.items() if name in known}
        try:
            return parse(RunRecord, found)
        except ValidationError as error:
            raise corrupt_item(item, self.store.state_table, error.message) from error


def held_back(
    restore: str, operation_id: str, moment: datetime, schedule: object | None
) -> RunRecord:
    """Return the record of a start that a pause of the schedule has held back."""
    at = timestamp(moment)
    return RunRecord(
        restore=restore,
        operation=operation_id,
        outcome="held back",
        started_at=at,
        ended_at=at,
        schedule=None if schedule is None else str(schedule),
    )
