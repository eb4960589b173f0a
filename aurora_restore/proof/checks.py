"""What must hold when the demo is over, judged from what was read; nothing here reads."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from aurora_restore.shared.sequences import StepSequence


@dataclass(frozen=True, kw_only=True)
class TableReading:
    """What a table holds. A checksum is over every row as text, in no matter which order."""

    rows: int
    checksum: str
    unmasked_checksum: str = ""
    """The same over the columns that are not masked; empty where none is."""
    originals: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The values of the columns that are to be masked."""


@dataclass(frozen=True, kw_only=True)
class TableVerdict:
    """A table in both databases."""

    name: str
    source: TableReading | None
    restored: TableReading | None
    verdict: str
    held: bool


@dataclass(frozen=True, kw_only=True)
class LoginAttempt:
    """What came of an attempt to log in."""

    logged_in: bool
    reads: bool | None = None
    writes: bool | None = None
    """Both None where it was not tried."""

    def __str__(self) -> str:
        if not self.logged_in:
            return "refused"
        able = [word for word, can in (("read", self.reads), ("write", self.writes)) if can]
        return f"yes: {', '.join(able)}" if able else "yes"


@dataclass(frozen=True, kw_only=True)
class Expected:
    """Who is to get in where, and the word for it when it is so."""

    source: bool
    restored: bool
    verdict: str
    reads: bool | None = None
    writes: bool | None = None
    """What it can do with the tables of the restored database; None where that is not tried."""


@dataclass(frozen=True, kw_only=True)
class LoginVerdict:
    """A login, tried with the same password in both databases."""

    user: str
    who: str
    source: LoginAttempt
    restored: LoginAttempt
    verdict: str
    held: bool


@dataclass(frozen=True, kw_only=True)
class Check:
    """One promise, and whether it was kept."""

    promise: str
    held: bool
    evidence: str = ""
    """What shows it if it was kept."""
    found: str = ""
    """What was found instead."""


def compare_tables(
    source: Mapping[str, TableReading],
    restored: Mapping[str, TableReading],
    cleared: Collection[str] = (),
) -> tuple[TableVerdict, ...]:
    """Return every table of both databases, those of the source first."""
    names = [*source, *(name for name in restored if name not in source)]
    return tuple(
        _compare_table(name, source.get(name), restored.get(name), cleared=name in cleared)
        for name in names
    )


def _compare_table(
    name: str, source: TableReading | None, restored: TableReading | None, *, cleared: bool
) -> TableVerdict:
    verdict, held = _table_verdict(source, restored, cleared=cleared)
    return TableVerdict(name=name, source=source, restored=restored, verdict=verdict, held=held)


def _table_verdict(
    source: TableReading | None, restored: TableReading | None, *, cleared: bool
) -> tuple[str, bool]:
    if source is None:
        return "NOT IN SOURCE", False
    if restored is None:
        return "MISSING", False
    if cleared:
        return ("NOT CLEARED", False) if restored.rows else ("cleared", True)
    if not source.originals:
        same = (source.rows, source.checksum) == (restored.rows, restored.checksum)
        return ("identical", True) if same else ("DIFFERENT", False)
    leaked = [
        column
        for column, values in source.originals.items()
        if values & restored.originals.get(column, frozenset())
    ]
    if leaked:
        return f"NOT MASKED: {', '.join(leaked)}", False
    unmasked = (source.rows, source.unmasked_checksum)
    if unmasked != (restored.rows, restored.unmasked_checksum):
        return "DIFFERENT", False
    return "masked", True


def judge_login(
    user: str, who: str, expected: Expected, source: LoginAttempt, restored: LoginAttempt
) -> LoginVerdict:
    """Return whether a login works exactly where it should, with the rights it should have."""
    failures = []
    if source.logged_in is not expected.source:
        failures.append("GOT INTO THE SOURCE" if source.logged_in else "REFUSED BY THE SOURCE")
    if restored.logged_in is not expected.restored:
        failures.append("STILL GETS IN" if restored.logged_in else "CANNOT LOG IN")
    if restored.logged_in:
        failures += [
            f"{'CANNOT' if wanted else 'CAN'} {right}"
            for right, wanted, able in (
                ("READ", expected.reads, restored.reads),
                ("WRITE", expected.writes, restored.writes),
            )
            if wanted is not None and wanted is not bool(able)
        ]
    return LoginVerdict(
        user=user,
        who=who,
        source=source,
        restored=restored,
        verdict=", ".join(failures) or expected.verdict,
        held=not failures,
    )


def check_same(promise: str, expected: object, found: object) -> Check:
    """Return the check that something is as expected."""
    return Check(promise=promise, held=expected == found, found=f"{found}, not {expected}")


def check_states(statuses: Mapping[str, str], sequence: StepSequence) -> Check:
    """Return the check that the state table holds every step of a sequence as a success."""
    wrong = [
        f"{step} {statuses.get(step, 'missing')}"
        for step in sequence.steps
        if statuses.get(step) != "SUCCESS"
    ]
    return Check(
        promise=f"The state table holds all {len(sequence.steps)} steps as SUCCESS",
        held=not wrong,
        found=", ".join(wrong),
    )


def check_secrets(secrets: Sequence[str], reported: Mapping[str, str]) -> Check:
    """Return the check that no password is in anything that was recorded."""
    leaks = sorted(name for name, text in reported.items() if any(each in text for each in secrets))
    return Check(
        promise="No password is in a log, the state, the history or the notification",
        held=not leaks,
        found=f"in {', '.join(leaks)}",
    )


def failures_of(
    tables: Sequence[TableVerdict], logins: Sequence[LoginVerdict], checks: Iterable[Check]
) -> Iterator[str]:
    """Yield a line for everything that did not hold."""
    yield from (f"table {each.name}: {each.verdict}" for each in tables if not each.held)
    yield from (
        f"login {each.user} ({each.who}): {each.verdict}" for each in logins if not each.held
    )
    yield from (f"{each.promise}: no, {each.found}" for each in checks if not each.held)
