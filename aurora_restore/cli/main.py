"""``aurora-restore``: the app, its global options, and what an expected error becomes."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

import aurora_restore
from aurora_restore.cli import (
    cancelling,
    explaining,
    listing,
    logs,
    pausing,
    planning,
    rerunning,
    rolling_back,
    schemas,
    showing,
    snapshot_list,
    starting,
    watching,
)
from aurora_restore.cli.check import command as check_command
from aurora_restore.cli.context import remember_options
from aurora_restore.cli.doctor import command as doctor_command
from aurora_restore.cli.errors import EXPECTED, OutputClosedError, as_command_error
from aurora_restore.cli.exit_codes import ExitCode
from aurora_restore.cli.init import command as init_command
from aurora_restore.cli.output import note, print_as_is
from aurora_restore.cli.report import command as report_command
from aurora_restore.cli.selftest import command as selftest_command
from aurora_restore.configuration.loading import CONFIG_FOLDER
from aurora_restore.shared.names import DEFAULT_NAME_PREFIX

PROGRAM: Final = "aurora-restore"

app: Final = typer.Typer(
    name=PROGRAM,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        print_as_is(f"{PROGRAM} {aurora_restore.__version__}")
        raise typer.Exit(ExitCode.DONE)


@app.callback()
def options(
    context: typer.Context,
    profile: Annotated[
        str | None,
        typer.Option(envvar="AWS_PROFILE", help="The profile of the AWS credentials."),
    ] = None,
    region: Annotated[
        str | None,
        typer.Option(
            envvar=["AWS_REGION", "AWS_DEFAULT_REGION"],
            help="The Region that the environment is deployed in.",
        ),
    ] = None,
    name_prefix: Annotated[
        str,
        typer.Option(
            envvar="AURORA_RESTORE_NAME_PREFIX",
            help="The environment's `name_prefix`, which the names of its functions begin with.",
        ),
    ] = DEFAULT_NAME_PREFIX,
    config_dir: Annotated[
        Path,
        typer.Option(
            envvar="AURORA_RESTORE_CONFIG_DIR",
            help="The folder with the environments' files, for `init`, `check` and `schema`.",
        ),
    ] = CONFIG_FOLDER,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Operate the pipeline that refreshes Aurora clusters from production's snapshots.

    Options that stand before the command say where: credentials, Region and environment.
    """
    del version
    remember_options(context, profile, region, name_prefix, config_dir)


app.command("list")(listing.list_operations)
app.command("show")(showing.show)
app.command("explain")(explaining.explain)
app.command("watch")(watching.watch)
app.command("logs")(logs.logs)
app.command("rerun")(rerunning.rerun)
app.command("cancel")(cancelling.cancel)
app.command("rollback")(rolling_back.rollback)
app.command("snapshots")(snapshot_list.snapshots)
app.command("pause")(pausing.pause)
app.command("unpause")(pausing.unpause)
app.command("doctor")(doctor_command.doctor)
app.command("report")(report_command.report)
app.command("plan")(planning.plan)
app.command("start")(starting.start)
app.command("init")(init_command.write_configuration)
app.command("check")(check_command.check)
app.command("schema")(schemas.write_schema_files)
app.command("selftest")(selftest_command.selftest)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the app and return its exit code; an expected error becomes a sentence."""
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except (BrokenPipeError, OutputClosedError):
        # What is still in the buffer would fail again when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OUTPUT_CLOSED
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except EXPECTED as error:
        expected = as_command_error(error)
        note(expected.sentence)
        return expected.code
    return code


def _run(arguments: Sequence[str] | None) -> int:
    """Return the code with which Typer would end the process."""
    try:
        app(args=arguments, prog_name=PROGRAM)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else ExitCode.DONE
    return ExitCode.DONE
