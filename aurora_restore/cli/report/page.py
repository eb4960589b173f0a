"""The report as one HTML file, which loads nothing from elsewhere and runs no script."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from xml.etree.ElementTree import Element

from aurora_restore.cli.output import duration
from aurora_restore.cli.report.charts import LETTERS, drawings
from aurora_restore.cli.report.plots import (
    NumberTable,
    Plot,
    Times,
    colours_of_steps,
    counted_runs,
    dollars,
    plots_of,
)
from aurora_restore.cli.report.runs import Run, RunFailure
from aurora_restore.cli.report.scales import TimeAxis
from aurora_restore.cli.report.style import STYLE
from aurora_restore.cli.report.summary import Summary, summarise
from aurora_restore.shared.markup import element, to_html
from aurora_restore.shared.pause import Pause

_MOST_FAILURES: Final = 10
_GOOD_RATE: Final = 0.95
_CROSS: Final = "\u00d7"
_SIGNS: Final = {
    "failed": _CROSS,
    "stopped": _CROSS,
    "continued": _CROSS,
    "running": "\u25cb",
    **LETTERS,
}
_NOTHING: Final = "-"


@dataclass(frozen=True, kw_only=True)
class Period:
    """What time a report is about."""

    since: datetime
    until: datetime


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a report is made of."""

    name_prefix: str
    account_id: str
    region: str
    period: Period
    runs: Mapping[str, Sequence[Run]]
    """The runs of each restore that there is or was, by their start."""
    pauses: Mapping[str, Pause]
    """The pause of each restore whose schedule is paused."""


def render(report: Report) -> str:
    """Return the page."""
    period = report.period
    title = f"Restores of {report.name_prefix}"
    when = f"{minute(period.since)} to {minute(period.until)} UTC"
    return to_html(
        element(
            "html",
            element(
                "head",
                element("meta", charset="utf-8"),
                element("meta", name="viewport", content="width=device-width, initial-scale=1"),
                element("meta", name="color-scheme", content="light dark"),
                element(
                    "meta",
                    http_equiv="Content-Security-Policy",
                    content="default-src 'none'; style-src 'unsafe-inline'",
                ),
                element("title", title),
                element("style", STYLE),
            ),
            element(
                "body",
                element(
                    "main",
                    element("h1", title),
                    element(
                        "p",
                        f"Account {report.account_id}, {report.region}. {when}.",
                        class_="quiet",
                    ),
                    *_body(report),
                    _footer(),
                ),
            ),
            lang="en",
        )
    )


def _body(report: Report) -> Iterator[Element]:
    if report.runs:
        yield _summaries(report)
    if not any(report.runs.values()):
        yield element(
            "div",
            element("p", "No restore has run in this time."),
            class_="empty",
        )
        return
    every = [run for runs in report.runs.values() for run in runs]
    colours = colours_of_steps(every)
    times = Times(now=report.period.until, axis=TimeAxis.of([run.started for run in every]))
    for number, (restore, runs) in enumerate(report.runs.items(), start=1):
        if runs:
            plots = plots_of(runs, times, colours)
            yield _section(f"r{number}", restore, runs, plots)


def _section(name: str, restore: str, runs: Sequence[Run], plots: Iterable[Plot]) -> Element:
    figures: list[Element] = []
    for plot in plots:
        figures.append(_figure(f"{name}-{plot.name}", plot))
        if plot.name == "failures":
            figures.append(_failed_runs(runs))
    return element(
        "section",
        element("h2", restore, id=name),
        *figures,
        aria_labelledby=name,
    )


def _figure(name: str, plot: Plot) -> Element:
    heading, text = f"{name}-title", f"{name}-text"
    return element(
        "figure",
        element("h3", plot.title, id=heading),
        element("p", plot.text, id=text),
        *drawings(f"{heading} {text}", plot.draw),
        _legend(plot.legend) if plot.legend else None,
        element(
            "details",
            element("summary", "The numbers as a table"),
            _scrolling(_table(plot.table), f"{plot.title}, as a table"),
        ),
    )


def _legend(entries: Sequence[tuple[str, str]]) -> Element:
    return element(
        "ul",
        *(
            element(
                "li",
                element("i", _SIGNS.get(kind.rpartition(" ")[2]), class_=kind, aria_hidden="true"),
                text,
            )
            for kind, text in entries
        ),
        class_="legend",
    )


