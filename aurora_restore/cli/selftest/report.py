"""What a self-test has found, for people and as JSON."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.text import Text

from aurora_restore.cli.output import duration, heading, plain_table
from aurora_restore.cli.selftest.decision import DeletionVerdict
from aurora_restore.cli.selftest.measurements import MeasuredFact
from aurora_restore.proof.checks import Check
from aurora_restore.shared.visible import visible


@dataclass(frozen=True, kw_only=True)
class ProvenPart:
    """The checks on one subject."""

    title: str
    checks: tuple[Check, ...]


@dataclass(kw_only=True)
class SelfTestReport:
    """What a run has found so far."""

    run: str
    account: str
    region: str
    engine_version: str
    parts: list[ProvenPart] = field(default_factory=list)
    facts: Sequence[MeasuredFact] = ()
    seconds: float = 0.0
    failure: str | None = None
    """Why it has ended early."""
    left: Sequence[DeletionVerdict] | None = None
    """What is left in the account; None where nothing was deleted, or not everything looked at."""
    not_cleaned: str | None = None
    """Why the deletion has ended early."""

    @property
    def broken(self) -> list[Check]:
        """Return the promises that were not kept."""
        return [each for part in self.parts for each in part.checks if not each.held]

    @property
    def held(self) -> bool:
        """Return whether it has come to its end, everything held and nothing is left."""
        failed = self.failure is not None or self.not_cleaned is not None
        return not failed and not self.broken and not self.left

    def to_json(self) -> dict[str, Any]:
        """Return the same as a document."""
        return {
            "run": self.run,
            "account": self.account,
            "region": self.region,
            "engine_version": self.engine_version,
            "held": self.held,
            "failure": self.failure,
            "not_cleaned": self.not_cleaned,
            "seconds": round(self.seconds, 1),
            "checks": [
                {
                    "subject": part.title,
                    "promise": each.promise,
                    "held": each.held,
                    "seen": each.evidence if each.held else each.found,
                }
                for part in self.parts
                for each in part.checks
            ],
            "measurements": [
                {
                    "key": each.key,
                    "question": each.question,
                    "answer": each.answer,
                    "value": each.value,
                }
                for each in self.facts
            ],
            "left": (
                None
                if self.left is None
                else [
                    {
                        "kind": each.found.kind.value,
                        "name": each.found.name,
                        "reason": each.why_left,
                    }
                    for each in self.left
                ]
            ),
        }


def show_report(console: Console, report: SelfTestReport) -> None:
    """Print what a run has found."""
    for part in report.parts:
        heading(console, part.title)
        table = plain_table("", "", folded=[""])
        table.show_header = False
        for each in part.checks:
            seen = each.evidence if each.held else each.found
            table.add_row(
                Text("yes" if each.held else "NO", "green" if each.held else "bold red"),
                Text(visible(f"{each.promise}: {seen}" if seen else each.promise)),
            )
        console.print(table)
    if report.facts:
        heading(console, "What AWS does not document, as this account has shown it")
        table = plain_table("Question", "Answer", folded=["Question", "Answer"])
        for fact in report.facts:
            answer = fact.answer or "not known: the run has not shown it"
            table.add_row(Text(visible(fact.question)), Text(visible(answer)))
        console.print(table)
    if report.left:
        heading(console, "What is left in the account")
        for left in report.left:
            text = f"  {left.found.kind} {left.found.name}: {left.why_left}"
            console.print(Text(visible(text)))
    console.print()
    for line in conclusion(report):
        console.print(Text(visible(line)))


def conclusion(report: SelfTestReport) -> Iterator[str]:
    """Yield how a run has ended."""
    count = sum(len(part.checks) for part in report.parts)
    if report.failure is not None:
        yield f"The self-test has ended early: {report.failure}"
    elif report.broken:
        yield f"{len(report.broken)} of {count} checks did not hold."
    else:
        yield f"All {count} checks held, in {duration(report.seconds)}."
    if report.not_cleaned is not None:
        yield (
            f"The deletion has ended early: {report.not_cleaned} `aurora-restore selftest --clean "
            f"{report.run}` goes on."
        )
    elif report.left is None:
        yield (
            f"Everything is still there, and is charged for. `aurora-restore selftest --clean "
            f"{report.run}` deletes it."
        )
    elif report.left:
        yield f"Look at what is left; `aurora-restore selftest --clean {report.run}` tries again."
    else:
        yield "Nothing of it is left in the account."


def checks_of(answer: Mapping[str, Any]) -> tuple[list[Check], list[Check], list[Check]]:
    """Return what the function has found in the databases: tables, logins, and other checks."""
    tables = [
        Check(
            promise=f"Table {each['name']}",
            held=each["held"],
            evidence=each["verdict"],
            found=each["verdict"],
        )
        for each in answer["tables"]
    ]
    logins = [
        Check(
            promise=f"{each['user']} ({each['who']})",
            held=each["held"],
            evidence=f"{each['verdict']}; source: {each['source']}, restored: {each['restored']}",
            found=f"{each['verdict']}; source: {each['source']}, restored: {each['restored']}",
        )
        for each in answer["logins"]
    ]
    return tables, logins, [Check(**each) for each in answer["checks"]]
