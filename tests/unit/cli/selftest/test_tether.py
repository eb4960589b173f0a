"""A deployment ends with the process that has started it."""

import os
import subprocess
import sys
import time
from pathlib import Path

from aurora_restore.cli.selftest import tether
from aurora_restore.reference.repository import REPOSITORY

_PATIENCE_SECONDS = 60.0
_LASTING = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(600)"


def tethered(*command: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", tether.MODULE, *command], cwd=REPOSITORY, stdin=subprocess.PIPE
    )


def is_there(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_status_of_the_command_is_its_own() -> None:
    with tethered(sys.executable, "-c", "raise SystemExit(7)") as process:
        assert process.wait(_PATIENCE_SECONDS) == 7


def test_the_command_ends_when_the_tether_is_cut(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    with tethered(sys.executable, "-c", _LASTING, str(file)) as process:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not (file.exists() and file.read_text()) and time.monotonic() < deadline:
            time.sleep(0.05)
        command = int(file.read_text())
        assert is_there(command)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(_PATIENCE_SECONDS) != 0
        assert not is_there(command)
