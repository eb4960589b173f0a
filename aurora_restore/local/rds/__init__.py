"""An Amazon RDS for Aurora PostgreSQL on the local machine.

The control plane is moto's RDS, made as strict and as slow as AWS; the data plane is a real
PostgreSQL per cluster. :mod:`~aurora_restore.local.rds.facts` lists what it enforces and what not.

* :class:`EmbeddedRds` runs it as an HTTP server in a process of its own,
* :func:`~aurora_restore.local.rds.in_process.in_process` inside a test, under ``moto.mock_aws``,
  with a clock that the test moves (it is not imported here, because moto takes its time),
* ``python -m aurora_restore.local.rds`` from a shell.

``Endpoint`` of a cluster is ``localhost`` and ``Port`` a free local port, whatever was asked for.
"""

from aurora_restore.local.rds.client import RdsControl
from aurora_restore.local.rds.clock import Clock, ManualClock, RealClock
from aurora_restore.local.rds.embedded import EmbeddedRds, EmbeddedRdsError
from aurora_restore.local.rds.errors import ControlError
from aurora_restore.local.rds.progress import Operation
from aurora_restore.local.rds.rules import Encryption, Rules
from aurora_restore.local.rds.timings import Timings

__all__ = [
    "Clock",
    "ControlError",
    "EmbeddedRds",
    "EmbeddedRdsError",
    "Encryption",
    "ManualClock",
    "Operation",
    "RdsControl",
    "RealClock",
    "Rules",
    "Timings",
]
