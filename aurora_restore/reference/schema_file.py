"""``python -m aurora_restore.reference.schema_file`` writes the JSON Schemas into ``config``."""

from aurora_restore.configuration.schema_files import write_schemas
from aurora_restore.reference.repository import REPOSITORY

if __name__ == "__main__":
    write_schemas(REPOSITORY / "config")
