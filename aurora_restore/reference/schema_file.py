"""``python -m aurora_restore.reference.schema_file`` writes ``config/schema.json``, for editors."""

import json

from aurora_restore.configuration.loading import CONFIG_FOLDER, SCHEMA_FILE
from aurora_restore.reference.json_schema import json_schema
from aurora_restore.shared.documents.environment import Environment


def schema_text() -> str:
    """Return the JSON Schema of an environment file, which may name its schema itself."""
    schema = json_schema(Environment, title="An environment of the Aurora restore pipeline")
    schema["properties"] = {"$schema": {"type": "string"}, **schema["properties"]}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    (CONFIG_FOLDER / SCHEMA_FILE).write_text(schema_text(), encoding="utf-8")
