"""What is kept of a run replaces what was kept of the last one."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from demo import evidence
from demo.evidence import Records, keep, readable
from embedded_aws.aws import PublishedMessage


def message(**content: str) -> PublishedMessage:
    message = json.dumps(content)
    return PublishedMessage(subject="subject", message=message, email=message, attributes={})


WRITTEN = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
RECORDS = Records(
    operation_id="op-1",
    state=(
        {
            "step": "delete-rds",
            "status": "SUCCESS",
            "timestamp": WRITTEN.isoformat(),
            "details": {"a": 1},
        },
    ),
    published=(message(operation_id="op-1"), message(AlarmName="a"), message(operation_id="op-2")),
    function_logs={"aurora-restore-delete-rds": "a log"},
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository without a demo's evidence."""
    monkeypatch.setattr(evidence, "repository", lambda: tmp_path)
    return tmp_path / ".local" / "demo"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """The directory of an embedded AWS that has logged something."""
    directory = tmp_path / "aws"
    for name in ("logs/cdk-deploy.log", "rds/logs/db.log", "config/demo.json", "cdk.out/big.json"):
        file = directory / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    return directory


def files(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}


def test_logs_and_records_are_kept(home: Path, directory: Path) -> None:
    keep(directory, {"": RECORDS})
    assert files(home) == {
        "audit-table.json",
        "config/demo.json",
        "execution-history.json",
        "functions/aurora-restore-delete-rds.log",
        "logs/cdk-deploy.log",
        "notifications.json",
        "rds/logs/db.log",
        "state-table.json",
    }
    assert json.loads((home / "state-table.json").read_text()) == list(RECORDS.state)


def test_the_records_of_a_second_execution_have_a_folder(home: Path, directory: Path) -> None:
    keep(directory, {"": Records(), "second": RECORDS})
    assert json.loads((home / "state-table.json").read_text()) == []
    assert json.loads((home / "second" / "state-table.json").read_text()) == list(RECORDS.state)


def test_the_next_run_replaces_them_and_an_error_is_kept_too(home: Path, directory: Path) -> None:
    keep(directory, {"": RECORDS})
    keep(directory, {}, ValueError("what went wrong"))
    assert "ValueError: what went wrong" in (home / "error.txt").read_text()
    assert not (home / "functions").exists()
    assert [each.name for each in home.parent.iterdir()] == ["demo"]


def test_a_message_names_what_is_kept(directory: Path) -> None:
    assert readable(f"see {directory}/logs/a.log", directory) == "see .local/demo/logs/a.log"


def test_announcements_are_those_of_the_operation() -> None:
    assert RECORDS.announcements() == [RECORDS.published[0]]
    assert RECORDS.statuses() == {"delete-rds": "SUCCESS"}


def test_what_a_step_has_written_is_found() -> None:
    assert RECORDS.details("delete-rds") == {"a": 1}
    assert RECORDS.time_of("delete-rds") == WRITTEN
    assert RECORDS.details("hand-over") == {}
    assert RECORDS.time_of("hand-over") is None
