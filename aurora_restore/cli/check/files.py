"""Whether environments' files are right, and what in them is often a mistake."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from aurora_restore.capacity.fit import RoomForRestores, faults_of_capacity, room_in
from aurora_restore.cli.errors import usage
from aurora_restore.configuration.checks.warnings import warnings_of_environment
from aurora_restore.configuration.loading import environment_names, read_environment
from aurora_restore.shared.documents.environment import Environment
from aurora_restore.shared.documents.schema import Fault
from aurora_restore.shared.errors import ConfigurationError
from aurora_restore.shared.next_starts import NextStart, next_starts


@dataclass(frozen=True, kw_only=True)
class CheckedFile:
    """A file, and everything that is wrong with it or looks so."""

    file: Path
    environment: Environment | None
    """None where the file has faults."""
    faults: tuple[Fault, ...] = ()
    warnings: tuple[Fault, ...] = ()
    room: RoomForRestores | None = None
    """How many restores fit; None where the file has faults."""
    next_starts: tuple[NextStart, ...] = ()
    """When the restores that have a schedule start next, once the file is deployed."""

    def as_json(self) -> dict[str, Any]:
        """Return the file as ``--json`` prints it."""
        return {
            "environment": self.file.stem,
            "file": str(self.file),
            "valid": self.environment is not None,
            "faults": [_described(each) for each in self.faults],
            "warnings": [_described(each) for each in self.warnings],
            "room": None if self.room is None else self.room.as_json(),
            "next_starts": [each.as_json() for each in self.next_starts],
        }


def _described(fault: Fault) -> dict[str, str]:
    return {"field": fault.path, "problem": fault.problem}


def chosen_files(environment: str | None, file: Path | None, folder: Path) -> list[Path]:
    """Return the files to check: the one that is named, or those of every environment in a folder.

    Raises CommandError if there is no such file.
    """
    if environment is not None and file is not None:
        raise usage("Give either --environment or --file.")
    if file is not None:
        if not file.is_file():
            raise usage(f"There is no file {file}.")
        return [file.absolute()]
    folder = folder.absolute()
    names = environment_names(folder)
    if environment is not None and environment not in names:
        known = ", ".join(names) or "none yet"
        raise usage(f"There is no environment {environment}. Those in {folder} are: {known}.")
    return [folder / f"{name}.json" for name in names if environment in (None, name)]


def check_file(file: Path, now: datetime) -> CheckedFile:
    """Return what is wrong with a file, and with what it asks of AWS."""
    try:
        environment = read_environment(file)
    except ConfigurationError as error:
        faults = tuple(_faults_of(file, error))
        return CheckedFile(file=file, environment=None, faults=faults)
    if faults := tuple(faults_of_capacity(environment)):
        return CheckedFile(file=file, environment=None, faults=faults)
    return CheckedFile(
        file=file,
        environment=environment,
        warnings=tuple(warnings_of_environment(environment)),
        room=room_in(environment),
        next_starts=tuple(next_starts(environment.restores, now)),
    )


def _faults_of(file: Path, error: ConfigurationError) -> Iterator[Fault]:
    """Yield the faults that an error lists, each as the path of a field and what is wrong there."""
    texts = error.details.get("faults") or [error.message.removeprefix(f"{file}: ")]
    for text in texts:
        path, colon, problem = text.partition(": ")
        yield Fault(path, problem) if colon else Fault("", text)
