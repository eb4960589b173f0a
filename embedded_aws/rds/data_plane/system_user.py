"""The system user that the servers run as, and directories that it can reach.

PostgreSQL refuses to run as root; where the emulator does, its servers run as ``nobody``.
"""

import os
import pwd
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedded_aws.rds.data_plane import DataPlaneError

_UNPRIVILEGED = "nobody"
_ENVIRONMENT = {"HOME": "/nonexistent", "LC_ALL": "C.UTF-8", "PATH": os.defpath, "TZ": "UTC"}
_MEMORY = Path("/dev/shm")  # noqa: S108
_ENOUGH_MEMORY_BYTES = 2 * 1024**3


@dataclass(frozen=True)
class SystemUser:
    """Whom the servers run as."""

    name: str
    uid: int
    gid: int
    changed: bool
    """Whether that is another user than the emulator's own."""

    @classmethod
    def fitting(cls) -> "SystemUser":
        """The emulator's own user, unless that is root."""
        if os.getuid() == 0:
            entry = pwd.getpwnam(_UNPRIVILEGED)
            return cls(entry.pw_name, entry.pw_uid, entry.pw_gid, changed=True)
        own = os.getuid()
        return cls(user_name(own), own, os.getgid(), changed=False)

    def process_options(self) -> dict[str, Any]:
        """What ``subprocess`` needs to start a program as this user.

        Of the environment nothing is passed on: servers are clients, too, of other clusters, and
        the libraries would look for certificates and settings of the user who started it.
        """
        options: dict[str, Any] = {"env": _ENVIRONMENT}
        if self.changed:
            options |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        return options

    def own(self, path: Path) -> None:
        """Makes the file or directory this user's."""
        if self.changed:
            os.chown(path, self.uid, self.gid)

    def reaches(self, path: Path) -> bool:
        """Whether every directory above and including ``path`` lets this user through."""
        if not self.changed:
            return True
        return all(self._passes(step) for step in (path, *path.parents))

    def _passes(self, directory: Path) -> bool:
        try:
            status = directory.stat()
        except FileNotFoundError:
            return True
        if status.st_uid == self.uid:
            return bool(status.st_mode & stat.S_IXUSR)
        if status.st_gid == self.gid:
            return bool(status.st_mode & stat.S_IXGRP)
        return bool(status.st_mode & stat.S_IXOTH)


def user_name(uid: int) -> str:
    """The name of a system user; PostgreSQL does not run for one that has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        raise DataPlaneError(f"PostgreSQL needs a named system user, and {uid} is none") from None


def workspace(user: SystemUser, preferred: Path) -> Path:
    """A directory for the servers' data: ``preferred`` if the user gets there, else a private one.

    A home of root or a test's temporary directory (mode 0700) is out of reach for ``nobody``.
    """
    if user.reaches(preferred.resolve()):
        preferred.mkdir(parents=True, exist_ok=True)
        user.own(preferred)
        return preferred
    return private_directory(user, "rds-data-")


def scratch(user: SystemUser) -> Path | None:
    """A private directory in memory, where there is enough of it; copying data is quick there."""
    if not _MEMORY.is_dir() or not user.reaches(_MEMORY):
        return None
    if shutil.disk_usage(_MEMORY).free < _ENOUGH_MEMORY_BYTES:
        return None
    made = Path(tempfile.mkdtemp(prefix="rds-data-", dir=_MEMORY))
    made.chmod(0o700)
    user.own(made)
    return made


def private_directory(user: SystemUser, prefix: str) -> Path:
    """A new directory with a short path, for this user alone."""
    for parent in (tempfile.gettempdir(), "/tmp", "/var/tmp"):  # noqa: S108
        if Path(parent).is_dir() and user.reaches(Path(parent)) and len(parent) < 40:
            made = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
            made.chmod(0o700)
            user.own(made)
            return made
    raise DataPlaneError(f"no temporary directory that {user.name} can reach")
