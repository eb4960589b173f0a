"""What must hold so that a copy can harm nobody, judged from what was read; nothing here reads."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from aurora_restore.proof.checks import Check, TableReading


def check_wiring(
    production: Mapping[str, Sequence[str]],
    removed: Mapping[str, Sequence[str]],
    left: Mapping[str, Sequence[str]],
) -> Check:
    """Return the check that everything that ties a copy to production was found and removed.

    All are names by kind: what production had when its snapshot was taken, what the pipeline says
    that it removed, and what is in the restored cluster now.
    """
    return Check(
        promise="What would have tied the copy to production is removed from it",
        held=all(production.values()) and removed == production and not any(left.values()),
        evidence=_names(production),
        found=f"removed were {_names(removed)}; left are {_names(left)}",
    )


def check_slot(before: Sequence[Sequence[object]], after: Sequence[Sequence[object]]) -> Check:
    """Return the check that nobody has read from production's slot at its supplier."""
    return Check(
        promise="Production's replication slot at its supplier is where production left it",
        held=bool(before) and before == after,
        evidence=", ".join(f"{name} at {position}" for name, *_, position in after),
        found=f"it was {before} and is {after}",
    )


def check_delivery(
    published: Mapping[int, float],
    delivered: Mapping[int, float],
    at_snapshot: TableReading | None,
    in_copy: TableReading | None,
) -> Check:
    """Return the check that what was published meanwhile reached production, and nobody else.

    The readings are of the table that production subscribes to.
    """
    reached = "no other rows" if in_copy == at_snapshot else "other rows"
    return Check(
        promise="What its supplier published meanwhile was delivered to production alone",
        held=bool(published) and delivered == published and in_copy == at_snapshot,
        evidence=f"{len(delivered)} prices, when it woke up",
        found=f"production has {len(delivered)} prices of {len(published)}, and the copy has "
        f"{reached} than at the snapshot",
    )


def check_unchanged(before: Mapping[str, TableReading], after: Mapping[str, TableReading]) -> Check:
    """Return the check that nobody has written to the source."""
    changed = sorted(
        name for name in before.keys() | after.keys() if before.get(name) != after.get(name)
    )
    return Check(
        promise="Nothing was written to production, through its foreign server or otherwise",
        held=bool(before) and not changed,
        evidence=f"its {len(after)} tables are as they were",
        found=f"changed: {', '.join(changed) or 'no table was read before'}",
    )


def check_originals(
    originals: int, in_source: Mapping[str, int], in_restored: Mapping[str, int]
) -> Check:
    """Return the check that no original value is left anywhere in the restored cluster.

    Both count the original values by place. The same search must find them in the source: one that
    finds nothing there proves nothing.
    """
    known = sorted(place for place, count in in_source.items() if count)
    left = [f"{count:,} in {place}" for place, count in in_restored.items() if count]
    unsearched = [f"{place} was not searched" for place in known if place not in in_restored]
    return Check(
        promise="No original value is left in any table, view or statistic of the copy",
        held=bool(known) and not left and not unsearched,
        evidence=f"{len(in_restored)} of them were searched for {originals:,} values; in "
        f"production the same search finds them in {', '.join(known)}",
        found=", ".join([*left, *unsearched]) or "none was found in production either",
    )


def check_proof(masking: Mapping[str, Any]) -> Check:
    """Return the check that the classification of columns and their original values were proven.

    ``masking`` is what the pipeline has written to the state about its proof.
    """
    databases = masking.get("columns", ())
    masked, cleared, safe, originals = (
        sum(int(each[number]) for each in databases)
        for number in ("masked", "cleared", "safe", "originals")
    )
    return Check(
        promise="The pipeline has proven the masking of every column",
        held=bool(masked and originals),
        evidence=f"of {masked} masked ones none of {originals:,} remembered values is left, "
        f"{cleared} are cleared, {safe} are safe, none is unclassified",
        found="the state holds no such proof",
    )


def check_checks(configured: str, masking: Mapping[str, Any]) -> Check:
    """Return the check that the configured check and the ready-made one ran and found nothing."""
    results = {each["name"]: int(each["rows"]) for each in masking.get("checks", ())}
    searched = sum(int(each["columns"]) for each in masking.get("personal_data", ()))
    return Check(
        promise="Its checks of the masked data have found nothing",
        held=results == {configured: 0} and searched > 0,
        evidence=f"{configured!r} returned no row, and in {searched} text columns nothing looks "
        "like the address or a number of a person",
        found=f"they returned {results}, and {searched} text columns were searched",
    )


def check_quarantine(
    groups: Sequence[str],
    restored: datetime | None,
    set_up: datetime | None,
    begun: datetime | None,
    lifted: datetime | None,
) -> Check:
    """Return the check that the quarantine ended after the databases were set up, and not before.

    The groups are those of the quarantine. The moments are those of the state table: when the
    restore was begun, when the databases were set up, when the final groups were attached, and when
    they were in force on every instance.
    """
    promise = "The quarantine was lifted after the databases were set up"
    if not (groups and restored and set_up and begun and lifted):
        return Check(promise=promise, held=False, found="the state knows of none, or not when")
    return Check(
        promise=promise,
        held=restored < set_up < begun < lifted,
        evidence=f"between {shown_moment(begun)} and {shown_moment(lifted)}, "
        f"{(begun - restored).total_seconds():.1f} s after the restore began",
        found=f"that began at {shown_moment(begun)}, "
        f"and they were set up at {shown_moment(set_up)}",
    )


def check_outsider(refused: int, reached: datetime | None, set_up: datetime | None) -> Check:
    """Return the check that another host was refused until the databases were set up."""
    attempts = f"it was refused {refused} times, and let in at {shown_moment(reached)}"
    return Check(
        promise="Until the databases were set up another host was refused",
        held=bool(refused and reached and set_up and set_up < reached),
        evidence=attempts,
        found=f"{attempts}; the databases were set up at {shown_moment(set_up)}",
    )


def _names(kinds: Mapping[str, Sequence[str]]) -> str:
    named = (f"{kind.replace('_', ' ')}: {', '.join(kinds[kind])}" for kind in kinds if kinds[kind])
    return "; ".join(named) or "none"


def shown_moment(moment: datetime | None) -> str:
    """Return a moment as the state and the notification show it, to a millisecond."""
    if moment is None:
        return "no time"
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
