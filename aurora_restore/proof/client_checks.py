"""What a client must have seen of a switch, judged from its attempts; nothing here reads."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby, pairwise, takewhile
from typing import Any

from aurora_restore.proof.checks import Check
from aurora_restore.proof.safety_checks import shown_moment


class Data(StrEnum):
    """What a client finds under the target's name."""

    OLD = "the old data"
    NEW = "the new data"
    UNKNOWN = "other data"


@dataclass(frozen=True, kw_only=True)
class ClientAttempt:
    """One attempt of a client to log in and look, and one with a password of production."""

    began: datetime
    ended: datetime
    data: Data | None
    """None where it was refused, or nobody answered."""
    values: int = 0
    """How many values it saw in columns that are masked."""
    originals: int = 0
    """How many of them are production's."""
    stranger: str = ""
    """The user of production whose password was tried."""
    stranger_let_in: bool | None = None
    """None where nobody answered."""


@dataclass(frozen=True, kw_only=True)
class Interruption:
    """How long a client was refused between two data."""

    refused: int
    """How many attempts."""
    first: datetime
    last: datetime
    """When the first and the last refused attempt began."""
    seconds: float
    """From the first refused attempt to the first that succeeded."""
    granularity: float
    """By how much it may have been longer or shorter: the longest time between two attempts."""


def find_interruption(
    attempts: Sequence[ClientAttempt], before: Data, after: Data
) -> Interruption | None:
    """Return how long the client was refused between ``before`` and ``after``.

    None if it was not refused just once, between the one data and the other.
    """
    phases = [(data, list(phase)) for data, phase in groupby(attempts, lambda each: each.data)]
    if [data for data, _ in phases] != [before, None, after]:
        return None
    (_, served), (_, refused), (_, again) = phases
    begins = [each.began for each in (served[-1], *refused, again[0])]
    return Interruption(
        refused=len(refused),
        first=refused[0].began,
        last=refused[-1].began,
        seconds=(again[0].began - refused[0].began).total_seconds(),
        granularity=max((later - one).total_seconds() for one, later in pairwise(begins)),
    )


def check_served(
    attempts: Sequence[ClientAttempt], data: Data, switch_began: datetime | None
) -> Check:
    """Return the check that the client was let in to ``data`` until the switch began.

    The moment is the one that the pipeline has written to the state table.
    """
    before = [each for each in attempts if switch_began and each.ended < switch_began]
    return Check(
        promise=f"It was served on {data} until the name began to change hands",
        held=bool(before) and all(each.data is data for each in before),
        evidence=f"at each of {len(before)} attempts before {shown_moment(switch_began)}",
        found=f"until {shown_moment(switch_began)} {_phases(before)}",
    )


def check_interruption(
    attempts: Sequence[ClientAttempt], before: Data, after: Data, state: Mapping[str, Any]
) -> Check:
    """Return the check that the client was refused for as long as the pipeline says, at most.

    ``state`` is what the pipeline has written to the state table about the switch.
    """
    promise = "Then it was refused, and no longer than the pipeline says"
    began, ended = (_moment(state.get(each)) for each in ("switch_started_at", "switched_at"))
    said, to = (state.get(f"interruption{each}") for each in ("_seconds", "_granularity_seconds"))
    interruption = find_interruption(attempts, before, after)
    if interruption is None or began is None or ended is None or said is None or to is None:
        return Check(
            promise=promise,
            held=False,
            found=f"{_phases(attempts)}; the pipeline says {'nothing' if said is None else said}",
        )
    lag = timedelta(seconds=interruption.granularity)
    shortest = interruption.seconds - interruption.granularity
    within = began <= interruption.first and interruption.last <= ended + lag
    numbers = (
        f"for {interruption.seconds:.1f} s, to {interruption.granularity:.1f} s "
        f"({interruption.refused} attempts); the pipeline says {float(said):.1f} s, to "
        f"{float(to):.1f} s"
    )
    return Check(
        promise=promise,
        held=within and shortest <= float(said) + float(to),
        evidence=numbers,
        found=f"{numbers}, from {shown_moment(began)} to {shown_moment(ended)}",
    )


