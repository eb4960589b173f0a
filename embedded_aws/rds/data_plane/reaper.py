"""Ends the PostgreSQL servers of an emulator that died without a word.

``python -I reaper.py DIRECTORY…`` waits for the end of its standard input, which comes when the
emulator closes it or dies, even by SIGKILL. Then every server with a ``postmaster.pid`` in one of
the directories, or one level below, is ended immediately, and the directories are removed. Standard
library only, so that it starts quickly and needs nothing of the emulator.
"""

import os
import shutil
import signal
import sys
import time
from pathlib import Path

_ROUNDS = 20
_PAUSE_SECONDS = 0.1


def main(directories: list[Path]) -> None:
    """Waits, ends, removes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while os.read(sys.stdin.fileno(), 4096):
        continue
    quiet = 0
    for _ in range(_ROUNDS):
        running = [pid for directory in directories for pid in servers_below(directory)]
        for pid in running:
            end(pid)
        quiet = 0 if running else quiet + 1
        if quiet > 1:
            break
        time.sleep(_PAUSE_SECONDS)
    for directory in directories:
        shutil.rmtree(directory, ignore_errors=True)


def servers_below(directory: Path) -> list[int]:
    """The process ids of the servers that run on data below the directory."""
    found = []
    for lock in (*directory.glob("postmaster.pid"), *directory.glob("*/postmaster.pid")):
        try:
            lines = lock.read_text().splitlines()
            pid, data = int(lines[0]), lines[1]
        except (OSError, ValueError, IndexError):
            continue
        if Path(data) == lock.parent and is_alive(pid) and runs_on(pid, data):
            found.append(pid)
    return found


def is_alive(pid: int) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def runs_on(pid: int, data: str) -> bool:
    """Whether the process is a server on that data, and not one that got its number later."""
    command = Path(f"/proc/{pid}/cmdline")
    if not command.exists():
        return True
    return data.encode() in command.read_bytes()


def end(pid: int) -> None:
    """Immediate shutdown, which takes the server's children along."""
    try:
        os.kill(pid, signal.SIGQUIT)
    except (ProcessLookupError, PermissionError):
        return


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]])
