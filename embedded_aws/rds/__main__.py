"""``python -m embedded_aws.rds``."""

from embedded_aws.rds.server import main

raise SystemExit(main())
