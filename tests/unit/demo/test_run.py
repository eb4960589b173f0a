"""Whatever stops the demo is reported in a paragraph and by the exit status."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from demo import preparation
from demo import run as running
from demo.run import run
from demo.scenario import shop_scenario


def ran() -> tuple[int, str]:
    output = io.StringIO()
    status = run(shop_scenario(), Console(file=output, width=100, markup=False), lambda: None)
    return status, output.getvalue()


def test_without_the_cdk_it_says_what_to_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(preparation, "repository", lambda: tmp_path)
    status, text = ran()
    assert status == 1
    assert "ended early, and nothing of it is left running" in text
    assert "Run `make setup`" in text


def test_an_error_of_python_is_reported_with_its_type(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise KeyError("Endpoint")

    monkeypatch.setattr(running, "check_requirements", fail)
    status, text = ran()
    assert status == 1
    assert "KeyError: 'Endpoint'" in text


@pytest.mark.parametrize(
    ("failures", "status", "last"),
    [([], 0, "All of it held."), (["table a: MISSING", "b"], 1, "  b")],
)
def test_the_verdict_lists_what_did_not_hold(
    monkeypatch: pytest.MonkeyPatch, failures: list[str], status: int, last: str
) -> None:
    monkeypatch.setattr(running.Demo, "run", lambda _: failures)
    monkeypatch.setattr(running, "_left_behind", list)
    found, text = ran()
    assert found == status
    assert text.splitlines()[-1].rstrip() == last
    assert ("This did not hold:" in text) is bool(failures)


def test_a_process_that_is_left_behind_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running.Demo, "run", lambda _: [])
    monkeypatch.setattr(running, "_left_behind", lambda: ["process 7 is left behind"])
    status, text = ran()
    assert status == 1
    assert "process 7 is left behind" in text
