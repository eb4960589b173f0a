"""What the proofs of masking have found: how many, where, and never a value.

A proof is a task that is done whatever it has found, so that one that takes longer than an
invocation is not made again for its result alone. The findings are in the journal. They are judged
together when all proofs are done; those that have found something are then forgotten, so that a
re-run makes them again.
"""

from abc import abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Final

from aurora_restore.shared.errors import MaskingError
from aurora_restore.shared.postgres import journal
from aurora_restore.shared.postgres.connection import DatabaseSession
from aurora_restore.shared.postgres.journal import JournalKey
from aurora_restore.shared.postgres.tasks import Task

PASSED: Final = "passed"
FAILED: Final = "failed"
"""The outcome of a proof that has found something."""
MOST_FINDINGS: Final = 50
"""How many findings of a proof are listed in the state."""


@dataclass(frozen=True)
class Finding:
    """How many things of one kind were found in one place, where none should be."""

    place: str
    """A column, as `schema.table.column`, or the name of a check."""
    kind: str
    found: int


@dataclass(frozen=True)
class Result:
    """What a proof that is done has recorded."""

    summary: Mapping[str, Any]
    """What it has looked at, and how much of it."""
    findings: tuple[Finding, ...]
    """What speaks against the data, added up for each place and kind."""

    def to_details(self) -> dict[str, Any]:
        """Return it as the state, the audit trail and the notice hold it: numbers and names."""
        if not self.findings:
            return {**self.summary, "outcome": PASSED}
        listed = [asdict(each) for each in self.findings[:MOST_FINDINGS]]
        beyond = len(self.findings) - len(listed)
        more = {"findings_not_shown": beyond} if beyond else {}
        return {**self.summary, "outcome": FAILED, "findings": listed, **more}


@dataclass(frozen=True)
class Proof(Task):
    """A task that looks at the masked data, and records what it has found."""

    digest: str
    """What the result depends on: the proof's definition, and the scripts before it."""

    kind: ClassVar[str]
    """Under which its results are in the operation's state."""

    @abstractmethod
    def judge(self, findings: Sequence[Finding]) -> MaskingError:
        """Return the error for findings, of which there is at least one."""

    def completion(self, key: JournalKey, summary: Mapping[str, Any]) -> str:
        """Return the statement that records the proof as done."""
        return journal.insertion(key, self.entry, journal.as_jsonb(summary=dict(summary)))


def part_entry(entry: str, part: object) -> str:
    """Return the entry of one part of a proof."""
    return f"{entry}/{part}"


def find_parts(session: DatabaseSession, key: JournalKey, entry: str) -> frozenset[str]:
    """Return the parts of a proof that are done."""
    prefix = part_entry(entry, "")
    found = journal.find_all(session, key, prefix)
    return frozenset(each.removeprefix(prefix) for each in found)


def find_result(session: DatabaseSession, key: JournalKey, proof: Proof) -> Result:
    """Return the result of a proof that is done; ``session`` is one with its database."""
    total: Counter[tuple[str, str]] = Counter()
    summary: Mapping[str, Any] = {}
    for entry, details in journal.find_all(session, key, proof.entry).items():
        if entry == proof.entry:
            summary = details.get("summary", {})
        elif not entry.startswith(part_entry(proof.entry, "")):
            continue
        for each in details.get("findings", ()):
            total[each["place"], each["kind"]] += each["found"]
    findings = (Finding(place, kind, found) for (place, kind), found in sorted(total.items()))
    return Result(summary, tuple(findings))


def forget_result(session: DatabaseSession, key: JournalKey, proof: Proof) -> None:
    """Let a proof be made again: forget that it is done, and what it has found."""
    journal.remove(session, key, proof.entry)
