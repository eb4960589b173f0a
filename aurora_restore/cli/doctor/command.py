"""``aurora-restore doctor``: the command."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated, Final

import typer
from rich.text import Text

from aurora_restore.cli import findings
from aurora_restore.cli.context import Deployment, deployment_of
from aurora_restore.cli.doctor.asking import NotAllowedError
from aurora_restore.cli.doctor.code import examine_functions
from aurora_restore.cli.doctor.hooks import examine_hooks
from aurora_restore.cli.doctor.messages import (
    examine_alarms,
    examine_dead_letters,
    examine_failure_rule,
    examine_subscriptions,
)
from aurora_restore.cli.doctor.network import examine_network
from aurora_restore.cli.doctor.past import examine_last_runs, examine_snapshots
from aurora_restore.cli.doctor.permissions import examine_permissions
from aurora_restore.cli.doctor.schedules import examine_schedules
from aurora_restore.cli.doctor.secrets import examine_secrets
from aurora_restore.cli.doctor.site import Site
from aurora_restore.cli.errors import EXPECTED, as_command_error
from aurora_restore.cli.exit_codes import ExitCode
from aurora_restore.cli.findings import Level, Observation, unknown
from aurora_restore.cli.output import AsJson, make_console, print_json
from aurora_restore.shared.common import get_restores
from aurora_restore.shared.documents.restore import Restore

Examination = Callable[[Site], Iterator[Observation]]

EXAMINATIONS: Final[Mapping[str, tuple[Examination, ...]]] = {
    "Functions": (examine_functions, examine_hooks),
    "Permissions": (examine_permissions,),
    "Network": (examine_network,),
    "Secrets": (examine_secrets,),
    "Schedules": (examine_schedules,),
    "Snapshots": (examine_snapshots,),
    "Last runs": (examine_last_runs,),
    "Messages": (
        examine_subscriptions,
        examine_failure_rule,
        examine_alarms,
        examine_dead_letters,
    ),
}
"""What is looked at, in this order."""


def doctor(
    context: typer.Context,
    restore: Annotated[
        str | None, typer.Argument(help="Only this restore; left out, all of them.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Look at the deployment, and say what would go wrong tonight.

    Nothing is changed. What you may not look at is reported as unknown, with the permission that
    is missing. The exit code is 1 if there is a problem.
    """
    deployment = deployment_of(context)
    site = Site(deployment, _chosen(deployment, restore), datetime.now(UTC))
    found = {area: list(examine(site, area)) for area in EXAMINATIONS}
    if as_json:
        print_json(findings.as_json(found))
    else:
        console = make_console()
        findings.show_found(console, found)
        console.print()
        console.print(_conclusion(found))
    if findings.has_problem(found):
        raise typer.Exit(ExitCode.FAILED)


def _chosen(deployment: Deployment, restore: str | None) -> Mapping[str, Restore]:
    """Return the restores to examine. Raises ValidationError if there is none of that name."""
    if restore is None:
        return get_restores(deployment.environment, deployment.clients)
    name, found = deployment.restore(restore)
    return {name: found}


def examine(site: Site, area: str) -> Iterator[Observation]:
    """Yield the findings of an area; what cannot be looked at is one of them."""
    for examination in EXAMINATIONS[area]:
        try:
            yield from examination(site)
        except NotAllowedError as refused:
            yield unknown(
                f"This could not be looked at: {refused.permission} is not allowed.",
                f"Use a role that has the permission {refused.permission}.",
            )
        except EXPECTED as error:
            yield unknown(f"This could not be looked at: {as_command_error(error).sentence}")


def _conclusion(found: findings.Found) -> Text:
    problems, warnings, blanks = (
        findings.count(found, level) for level in (Level.PROBLEM, Level.WARNING, Level.UNKNOWN)
    )
    counted = [
        f"{count} {name if count == 1 else plural}"
        for count, name, plural in (
            (problems, "problem", "problems"),
            (warnings, "warning", "warnings"),
            (blanks, "unknown", "unknown"),
        )
        if count
    ]
    if not counted:
        return Text("Everything is as it should be.", style="green")
    return Text(", ".join(counted) + ".", style="bold red" if problems else "yellow")
