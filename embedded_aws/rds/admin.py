"""The admin API of the embedded RDS, which AWS does not have: for tests, inside the process."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from moto.iam.models import iam_backends

from embedded_aws.rds.api import RdsApi, Refusal
from embedded_aws.rds.engagements import Engagement
from embedded_aws.rds.exceptions import AdminError, RDSClientError
from embedded_aws.rds.models import DBCluster, DBClusterSnapshot, DBInstance, Location
from embedded_aws.rds.names import Arn, partition_of
from embedded_aws.rds.resources import find_cluster, find_instance, find_own_snapshot
from embedded_aws.rds.settings import ENGINE
from embedded_aws.rds.transitions import Operation, TransitionOverride

_FAILURES = {
    Operation.CREATE_CLUSTER: "failed",
    Operation.CREATE_INSTANCE: "failed",
    Operation.CREATE_SNAPSHOT: "failed",
    Operation.COPY_SNAPSHOT: "failed",
    Operation.RESTORE_CLUSTER: "restore-failed",
    Operation.RESET_MASTER_CREDENTIALS: "incompatible-credentials",
    Operation.RENAME_CLUSTER: "failed",
    Operation.STOP_CLUSTER: "failed",
    Operation.START_CLUSTER: "failed",
    Operation.DELETE_INSTANCE: "failed",
    Operation.DELETE_CLUSTER: "failed",
}
_USER = "embedded-rds"


class RdsAdmin:
    """Arranges what happens next, and shows what the API hides.

    Every method takes and returns plain values, so that it can be called over HTTP as well.
    """

    def __init__(self, api: RdsApi) -> None:
        self._api = api
        self._backend = api.backend

    def methods(self) -> Mapping[str, Callable[..., Any]]:
        """Return what can be called, by name."""
        return {
            "calls": self.calls,
            "credentials": self.credentials,
            "disengage": self.disengage,
            "engage": self.engage,
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
        """Call a method by name."""
        method = self.methods().get(name)
        if method is None:
            raise AdminError(f"no such admin method: {name}")
        try:
            with self._backend.lock:
                self._backend.scheduler.run_due()
                return method(**arguments)
        except (RDSClientError, TypeError, ValueError) as error:
            raise AdminError(f"{name}: {error}") from error

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
        """Give the next operation of a kind other statuses, another duration or another end."""
        outcome = TransitionOverride(
            final=final,
            statuses=tuple(statuses) if statuses else None,
            seconds=seconds,
            never_ends=never_ends,
        )
        self._backend.overrides.add(Operation(operation), outcome, times)

    def fail_next(self, operation: str, *, status: str | None = None, times: int = 1) -> None:
        """Let the next operation of a kind end in a terminal status."""
        kind = Operation(operation)
        outcome = TransitionOverride(final=status or _FAILURES[kind])
        self._backend.overrides.add(kind, outcome, times)

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
        """Answer the next request with an error; ``after_doing``, once it has been carried out."""
        refusal = Refusal(action, code, message, status, after_doing)
        self._api.refusals.extend(replace(refusal) for _ in range(times))

    def set_status(self, arn: str, status: str) -> None:
        """Put a cluster, instance or snapshot into a status, where it stays."""
        resource = self._resource(arn)
        if resource.transition is not None:
            resource.transition.cancel()
        resource.status = status

    def engage(self, arn: str, engagement: str) -> None:
        """Let a cluster take part in an :class:`~embedded_aws.rds.engagements.Engagement`."""
        self._api.operations.engagements.begin(self._cluster(arn), Engagement(engagement))

    def disengage(self, arn: str, engagement: str) -> None:
        """End every engagement of a kind that a cluster has."""
        self._api.operations.engagements.end(self._cluster(arn), Engagement(engagement))

    def set_timings(self, **changes: Any) -> None:
        """Change durations from now on; what is under way keeps its own."""
        self._backend.timings = self._backend.timings.with_changes(changes)

    def set_rules(self, **changes: Any) -> None:
        """Change quotas and defaults."""
        self._backend.rules = self._backend.rules.with_changes(changes)

    def take_automated_snapshot(
        self,
        cluster: str,
        *,
        account: str,
        region: str,
        at: str | None = None,
        engine: str = ENGINE,
    ) -> dict[str, str]:
        """Take the daily snapshot, finished, at a time (ISO 8601) or now; return its id and ARN.

        ``engine`` makes it the snapshot of a cluster of another engine, which only looks like one.
        """
        location = Location(account, region)
        time = datetime.fromisoformat(at) if at else self._backend.scheduler.now
        if time.tzinfo is None:
            raise AdminError("the time of a snapshot needs a time zone")
        taken = self._api.operations.snapshots.take_automated(
            find_cluster(self._backend, location, cluster), time.astimezone(UTC), engine=engine
        )
        return {"identifier": taken.identifier, "arn": taken.arn}

    def run_maintenance_window(self, arn: str) -> None:
        """Apply what is pending on a cluster or an instance."""
        resource = self._resource(arn)
        if isinstance(resource, DBCluster):
            self._api.operations.modifications.apply_pending(resource)
        elif isinstance(resource, DBInstance):
            self._api.operations.instances.apply_pending(resource)
        else:
            raise AdminError("a snapshot has no maintenance window")

    def servers(self) -> list[dict[str, Any]]:
        """Return each cluster's server: ARN, host, port, log, and whether it accepts clients."""
        arns = {
            cluster.resource_id: cluster.arn
            for _, regional in self._backend.regional_backends()
            for cluster in regional.clusters.values()
        }
        return [
            {
                "cluster_arn": arns.get(server.storage, ""),
                "host": server.endpoint.host,
                "port": server.endpoint.port,
                "accepting": server.accepting,
                "log": str(server.log) if server.log else None,
            }
            for server in self._backend.data_plane.servers()
        ]

    def credentials(self, account: str) -> dict[str, str]:
        """Return an access key of an administrator in an account, as moto's IAM issues one."""
        backend = iam_backends[account][partition_of("us-east-1")]
        if _USER not in backend.users:
            backend.create_user(region_name="us-east-1", user_name=_USER)
        existing = backend.list_access_keys(_USER)
        key = existing[0] if existing else backend.create_access_key(user_name=_USER)
        return {"access_key_id": key.access_key_id, "secret_access_key": key.secret_access_key}

    def calls(self) -> list[dict[str, Any]]:
        """Return every request so far: its time, account, Region, action and error."""
        return [{**asdict(call), "at": call.at.isoformat()} for call in self._api.calls]

    def problems(self) -> list[str]:
        """Return what the data plane could not do."""
        return list(self._backend.problems)

    def reset(self) -> None:
        """Delete every resource, recorded call and arrangement."""
        images = set()
        for _, regional in self._backend.regional_backends():
            for cluster in regional.clusters.values():
                self._backend.data_plane.discard(cluster.resource_id)
            images |= {snapshot.image for snapshot in regional.snapshots.values()}
        for image in images:
            self._backend.data_plane.release(image)
        self._backend.clear()
        self._api.calls.clear()
        self._api.refusals.clear()
        self._api.limit.clear()

    def _cluster(self, arn: str) -> DBCluster:
        resource = self._resource(arn)
        if not isinstance(resource, DBCluster):
            raise AdminError(f"not the ARN of a cluster: {arn}")
        return resource

    def _resource(self, arn: str) -> DBCluster | DBInstance | DBClusterSnapshot:
        parsed = Arn.parse(arn)
        if parsed is None:
            raise AdminError(f"not an ARN: {arn}")
        location = Location(parsed.account, parsed.region)
        match parsed.kind:
            case "cluster":
                return find_cluster(self._backend, location, arn)
            case "db":
                return find_instance(self._backend, location, arn)
            case "cluster-snapshot":
                return find_own_snapshot(self._backend, location, arn)
            case kind:
                raise AdminError(f"no status can be set on a {kind}")
