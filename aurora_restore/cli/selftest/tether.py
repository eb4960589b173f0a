"""Run a command that ends with the process that has started it, also where that is killed.

``python -m aurora_restore.cli.selftest.tether COMMAND…``: standard input is the tether. When it is
closed, as the system does when the process at its other end is gone, the command's whole process
group is ended. Else a deployment could go on, and make what nobody waits for.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import Final

MODULE: Final = "aurora_restore.cli.selftest.tether"
_PATIENCE_SECONDS: Final = 10.0


def main(command: Sequence[str]) -> int:
    """Run a command until it ends, or the tether is cut; return its exit status."""
    process = subprocess.Popen(  # noqa: S603
        command, stdin=subprocess.DEVNULL, start_new_session=True
    )
    watcher = threading.Thread(target=_end_when_cut, args=(process,), daemon=True)
    watcher.start()
    return process.wait()


def _end_when_cut(process: subprocess.Popen[bytes]) -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_PATIENCE_SECONDS)


if __name__ == "__main__":
    # A Ctrl-C at the terminal reaches this process, too; the tether says when it is over.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise SystemExit(main(sys.argv[1:]))
