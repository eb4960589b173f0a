"""Child processes that start, are waited for, explain themselves when they fail, and end.

Every child runs under :mod:`embedded_aws.guard`, in a session of its own: Ctrl-C reaches
only the program that owns it, which then ends the child in order; and when the owner is killed,
the guard ends everything below the child.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from embedded_aws import guard

_LOG_TAIL_LINES = 25
_READY_POLL_SECONDS = 0.02


class ProcessFailedError(RuntimeError):
    """A child ended, or did not become ready in time; the message quotes the end of its log."""


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 on which nothing listens at this moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def log_tail(log: Path, lines: int = _LOG_TAIL_LINES) -> str:
    """Return the last lines of a log, indented, for an error message."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        text = ""
    tail = text.strip().splitlines()[-lines:] or ["(the log is empty)"]
    return "\n".join(f"    {line}" for line in tail)


@dataclass(frozen=True, kw_only=True)
class Command:
    """What to run, under which name in messages, and where its output goes.

    The ``scratch`` directory is removed when the command has ended, however it ended. ``grace`` is
    the time that processes get to comply with SIGTERM.
    """

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    directory: Path | None = None
    scratch: Path | None = None
    grace: float = guard.GRACE_SECONDS


class Supervised:
    """One running child with everything below it; a context manager that ends it."""

    def __init__(self, command: Command) -> None:
        self._command = command
        command.log.parent.mkdir(parents=True, exist_ok=True)
        with command.log.open("ab") as log:
            self._guard = subprocess.Popen(  # noqa: S603
                [*_guard_command(command), "--", *command.arguments],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(command.environment),
                cwd=command.directory,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process id of the guard, below which the child runs."""
        return self._guard.pid

    @property
    def log(self) -> Path:
        """Where the child's standard output and error go."""
        return self._command.log

    def running(self) -> bool:
        """Return whether the child has not ended yet."""
        return self._guard.poll() is None

    def wait_until(self, ready: Callable[[], bool], *, timeout: float) -> None:
        """Return as soon as ``ready`` does; raise if the child ends or time runs out."""
        deadline = time.monotonic() + timeout
        while not ready():
            if not self.running():
                raise self._failure(f"ended with status {self._guard.returncode}")
            if time.monotonic() >= deadline:
                raise self._failure(f"was not ready after {timeout:g} s")
            time.sleep(_READY_POLL_SECONDS)

    def wait(self, *, timeout: float) -> int:
        """Wait for the child to end by itself and return its exit status."""
        try:
            return self._guard.wait(timeout)
        except subprocess.TimeoutExpired:
            raise self._failure(f"was still running after {timeout:g} s") from None

    def stop(self) -> None:
        """End the child and everything below it; harmless when it has ended already."""
        if self._guard.stdin is not None:
            self._guard.stdin.close()
        if not self.running():
            return
        try:
            self._guard.wait(2 * self._command.grace + 1)
        except subprocess.TimeoutExpired:
            guard.end_tree(psutil.Process(self._guard.pid), grace=0.5, include_root=True)
            self._guard.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _failure(self, what: str) -> ProcessFailedError:
        return ProcessFailedError(
            f"{self._command.name} {what}; the end of {self.log}:\n{log_tail(self.log)}"
        )


def _guard_command(command: Command) -> list[str]:
    arguments = [sys.executable, "-I", str(Path(guard.__file__)), "--parent", str(os.getpid())]
    arguments += ["--grace", str(command.grace)]
    if command.scratch is not None:
        arguments += ["--scratch", str(command.scratch)]
    return arguments
