"""``python -m aurora_restore.reference.schema_file`` writes the JSON Schemas, for editors."""

import json
from typing import Any

from aurora_restore.configuration.loading import (
    CLASSIFICATION_SCHEMA_FILE,
    CONFIG_FOLDER,
    SCHEMA_FILE,
)
from aurora_restore.reference.json_schema import json_schema
from aurora_restore.shared.documents.classification import EVERY_COLUMN, SAFE, Classification
from aurora_restore.shared.documents.environment import Environment


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


def _text(schema: dict[str, Any]) -> str:
    schema["properties"] = {"$schema": {"type": "string"}, **schema["properties"]}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    (CONFIG_FOLDER / SCHEMA_FILE).write_text(schema_text(), encoding="utf-8")
    (CONFIG_FOLDER / CLASSIFICATION_SCHEMA_FILE).write_text(
        classification_schema_text(), encoding="utf-8"
    )