def _scrolling(table: Element, label: str) -> Element:
    return element("div", table, class_="scroll", role="region", aria_label=label, tabindex="0")


def _table(table: NumberTable) -> Element:
    return element(
        "table",
        element(
            "thead", element("tr", *(element("th", each, scope="col") for each in table.columns))
        ),
        element(
            "tbody",
            *(
                element(
                    "tr",
                    element("th", row[0], scope="row"),
                    *(element("td", value or _NOTHING) for value in row[1:]),
                )
                for row in table.rows
            ),
        ),
        class_="numbers",
    )


def _summaries(report: Report) -> Element:
    columns = ("Restore", *_cells(summarise("", ())))
    return element(
        "table",
        element(
            "thead",
            element("tr", *(element("th", column, scope="col") for column in columns)),
        ),
        element(
            "tbody",
            *(
                row
                for restore, runs in report.runs.items()
                for row in _rows(summarise(restore, runs), report.pauses.get(restore), len(columns))
            ),
        ),
        class_="summary",
    )


def _rows(summary: Summary, pause: Pause | None, columns: int) -> Iterator[Element]:
    """Yield the row of a restore, and one below it where its schedule is paused."""
    yield element(
        "tr",
        element("th", summary.restore, scope="row"),
        *(
            element("td", element("span", text, class_=kind), data_label=column)
            for column, (text, kind) in _cells(summary).items()
        ),
    )
    if pause is not None:
        said = element("span", f"{pause}", class_="warn")
        yield element("tr", element("td", said, colspan=columns), class_="paused")


def _cells(summary: Summary) -> dict[str, tuple[str, str | None]]:
    """Return the cells of a row by the heading of their column, each with its CSS class."""
    last = summary.last_success
    return {
        "Runs": (str(summary.runs), None),
        "Succeeded": _success(summary),
        "Median": (duration(summary.median_seconds) or _NOTHING, None),
        "Longest": (duration(summary.longest_seconds) or _NOTHING, None),
        "Last success (UTC)": (minute(last), None) if last else ("none", "bad"),
        "Cost (about)": (_cost(summary), None),
    }


def minute(value: datetime) -> str:
    """Return a moment in UTC, to the minute."""
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M}"


def _success(summary: Summary) -> tuple[str, str | None]:
    rate = summary.success_rate
    if rate is None:
        return _NOTHING, None
    text = f"{summary.succeeded} of {summary.over} ({rate:.0%})"
    if summary.continued:
        text += f", {summary.continued} continued"
    return text, "good" if rate >= _GOOD_RATE else "bad"


def _cost(summary: Summary) -> str:
    if summary.approximate_usd is None:
        return "not known" if summary.over else _NOTHING
    lacking = summary.cost_not_known
    more = f", and what is not known of {counted_runs(lacking)}" if lacking else ""
    return f"{dollars(summary.approximate_usd)} USD{more}"


def _failed_runs(runs: Iterable[Run]) -> Element:
    """Return the latest failures, each with what was reported."""
    failures = [(run, failure) for run in runs for failure in run.failures]
    failures.sort(key=lambda each: each[1].moment, reverse=True)
    return element(
        "ul",
        *(_failed_run(run, failure) for run, failure in failures[:_MOST_FAILURES]),
        _more(len(failures) - _MOST_FAILURES),
        class_="failed-runs",
        aria_label="The latest failures",
    )


def _failed_run(run: Run, failure: RunFailure) -> Element:
    return element(
        "li",
        element(
            "p",
            f"{minute(failure.moment)} ",
            element("code", run.operation_id),
            f" {failure.step or 'before its first step'}: ",
            element("span", failure.error_type, class_="bad"),
        ),
        element("p", failure.message, class_="quiet"),
    )


def _more(count: int) -> Element | None:
    if count <= 0:
        return None
    return element("li", element("p", f"and {count} before these", class_="quiet"))


def _footer() -> Element:
    return element(
        "footer",
        element(
            "p",
            "A run is an operation, with all executions that have worked on it. Left out are dry "
            "runs, starts that a paused schedule held back, and deletions of expired clusters that "
            "succeeded. The median and the longest "
            "duration are those of runs that succeeded. Step Functions keeps executions for 90 "
            "days after their end.",
        ),
        element(
            "p",
            "Made by ",
            element("code", "aurora-restore report"),
            ". ",
            element("code", "aurora-restore explain OPERATION"),
            " says what to do about a failure.",
        ),
    )
