"""What the commands that change something have in common: who acts, consent, and the record."""

import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import typer
from rich.text import Text

from aurora_restore.cli.context import Deployment
from aurora_restore.cli.errors import refused, usage
from aurora_restore.cli.output import make_console
from aurora_restore.shared.notices import way_on
from aurora_restore.shared.visible import visible, visible_line

_Answer = TypeVar("_Answer")

REQUESTED: Final = "REQUESTED"
"""In the audit trail: what a person has asked for, before it is done."""


def record_request(
    deployment: Deployment, key: str, command: str, caller: str, details: Mapping[str, Any]
) -> None:
    """Write into the audit trail who asks for what, before it is done."""
    deployment.store.audit(
        key, command, REQUESTED, {"started_by": caller, **details}, datetime.now(UTC)
    )


def require_consent(question: str, *, yes: bool) -> None:
    """Ask a question that only "y" answers; ``yes`` is for scripts.

    Raises CommandError if the answer is another one, or if nobody can be asked, and
    KeyboardInterrupt after Ctrl-C.
    """
    if yes:
        return
    _require_terminal("--yes")
    if not _answer(typer.confirm, visible(question)):
        raise refused("Nothing was changed.")


def require_name(question: str, name: str, *, given: str | None) -> None:
    """Have a name typed before what it names is changed; ``given`` is for scripts.

    Raises CommandError if it is another one, or if nobody can be asked, and KeyboardInterrupt
    after Ctrl-C.
    """
    if given is not None:
        if given.strip() != name:
            raise usage(f"--yes {given}: that is not {name}. Nothing was changed.")
        return
    _require_terminal(f"--yes {name}")
    typed = _answer(typer.prompt, visible(f"{question} Type its name, {name}, to go on"))
    if typed.strip() != name:
        raise refused(f"That is not {name}. Nothing was changed.")


def tell(*sentences: str) -> None:
    """Print sentences, each as a paragraph that is as wide as there is room."""
    console = make_console()
    for each in sentences:
        console.print(Text(visible(each)))


def tell_command(purpose: str, command: str) -> None:
    """Print what to type next, on a line of its own that is never broken."""
    console = make_console()
    console.print(Text(visible(f"{purpose}:")))
    console.print(Text(f"  {visible_line(command)}"), soft_wrap=True)


def own_command(deployment: Deployment, *words: str) -> str:
    """Return a command of this program for the same environment."""
    return way_on.own_command(
        *words,
        region=deployment.region,
        name_prefix=deployment.name_prefix,
        profile=deployment.profile,
    )


def _answer(ask: Callable[[str], _Answer], question: str) -> _Answer:
    """Return the answer to a question; Ctrl-C is an interruption here as everywhere else."""
    try:
        return ask(question)
    except typer.Abort:
        raise KeyboardInterrupt from None


def _require_terminal(option: str) -> None:
    """Raise CommandError where nobody can answer."""
    if not sys.stdin.isatty():
        raise usage(
            f"This asks before it acts, and there is no terminal. In a script add {option}."
        )
