"""What the steps share beyond AWS itself: polling, names, and starting an execution."""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from aurora_restore.shared.aws_utils import Clients, call, default_clients
from aurora_restore.shared.environment import LambdaEnvironment
from aurora_restore.shared.errors import ValidationError
from aurora_restore.shared.models import Event, Polling
from aurora_restore.shared.schema import parse

IDENTIFIER_LENGTH: Final = 63
COPY_SUFFIX: Final = "-copy"
DIGEST_LENGTH: Final = 8


def next_poll(polling: Polling, waited: float) -> int:
    """Seconds until an operation that has been running for ``waited`` seconds is looked at again.

    A whole number, because that is what a Wait state takes.
    """
    wanted = math.ceil(polling.fraction * waited)
    return max(polling.floor_seconds, min(polling.cap_seconds, wanted))


def copy_name(snapshot_name: str, restore: str | None = None) -> str:
    """The name of the copy of a snapshot: without the ``rds:`` of an automated one, in 63 letters.

    CopyDBClusterSnapshot accepts no colon in a target name. Restores that may share a source have
    copies of their own, called after them, so that each keeps what it needs.
    """
    suffix = COPY_SUFFIX if restore is None else f"-{restore.strip('-')}{COPY_SUFFIX}"
    base = shortened(snapshot_name.rsplit(":", 1)[-1].lower(), IDENTIFIER_LENGTH - len(suffix))
    return re.sub(r"-{2,}", "-", base + suffix)


def shortened(name: str, length: int) -> str:
    """A name in so many letters: one that is too long ends with a digest of all of it.

    What tells two snapshots apart is the date, at the end of their names.
    """
    if len(name) <= length:
        return name.rstrip("-")
    digest = hashlib.sha256(name.encode()).hexdigest()[:DIGEST_LENGTH]
    return f"{name[: length - DIGEST_LENGTH - 1].rstrip('-')}-{digest}"


@dataclass(frozen=True)
class RdsArn:
    """An ARN of RDS: ``arn:<partition>:rds:<region>:<account>:<kind>:<name>``."""

    partition: str
    region: str
    account: str
    kind: str
    name: str

    @classmethod
    def parse(cls, arn: str) -> Self:
        """Raises ValidationError where ``arn`` is not one."""
        parts = arn.split(":", 6)
        if len(parts) != 7 or parts[0] != "arn" or parts[2] != "rds":
            raise ValidationError(f"{arn!r} is not the ARN of an RDS resource")
        return cls(parts[1], *parts[3:])

    def __str__(self) -> str:
        return f"arn:{self.partition}:rds:{self.region}:{self.account}:{self.kind}:{self.name}"


def trigger_next_step(
    operation_id: str,
    next_step: str,
    event_data: Mapping[str, Any],
    delay_seconds: int = 0,
    *,
    clients: Clients | None = None,
    environment: LambdaEnvironment | None = None,
) -> str:
    """Start an execution that goes on with an operation at ``next_step``; answers its ARN.

    The stored state of the operation is what it goes on with, ``event_data`` overriding it. This is
    how an operation is resumed when its execution can no longer be re-run. Raises ValidationError
    where the step or the data is wrong, before anything is started.
    """
    event = {
        **event_data,
        "operation_id": operation_id,
        "start_at": next_step,
        "delay_seconds": delay_seconds,
    }
    parse(Event, event, source="event_data")
    clients = clients or default_clients()
    environment = environment or LambdaEnvironment.from_env()
    answer = call(
        clients.step_functions.start_execution,
        stateMachineArn=environment.state_machine_arn,
        input=json.dumps(event),
    )
    return answer["executionArn"]
