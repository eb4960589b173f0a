"""How the last runs have ended, and whether there is a snapshot for the next one."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from aurora_restore.cli.doctor.asking import ask_all
from aurora_restore.cli.doctor.site import Site
from aurora_restore.cli.executions import SUCCEEDED, Execution, recent_executions
from aurora_restore.cli.findings import Observation, ok, problem, unknown, warning
from aurora_restore.cli.output import duration, moment
from aurora_restore.shared.documents.restore import Restore
from aurora_restore.shared.failed_execution import ABORTED
from aurora_restore.shared.rds.statuses import AVAILABLE
from aurora_restore.shared.snapshots.selection import is_own_copy

_DAILY: Final = timedelta(hours=26)
"""How old the newest of daily snapshots is at most, with room for the backup window."""


def examine_last_runs(site: Site) -> Iterator[Observation]:
    """Yield how the last run of each restore has ended."""
    only = site.deployment.environment.default_restore or None
    last = last_refreshes(recent_executions(site.deployment), set(site.restores), only)
    for name, restore in site.restores.items():
        yield decide_last_run(name, restore, last.get(name), site.now)


def last_refreshes(
    executions: Iterator[Execution], wanted: set[str], only: str | None
) -> dict[str, Execution]:
    """Return the latest refresh of each restore; ``only`` is the environment's only restore.

    A start that a paused schedule has held back is none.
    """
    found: dict[str, Execution] = {}
    for execution in executions:
        restore = execution.restore or only
        if restore in wanted and not execution.kind and not execution.is_held_back:
            found.setdefault(restore, execution)
        if len(found) == len(wanted):
            break
    return found


def decide_last_run(
    name: str, restore: Restore, execution: Execution | None, now: datetime
) -> Observation:
    """Return what the last run of a restore means for the next one."""
    if execution is None:
        if restore.schedule is None:
            return ok(f"{name} has not run lately. It has no schedule.")
        return warning(f"{name} has not run lately.", "See when its schedule starts it.")
    operation, when = execution.operation_id, moment(execution.ended or execution.started)
    if not execution.is_over:
        return ok(
            f"{name} has been running since {moment(execution.started)}: operation {operation}."
        )
    if execution.status == SUCCEEDED:
        ago = duration(max(0.0, (now - (execution.ended or now)).total_seconds()))
        return ok(f"The last run of {name} succeeded {ago} ago: operation {operation}.")
    if execution.status == ABORTED:
        return warning(
            f"The last run of {name} was stopped at {when}: operation {operation}.",
            f"aurora-restore explain {operation}",
        )
    error = f" with {execution.error}" if execution.error else ""
    return problem(
        f"The last run of {name} failed at {when}{error}: operation {operation}.",
        f"aurora-restore explain {operation}",
    )


def examine_snapshots(site: Site) -> Iterator[Observation]:
    """Yield how old the newest snapshot of each source is."""
    for name, restore in site.restores.items():
        source = restore.source
        if source.account_id not in (None, site.deployment.account_id):
            yield unknown(
                f"The source of {name} is in account {source.account_id}, which is not looked at "
                "here.",
                f"A dry run looks there by the functions' role: aurora-restore plan {name}",
            )
            continue
        found = ask_all(
            "rds:DescribeDBClusterSnapshots",
            site.deployment.clients.rds(source.region),
            "describe_db_cluster_snapshots",
            "DBClusterSnapshots",
            DBClusterIdentifier=source.cluster_id,
        )
        yield decide_snapshots(name, restore, list(found), site.now)


def decide_snapshots(
    name: str, restore: Restore, snapshots: Sequence[Any], now: datetime
) -> Observation:
    """Return whether a source has a snapshot that is new enough for the next run."""
    source = restore.source
    usable = [
        each["SnapshotCreateTime"]
        for each in snapshots
        if each["Status"] == AVAILABLE and each.get("SnapshotCreateTime") and not is_own_copy(each)
    ]
    if not usable:
        return problem(
            f"There is no available snapshot of {source.cluster_id}, the source of {name}.",
            "Look at the automated backups of the cluster.",
        )
    age = now - max(usable)
    allowed = _DAILY + timedelta(days=source.default_day == "yesterday")
    text = (
        f"The newest snapshot of {source.cluster_id}, the source of {name}, is "
        f"{duration(max(0.0, age.total_seconds()))} old"
    )
    if age > allowed:
        return problem(f"{text}.", "Find out why the day's snapshot was not taken.")
    return ok(f"{text}.")
