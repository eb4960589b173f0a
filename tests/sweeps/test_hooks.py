"""A run with hooks, killed around each call of the steps that have them called.

Each hook is called once for each cluster, and at the right moment, whatever dies.
"""

from aurora_restore.shared.pipeline import AFTER_RUN, AFTER_SETUP, BEFORE_REPLACE
from tests.sweeps.machine import SUCCEEDED, Document
from tests.sweeps.report import Record, record_line
from tests.sweeps.routes import TARGET, SweepRoute
from tests.sweeps.stage import SweepStage
from tests.sweeps.sweep import CrashSweep
from tests.sweeps.tap import Violation
from tests.unit.bench import REGION

ROUTE = SweepRoute(name="with hooks", has_hooks=True, swept=frozenset({"delete-rds", "hand-over"}))


def look_at(stage: SweepStage, given: Document) -> None:
    """Raise Violation unless a hook may be called now."""
    hook, key = given["hook"], given["idempotency_key"]
    if any(each["idempotency_key"] == key for each in stage.hook_calls):
        raise Violation(f"the hook {key} is called twice")
    if hook == AFTER_RUN.name:
        return
    (cluster,) = stage.bench.clients.rds(REGION).describe_db_clusters(DBClusterIdentifier=TARGET)[
        "DBClusters"
    ]
    if cluster["DbClusterResourceId"] != given["cluster_resource_id"]:
        raise Violation(f"{hook} is called about another cluster than {TARGET}")
    if cluster["Status"] != "available":
        raise Violation(f"{hook} is called while {TARGET} is {cluster['Status']}")
    groups = {each["VpcSecurityGroupId"] for each in cluster["VpcSecurityGroups"]}
    quarantine = {stage.bench.environment.quarantine_security_group}
    if (groups == quarantine) != (hook == AFTER_SETUP.name):
        raise Violation(f"{hook} is called while {TARGET} has the security groups {groups}")


def test_each_hook_is_called_once_and_in_time_whatever_dies(record_property: Record) -> None:
    with ROUTE.staged() as stage:
        stage.look_at_hook = lambda given: look_at(stage, given)
        sweep = CrashSweep(stage, ROUTE)
        sweep.run()
        called = [each["hook"] for each in stage.hook_calls]
    record_line(record_property, f"{ROUTE.name}: {sweep.points} crash points")
    assert not sweep.broken, "\n".join(sweep.broken)
    assert called == [BEFORE_REPLACE.name, AFTER_SETUP.name, AFTER_RUN.name]
    assert [each.status for each in stage.executions] == [SUCCEEDED]
