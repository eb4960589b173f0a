"""``aurora-restore check``."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import boto3
import typer
from rich.console import Console
from rich.text import Text

from aurora_restore.cli import findings
from aurora_restore.cli.check.files import CheckedFile, check_file, chosen_files
from aurora_restore.cli.check.place import check_bootstrap, check_network, decide_account
from aurora_restore.cli.check.rehearsal import Rehearsal, rehearse
from aurora_restore.cli.context import configuration_folder, session_in
from aurora_restore.cli.errors import EXPECTED, as_command_error, usage
from aurora_restore.cli.exit_codes import ExitCode
from aurora_restore.cli.findings import Level, Observation, unknown
from aurora_restore.cli.output import AsJson, make_console, print_json, shown_path
from aurora_restore.shared.aws_utils import Clients, call
from aurora_restore.shared.documents.environment import Environment
from aurora_restore.shared.documents.schema import Fault
from aurora_restore.shared.next_starts import sentences
from aurora_restore.shared.visible import visible, visible_line

Examination = Callable[[], Iterator[Observation]]


def check(
    context: typer.Context,
    environment: Annotated[
        str | None,
        typer.Option(
            help="Only this environment of the configuration folder; left out, all.",
            metavar="NAME",
        ),
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

    It also counts what AWS limits, as the synthesis does, and says how many restores fit.

    Nothing is changed, and no value of a secret is shown. The exit code is 1 if anything is wrong.
    What can only be known once the stack is there, `plan` says.
    """
    files = chosen_files(environment, file, configuration_folder(context))
    if online and len(files) != 1:
        raise usage("With --online, name one environment with --environment or --file.")
    now = datetime.now(UTC)
    checked = [check_file(each, now) for each in files]
    found: findings.Found = {}
    if online and checked[0].environment is not None:
        known = checked[0].environment
        found = look(known, session_in(context, known.region), now)
    if as_json:
        _print(checked, found if online else None)
    else:
        _show(make_console(), checked, found)
    if _is_wrong(checked, found):
        raise typer.Exit(ExitCode.FAILED)


def _is_wrong(checked: Iterable[CheckedFile], found: findings.Found) -> bool:
    return any(each.environment is None for each in checked) or findings.has_problem(found)


def look(environment: Environment, session: boto3.Session, now: datetime) -> findings.Found:
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


def _print(checked: Sequence[CheckedFile], found: findings.Found | None) -> None:
    document: dict[str, object] = {"files": [each.as_json() for each in checked]}
    if found is not None:
        document["online"] = findings.as_json(found)
    print_json(document)


def _show(console: Console, checked: Sequence[CheckedFile], found: findings.Found) -> None:
    for each in checked:
        state = Text("valid", "green") if each.environment else Text("not valid", "bold red")
        console.print(
            Text.assemble((visible_line(shown_path(each.file)), "bold"), ": ", state),
            soft_wrap=True,
        )
        findings.show_rows(console, _faults(each.faults, Level.PROBLEM))
        findings.show_rows(console, _faults(each.warnings, Level.WARNING))
        if each.room is not None:
            said = (each.room.text, *sentences(each.next_starts))
            sign = findings.sign_of(Level.OK)
            findings.show_rows(console, [(sign, Text(visible(text))) for text in said])
    findings.show_found(console, found)
    if found:
        console.print()
        console.print(_conclusion(found))


def _faults(faults: Iterable[Fault], level: Level) -> Iterator[tuple[Text, Text]]:
    for fault in faults:
        field = [(f"{visible_line(fault.path)}\n", "bold")] if fault.path else []
        yield findings.sign_of(level), Text.assemble(*field, visible(fault.problem))


def _conclusion(found: findings.Found) -> Text:
    problems, unknowns = (findings.count(found, level) for level in (Level.PROBLEM, Level.UNKNOWN))
    if problems:
        count = "1 problem" if problems == 1 else f"{problems} problems"
        return Text(f"AWS is not ready for it: {count}.", "bold red")
    if unknowns:
        return Text(f"No problem was found; {unknowns} could not be looked at.", "yellow")
    return Text("AWS is ready for it.", "green")
