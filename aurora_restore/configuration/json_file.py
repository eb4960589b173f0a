"""Documents that people write: JSON, in which no key may occur twice."""

import json
from pathlib import Path
from typing import Any

from aurora_restore.shared.errors import ConfigurationError


def read_json(file: Path) -> Any:
    """Return the JSON document of a file. Raises ConfigurationError without the file's name."""
    try:
        text = file.read_text(encoding="utf-8-sig")
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_number)
    except OSError as error:
        raise ConfigurationError(f"cannot be read: {error.strerror}") from None
    except json.JSONDecodeError as error:
        raise ConfigurationError(
            f"line {error.lineno}, column {error.colno}: not valid JSON: {error.msg}"
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"byte {error.start}: not valid UTF-8") from None
    except RecursionError:
        raise ConfigurationError("not valid: lists and objects are nested too deeply") from None
    except ValueError:
        raise ConfigurationError("not valid: a number in it has too many digits") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ConfigurationError(f"the key {twice!r} occurs twice in one object: remove one")
    return document


def _no_number(constant: str) -> Any:
    raise ConfigurationError(f"not valid JSON: {constant} is not a number in JSON")
