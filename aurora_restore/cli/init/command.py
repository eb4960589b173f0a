"""``aurora-restore init``."""

import re
from pathlib import Path
from typing import Annotated, Final

import typer

from aurora_restore.cli.context import configuration_folder, deployment_of
from aurora_restore.cli.errors import refused, usage
from aurora_restore.cli.exit_codes import ExitCode
from aurora_restore.cli.init.draft import Choices, Draft, draft
from aurora_restore.cli.init.facts import read_source, read_target
from aurora_restore.cli.init.text import MARK, configuration_text
from aurora_restore.cli.output import bullets, heading, make_console, print_as_is, shown_path
from aurora_restore.configuration.loading import (
    ENVIRONMENT_NAME,
    read_environment,
)
from aurora_restore.shared.errors import ConfigurationError
from aurora_restore.shared.visible import visible_line

STANDARD_OUTPUT: Final = Path("-")
_RESTORE_NAME: Final = r"[a-z][a-z0-9-]{0,39}"


def write_configuration(
    context: typer.Context,
    from_cluster: Annotated[
        str, typer.Option(help="The existing cluster that is to be refreshed.", show_default=False)
    ],
    snapshot_source: Annotated[
        str | None,
        typer.Option(
            metavar="CLUSTER_OR_ARN",
            help="The cluster whose snapshots are restored: its name beside the target, or its ARN "
            "in another Region or account.",
        ),
    ] = None,
    environment: Annotated[
        str | None,
        typer.Option(help="The environment's name; left out, that of the target.", metavar="NAME"),
    ] = None,
    restore: Annotated[
        str | None,
        typer.Option(help="The restore's name; left out, that of the environment.", metavar="NAME"),
    ] = None,
    master_secret: Annotated[
        str | None,
        typer.Option(help="An existing secret of the master user: name or ARN.", metavar="SECRET"),
    ] = None,
    app_secret: Annotated[
        str | None,
        typer.Option(
            help="An existing secret of the application's roles: name or ARN.", metavar="SECRET"
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            help="The file to write, or `-` for standard output; left out, the environment's in "
            "the configuration folder.",
            metavar="FILE",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
) -> None:
    """Write an environment's configuration from an existing target and the source of its data.

    It reads both clusters and their network, and changes nothing in AWS. What cannot be known is
    marked in the file. Nothing that could delete the target is decided for you.
    """
    deployment = deployment_of(context)
    name = environment or from_cluster.lower()
    file = output or configuration_folder(context) / f"{name}.json"
    if file != STANDARD_OUTPUT:
        _refuse(file, force=force)
        name = file.stem
    target = read_target(deployment.clients, from_cluster.lower())
    source = snapshot_source and read_source(deployment.clients, snapshot_source, target.arn)
    drafted = draft(
        target,
        source or None,
        Choices(
            restore=restore or _restore_name(name),
            name_prefix=deployment.name_prefix,
            master_secret=master_secret,
            app_secret=app_secret,
        ),
    )
    text = configuration_text(drafted.document)
    if file == STANDARD_OUTPUT:
        print_as_is(text.rstrip("\n"))
        return
    _write(file, text)
    _report(file, drafted)


def _refuse(file: Path, *, force: bool) -> None:
    """Raise CommandError if an environment cannot be called so, or its file is there already."""
    if not (file.suffix == ".json" and re.fullmatch(ENVIRONMENT_NAME, file.stem)):
        raise usage(
            f"An environment cannot be in {file.name!r}: its file is called after it, 1 to 95 "
            "letters, digits and hyphens, with .json at the end."
        )
    if file.exists() and not force:
        raise refused(
            f"{shown_path(file)} exists. Give another --environment or --output, or overwrite it "
            "with --force."
        )


def _restore_name(environment: str) -> str:
    name = environment.lower()
    return name if re.fullmatch(_RESTORE_NAME, name) else "refresh"


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise usage(f"{shown_path(file)} cannot be written: {error.strerror}.") from error


def _report(file: Path, drafted: Draft) -> None:
    """Say what is open, and whether the file is valid as it is. Raises typer.Exit if it is not."""
    console = make_console()
    console.print(f"Written: {visible_line(shown_path(file))}", soft_wrap=True)
    heading(console, f"To fill in; the file marks it with {MARK}")
    bullets(console, (f"{path}: {why}" for path, why in drafted.open.items()))
    console.print()
    try:
        read_environment(file)
    except ConfigurationError as error:
        console.print("It is not valid until this is corrected:")
        bullets(console, error.details.get("faults") or [error.message])
        raise typer.Exit(ExitCode.FAILED) from None
    console.print(
        "It is valid as it is. Whether AWS is ready for it:\n"
        f"  aurora-restore check --file {visible_line(shown_path(file))} --online",
        soft_wrap=True,
    )
