"""``aurora-restore report``: the command."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from aurora_restore.cli.context import deployment_of
from aurora_restore.cli.errors import usage
from aurora_restore.cli.output import AsJson, print_json, say
from aurora_restore.cli.report.page import Period, Report, render
from aurora_restore.cli.report.plots import counted_runs
from aurora_restore.cli.report.reading import read_pauses, read_runs
from aurora_restore.cli.report.runs import Run
from aurora_restore.cli.report.summary import summarise
from aurora_restore.shared.cost import ApproximateCost
from aurora_restore.shared.documents.schema import to_json
from aurora_restore.shared.pause import Pause

DEFAULT_FILE: Final = Path("aurora-restore-report.html")
_MOST_DAYS: Final = 3660


def report(
    context: typer.Context,
    since: Annotated[
        str,
        typer.Option(
            metavar="DATE|DAYS",
            help="From when on: a day as `2026-03-01`, or the number of days as `30d`.",
        ),
    ] = "30d",
    restore: Annotated[str | None, typer.Option(help="Only the runs of one restore.")] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            dir_okay=False,
            show_default=str(DEFAULT_FILE),
            help="The file to write. An older one is replaced.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a report of the runs of a time as one HTML file that needs no network.

    It plots how long each step took, the snapshot's age, the interruption, the failures and the
    approximate cost, with the numbers as tables, and says which schedules are paused. With `--json`
    the same facts are printed; a file is then written only if `--output` names one.
    """
    deployment = deployment_of(context)
    until = datetime.now(UTC)
    period = Period(since=parse_since(since, until), until=until)
    runs = read_runs(deployment, period.since, until, restore)
    if restore is not None and not runs:
        raise usage(f"There is no restore {restore}, and no run of it in this time.")
    pauses = read_pauses(deployment.store, runs, until)
    made = Report(
        name_prefix=deployment.name_prefix,
        account_id=deployment.account_id,
        region=deployment.region,
        period=period,
        runs=runs,
        pauses=pauses,
    )
    file = output or (None if as_json else DEFAULT_FILE)
    if file is not None:
        _write(file, render(made))
    if as_json:
        print_json(document_of(period, runs, pauses))
    else:
        say(f"{counted_runs(sum(map(len, runs.values())))}: {file}")


def parse_since(text: str, now: datetime) -> datetime:
    """Return the moment that the option names. Raises CommandError if it names none."""
    if re.fullmatch(r"[1-9][0-9]{0,3}d", text) and int(text[:-1]) <= _MOST_DAYS:
        return now - timedelta(days=int(text[:-1]))
    try:
        moment = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise usage(
            f"--since {text}: give a day as 2026-03-01, or the number of days as 30d."
        ) from None
    if moment >= now:
        raise usage(f"--since {text}: is not in the past.")
    return moment


def _write(file: Path, page: str) -> None:
    try:
        file.write_text(page, encoding="utf-8")
    except OSError as error:
        raise usage(f"{file} cannot be written: {error.strerror}.") from error


def document_of(
    period: Period, runs: Mapping[str, Sequence[Run]], pauses: Mapping[str, Pause]
) -> dict[str, Any]:
    """Return the report as ``--json`` prints it."""
    return {
        "since": period.since,
        "until": period.until,
        "restores": [
            {
                **asdict(summary := summarise(name, of_restore)),
                "success_rate": summary.success_rate,
                "pause": to_json(pauses[name]) if name in pauses else None,
                "operations": [
                    {
                        **asdict(run),
                        "seconds": round(run.seconds(period.until), 3),
                        "approximate_cost": _cost_document(run.approximate_cost),
                    }
                    for run in of_restore
                ],
            }
            for name, of_restore in runs.items()
        ],
    }


def _cost_document(cost: ApproximateCost | None) -> dict[str, Any] | None:
    if cost is None:
        return None
    return {"usd": cost.usd, "not_known": cost.lacking}
