"""What is prepared once per machine: copies of the PostgreSQL builds, and empty volumes."""

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from embedded_aws.rds.data_plane import DataPlaneError

_NAME = "embedded-rds"
_UNFINISHED = "unfinished-"


def cache_directory(uid: int | None = None) -> Path:
    """Return the machine's cache of the user; that of root can be read by everybody.

    The servers of an emulator that root runs belong to ``nobody``, and the home of root is closed
    to it; so root's cache is in ``/var/cache``.
    """
    if (os.getuid() if uid is None else uid) == 0:
        return Path("/var/cache") / _NAME
    named = os.environ.get("XDG_CACHE_HOME")
    if named and Path(named).is_absolute():
        return Path(named) / _NAME
    return Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache") / _NAME


def prepare_once(cache: Path, name: str, prepare: Callable[[Path], None]) -> Path:
    """Return ``cache/name``, which ``prepare`` fills if it is not there yet.

    It is filled under another name, in the same directory, and renamed when it is complete: two
    processes may do so side by side, the first to finish wins, and a process that dies half-way
    leaves nothing that could be taken for the whole.
    """
    finished = cache / name
    if finished.exists():
        return finished
    try:
        cache.mkdir(mode=0o755, parents=True, exist_ok=True)
        _remove_abandoned(cache)
        own = Path(tempfile.mkdtemp(prefix=f"{_UNFINISHED}{os.getpid()}-", dir=cache))
    except OSError as error:
        raise DataPlaneError(f"PostgreSQL cannot be prepared in {cache}: {error}") from error
    try:
        own.chmod(0o755)
        content = own / name
        prepare(content)
        with contextlib.suppress(OSError):
            content.rename(finished)
    finally:
        shutil.rmtree(own, ignore_errors=True)
    if not finished.exists():
        raise DataPlaneError(f"{finished} could not be made")
    return finished


def _remove_abandoned(cache: Path) -> None:
    """Removes what processes that are gone have left unfinished."""
    for left in cache.glob(f"{_UNFINISHED}*"):
        pid = left.name.removeprefix(_UNFINISHED).partition("-")[0]
        if pid.isdigit() and not _is_alive(int(pid)):
            shutil.rmtree(left, ignore_errors=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