def check_ended(attempts: Sequence[ClientAttempt], data: Data) -> Check:
    """Return the check that the client is on ``data`` at the end."""
    last = list(takewhile(lambda each: each.data is data, reversed(attempts)))
    return Check(
        promise=f"Since then it is served on {data}",
        held=bool(last),
        evidence=f"at each of {len(last)} attempts",
        found=_phases(attempts),
    )


def check_certificate(verified: bool, state: Mapping[str, Any]) -> Check:
    """Return the check that the pipeline knows whether the certificate is for the target's name.

    ``verified`` is whether a client has found that it is.
    """
    said = state.get("certificate_matches")
    let_in = (
        "they are let in"
        if verified
        else "they are refused until the cluster has been stopped and started"
    )
    return Check(
        promise="Of clients that verify the host name, too, the notification says what they meet",
        held=said is verified,
        evidence=let_in,
        found=f"{let_in}; it says {said}",
    )


def check_unmasked(attempts: Sequence[ClientAttempt], originals: int) -> Check:
    """Return the check that the client never saw a value of production that is masked.

    ``originals`` is how many there are.
    """
    seen = sum(each.originals for each in attempts)
    values = sum(each.values for each in attempts)
    first = next((each.began for each in attempts if each.originals), None)
    return Check(
        promise="It never saw a value that is to be masked",
        held=bool(originals and values) and not seen,
        evidence=f"none of {originals:,}, in {values:,} values that it read in those columns",
        found=f"{seen:,} in {values:,} values, the first at {shown_moment(first)}",
    )


def check_strangers(attempts: Sequence[ClientAttempt], users: Collection[str]) -> Check:
    """Return the check that no password of production let anybody in, before the switch or after.

    Each of the users must have been tried on the new data.
    """
    tried = [each for each in attempts if each.stranger_let_in is not None]
    let_in = sorted({each.stranger for each in tried if each.stranger_let_in})
    on_new = {each.stranger for each in tried if each.data is Data.NEW}
    return Check(
        promise="No password of production let anybody in under the target's name",
        held=bool(users) and not let_in and set(users) <= on_new,
        evidence=f"{len(tried)} attempts, with those of {', '.join(sorted(users))}",
        found=f"let in were {', '.join(let_in) or 'none'}; "
        f"tried on the new data were {', '.join(sorted(on_new)) or 'none'}",
    )


@dataclass(frozen=True, kw_only=True)
class KeptCluster:
    """A cluster that has lost the target's name, as RDS describes it, and who reaches it."""

    name: str
    resource_id: str
    statuses: frozenset[str]
    """Of the cluster and its instances."""
    groups: frozenset[str]
    keep_until: datetime | None
    reached: tuple[str, ...]
    """Which of its endpoints another host reaches."""


def check_kept(
    what: str,
    resource_id: str,
    kept: KeptCluster | None,
    quarantine_groups: Collection[str],
    now: datetime,
) -> Check:
    """Return the check that a cluster is there under another name, for the pipeline alone.

    The groups are those of the quarantine, which admit the pipeline's functions and nobody else.
    """
    promise = f"{what} is kept under another name, and nobody but the pipeline can reach it"
    if kept is None:
        return Check(promise=promise, held=False, found="it is not there")
    groups = f"its security groups are {', '.join(sorted(kept.groups)) or 'none'}"
    until = f"{kept.name}, until {shown_moment(kept.keep_until)}"
    return Check(
        promise=promise,
        held=kept.resource_id == resource_id
        and kept.statuses == {"available"}
        and bool(quarantine_groups)
        and kept.groups == set(quarantine_groups)
        and not kept.reached
        and kept.keep_until is not None
        and kept.keep_until > now,
        evidence=f"{until}; another host is refused, and {groups}, the quarantine's",
        found=f"{until}, as {kept.resource_id}, {', '.join(sorted(kept.statuses))}; another host "
        f"reaches {', '.join(kept.reached) or 'nothing of it'}, and {groups}",
    )


def _phases(attempts: Sequence[ClientAttempt]) -> str:
    """Return what a client has met with, in order."""
    phases = ((data, len(list(phase))) for data, phase in groupby(attempts, lambda each: each.data))
    said = [f"{data or 'nothing'} {count} times" for data, count in phases]
    return f"it found {', then '.join(said)}" if said else "it made no attempt"


def _moment(written: str | None) -> datetime | None:
    return datetime.fromisoformat(written) if written else None
