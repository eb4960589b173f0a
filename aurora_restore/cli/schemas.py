"""``aurora-restore schema``."""

import typer

from aurora_restore.cli.context import configuration_folder
from aurora_restore.cli.errors import usage
from aurora_restore.cli.output import make_console, shown_path
from aurora_restore.configuration.schema_files import write_schemas
from aurora_restore.shared.visible import visible_line


def write_schema_files(context: typer.Context) -> None:
    """Write the JSON Schemas by which editors complete and check environments' files.

    They are `schema.json` and `columns/schema.json` in the folder of the environments' files, and
    fit the version of this command. Nothing else reads them.
    """
    folder = configuration_folder(context)
    try:
        written = write_schemas(folder)
    except OSError as error:
        raise usage(f"{shown_path(folder)} cannot be written to: {error.strerror}.") from error
    console = make_console()
    for file in written:
        console.print(f"Written: {visible_line(shown_path(file))}", soft_wrap=True)
