"""``python -m aurora_restore.cli`` is the same as ``aurora-restore``."""

import sys

from aurora_restore.cli.main import run

if __name__ == "__main__":
    sys.exit(run())
