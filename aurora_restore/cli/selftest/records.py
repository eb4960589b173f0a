"""What a run has made, or is about to make: written to a file before each creation.

The file is what ``--clean`` goes by after a crash. Where it is lost, the tags of the run's first
stack hold what is needed to begin it again.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from aurora_restore.cli.errors import usage
from aurora_restore.proof import naming
from aurora_restore.shared.common import parse_timestamp, timestamp

DEFAULT_FOLDER: Final = Path("~/.aurora-restore/selftest")
_OWNER_ALONE: Final = 0o700


class ResourceKind(StrEnum):
    """What can be left behind by a run."""

    STACK = "stack"
    CLUSTER = "cluster"
    INSTANCE = "instance"
    SNAPSHOT = "snapshot"
    TABLE = "table"
    SECRET = "secret"  # noqa: S105


@dataclass(frozen=True, kw_only=True)
class ExpectedResource:
    """Something that a run has made or is about to make."""

    kind: ResourceKind
    name: str
    since: datetime
    """When it was written down, which was before it was made."""
    resource_id: str | None = None
    """What AWS has called it, and nothing else ever; None while that is not known."""
    operation: str | None = None
    """The operation of the pipeline that makes it; None where the self-test does."""


@dataclass(frozen=True, kw_only=True)
class StartedOperation:
    """An operation that a run has started, or is about to start."""

    id: str
    since: datetime
    cluster: str | None = None
    """The resource id of the cluster that it has restored; None while its state holds none."""


@dataclass(frozen=True, kw_only=True)
class SelfTestRecord:
    """Everything that is known of a run."""

    run: str
    account: str
    region: str
    started: datetime
    expected: tuple[ExpectedResource, ...] = ()
    operations: tuple[StartedOperation, ...] = ()

    @property
    def prefix(self) -> str:
        """Return what every name of the run begins with."""
        return naming.prefix_of(self.run)

    def with_expected(self, expected: ExpectedResource) -> "SelfTestRecord":
        """Return the record with one more thing, or with what is now known of it."""
        same = (expected.kind, expected.name)
        others = tuple(each for each in self.expected if (each.kind, each.name) != same)
        return replace(self, expected=(*others, expected))

    def find(self, kind: ResourceKind, name: str) -> ExpectedResource | None:
        """Return what is expected under a name."""
        found = (each for each in self.expected if (each.kind, each.name) == (kind, name))
        return next(found, None)

    def to_json(self) -> dict[str, Any]:
        """Return the document that is written."""
        return {
            "run": self.run,
            "account": self.account,
            "region": self.region,
            "started": timestamp(self.started),
            "expected": [
                {
                    "kind": each.kind.value,
                    "name": each.name,
                    "since": timestamp(each.since),
                    "resource_id": each.resource_id,
                    "operation": each.operation,
                }
                for each in self.expected
            ],
            "operations": [
                {"id": each.id, "since": timestamp(each.since), "cluster": each.cluster}
                for each in self.operations
            ],
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "SelfTestRecord":
        """Return the record of a document. Raises KeyError or ValueError if it holds none."""
        return cls(
            run=document["run"],
            account=document["account"],
            region=document["region"],
            started=parse_timestamp(document["started"]),
            expected=tuple(
                ExpectedResource(
                    kind=ResourceKind(each["kind"]),
                    name=each["name"],
                    since=parse_timestamp(each["since"]),
                    resource_id=each["resource_id"],
                    operation=each["operation"],
                )
                for each in document["expected"]
            ),
            operations=tuple(
                StartedOperation(
                    id=each["id"],
                    since=parse_timestamp(each["since"]),
                    cluster=each["cluster"],
                )
                for each in document["operations"]
            ),
        )


@dataclass
class RecordFile:
    """The record of a run, on disk. It is written as a whole, and before what it speaks of."""

    file: Path
    record: SelfTestRecord
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    def begin(self) -> None:
        """Write the record for the first time."""
        self.file.parent.mkdir(parents=True, exist_ok=True, mode=_OWNER_ALONE)
        self._write()

    def expect(self, kind: ResourceKind, name: str) -> None:
        """Write down that something is about to be made."""
        self.record = self.record.with_expected(
            ExpectedResource(kind=kind, name=name, since=self.now())
        )
        self._write()

    def learn(self, kind: ResourceKind, name: str, resource_id: str) -> None:
        """Write down what AWS calls it."""
        known = self.record.find(kind, name)
        if known is None:
            raise KeyError(f"{kind} {name} was not written down before it was made")
        self.record = self.record.with_expected(replace(known, resource_id=resource_id))
        self._write()

    def start(self, operation_id: str) -> None:
        """Write down that an operation is about to be started."""
        started = StartedOperation(id=operation_id, since=self.now())
        self.record = replace(self.record, operations=(*self.record.operations, started))
        self._write()

    def replace(self, record: SelfTestRecord) -> None:
        """Write down another record of the same run, with what has been found out since."""
        self.record = record
        self._write()

    def remove(self) -> None:
        """Remove the file, once nothing of the run is left."""
        self.file.unlink(missing_ok=True)

    def _write(self) -> None:
        made = self.file.with_suffix(".new")
        with made.open("w", encoding="utf-8") as stream:
            json.dump(self.record.to_json(), stream, indent=2)
            stream.flush()
            os.fsync(stream.fileno())
        made.replace(self.file)


def record_file(folder: Path, run: str) -> Path:
    """Return where the record of a run is."""
    return folder.expanduser() / f"{run}.json"


def read_record(file: Path) -> SelfTestRecord | None:
    """Return the record that a file holds; None where there is no file."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    try:
        return SelfTestRecord.from_json(json.loads(text))
    except (KeyError, TypeError, ValueError) as error:
        raise usage(
            f"{file} is not the record of a self-test ({error}). Move it away: then the record is "
            "made again from the tags of the run's first stack."
        ) from error


def unfinished_runs(folder: Path) -> Iterator[str]:
    """Yield the runs of which something may be left, by their files."""
    yield from sorted(each.stem for each in folder.expanduser().glob("*.json"))
