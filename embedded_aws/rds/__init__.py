"""An Amazon RDS for Aurora PostgreSQL on the local machine.

The control plane is moto's RDS, made as strict and as slow as AWS; the data plane is a real
PostgreSQL per cluster. :mod:`~embedded_aws.rds.facts` lists what it enforces and what not.

* :class:`EmbeddedRds` runs it as an HTTP server in a process of its own,
* :func:`~embedded_aws.rds.in_process.in_process` inside a test, under ``moto.mock_aws``,
  with a clock that the test moves (it is not imported here, because moto takes its time),
* ``python -m embedded_aws.rds`` from a shell.

``Endpoint`` of a cluster is a loopback address and ``Port`` a free local port, whatever was asked
for.
"""

from embedded_aws.rds.admin_client import RdsAdminClient
from embedded_aws.rds.clock import Clock, ManualClock, RealClock
from embedded_aws.rds.exceptions import AdminError
from embedded_aws.rds.process import EmbeddedRds, EmbeddedRdsError
from embedded_aws.rds.rules import Encryption, Rules
from embedded_aws.rds.timings import Timings
from embedded_aws.rds.transitions import Operation

__all__ = [
    "AdminError",
    "Clock",
    "EmbeddedRds",
    "EmbeddedRdsError",
    "Encryption",
    "ManualClock",
    "Operation",
    "RdsAdminClient",
    "RealClock",
    "Rules",
    "Timings",
]
