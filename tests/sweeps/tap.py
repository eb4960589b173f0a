"""Stands between the functions and AWS: every call of boto3 passes a hook."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from botocore.client import BaseClient
from moto.iam.models import get_account_id_from

from tests.sweeps.quickly import straight_to_tables

Proceed = Callable[[], Any]
"""Makes the call: returns what AWS returns, or raises what boto3 raises."""


@dataclass(frozen=True)
class AwsCall:
    """One call of boto3 that a step is about to make."""

    step: str
    service: str
    operation: str
    region: str
    parameters: Mapping[str, Any]
    account: str
    """Whose credentials it is made with."""
    client: Any = field(repr=False)

    def __str__(self) -> str:
        return f"{self.service}:{self.operation} of {self.step}"


Hook = Callable[[AwsCall, Proceed], Any]


class Violation(BaseException):
    """An invariant is broken. No ``except Exception`` of the code under test may swallow it."""


@dataclass
class Tap:
    """What happens at each call that a step makes; calls of the test itself pass by."""

    hook: Hook | None = None
    step: str | None = None

    @contextmanager
    def working(self, step: str | None) -> Iterator[None]:
        """Calls within the block are the step's, or nobody's."""
        before, self.step = self.step, step
        try:
            yield
        finally:
            self.step = before

    @contextmanager
    def hooked(self, hook: Hook | None) -> Iterator[None]:
        """Another hook for the time of the block."""
        before, self.hook = self.hook, hook
        try:
            yield
        finally:
            self.hook = before

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Between boto3 and AWS, for the time of the block."""
        original = straight_to_tables(BaseClient._make_api_call)  # type: ignore[attr-defined]

        def make_api_call(client: Any, operation: str, parameters: Mapping[str, Any]) -> Any:
            def proceed() -> Any:
                return original(client, operation, parameters)

            if self.hook is None or self.step is None:
                return proceed()
            call = AwsCall(
                self.step,
                client.meta.service_model.service_name,
                operation,
                client.meta.region_name,
                parameters,
                get_account_id_from(client._request_signer._credentials.access_key),
                client,
            )
            return self.hook(call, proceed)

        with mock.patch.object(BaseClient, "_make_api_call", make_api_call):
            yield
