"""A stage for sweeps: an AWS in memory with a source and an old cluster, and runs upon it."""

import itertools
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import Item
from moto.rds.models import rds_backends
from moto.route53.models import route53_backends
from moto.secretsmanager.models import secretsmanager_backends
from moto.sns.models import sns_backends
from moto.ssm.models import ssm_backends
from moto.stepfunctions.models import stepfunctions_backends

from aurora_restore.shared.base_handler import BaseHandler
from aurora_restore.shared.common import logger
from aurora_restore.shared.names import (
    COPY_LEASES_KEY,
    DURATIONS_KEY_PREFIX,
    HOOK_KEY_PREFIX,
    LOCK_KEY_PREFIX,
    RUNS_KEY_PREFIX,
    TARGET_KEY_PREFIX,
    state_machine_name,
)
from aurora_restore.shared.pipeline import STEPS
from aurora_restore.shared.sequences import REPLACE
from embedded_aws.rds import models
from embedded_aws.rds.backend import RdsBackend, RegionalBackend
from embedded_aws.rds.models import Location
from embedded_aws.rds.scheduler import ScheduledAction
from embedded_aws.rds.timings import Timings
from tests.support.database_double import DatabasesDouble
from tests.sweeps.definition import state_machine
from tests.sweeps.machine import Document, SimulatedExecution, StateMachineSimulator
from tests.sweeps.memento import Fingerprint, Memento, without_times
from tests.sweeps.quickly import models_read_once
from tests.sweeps.tap import Tap
from tests.unit.bench import (
    ACCOUNT,
    PREFIX,
    REGION,
    Bench,
    FakeContext,
    bench_in_memory,
)

HOME = Location(ACCOUNT, REGION)
TIMINGS = Timings(create_cluster=60, create_instance=400, create_snapshot=100, copy_snapshot=900)
_ID_LENGTH = 26
LASTING = (COPY_LEASES_KEY, DURATIONS_KEY_PREFIX, HOOK_KEY_PREFIX, TARGET_KEY_PREFIX)
"""The keys of what is known of a target, a restore and a copy, whatever the operation."""
TICK_SECONDS = 1.0
"""How long a function works, by the clock that it sees."""

HANDLERS: dict[str, type[BaseHandler]] = {
    step.name: type(import_module(step.handler.rpartition(".")[0]).handler) for step in STEPS
}


