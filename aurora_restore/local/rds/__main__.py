"""``python -m aurora_restore.local.rds``."""

from aurora_restore.local.rds.server import main

raise SystemExit(main())
