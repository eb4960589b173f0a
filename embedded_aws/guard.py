"""Runs one command and sees to it that nothing of it outlives the process that asked for it.

``python guard.py --parent PID [--grace SECONDS] [--scratch DIR] -- COMMAND …`` starts COMMAND and
waits. The tree below it is ended, first with SIGTERM, then with SIGKILL, as soon as

* standard input reaches its end: the asking process closed the pipe, or died (even by SIGKILL);
* the asking process is no longer the parent;
* the guard itself receives SIGTERM or SIGINT;
* the command ends, and has left something running.

On Linux the guard is a *subreaper*: a grandchild whose own parent died becomes the guard's child,
so it is found and ended too; and the command dies with the guard, should the guard be killed.
The scratch directory is removed at the end. The exit status is the command's.
"""

import argparse
import contextlib
import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from types import FrameType

import psutil

GRACE_SECONDS = 5.0
_POLL_SECONDS = 0.25
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def end_tree(root: psutil.Process, *, grace: float, include_root: bool) -> None:
    """End every process below ``root``: SIGTERM, ``grace`` seconds to comply, SIGKILL."""
    doomed = _descendants(root)
    if include_root:
        doomed.append(root)
    for process in doomed:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    psutil.wait_procs(doomed, timeout=grace)
    for process in [*_descendants(root), *doomed]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(doomed, timeout=grace)


def _descendants(root: psutil.Process) -> list[psutil.Process]:
    try:
        return root.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _linux_prctl() -> Callable[[int, int], int] | None:
    if sys.platform != "linux":
        return None
    library = ctypes.CDLL(None, use_errno=True)
    return lambda option, value: int(library.prctl(option, value, 0, 0, 0))


class _Signals:
    """Turns signals into something ``select`` can wait for, and remembers a request to stop."""

    def __init__(self) -> None:
        self.descriptor, self._waker = os.pipe()
        os.set_blocking(self._waker, False)
        self.stop_requested = False
        signal.set_wakeup_fd(self._waker)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGCHLD, _noticed)

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        self.stop_requested = True


def _noticed(_signal: int, _frame: FrameType | None) -> None:
    """Do nothing: a handler for SIGCHLD, ignored by default, wakes ``select``."""


def _wait(command: subprocess.Popen[bytes], parent: int, signals: _Signals) -> None:
    """Return when the command has ended, or when no process that wants it is left."""
    wanted = sys.stdin.fileno()
    while command.poll() is None and os.getppid() == parent and not signals.stop_requested:
        readable, _, _ = select.select([wanted, signals.descriptor], [], [], _POLL_SECONDS)
        if signals.descriptor in readable:
            os.read(signals.descriptor, 4096)
        if wanted in readable and not os.read(wanted, 4096):
            return


def run(command: Sequence[str], *, parent: int, grace: float, scratch: str | None) -> int:
    """Run the command to its end, or to the end of the process that asked for it."""
    signals = _Signals()
    prctl = _linux_prctl()
    if prctl is not None:
        prctl(_PR_SET_CHILD_SUBREAPER, 1)

    def die_with_guard() -> None:
        if prctl is not None:
            prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

    child = subprocess.Popen(  # noqa: S603
        command, stdin=subprocess.DEVNULL, preexec_fn=die_with_guard
    )
    _wait(child, parent, signals)
    end_tree(psutil.Process(), grace=grace, include_root=False)
    status = child.wait()
    if scratch is not None:
        shutil.rmtree(scratch, ignore_errors=True)
    return status if status >= 0 else 128 - status


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line of the guard."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--grace", type=float, default=GRACE_SECONDS)
    parser.add_argument("--scratch")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args(arguments)
    return run(options.command, parent=options.parent, grace=options.grace, scratch=options.scratch)


if __name__ == "__main__":
    raise SystemExit(main())
