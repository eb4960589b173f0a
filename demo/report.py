"""The summary that a person can check."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from rich import box
from rich.table import Table
from rich.text import Text

from aurora_restore.cli.progress import ExecutionFailure
from aurora_restore.proof.checks import (
    Check,
    LoginVerdict,
    TableReading,
    TableVerdict,
)
from aurora_restore.shared.pipeline import get_step
from demo.scenario import PREFIX
from embedded_aws.aws import PublishedMessage

_CHECKSUM_SHOWN: Final = 8


def tables(verdicts: Sequence[TableVerdict]) -> Table:
    """Return a table with the rows and the checksum of every database table, side by side."""
    table = _table(
        "\nTable",
        ("Rows\nin source", "right"),
        ("Rows\nrestored", "right"),
        "SHA-256\nin source",
        "SHA-256\nrestored",
        "\nVerdict",
    )
    for each in verdicts:
        table.add_row(
            each.name.removeprefix("public."),
            _rows(each.source),
            _rows(each.restored),
            _checksum(each.source),
            _checksum(each.restored),
            _verdict(each.verdict, held=each.held),
        )
    return table


def logins(verdicts: Sequence[LoginVerdict]) -> Table:
    """Return a table of the logins and the databases that accepted them."""
    table = _table("Login", "Who it is", "Source", "Restored", "Verdict")
    for each in verdicts:
        table.add_row(
            each.user,
            each.who,
            str(each.source),
            str(each.restored),
            _verdict(each.verdict, held=each.held),
        )
    return table


def checks(made: Iterable[Check]) -> Table:
    """Return the other checks, a line each."""
    table = Table.grid(padding=(0, 2))
    table.add_column(min_width=4)
    table.add_column()
    for each in made:
        seen = each.evidence if each.held else each.found
        table.add_row(
            _verdict("yes" if each.held else "NO", held=each.held),
            f"{each.promise}: {seen}" if seen else each.promise,
        )
    return table


def announcement(message: PublishedMessage | None) -> Text:
    """Return the notification as an e-mail has it, word for word."""
    if message is None:
        return Text("Nothing was published.")
    return Text(f"Subject: {message.subject}\n\n{message.email}")


def failure(why: ExecutionFailure, folder: Path) -> Text:
    """Return the step, the error and its sentence, and where to look.

    The execution's records are kept in the folder.
    """
    where = [str(folder / "execution-history.json")]
    if why.step is not None:
        where.insert(
            0, str(folder / "functions" / f"{get_step(why.step).function_name(PREFIX)}.log")
        )
    return Text(
        f"Step: {why.step or 'none was entered'}\n"
        f"Error: {why.error_type}\n"
        f"{why.message}\n"
        f"Look at {' and '.join(where)}."
    )


def kept(folder: Path, executions: Iterable[str] = ("",)) -> Table:
    """Return a table of what is kept of the run, and where: of each execution in a folder."""
    table = Table.grid(padding=(0, 2))
    for path, content in {
        "config/": "the configuration that the app was deployed with",
        "execution-history.json": "every event of the execution",
        "state-table.json": "what the steps have written to the state table",
        "audit-table.json": "and to the audit table",
        "notifications.json": "what was published",
        "functions/": "the log of each function",
        "logs/, rds/": "the logs of the CDK, of the embedded AWS and of each PostgreSQL",
    }.items():
        table.add_row(str(folder / path) + ("/" if path.endswith("/") else ""), content)
    for name in filter(None, executions):
        table.add_row(f"{folder / name}/", "the same of the second execution")
    return table


def _rows(reading: TableReading | None) -> str:
    return "-" if reading is None else f"{reading.rows:,}"


def _checksum(reading: TableReading | None) -> str:
    return "-" if reading is None else reading.checksum[:_CHECKSUM_SHOWN]


def _verdict(text: str, *, held: bool) -> Text:
    return Text(text, style="green" if held else "bold red")


def _table(*columns: str | tuple[str, str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="dim")
    for column in columns:
        if isinstance(column, str):
            table.add_column(column)
        else:
            table.add_column(column[0], justify="right")
    return table
