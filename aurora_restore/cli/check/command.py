"""``aurora-restore check``."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import boto3
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from aurora_restore.cli.check.files import CheckedFile, check_file, chosen_files
from aurora_restore.cli.check.place import check_bootstrap, check_network, decide_account
from aurora_restore.cli.check.rehearsal import Rehearsal, rehearse
from aurora_restore.cli.context import session_in
from aurora_restore.cli.errors import EXPECTED, as_command_error, usage
from aurora_restore.cli.exit_codes import ExitCode
from aurora_restore.cli.findings import Level, Observation, unknown
from aurora_restore.cli.output import AsJson, heading, make_console, print_json, shown_path
from aurora_restore.shared.aws_utils import Clients, call
from aurora_restore.shared.documents.environment import Environment
from aurora_restore.shared.documents.schema import Fault
from aurora_restore.shared.visible import visible, visible_line

Examination = Callable[[], Iterator[Observation]]
Found = Mapping[str, Sequence[Observation]]
"""What was found in AWS, by subject."""
_SIGNS: Final = {
    Level.OK: ("ok", "green"),
    Level.UNKNOWN: ("unknown", "dim"),
    Level.PROBLEM: ("PROBLEM", "bold red"),
}


def check(
    context: typer.Context,
    environment: Annotated[
        str | None,
        typer.Option(help="Only this environment of `config/`; left out, all.", metavar="NAME"),
    ] = None,
    file: Annotated[
        Path | None, typer.Option(help="A file that is elsewhere.", metavar="FILE")
    ] = None,
    online: Annotated[
        bool,
        typer.Option(
            "--online",
            help="Also look at AWS: whether everything that the file names exists and fits.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check environments' files, and with --online whether AWS is ready for a deployment.

    Nothing is changed, and no value of a secret is shown. The exit code is 1 if anything is wrong.
    What can only be known once the stack is there, `plan` says.
    """
    files = chosen_files(environment, file)
    if online and len(files) != 1:
        raise usage("With --online, name one environment with --environment or --file.")
    checked = [check_file(each) for each in files]
    found: Found = {}
    if online and checked[0].environment is not None:
        known = checked[0].environment
        found = look(known, session_in(context, known.region), datetime.now(UTC))
    if as_json:
        _print(checked, found if online else None)
    else:
        _show(make_console(), checked, found)
    if _is_wrong(checked, found):
        raise typer.Exit(ExitCode.FAILED)


def _is_wrong(checked: Iterable[CheckedFile], found: Found) -> bool:
    if any(each.environment is None for each in checked):
        return True
    return any(each.level is Level.PROBLEM for findings in found.values() for each in findings)


def look(environment: Environment, session: boto3.Session, now: datetime) -> Found:
    """Return what AWS shows of everything that an environment needs, by subject.

    In another account than the environment's, nothing more is looked at. Raises AuroraRestoreError
    if there are no usable credentials.
    """
    caller = call(session.client("sts").get_caller_identity)
    found = {"Account and Region": list(decide_account(environment, caller))}
    if caller["Account"] != environment.account:
        return found
    clients = Clients(session)
    subjects: dict[str, Examination] = {
        "Deployment": partial(check_bootstrap, environment, session),
        "Network of the functions": partial(check_network, environment, session),
    }
    for name in environment.restores:
        rehearsal = Rehearsal(environment=environment, name=name, clients=clients, now=now)
        subjects[f"Restore {name}"] = partial(rehearse, rehearsal)
    return found | {subject: list(_examined(examine)) for subject, examine in subjects.items()}


def _examined(examine: Examination) -> Iterator[Observation]:
    """Yield the findings; where AWS refuses a call, that one thing is unknown."""
    try:
        yield from examine()
    except EXPECTED as error:
        yield unknown(f"This could not be looked at: {as_command_error(error).sentence}")


def _print(checked: Sequence[CheckedFile], found: Found | None) -> None:
    document: dict[str, object] = {"files": [each.as_json() for each in checked]}
    if found is not None:
        document["online"] = {
            subject: [asdict(each) for each in findings] for subject, findings in found.items()
        }
    print_json(document)


def _show(console: Console, checked: Sequence[CheckedFile], found: Found) -> None:
    for each in checked:
        state = Text("valid", "green") if each.environment else Text("not valid", "bold red")
        console.print(
            Text.assemble((visible_line(shown_path(each.file)), "bold"), ": ", state),
            soft_wrap=True,
        )
        _rows(console, [*_faults(each.faults, "PROBLEM", "bold red")])
        _rows(console, [*_faults(each.warnings, "warning", "yellow")])
    for subject, findings in found.items():
        heading(console, subject)
        _rows(console, [(Text(*_SIGNS[each.level]), _text_of(each)) for each in findings])
    if found:
        console.print()
        console.print(_conclusion([each for findings in found.values() for each in findings]))


def _faults(faults: Iterable[Fault], sign: str, style: str) -> Iterator[tuple[Text, Text]]:
    for fault in faults:
        field = [(f"{visible_line(fault.path)}\n", "bold")] if fault.path else []
        yield Text(sign, style), Text.assemble(*field, visible(fault.problem))


def _text_of(finding: Observation) -> Text:
    remedy = [(f"\n{visible(finding.remedy)}", "dim")] if finding.remedy else []
    return Text.assemble(visible(finding.text), *remedy)


def _rows(console: Console, rows: Sequence[tuple[Text, Text]]) -> None:
    if not rows:
        return
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for row in rows:
        grid.add_row(*row)
    console.print(grid)


def _conclusion(findings: Iterable[Observation]) -> Text:
    levels = [each.level for each in findings]
    problems, unknowns = levels.count(Level.PROBLEM), levels.count(Level.UNKNOWN)
    if problems:
        count = "1 problem" if problems == 1 else f"{problems} problems"
        return Text(f"AWS is not ready for it: {count}.", "bold red")
    if unknowns:
        return Text(f"No problem was found; {unknowns} could not be looked at.", "yellow")
    return Text("AWS is ready for it.", "green")
