"""What can go wrong with one call of AWS, short of the function's death.

A fault stands where boto3 has given up: its own retries are over.
"""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError
from botocore.parsers import create_parser

from embedded_aws.rds.backend import RdsBackend, RegionalBackend
from embedded_aws.rds.models import DBCluster, Location
from tests.sweeps.tap import AwsCall, Proceed

# By the services' API references, and for EC2 and RDS by "Common Errors".
THROTTLING = {
    "application-autoscaling": ("ThrottlingException", 400),
    "dynamodb": ("ProvisionedThroughputExceededException", 400),
    "ec2": ("RequestLimitExceeded", 503),
    "kms": ("ThrottlingException", 400),
    "ram": ("ThrottlingException", 429),
    "rds": ("Throttling", 400),
    "route53": ("Throttling", 400),
    "secretsmanager": ("ThrottlingException", 400),
    "sns": ("Throttled", 429),
    "ssm": ("ThrottlingException", 400),
    "stepfunctions": ("ThrottlingException", 400),
    "sts": ("Throttling", 400),
}
BROKEN = {
    "application-autoscaling": ("InternalServiceException", 500),
    "dynamodb": ("InternalServerError", 500),
    "ec2": ("Unavailable", 503),
    "kms": ("KMSInternalException", 500),
    "ram": ("ServerInternalException", 500),
    "route53": ("InternalFailure", 500),
    "secretsmanager": ("InternalServiceError", 500),
    "sns": ("InternalError", 500),
    "ssm": ("InternalServerError", 500),
    "stepfunctions": ("InternalFailure", 500),
}
OF_RDS_AND_STS = ("InternalFailure", 500)
RECENT_SECONDS = 60.0
"""For how long after a change RDS may still return the old state."""
SHOWN_AS = {
    "DescribeDBClusters": ("DBClusters", "DBClusterIdentifier", "clusters"),
    "DescribeDBInstances": ("DBInstances", "DBInstanceIdentifier", "instances"),
    "DescribeDBClusterSnapshots": (
        "DBClusterSnapshots",
        "DBClusterSnapshotIdentifier",
        "snapshots",
    ),
}


class Past:
    """What RDS held at an earlier moment, to be shown once more."""

    def __init__(self, backend: RdsBackend) -> None:
        self.moment: datetime = backend.clock.now()
        self.sites: dict[Location, RegionalBackend] = {}
        clusters: dict[int, DBCluster] = {}
        for place, site in backend.regional_backends():
            shown = self.sites[place] = RegionalBackend(
                clusters={name: _as_it_is(each) for name, each in site.clusters.items()},
                instances={name: _as_it_is(each) for name, each in site.instances.items()},
                endpoints={name: _as_it_is(each) for name, each in site.endpoints.items()},
                snapshots={name: _as_it_is(each) for name, each in site.snapshots.items()},
            )
            for name, cluster in site.clusters.items():
                clusters[id(cluster)] = shown.clusters[name]
        for site in self.sites.values():
            for instance in site.instances.values():
                instance.cluster = clusters[id(instance.cluster)]

    @contextmanager
    def shown(self, backend: RdsBackend) -> Iterator[None]:
        """Let RDS answer as if nothing had changed since."""
        backend.scheduler.run_due()
        present, backend._regional_backends = backend._regional_backends, self.sites
        try:
            yield
        finally:
            backend._regional_backends = present


def _as_it_is(resource: Any) -> Any:
    made = copy.copy(resource)
    for name, value in vars(made).items():
        if isinstance(value, dict | list):
            setattr(made, name, value.copy())
    return made


def is_change(call: AwsCall) -> bool:
    """Whether it changes RDS."""
    return call.service == "rds" and not call.operation.startswith("Describe")


@dataclass
class FaultContext:
    """What a fault may need to know: the call, how to make it, and what was before."""

    call: AwsCall
    proceed: Proceed
    backend: RdsBackend
    past: Past | None

    def refused(self, code: str, status: int) -> ClientError:
        return ClientError(
            {
                "Error": {"Code": code, "Message": "as the sweep wants it"},
                "ResponseMetadata": {"HTTPStatusCode": status},  # type: ignore[typeddict-item]
            },
            self.call.operation,
        )


def is_recent(found: "FaultContext | Trouble") -> bool:
    """Whether RDS has been changed so short a time ago that it may not know yet."""
    if found.past is None:
        return False
    elapsed = found.backend.clock.now() - found.past.moment
    return elapsed.total_seconds() <= RECENT_SECONDS


def throttled(context: FaultContext) -> Any:
    raise context.refused(*THROTTLING[context.call.service])


