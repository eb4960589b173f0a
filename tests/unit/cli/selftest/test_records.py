"""A record is on disk before what it speaks of is made, and is read again as it was."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from aurora_restore.cli.errors import CommandError
from aurora_restore.cli.selftest.records import (
    RecordFile,
    ResourceKind,
    SelfTestRecord,
    read_record,
    record_file,
    unfinished_runs,
)
from aurora_restore.proof import naming

START = datetime(2026, 11, 30, 12, tzinfo=UTC)


@pytest.fixture
def begun(tmp_path: Path) -> RecordFile:
    record = SelfTestRecord(
        run="k3j9x2ab", account="111122223333", region="eu-west-1", started=START
    )
    file = RecordFile(record_file(tmp_path / "new", record.run), record)
    file.begin()
    return file


def test_each_line_is_on_disk_before_the_call_returns(begun: RecordFile) -> None:
    begun.expect(ResourceKind.CLUSTER, "one")
    known = read_record(begun.file)
    assert known == begun.record
    assert known is not None
    assert [each.name for each in known.expected] == ["one"]
    assert known.expected[0].resource_id is None


def test_what_aws_calls_it_is_added_to_its_line(begun: RecordFile) -> None:
    begun.expect(ResourceKind.CLUSTER, "one")
    since = begun.record.expected[0].since
    begun.learn(ResourceKind.CLUSTER, "one", "cluster-1")
    begun.start("op-1")
    known = read_record(begun.file)
    assert known == begun.record
    assert known is not None
    assert [(each.resource_id, each.since) for each in known.expected] == [("cluster-1", since)]
    assert [each.id for each in known.operations] == ["op-1"]


def test_nothing_is_learnt_of_what_was_never_written_down(begun: RecordFile) -> None:
    with pytest.raises(KeyError):
        begun.learn(ResourceKind.CLUSTER, "one", "cluster-1")


def test_the_folder_lists_runs_until_they_are_cleaned(begun: RecordFile) -> None:
    assert list(unfinished_runs(begun.file.parent)) == ["k3j9x2ab"]
    begun.remove()
    assert list(unfinished_runs(begun.file.parent)) == []
    assert read_record(begun.file) is None


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"run": 1}'])
def test_a_damaged_record_says_what_to_do(tmp_path: Path, text: str) -> None:
    file = tmp_path / "k3j9x2ab.json"
    file.write_text(text)
    with pytest.raises(CommandError, match="Move it away"):
        read_record(file)


def test_runs_have_names_of_their_own() -> None:
    runs = {naming.new_run() for _ in range(200)}
    assert len(runs) == 200
    assert all(naming.is_run(each) for each in runs)
    assert not any(
        naming.is_run(each) for each in ["", "../../etc", "K3J9X2AB", "short", "9bcdefgh"]
    )
