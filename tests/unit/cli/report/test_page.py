"""The page: complete by itself, harmless whatever it says, and readable without seeing a plot."""

import re
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurora_restore.cli.report.page import Period, Report, render
from aurora_restore.cli.report.runs import Run, RunFailure, RunOutcome
from aurora_restore.shared.pause import Pause
from aurora_restore.shared.sequences import SWITCH
from tests.unit.cli.report.past import PAUSE, PERIOD, QUARTER, UNTIL, PastRuns, cost

SCRIPT = "<script>alert(1)</script>"
TITLES = [
    "Durations by step",
    "Age of the snapshot",
    "Interruption",
    "Failures by step and error",
    "Approximate cost",
]


class ReadPage(HTMLParser):
    """What a browser makes of a page: tags, attributes and texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        """Remember a tag and its attributes."""
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        """Remember a text."""
        self.texts.append(data)

    def of(self, tag: str, name: str) -> list[str]:
        """The values of an attribute of a tag."""
        return [value for each, of, value in self.attributes if (each, of) == (tag, name)]


def page(runs: Sequence[Run], period: Period = PERIOD, restore: str = "orders") -> ReadPage:
    """The page about the runs of one restore."""
    return ReadPage(text_of(runs, period, restore))


def text_of(
    runs: Sequence[Run],
    period: Period = PERIOD,
    restore: str = "orders",
    pause: Pause | None = None,
) -> str:
    """The same as text."""
    return render(
        Report(
            name_prefix="aurora-restore",
            account_id="222222222222",
            region="eu-central-1",
            period=period,
            runs={restore: runs},
            pauses={} if pause is None else {restore: pause},
        )
    )


@pytest.mark.parametrize("nights", [1, 3, 90])
def test_a_page_needs_nothing_from_elsewhere(nights: int) -> None:
    text = text_of(PastRuns().nights(nights, failing=0.4), QUARTER)
    found = ReadPage(text)

    assert not {"script", "link", "img", "iframe", "object", "embed", "base"} & set(found.tags)
    assert not re.search(r"https?://|@import|url\(", text)
    assert "default-src 'none'; style-src 'unsafe-inline'" in text


def test_every_plot_has_a_title_a_sentence_and_a_table() -> None:
    runs = [PastRuns().run(UNTIL, fails=True), *PastRuns().nights(8)]
    found = page(runs)

    ids = {value for _, name, value in found.attributes if name == "id"}
    for labelled in found.of("svg", "aria-labelledby"):
        assert set(labelled.split()) <= ids
    assert found.of("svg", "role") == ["img"] * len(found.of("svg", "role"))
    assert set(TITLES) <= set(found.texts)
    assert found.tags.count("figure") == found.tags.count("details")
    for label in (
        "Duration (minutes)",
        "Age (hours)",
        "Failures (number)",
        "Cost (USD, approximate)",
    ):
        assert found.texts.count(label) == 2, "one each for wide and narrow pages"


def test_the_table_has_the_numbers_of_the_plot() -> None:
    run = replace(
        PastRuns().run(UNTIL), step_seconds={"copy-snapshot": 61.0}, snapshot_age_seconds=7200.0
    )
    texts = page([run]).texts

    assert texts.count("1 min 01 s") == 1
    assert "2 h 00 min" in texts
    assert run.operation_id in texts
    assert "Outcome" in texts


def test_the_cost_says_what_it_contains_and_what_not() -> None:
    text = next(each for each in page(PastRuns().nights(3)).texts if "an estimate" in each)

    assert "cost: state transitions, transfer of the copy to the other Region." in text
    assert "charged by the month: storage of the copy." in text
    assert "By list prices of us-east-1" in text
    assert "not known" not in text


def test_a_cost_that_is_not_known_is_not_shown_as_zero() -> None:
    run = PastRuns().run(UNTIL)
    known, partly = (
        replace(run, approximate_cost=cost(4.0)),
        replace(run, approximate_cost=cost(None)),
    )
    unknown = replace(run, approximate_cost=None)

    texts = page([known, partly, unknown, unknown]).texts

    said = next(each for each in texts if "an estimate" in each)
    assert "The cost of 2 runs is not known: what was recorded is missing" in said
    assert "Of 1 run only a part is known. Not known: transfer of the copy" in said
    cells = [each for each in texts if each in ("4.01", "0.0100", "0.0000", "not known")]
    assert cells == ["not known", "4.01", "0.0100", "not known", "not known"], "legend, then table"
    assert texts.count("transfer of the copy to the other Region") == 1
    assert texts.count("?") == 2 * 2 + 1, "over each bar, wide and narrow, and in the legend"
    assert "4.02 USD, and what is not known of 3 runs" in texts


def test_nothing_known_of_any_cost_is_said_so() -> None:
    found = page([replace(PastRuns().run(UNTIL), approximate_cost=None)])

    assert any(each.startswith("The cost of 1 run is not known") for each in found.texts)
    assert not any("0.0000" in each or "an estimate" in each for each in found.texts)


def test_a_run_under_way_has_no_cost_yet() -> None:
    run = replace(
        PastRuns().run(UNTIL), outcome=RunOutcome.RUNNING, ended=None, approximate_cost=None
    )

    texts = page([run]).texts

    assert "Approximate cost" not in texts
    assert not any("not known" in each for each in texts)


def test_a_paused_schedule_is_named_with_who_has_paused_it_since_when_and_until_when() -> None:
    texts = ReadPage(text_of([], pause=PAUSE)).texts

    (said,) = (each for each in texts if "is paused" in each)
    assert "until 2026-04-07 00:00 UTC, since 2026-03-29 08:15 UTC" in said
    assert f"by {PAUSE.by}: The testers need" in said
    assert not any("is paused" in each for each in page([]).texts)


def test_no_runs_are_said_in_a_sentence() -> None:
    found = page([])

    assert "No restore has run in this time." in found.texts
    assert "svg" not in found.tags


HOSTILE = PastRuns().run(UNTIL, fails=True)
HOSTILE_FAILURE = HOSTILE.failures[0]


@pytest.mark.parametrize(
    "run",
    [
        replace(HOSTILE, operation_id=SCRIPT),
        replace(HOSTILE, restore=SCRIPT),
        replace(HOSTILE, failures=(replace(HOSTILE_FAILURE, step=SCRIPT),)),
        replace(HOSTILE, failures=(replace(HOSTILE_FAILURE, error_type=SCRIPT),)),
        replace(HOSTILE, failures=(replace(HOSTILE_FAILURE, message=SCRIPT),)),
    ],
    ids=["operation id", "restore", "step", "error type", "message"],
)
def test_what_others_have_written_is_shown_and_not_obeyed(run: Run) -> None:
    found = page([run], restore=run.restore)

    assert "script" not in found.tags
    assert SCRIPT in "".join(found.texts)


@given(st.text())
@settings(max_examples=50, deadline=None)
def test_no_text_adds_a_tag_or_an_attribute(text: str) -> None:
    def with_text(value: str) -> ReadPage:
        failure = RunFailure(moment=UNTIL, step=None, error_type=value, message=value)
        run = replace(PastRuns().run(UNTIL), operation_id=value, failures=(failure,))
        written = text_of([run], restore=value)
        written.encode()
        return ReadPage(written)

    harmless, given_ = with_text("x"), with_text(text)

    assert given_.tags == harmless.tags
    assert [each[:2] for each in given_.attributes] == [each[:2] for each in harmless.attributes]


def test_what_turns_the_direction_of_a_text_is_written_out() -> None:
    run = replace(PastRuns().run(UNTIL), operation_id="op-\u202e1")

    assert r"op-\u202e1" in page([run]).texts


def test_a_run_that_failed_and_was_continued_is_marked() -> None:
    failed = PastRuns().run(UNTIL, fails=True)
    continued = replace(failed, outcome=RunOutcome.SUCCEEDED, idle_seconds=3600.0)

    texts = page([continued]).texts

    assert "failed, continued, succeeded" in texts
    assert "1 of 1 (100%), 1 continued" in texts


def test_only_the_latest_failures_are_listed() -> None:
    past = PastRuns()
    runs = [past.run(UNTIL, fails=True) for _ in range(14)]

    assert "and 4 before these" in page(runs).texts


def test_restores_have_sections_of_their_own_and_one_meaning_of_colours() -> None:
    switched = PastRuns("billing", SWITCH).nights(5)
    text = render(
        Report(
            name_prefix="aurora-restore",
            account_id="222222222222",
            region="eu-central-1",
            period=PERIOD,
            runs={"orders": PastRuns().nights(5), "billing": switched, "idle": ()},
            pauses={},
        )
    )
    found = ReadPage(text)

    assert found.tags.count("section") == 2
    ids = [value for _, name, value in found.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    legends = re.findall(r'<i class="(s\d)" aria-hidden="true"></i>([a-z-]+)</li>', text)
    assert len({kind for kind, _ in legends}) == len(set(legends))
