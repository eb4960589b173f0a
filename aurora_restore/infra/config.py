"""From ``-c environment=<name>`` to a checked ``Environment``."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from aurora_restore.infra.checks import faults_of
from aurora_restore.infra.repository import REPOSITORY
from aurora_restore.shared.errors import ConfigurationError
from aurora_restore.shared.models import Environment
from aurora_restore.shared.schema import parse_configuration

CONFIG_FOLDER: Final = REPOSITORY / "config"
SCHEMA_FILE: Final = "schema.json"


def load_environment(name: str | None, folder: str | Path | None = None) -> tuple[str, Environment]:
    """The environment in ``<folder>/<name>.json`` under its name.

    Raises ConfigurationError with everything that is wrong: which file, which field, what to do.
    """
    folder = Path(folder or CONFIG_FOLDER)
    names = sorted(file.stem for file in folder.glob("*.json") if file.name != SCHEMA_FILE)
    if name not in names:
        problem = f"there is no environment {name!r}" if name else "no environment is named"
        known = ", ".join(names) or "none yet"
        raise ConfigurationError(
            f"{problem}: add -c environment=<name>; the environments in {folder} are: {known}"
        )
    file = folder / f"{name}.json"
    try:
        environment = parse_configuration(Environment, _read(file), source=str(file))
    except ConfigurationError as error:
        raise _refusal(file, error.details.get("faults") or [error.message]) from None
    if faults := [str(fault) for fault in faults_of(environment, repository=REPOSITORY)]:
        raise _refusal(file, faults)
    return name, environment


def _read(file: Path) -> Any:
    """The file's JSON document, in which no key may stand twice."""
    try:
        return json.loads(file.read_text(encoding="utf-8"), object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        raise ConfigurationError(
            f"line {error.lineno}, column {error.colno}: not valid JSON: {error.msg}"
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"byte {error.start}: not valid UTF-8") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ConfigurationError(f"the key {twice!r} stands twice in one object: remove one")
    return document


def _refusal(file: Path, faults: Iterable[str]) -> ConfigurationError:
    return ConfigurationError("\n  ".join([f"{file}:", *faults]), faults=list(faults))
