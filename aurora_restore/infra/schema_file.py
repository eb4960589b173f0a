"""``python -m aurora_restore.infra.schema_file`` writes ``config/schema.json``, for editors."""

import json

from aurora_restore.infra.config import CONFIG_FOLDER, SCHEMA_FILE
from aurora_restore.shared.models import Environment
from aurora_restore.shared.schema import json_schema


def schema_text() -> str:
    """The JSON Schema of an environment file, which may name its schema itself."""
    schema = json_schema(Environment, title="An environment of the Aurora restore pipeline")
    schema["properties"] = {"$schema": {"type": "string"}, **schema["properties"]}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    (CONFIG_FOLDER / SCHEMA_FILE).write_text(schema_text(), encoding="utf-8")
