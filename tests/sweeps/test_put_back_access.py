"""A run whose last change is a managed password, killed around each call of that step.

Whatever dies, RDS makes one secret, the proxy leads to the new cluster by it, and the hand-over
stays as it is.
"""

from tests.sweeps.machine import SUCCEEDED
from tests.sweeps.report import Record, record_line
from tests.sweeps.routes import SAME_ACCOUNT, SweepRoute
from tests.sweeps.sweep import CrashSweep

ROUTE = SweepRoute(
    name="managed password",
    source=SAME_ACCOUNT,
    has_managed_password=True,
    swept=frozenset({"put-back-access"}),
)


def test_access_is_put_back_once_whatever_dies(record_property: Record) -> None:
    with ROUTE.staged() as stage:
        sweep = CrashSweep(stage, ROUTE)
        sweep.run()
    record_line(record_property, f"{ROUTE.name}: {sweep.points} crash points")
    assert not sweep.broken, "\n".join(sweep.broken)
    assert sweep.points
    assert [each.status for each in stage.executions] == [SUCCEEDED]
