"""The JSON Schemas beside environments' files, by which editors complete and check them."""

import json
from pathlib import Path
from typing import Any, Final

from aurora_restore.configuration.json_schema import json_schema
from aurora_restore.shared.documents.classification import EVERY_COLUMN, SAFE, Classification
from aurora_restore.shared.documents.environment import Environment

SCHEMA_FILE: Final = "schema.json"
CLASSIFICATION_SCHEMA_FILE: Final = "columns/schema.json"


def schema_text() -> str:
    """Return the JSON Schema of an environment file, which may name its schema itself."""
    return _text(json_schema(Environment, title="An environment of the Aurora restore pipeline"))


def classification_schema_text() -> str:
    """Return the JSON Schema of a file that classifies columns, which may name its schema itself.

    Beyond what follows from the fields it says where the key for every column may be.
    """
    schema = json_schema(Classification, title="What is done about each column")
    schemas = schema["properties"]["databases"]["additionalProperties"]
    table = schemas["additionalProperties"]["additionalProperties"]
    table |= {
        "if": {"required": [EVERY_COLUMN]},
        "then": {"maxProperties": 1, "properties": {EVERY_COLUMN: {"const": SAFE}}},
    }
    return _text(schema)


def write_schemas(folder: Path) -> list[Path]:
    """Write both schemas into a folder of environments' files, and return the files.

    Raises OSError if a file cannot be written.
    """
    texts = {SCHEMA_FILE: schema_text(), CLASSIFICATION_SCHEMA_FILE: classification_schema_text()}
    for name, text in texts.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return [folder / name for name in texts]


def _text(schema: dict[str, Any]) -> str:
    schema["properties"] = {"$schema": {"type": "string"}, **schema["properties"]}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
