"""The RDS API: handles requests, records them, and injects the errors that tests ask for."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from embedded_aws.rds.backend import RdsBackend
from embedded_aws.rds.exceptions import (
    RDSClientError,
    ThrottlingError,
    UnsupportedOperationError,
)
from embedded_aws.rds.models import Location
from embedded_aws.rds.operations import Operations
from embedded_aws.rds.params import Params
from embedded_aws.rds.throttling import RequestLimit

Answer = TypeVar("Answer")

_REMEMBERED_CALLS = 100_000


@dataclass(frozen=True)
class ApiCall:
    """A request that was made, without its parameters: they may hold secrets."""

    at: datetime
    account: str
    region: str
    action: str
    error: str | None = None


@dataclass
class Refusal:
    """An error that a test wants the next caller to get."""

    action: str
    code: str
    message: str
    status: int
    after_doing: bool


class InjectedError(RDSClientError):
    """An error that a test asked for, with its HTTP status."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message, code=refusal.code)
        self.status = refusal.status


class RdsApi:
    """Answers requests."""

    def __init__(self, backend: RdsBackend) -> None:
        self.backend = backend
        self.operations = Operations(backend)
        self.calls: deque[ApiCall] = deque(maxlen=_REMEMBERED_CALLS)
        self.refusals: list[Refusal] = []
        self.limit = RequestLimit()

    def respond(self, action: str, location: Location, params: Params) -> dict[str, Any]:
        """Do what the request asks, or raise ``RDSClientError``."""
        if action not in self.operations.handlers:
            raise UnsupportedOperationError(f"The embedded RDS does not offer {action}")
        return self.operations.perform(action, location, params)

    def handle(self, action: str, location: Location, respond: Callable[[], Answer]) -> Answer:
        """Handle a request, unless a test wants it refused, and record it."""
        with self.backend.lock:
            refusal = self._refusal(action)
            error: RDSClientError | None = None
            try:
                self._require_admission(location)
                if refusal is not None and not refusal.after_doing:
                    raise InjectedError(refusal)
                response = respond()
                if refusal is not None:
                    raise InjectedError(refusal)
            except RDSClientError as raised:
                error = raised
                raise
            finally:
                now = self.backend.clock.now()
                code = error.code if error else None
                self.calls.append(ApiCall(now, location.account, location.region, action, code))
            return response

    def _require_admission(self, location: Location) -> None:
        """Raise ThrottlingError for a request beyond the rate."""
        rules = self.backend.rules
        if not self.limit.admits(
            location, burst=rules.burst_of_requests, per_second=rules.requests_per_second
        ):
            raise ThrottlingError

    def _refusal(self, action: str) -> Refusal | None:
        for refusal in self.refusals:
            if refusal.action == action:
                self.refusals.remove(refusal)
                return refusal
        return None

    def stop(self) -> None:
        """End the data plane."""
        with self.backend.lock:
            self.backend.data_plane.stop()
