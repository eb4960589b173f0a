"""From ``-c environment=<name>`` to a checked ``Environment``."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aurora_restore.configuration.checks.environment import faults_of_environment
from aurora_restore.configuration.files import ConfigurationFolder
from aurora_restore.configuration.json_file import read_json
from aurora_restore.configuration.schema_files import SCHEMA_FILE
from aurora_restore.shared.documents.environment import Environment
from aurora_restore.shared.documents.schema import Fault, parse_configuration
from aurora_restore.shared.errors import ConfigurationError

CONFIG_FOLDER: Final = Path("config")
"""Where environments' files are unless another folder is named: below the current directory."""

# The longest name of a stack is AuroraRestoreSource-<name>-<account>, of 128 characters at most:
# https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html
ENVIRONMENT_NAME: Final = r"[A-Za-z0-9-]{1,95}"


@dataclass(frozen=True, kw_only=True)
class LoadedEnvironment(Environment):
    """A checked environment, its name, and the folder with the files that it names."""

    name: str
    folder: ConfigurationFolder


def load_environment(name: str | None, folder: str | Path | None = None) -> LoadedEnvironment:
    """Return the environment in ``<folder>/<name>.json``.

    ``folder`` is ``config`` if it is left out, and like that relative to the current directory,
    which for an app that the CDK CLI runs is the folder of its ``cdk.json``.

    Raises ConfigurationError with everything that is wrong: which file, which field, what to do.
    """
    folder = Path(folder or CONFIG_FOLDER)
    names = environment_names(folder)
    if name not in names:
        problem = f"there is no environment {name!r}" if name else "no environment is named"
        known = ", ".join(names) or "none yet"
        raise ConfigurationError(
            f"{problem}: add -c environment=<name>; the environments in {folder.absolute()} are: "
            f"{known}"
        )
    return read_environment(folder / f"{name}.json")


def environment_names(folder: Path) -> list[str]:
    """Return the names of the environments in a folder, in alphabetical order."""
    return sorted(file.stem for file in folder.glob("*.json") if file.name != SCHEMA_FILE)


def read_environment(file: Path) -> LoadedEnvironment:
    """Return the environment in a file, which is checked on its own and beside the others there.

    Raises ConfigurationError with everything that is wrong; its detail ``faults`` lists it.
    """
    if not re.fullmatch(ENVIRONMENT_NAME, file.stem):
        raise ConfigurationError(
            f"{file}: the file's name becomes part of stack names: "
            "rename it to 1 to 95 letters, digits and hyphens before .json"
        )
    try:
        environment = parse_configuration(Environment, read_json(file), source=str(file))
    except ConfigurationError as error:
        raise _refusal(file, error.details.get("faults") or [error.message]) from None
    folder = ConfigurationFolder(file.parent)
    others = (name for name in environment_names(file.parent) if name != file.stem)
    faults = [
        *faults_of_environment(environment, folder=folder),
        *_collisions(environment, (file.parent / f"{other}.json" for other in others)),
    ]
    if faults:
        raise _refusal(file, [str(fault) for fault in faults])
    return LoadedEnvironment(**vars(environment), name=file.stem, folder=folder)


def _collisions(environment: Environment, others: Iterable[Path]) -> Iterator[Fault]:
    """Yield a fault for every other environment whose resources would have the same names."""
    for file in others:
        try:
            other = parse_configuration(Environment, read_json(file), source=str(file))
        except ConfigurationError:
            continue  # It is refused when it is synthesised itself.
        if _identity(other) == _identity(environment):
            yield Fault(
                "name_prefix",
                f"{environment.name_prefix!r} is also the prefix of {file.name}, in the same "
                "account and Region: both would make resources of the same names; give one of "
                "them another, or remove the file that is not used",
            )


def _identity(environment: Environment) -> tuple[str, str, str]:
    return environment.name_prefix, environment.account, environment.region


def _refusal(file: Path, faults: Sequence[str]) -> ConfigurationError:
    return ConfigurationError("\n  ".join([f"{file}:", *faults]), faults=list(faults))
