"""How long everything takes, and which statuses it passes through on the way."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Self


@dataclass(frozen=True, kw_only=True)
class Timings:
    """Durations in seconds as AWS would take them (a clock's speed divides them).

    AWS promises no duration; the defaults are of the order that users report. A ``…_statuses``
    field is the documented sequence before ``available``; its members share the duration equally.
    """

    create_cluster: float = 60
    create_cluster_statuses: tuple[str, ...] = ("creating",)
    create_instance: float = 420
    create_instance_statuses: tuple[str, ...] = ("creating",)
    create_snapshot: float = 120
    copy_snapshot: float = 900
    restore_cluster: float = 600
    restore_cluster_statuses: tuple[str, ...] = ("creating",)
    modification_lag: float = 5
    """From the acceptance of a change until the status shows it."""
    modify_cluster: float = 60
    modify_security_groups: float = 30
    rename_cluster: float = 60
    """From ``renaming`` to ``available``. The name changes halfway."""
    rename_gap: float = 0
    """For how long of that neither name answers."""
    rename_release: float = 0
    """For how long the former name stays taken after a rename."""
    upgrade_cluster: float = 900
    reset_master_credentials: float = 45
    stop_cluster: float = 180
    start_cluster: float = 420
    promote_cluster: float = 120
    create_endpoint: float = 60
    """Of a custom endpoint."""
    delete_endpoint: float = 60
    """Of a custom endpoint, whose name stays taken for so long."""
    register_proxy_target: float = 60
    modify_instance: float = 120
    reboot_instance: float = 60
    delete_instance: float = 300
    delete_cluster: float = 90
    deletion_lag: float = 0
    """From the acceptance of a cluster's deletion until its status shows it."""

    @classmethod
    def instant(cls) -> Self:
        """Return timings without any duration: the next call finds everything finished."""
        durations: dict[str, Any] = {
            field.name: 0 for field in fields(cls) if field.type in (float, "float")
        }
        return cls(**durations)

    def with_changes(self, changes: Mapping[str, Any]) -> Self:
        """Return these timings with some fields replaced; raise ValueError for unknown names."""
        known = {field.name for field in fields(self)}
        if unknown := sorted(set(changes) - known):
            raise ValueError(f"unknown timing: {', '.join(unknown)}")
        given: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in changes.items()
        }
        return replace(self, **given)