@dataclass
class _Serials:
    """Stands in for ``secrets`` where the emulator invents ids: the same run, the same ids."""

    numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def choice(self, letters: str) -> str:
        serial, position = divmod(next(self.numbers), _ID_LENGTH)
        return letters[serial // len(letters) ** (_ID_LENGTH - 1 - position) % len(letters)]


@dataclass
class SweepStage:
    """An environment of the pipeline in an AWS in memory, and the state machine that runs it."""

    bench: Bench
    tap: Tap
    serials: _Serials
    databases: DatabasesDouble
    security_group: str = ""
    """The one that the restored cluster is to have in the end."""
    executions: list[SimulatedExecution] = field(default_factory=list)
    hook_calls: list[Document] = field(default_factory=list)
    """What the functions of hooks have been given."""
    look_at_hook: Callable[[Document], None] = lambda _: None
    """What is to be checked before the function of a hook is called."""
    _clients: dict[tuple[str, Location], Any] = field(default_factory=dict)
    _fingerprint: Fingerprint = field(
        default_factory=lambda: Fingerprint(
            leave_out=lambda kind, name: kind is ScheduledAction and name == "number",
            tell_item=_tell_item,
        )
    )
    _timeless: Fingerprint = field(
        default_factory=lambda: Fingerprint(
            leave_out=lambda kind, name: kind is ScheduledAction and name in ("number", "due"),
            tell_item=lambda item: without_times(_tell_item(item)),
            is_timeless=True,
        )
    )

    @property
    def backend(self) -> RdsBackend:
        return self.bench.rds.backend

    @property
    def machine(self) -> StateMachineSimulator:
        return StateMachineSimulator(
            state_machine(), self._invoke, self.bench.sleep, self._integrate
        )

    def site(self, place: Location) -> RegionalBackend:
        """What RDS holds at a place at this moment."""
        self.backend.scheduler.run_due()
        return self.backend.at(place)

    def client(self, service: str, place: Location = HOME) -> Any:
        """A client of an administrator, made once: to make one takes longer than its call."""
        made = self._clients.get((service, place))
        if made is None:
            session: Any = self.bench.rds.session(place.account, place.region)
            made = self._clients[service, place] = session.client(service)
        return made

    # Runs

    def start(self, name: str = "op-1", given: Document | None = None) -> SimulatedExecution:
        """A new execution of the state machine, which has not done anything yet."""
        (machine,) = stepfunctions_backends[ACCOUNT][REGION].state_machines
        text = json.dumps(given or {})
        made = machine.start_execution(REGION, ACCOUNT, name, text)
        # moto takes the time of this machine.
        made.start_date = self.bench.clock().replace(tzinfo=None)
        execution = self.machine.start(made.execution_arn, given or {})
        self.executions.append(execution)
        return execution

    def run(self, execution: SimulatedExecution, **options: Any) -> bool:
        """Let an execution go on, as ``Machine.run`` does."""
        ended = self.machine.run(execution, **options)
        self._publish(execution)
        return ended

    def announce_end(self, execution: SimulatedExecution) -> None:
        """Let EventBridge report a failed execution to sns-notification."""
        self._publish(execution)
        self.bench.advance(TICK_SECONDS)
        event = {
            "detail-type": "Step Functions Execution Status Change",
            "source": "aws.states",
            "detail": {
                "executionArn": execution.arn,
                "name": execution.name,
                "status": execution.status,
                "input": json.dumps(execution.given),
            },
        }
        self._call(REPLACE.steps[-1], event)

    def redrive(self, execution: SimulatedExecution) -> None:
        """Re-run a failed execution, as the console does."""
        self._publish(execution)
        self.machine.redrive(execution)

    def _publish(self, execution: SimulatedExecution) -> None:
        """Let DescribeExecution return the execution's current state."""
        backend = stepfunctions_backends[ACCOUNT][REGION]
        described = backend.describe_execution(execution.arn)
        described.status = execution.status
        described.error, described.cause = execution.error or None, execution.cause or None
        entered = [
            {
                "timestamp": described.start_date,
                "type": "TaskStateEntered",
                "id": number,
                "previousEventId": number - 1,
                "stateEnteredEventDetails": {"name": _STATE_OF[step], "input": "{}"},
            }
            for number, step in enumerate(execution.entered, 1)
        ]
        described.get_execution_history = lambda _: entered[::-1]

    def _invoke(self, execution: SimulatedExecution, step: str, payload: Document) -> Document:
        """Call a step's function."""
        self.bench.advance(TICK_SECONDS)
        self._publish(execution)
        return self._call(step, payload)

    def _integrate(
        self, execution: SimulatedExecution, resource: str, parameters: Document
    ) -> None:
        """Call the function of a hook, or write down that it has succeeded."""
        self.bench.advance(TICK_SECONDS)
        with self.tap.working(None):
            if resource.endswith(":lambda:invoke"):
                self.look_at_hook(parameters["Payload"])
                self.hook_calls.append(parameters["Payload"])
            else:
                table = self.bench.environment.state_table
                self.bench.clients.dynamodb.put_item(TableName=table, Item=parameters["Item"])

    def _call(self, step: str, event: Document) -> Document:
        """Call a function, as Lambda does: what it kept in memory, it may have lost."""
        context = FakeContext(
            f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{PREFIX}-{step}",
            int(1000 * _TIMEOUTS[step]),
        )
        with self.tap.working(step):
            return self.bench.make(HANDLERS[step])(event, context)

    # The whole state

    def remember(self, *more: Any) -> Memento:
        """Everything that can change, to be put back later."""
        own = (self.serials, self.databases, self.executions, self.hook_calls)
        return Memento((*self._roots(), *own, *more))

    def _roots(self) -> Iterator[Any]:
        yield self.backend
        for table in dynamodb_backends[ACCOUNT][REGION].tables.values():
            yield table.items
        yield secretsmanager_backends[ACCOUNT][REGION].secrets
        yield self._proxies
        yield self._parameters
        yield self._zones
        for topic in sns_backends[ACCOUNT][REGION].topics.values():
            yield topic.sent_notifications
        for machine in stepfunctions_backends[ACCOUNT][REGION].state_machines:
            yield machine.executions

    def fingerprint(self, operation_id: str, *, is_timeless: bool = False) -> str:
        """A digest of all that can make a difference to what happens from now on.

        Of the audit trail, and of what was announced, that is which events there are at all: the
        functions read neither, nor the state of another operation than the one that goes on. If it
        is timeless, two states are the same that differ only in when something was done, or is
        going to be.
        """
        self.backend.scheduler.run_due()
        fingerprint = self._timeless if is_timeless else self._fingerprint
        table = self.bench.environment.state_table
        return fingerprint.of(
            self.backend,
            _sorted(item for item in self.stored(table) if self._is_read(item, operation_id)),
            sorted({each for each in self.audit_trail() if each[0] == operation_id}),
            bool(self.announcements()),
            [_tell_versions(secret) for secret in self._secrets()],
            {name: versions[-1].value for name, versions in self._parameters.items() if versions},
            [
                _tell_record(record)
                for zone in self._zones.values()
                for record in zone.rrsets
                if record.type == "CNAME"
            ],
            [(name, proxy.auth) for name, proxy in self._proxies.items()],
            self.databases.contents,
            [(execution.arn, execution.status) for execution in self.executions],
        )

    def _is_read(self, item: Item, operation_id: str) -> bool:
        key = str(item.hash_key.value)
        return key == operation_id or key.startswith((LOCK_KEY_PREFIX, *LASTING))

    @property
    def _parameters(self) -> Any:
        return ssm_backends[ACCOUNT][REGION]._parameters

    @property
    def _proxies(self) -> Any:
        return rds_backends[ACCOUNT][REGION].db_proxies

    @property
    def _zones(self) -> Any:
        return route53_backends[ACCOUNT]["aws"].zones

    def _secrets(self) -> list[Any]:
        return list(secretsmanager_backends[ACCOUNT][REGION].secrets.values())

    def items(self) -> list[Item]:
        """The items of the state table, the locks among them, in the order of their keys."""
        return _sorted(self.stored(self.bench.environment.state_table))

    def stored(self, table: str) -> Iterator[Item]:
        """The items of a table in any order, which is what most questions need."""
        for items in dynamodb_backends[ACCOUNT][REGION].tables[table].items.values():
            yield from items.values()

    def state(self, operation_id: str) -> dict[str, dict[str, Any]]:
        """The state items of an operation by step."""
        return {item["step"]: item for item in self.bench.store.load_all(operation_id)}

    def locks(self) -> list[str]:
        """The keys of the state table that belong to no execution, but for what lasts."""
        (machine,) = stepfunctions_backends[ACCOUNT][REGION].state_machines
        operations = {each.execution_arn.rpartition(":")[2] for each in machine.executions}
        table = self.bench.environment.state_table
        keys = {str(item.hash_key.value) for item in self.stored(table)}
        lasting = (RUNS_KEY_PREFIX, *LASTING)
        return sorted(key for key in keys - operations if not key.startswith(lasting))

    def outcomes(self) -> dict[str, list[str]]:
        """How the runs of each operation have ended, as the records of the runs have it."""
        found: dict[str, list[str]] = {}
        for item in _sorted(self.stored(self.bench.environment.state_table)):
            if item.hash_key.value.startswith(RUNS_KEY_PREFIX):
                outcomes = found.setdefault(item.attrs["operation"].value, [])
                outcomes.append(item.attrs["outcome"].value)
        return found

    def audit_trail(self) -> list[tuple[str, str, str]]:
        """Operation, step and status of every audit event."""
        return [
            (item.hash_key.value, item.attrs["step"].value, item.attrs["status"].value)
            for item in _sorted(self.stored(self.bench.environment.audit_table))
        ]

    def announcements(self) -> list[dict[str, Any]]:
        """What has been published to the topic, as it is for machines."""
        topic = sns_backends[ACCOUNT][REGION].topics[self.bench.environment.topic_arn]
        messages = (json.loads(message) for _, message, *_ in topic.sent_notifications)
        return [json.loads(message["default"]) for message in messages]


def _sorted(items: Iterable[Item]) -> list[Item]:
    """Items in the order of their keys; moto compares keys as what they may be, which is slow."""
    return sorted(items, key=lambda item: (item.hash_key.value, item.range_key.value))


def _tell_versions(secret: Any) -> list[tuple[str, Any, list[str]]]:
    """What each version of a secret holds, and its labels, without the time of day."""
    return [
        (name, version.get("secret_string"), sorted(version["version_stages"]))
        for name, version in secret.versions.items()
    ]


def _tell_record(record: Any) -> tuple[str, str, list[str]]:
    """A record of a hosted zone."""
    return record.name, record.type, list(record.records)


def _tell_item(item: Any) -> str:
    """An item of the state table, but for what nothing depends on and what differs by chance.

    That is the words of an error, which do not outlive the next attempt, and a message's id.
    """
    written = dict(item.as_written)
    if "users" in written:
        del written["revision"]
        written["users"] = {
            name: {key: value for key, value in lease["M"].items() if key != "since"}
            for name, lease in written["users"]["M"].items()
        }
    if "details" in written:
        details = dict(written["details"]["M"])
        details.pop("message_id", None)
        if "error" in details:
            details["error"] = details["error"]["M"]["type"]
        written["details"] = details
    return repr(written)


_STATE_OF = {step.name: step.state_name for step in STEPS}
_TIMEOUTS = {step.name: step.timeout_seconds for step in STEPS}


@contextmanager
def stage_in_memory() -> Iterator[SweepStage]:
    """A stage without any cluster."""
    serials = _Serials()
    tap = Tap()
    level = logger.log_level
    with (
        Path(os.devnull).open("w") as nowhere,
        redirect_stdout(nowhere),
        mock.patch.object(models, "secrets", serials),
        models_read_once(),
        bench_in_memory() as bench,
        tap.installed(),
    ):
        logger.setLevel("CRITICAL")
        try:
            bench.rds.backend.timings = TIMINGS
            _make_machine()
            databases = DatabasesDouble(bench.rds.backend)
            bench.inject = databases.injected
            yield SweepStage(bench, tap, serials, databases)
        finally:
            logger.setLevel(level)


def _make_machine() -> None:
    boto3.client("stepfunctions", region_name=REGION).create_state_machine(
        name=state_machine_name(PREFIX),
        definition=json.dumps(state_machine()),
        roleArn=f"arn:aws:iam::{ACCOUNT}:role/state-machine",
    )
