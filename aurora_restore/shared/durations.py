"""How long things took in earlier operations of a restore.

One item of the state table for each restore, with the last few durations of everything that is
remembered. It only helps to choose when to look: a run without it, or with a strange one, looks as
often as at something unknown.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final

from aurora_restore.shared.awaited import Awaited
from aurora_restore.shared.names import DURATIONS_KEY_PREFIX
from aurora_restore.shared.state_utils import StateStore
from aurora_restore.shared.waiting import REMEMBERED, remember, usual_after

DURATIONS_STEP: Final = "durations"
"""The record's sort key."""


@dataclass
class EarlierDurations:
    """The record of one restore, read when it is first asked for."""

    store: StateStore
    restore: str

    @property
    def key(self) -> str:
        """Return the record's partition key in the state table."""
        return f"{DURATIONS_KEY_PREFIX}{self.restore}"

    def of(self, awaited: Awaited) -> tuple[float, ...]:
        """Return the seconds that something took, the latest last; none if it is not remembered."""
        if not awaited.value.remembered:
            return ()
        return self._known.get(awaited.value.name, ())

    def usual(self, awaited: Awaited) -> float | None:
        """Return the seconds that something usually takes, after what this restore has copied."""
        thing = awaited.value
        others = self._known.get(thing.grows_with, ()) if thing.grows_with else ()
        if thing.usual is None or not others:
            return thing.usual
        return usual_after(thing.usual, others[-1])

    def add(self, awaited: Awaited, seconds: float, moment: datetime) -> None:
        """Write down how long something took, unless it is not remembered."""
        if not awaited.value.remembered:
            return
        self._known[awaited.value.name] = remember(self.of(awaited), seconds)
        self.store.put(
            {
                "operation_id": self.key,
                "step": DURATIONS_STEP,
                "expires_at": int((moment + self.store.retention).timestamp()),
                "seconds": self._known,
            }
        )

    @cached_property
    def _known(self) -> dict[str, tuple[float, ...]]:
        items = self.store.load_all(self.key)
        found = items[0].get("seconds") if items else None
        if not isinstance(found, Mapping):
            return {}
        known = {each.value.name for each in Awaited if each.value.remembered}
        return {
            name: tuple(each for each in seconds if _is_duration(each))[-REMEMBERED:]
            for name, seconds in found.items()
            if name in known and isinstance(seconds, list)
        }


def _is_duration(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0
