"""The files that an environment's file names: within its folder, wherever links lead."""

from dataclasses import dataclass
from pathlib import Path

from aurora_restore.shared.errors import ConfigurationError


@dataclass(frozen=True)
class ConfigurationFolder:
    """The folder of an environment's file, to which the paths in the file are relative."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    def locate(self, name: str) -> Path:
        """Return the file of a relative path.

        Raises ConfigurationError, without the field, if there is none, or if it is outside of the
        folder: what is deployed must be what the folder's readers and reviewers see.
        """
        file = self.path / name
        try:
            found, folder = file.resolve(strict=True), self.path.resolve(strict=True)
        except (OSError, RuntimeError):
            raise ConfigurationError(f"there is no file {file}{self._remedy(name)}") from None
        if not found.is_relative_to(folder):
            raise ConfigurationError(
                f"{file} leads out of the folder of the environment's file, to {found}: put the "
                f"file itself into {self.path}"
            )
        if not found.is_file():
            raise ConfigurationError(f"{file} is no file: give the path of one")
        return file

    def read(self, name: str) -> bytes:
        """Return the content of the file of a relative path. Raises ConfigurationError."""
        file = self.locate(name)
        try:
            return file.read_bytes()
        except OSError as error:
            raise ConfigurationError(f"{file} cannot be read: {error.strerror}") from None

    def read_anywhere(self, name: str) -> bytes:
        """Return the content of a public file, which may be anywhere on this machine.

        Raises ConfigurationError if there is none.
        """
        file = self.path / name
        if not file.is_file():
            raise ConfigurationError(f"there is no file {file}{self._remedy(name)}")
        try:
            return file.read_bytes()
        except OSError as error:
            raise ConfigurationError(f"{file} cannot be read: {error.strerror}") from None

    def _remedy(self, name: str) -> str:
        """Return what a path is relative to, and what it must be if that was mistaken."""
        within = name.removeprefix(f"{self.path.absolute().name}/")
        is_meant = within != name and (self.path / within).is_file()
        return ": paths are relative to the environment's file" + (
            f", so write {within!r}" if is_meant else ""
        )
