"""What a test may ask of the emulator beside the RDS API, from inside its process."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from moto.iam.models import iam_backends

from embedded_aws.rds.emulator import Emulator, Refusal
from embedded_aws.rds.errors import ControlError, RdsError
from embedded_aws.rds.lookup import cluster_at, instance_at, own_snapshot
from embedded_aws.rds.models import Cluster, Instance, Place, Snapshot
from embedded_aws.rds.names import Arn, partition_of
from embedded_aws.rds.progress import Operation, Outcome
from embedded_aws.rds.rules import Encryption

_FAILURES = {
    Operation.CREATE_CLUSTER: "failed",
    Operation.CREATE_INSTANCE: "failed",
    Operation.CREATE_SNAPSHOT: "failed",
    Operation.COPY_SNAPSHOT: "failed",
    Operation.RESTORE_CLUSTER: "restore-failed",
    Operation.RESET_MASTER_CREDENTIALS: "incompatible-credentials",
    Operation.DELETE_INSTANCE: "failed",
    Operation.DELETE_CLUSTER: "failed",
}
_USER = "embedded-rds"


class Control:
    """Arranges what happens next, and shows what is behind the API.

    Every method takes and returns plain values, so that it can be called over HTTP as well.
    """

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self._world = emulator.backend

    def methods(self) -> Mapping[str, Callable[..., Any]]:
        """What can be called, by name."""
        return {
            "calls": self.calls,
            "credentials": self.credentials,
            "fail_next": self.fail_next,
            "next_outcome": self.next_outcome,
            "problems": self.problems,
            "refuse_next": self.refuse_next,
            "reset": self.reset,
            "run_maintenance_window": self.run_maintenance_window,
            "servers": self.servers,
            "set_rules": self.set_rules,
            "set_status": self.set_status,
            "set_timings": self.set_timings,
            "take_automated_snapshot": self.take_automated_snapshot,
        }

    def call(self, name: str, arguments: Mapping[str, Any]) -> Any:
        """Calls a method by name."""
        method = self.methods().get(name)
        if method is None:
            raise ControlError(f"no such control: {name}")
        try:
            with self._world.lock:
                self._world.schedule.settle()
                return method(**arguments)
        except (RdsError, TypeError, ValueError) as error:
            raise ControlError(f"{name}: {error}") from error

    def next_outcome(
        self,
        operation: str,
        *,
        final: str | None = None,
        statuses: list[str] | None = None,
        seconds: float | None = None,
        never_ends: bool = False,
        times: int = 1,
    ) -> None:
        """Gives the next operation of a kind another course: statuses, duration, end."""
        outcome = Outcome(
            final=final,
            statuses=tuple(statuses) if statuses else None,
            seconds=seconds,
            never_ends=never_ends,
        )
        self._world.outcomes.prepare(Operation(operation), outcome, times)

    def fail_next(self, operation: str, *, status: str | None = None, times: int = 1) -> None:
        """Lets the next operation of a kind end in a terminal status."""
        kind = Operation(operation)
        outcome = Outcome(final=status or _FAILURES[kind])
        self._world.outcomes.prepare(kind, outcome, times)

    def refuse_next(
        self,
        action: str,
        *,
        code: str,
        message: str = "as the test asked",
        status: int = 400,
        times: int = 1,
        after_doing: bool = False,
    ) -> None:
        """Answers the next request with an error; ``after_doing``, once it has been carried out."""
        refusal = Refusal(action, code, message, status, after_doing)
        self._emulator.refusals.extend(replace(refusal) for _ in range(times))

    def set_status(self, arn: str, status: str) -> None:
        """Puts a cluster, instance or snapshot into a status, where it stays."""
        resource = self._resource(arn)
        if resource.run is not None:
            resource.run.cancel()
        resource.status = status

    def set_timings(self, **changes: Any) -> None:
        """Changes durations from now on; what is under way keeps its own."""
        self._world.timings = self._world.timings.with_changes(changes)

    def set_rules(self, **changes: Any) -> None:
        """Changes quotas and defaults."""
        if "default_encryption" in changes:
            changes["default_encryption"] = Encryption(changes["default_encryption"])
        self._world.rules = replace(self._world.rules, **changes)

    def take_automated_snapshot(
        self, cluster: str, *, account: str, region: str, at: str | None = None
    ) -> dict[str, str]:
        """The daily snapshot, finished, at a time (ISO 8601) or now; gives its id and ARN."""
        place = Place(account, region)
        time = datetime.fromisoformat(at) if at else self._world.schedule.now
        if time.tzinfo is None:
            raise ControlError("the time of a snapshot needs a time zone")
        taken = self._emulator.operations.snapshots.take_automated(
            cluster_at(self._world, place, cluster), time.astimezone(UTC)
        )
        return {"identifier": taken.identifier, "arn": taken.arn}

    def run_maintenance_window(self, arn: str) -> None:
        """Applies what is pending on a cluster or an instance."""
        resource = self._resource(arn)
        if isinstance(resource, Cluster):
            self._emulator.operations.changes.maintain(resource)
        elif isinstance(resource, Instance):
            self._emulator.operations.instances.apply_pending(resource)
        else:
            raise ControlError("a snapshot has no maintenance window")

    def servers(self) -> list[dict[str, Any]]:
        """The data plane: per cluster its ARN, host, port, log, and whether it lets clients in."""
        arns = {
            cluster.resource_id: cluster.arn
            for _, site in self._world.sites()
            for cluster in site.clusters.values()
        }
        return [
            {
                "cluster_arn": arns.get(server.storage, ""),
                "host": server.endpoint.host,
                "port": server.endpoint.port,
                "accepting": server.accepting,
                "log": str(server.log) if server.log else None,
            }
            for server in self._world.data_plane.servers()
        ]

    def credentials(self, account: str) -> dict[str, str]:
        """An access key of an administrator in an account, as moto's IAM issues one."""
        backend = iam_backends[account][partition_of("us-east-1")]
        if _USER not in backend.users:
            backend.create_user(region_name="us-east-1", user_name=_USER)
        existing = backend.list_access_keys(_USER)
        key = existing[0] if existing else backend.create_access_key(user_name=_USER)
        return {"access_key_id": key.access_key_id, "secret_access_key": key.secret_access_key}

    def calls(self) -> list[dict[str, Any]]:
        """Every request so far: when, by which account, in which Region, what, and its error."""
        return [{**asdict(call), "at": call.at.isoformat()} for call in self._emulator.calls]

    def problems(self) -> list[str]:
        """What the data plane could not do."""
        return list(self._world.problems)

    def reset(self) -> None:
        """Nothing was ever made, called or arranged."""
        images = set()
        for _, site in self._world.sites():
            for cluster in site.clusters.values():
                self._world.data_plane.discard(cluster.resource_id)
            images |= {snapshot.image for snapshot in site.snapshots.values()}
        for image in images:
            self._world.data_plane.release(image)
        self._world.clear()
        self._emulator.calls.clear()
        self._emulator.refusals.clear()

    def _resource(self, arn: str) -> Cluster | Instance | Snapshot:
        parsed = Arn.parse(arn)
        if parsed is None:
            raise ControlError(f"not an ARN: {arn}")
        place = Place(parsed.account, parsed.region)
        match parsed.kind:
            case "cluster":
                return cluster_at(self._world, place, arn)
            case "db":
                return instance_at(self._world, place, arn)
            case "cluster-snapshot":
                return own_snapshot(self._world, place, arn)
            case kind:
                raise ControlError(f"no control over {kind}")