def broken(context: FaultContext) -> Any:
    raise context.refused(*BROKEN.get(context.call.service, OF_RDS_AND_STS))


def broken_after_all(context: FaultContext) -> Any:
    context.proceed()
    return broken(context)


def unreachable(context: FaultContext) -> Any:
    raise ConnectTimeoutError(endpoint_url=f"https://{context.call.service}.test")


def unanswered(context: FaultContext) -> Any:
    context.proceed()
    raise ReadTimeoutError(endpoint_url=f"https://{context.call.service}.test")


def repeated(context: FaultContext) -> Any:
    """The first answer is lost, and boto3 asks once more."""
    context.proceed()
    return context.proceed()


def garbled(context: FaultContext) -> Any:
    """The answer breaks off in the middle: what boto3 makes of that, and who listens to it."""
    context.proceed()
    client, operation = context.call.client, context.call.operation
    model = client.meta.service_model.operation_model(operation)
    protocol = client.meta.service_model.resolved_protocol
    body = b'{"Items": [{"a": {"S' if protocol == "json" else b'<Answer xmlns="http://x"><Item'
    answer = {"status_code": 200, "headers": {}, "body": body}
    parsed = create_parser(protocol).parse(answer, model.output_shape)
    client.meta.events.emit(
        f"after-call.{client.meta.service_model.service_id.hyphenize()}.{operation}",
        http_response=SimpleNamespace(status_code=200, headers={}, content=body),
        parsed=parsed,
        model=model,
        context={},
    )
    return parsed


def stale(context: FaultContext) -> Any:
    """RDS returns what was true before its latest change."""
    assert context.past is not None
    with context.past.shown(context.backend):
        return context.proceed()


def untagged(context: FaultContext) -> Any:
    """RDS shows what it has just made, but not its tags yet."""
    assert context.past is not None
    answer = context.proceed()
    member, identifier, kind = SHOWN_AS[context.call.operation]
    place = Location(context.call.account, context.call.region)
    before = getattr(context.past.sites.get(place, RegionalBackend()), kind)
    for shown in answer[member]:
        if shown[identifier] not in before:
            shown["TagList"] = []
    return answer


def without_capacity(context: FaultContext) -> Any:
    raise context.refused("InsufficientDBInstanceCapacity", 400)


def _needs_capacity(context: FaultContext) -> bool:
    return context.call.operation in ("RestoreDBClusterFromSnapshot", "CreateDBInstance")


def _is_any(context: FaultContext) -> bool:
    return True


def _looks_at_something_new(context: FaultContext) -> bool:
    return context.call.operation in SHOWN_AS and is_recent(context)


@dataclass(frozen=True)
class CallFault:
    """One way in which a call goes wrong."""

    name: str
    act: Callable[[FaultContext], Any]
    fits: Callable[[FaultContext], bool] = _is_any
    times: int = 1
    is_ridden_out: bool = True
    """Whether the state machine is to get over it by itself, with nobody re-running anything."""


FAULTS: tuple[CallFault, ...] = (
    CallFault("throttled", throttled),
    CallFault("5xx", broken),
    CallFault("5xx although done", broken_after_all),
    CallFault("no connection", unreachable),
    CallFault("no answer although done", unanswered),
    CallFault("repeated by boto3", repeated),
    CallFault("garbled answer", garbled),
    CallFault("old truth", stale, _looks_at_something_new),
    CallFault("old truth twice", stale, _looks_at_something_new, times=2),
    CallFault("tags missing", untagged, _looks_at_something_new),
    CallFault("no capacity", without_capacity, _needs_capacity),
)


@dataclass
class Trouble:
    """A fault that affects one call of a run, and maybe the next that it fits."""

    fault: CallFault
    backend: RdsBackend
    at: int
    """The number of the call, from 0, that it affects first."""
    past: Past | None
    """What RDS held before its latest change, when the counting begins."""
    met: int = 0
    _number: int = field(default=-1)

    @property
    def is_over(self) -> bool:
        """Whether nothing more will go wrong."""
        return self.met >= self.fault.times or (self.met > 0 and not is_recent(self))

    def pass_on(self, call: AwsCall, proceed: Proceed) -> Any:
        """Make a call, or let it go wrong."""
        self._number += 1
        context = FaultContext(call, proceed, self.backend, self.past)
        due = self._number == self.at or (self._number > self.at and self.met)
        if is_change(call):
            self.past = Past(self.backend)
        if due and not self.is_over and self.fault.fits(context):
            self.met += 1
            return self.fault.act(context)
        return proceed()
