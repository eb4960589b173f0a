"""A client of the admin API of an embedded RDS in another process."""

import json
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import boto3

from embedded_aws.rds.exceptions import AdminError
from embedded_aws.rds.settings import ENGINE

_TIMEOUT_SECONDS = 60.0


class RdsAdminClient:
    """Same methods as :class:`~embedded_aws.rds.admin.RdsAdmin`, over HTTP."""

    def __init__(self, endpoint_url: str) -> None:
        self.endpoint_url = endpoint_url
        self._opener = build_opener(ProxyHandler({}))

    def session(self, account: str, region: str) -> boto3.Session:
        """Return a boto3 session as an administrator of an account."""
        key = self.credentials(account)
        return boto3.Session(
            aws_access_key_id=key["access_key_id"],
            aws_secret_access_key=key["secret_access_key"],
            region_name=region,
        )

    def credentials(self, account: str) -> dict[str, str]:
        """Return ``access_key_id`` and ``secret_access_key`` of an administrator in an account."""
        found: dict[str, str] = self._call("credentials", account=account)
        return found

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
        self._call(
            "next_outcome",
            operation=operation,
            final=final,
            statuses=statuses,
            seconds=seconds,
            never_ends=never_ends,
            times=times,
        )

    def fail_next(self, operation: str, *, status: str | None = None, times: int = 1) -> None:
        """Let the next operation of a kind end in a terminal status."""
        self._call("fail_next", operation=operation, status=status, times=times)

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
        """Answer the next request for an action with an error, before or after doing it."""
        self._call(
            "refuse_next",
            action=action,
            code=code,
            message=message,
            status=status,
            times=times,
            after_doing=after_doing,
        )

    def set_status(self, arn: str, status: str) -> None:
        """Put a cluster, instance or snapshot into a status, where it stays."""
        self._call("set_status", arn=arn, status=status)

    def engage(self, arn: str, engagement: str) -> None:
        """Let a cluster take part in an :class:`~embedded_aws.rds.engagements.Engagement`."""
        self._call("engage", arn=arn, engagement=engagement)

    def disengage(self, arn: str, engagement: str) -> None:
        """End every engagement of a kind that a cluster has."""
        self._call("disengage", arn=arn, engagement=engagement)

    def set_timings(self, **changes: Any) -> None:
        """Change fields of :class:`~embedded_aws.rds.timings.Timings` from now on."""
        self._call("set_timings", **changes)

    def set_rules(self, **changes: Any) -> None:
        """Change fields of :class:`~embedded_aws.rds.rules.Rules`."""
        self._call("set_rules", **changes)

    def take_automated_snapshot(
        self,
        cluster: str,
        *,
        account: str,
        region: str,
        at: str | None = None,
        engine: str = ENGINE,
    ) -> dict[str, str]:
        """Take the daily snapshot at a time (ISO 8601) or now; return its id and ARN."""
        taken: dict[str, str] = self._call(
            "take_automated_snapshot",
            cluster=cluster,
            account=account,
            region=region,
            at=at,
            engine=engine,
        )
        return taken

    def run_maintenance_window(self, arn: str) -> None:
        """Apply what is pending on a cluster or an instance."""
        self._call("run_maintenance_window", arn=arn)

    def servers(self) -> list[dict[str, Any]]:
        """Return the servers: ``cluster_arn``, ``host``, ``port``, ``log``, ``accepting``."""
        found: list[dict[str, Any]] = self._call("servers")
        return found

    def calls(self) -> list[dict[str, Any]]:
        """Return every request so far: ``at``, ``account``, ``region``, ``action``, ``error``."""
        found: list[dict[str, Any]] = self._call("calls")
        return found

    def problems(self) -> list[str]:
        """Return what the data plane could not do."""
        found: list[str] = self._call("problems")
        return found

    def reset(self) -> None:
        """Delete every resource, recorded call and arrangement."""
        self._call("reset")

    def _call(self, name: str, **arguments: Any) -> Any:
        request = Request(  # noqa: S310
            f"{self.endpoint_url}/_admin/{name}",
            data=json.dumps(arguments).encode(),
            headers={"Content-Type": "application/json"},
            method="POST",
        )
        try:
            with self._opener.open(request, timeout=_TIMEOUT_SECONDS) as response:
                return json.loads(response.read())["result"]
        except HTTPError as error:
            with error:
                raise AdminError(json.loads(error.read())["error"]) from error
