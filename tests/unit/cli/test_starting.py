"""What a start asks for is refused before AWS is asked for anything, if it is wrong."""

import pytest

from aurora_restore.cli.errors import CommandError
from aurora_restore.cli.main import run
from aurora_restore.cli.starting import start_event
from aurora_restore.shared.errors import ValidationError


def test_the_input_holds_only_what_is_asked_for() -> None:
    assert start_event("orders", date="2026-03-04", snapshot=None) == {
        "restore": "orders",
        "date": "2026-03-04",
    }
    assert start_event(None, date=None, snapshot="before-release") == {
        "snapshot_id": "before-release"
    }


@pytest.mark.parametrize(
    ("fields", "said"),
    [({"date": "2026-02-30"}, "date"), ({"snapshot": "a b"}, "snapshot_id")],
)
def test_a_malformed_field_is_refused_by_name(fields: dict[str, str], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        start_event("orders", **fields)


def test_two_ways_to_choose_a_snapshot_contradict_each_other() -> None:
    with pytest.raises(CommandError, match="give one of them"):
        start_event("orders", date="2026-03-04", snapshot="before-release")


@pytest.mark.parametrize(
    "arguments",
    [["--timeout", "5"], ["--date", "tomorrow"], ["--snapshot", "a", "--date", "2026-03-04"]],
)
def test_wrong_options_are_refused_without_a_region_or_credentials(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)

    assert run(["start", "orders", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Region" not in captured.err
