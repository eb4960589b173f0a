"""Faults of a start event whose single fields are right."""

from collections.abc import Collection, Iterator

from aurora_restore.shared.documents.event import NAMING_FIELDS, Event
from aurora_restore.shared.documents.regions import region_fault
from aurora_restore.shared.documents.schema import Fault


def faults_of_event(event: Event, extra_regions: Collection[str]) -> Iterator[Fault]:
    """Yield every fault of an event that no field's own rule can find."""
    yield from _unknown_regions(event, extra_regions)
    yield from _date_beside_a_name(event)
    if event.roll_back and event.retire:
        yield Fault("retire", "contradicts roll_back: leave out one of the two")


def _unknown_regions(event: Event, extra_regions: Collection[str]) -> Iterator[Fault]:
    """Yield a fault for every Region that botocore could make no name of a host for."""
    named = {
        "source_region": event.source_region,
        "target_region": event.target_region,
        **{field: _region_of(getattr(event, field)) for field in NAMING_FIELDS},
        "target_snapshot_name": _region_of(event.target_snapshot_name),
    }
    for field, region in named.items():
        if region is not None and (problem := region_fault(region, extra_regions)):
            yield Fault(field, problem)


def _region_of(snapshot: str | None) -> str | None:
    """Return the Region in a snapshot's ARN; None for a name."""
    if snapshot is None or not snapshot.startswith("arn:"):
        return None
    return snapshot.split(":")[3]


def _date_beside_a_name(event: Event) -> Iterator[Fault]:
    """Yield a fault if an event names a snapshot and a day, of which only one could count."""
    if event.date is None:
        return
    for field in NAMING_FIELDS:
        if getattr(event, field) is not None:
            yield Fault(
                "date", f"contradicts {field}, which names one snapshot: leave out one of the two"
            )
