"""An environment of the pipeline in an AWS in memory, to call the functions in."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any
from unittest import mock
from uuid import uuid4

import boto3
from botocore.loaders import create_loader

from aurora_restore.shared.aws_utils import Clients
from aurora_restore.shared.base_handler import BaseHandler
from aurora_restore.shared.lambda_environment import LambdaEnvironment
from aurora_restore.shared.names import (
    app_secret_name,
    audit_table_name,
    config_path,
    master_secret_name,
    state_machine_name,
    state_table_name,
    topic_name,
)
from aurora_restore.shared.state_utils import StateStore
from embedded_aws.rds.clock import ManualClock
from embedded_aws.rds.in_process import InProcessRds, in_process

PREFIX = "aurora-restore"
ACCOUNT = "123456789012"
SOURCE_REGION = "us-east-1"
REGION = "us-west-2"
START = datetime(2026, 5, 16, 3, 0, tzinfo=UTC)
MASTER_PASSWORD = "canary-master-4f1b"
APP_PASSWORD = "canary-app-77aa"
READONLY_PASSWORD = "canary-readonly-90cd"

_LOADER = create_loader()
"""Shared by all sessions, of roles too: the models of the services are read once."""

RESTORE: dict[str, Any] = {
    "source": {"cluster_id": "production", "region": SOURCE_REGION},
    "target": {
        "cluster_id": "my-cluster",
        "db_subnet_group_name": "my-subnet-group",
        "vpc_security_group_ids": ["sg-12345678"],
        "instances": [{"instance_class": "db.r6g.large"}],
    },
}


def execution_arn(operation_id: str) -> str:
    """The ARN of the execution that an operation has its id from."""
    machine = state_machine_name(PREFIX)
    return f"arn:aws:states:{REGION}:{ACCOUNT}:execution:{machine}:{operation_id}"


@dataclass
class FakeContext:
    """As much of Lambda's context as the functions use."""

    invoked_function_arn: str = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{PREFIX}-test"
    remaining_milliseconds: int = 60_000
    aws_request_id: str = ""
    """Empty lets the bench give every call one of its own, as Lambda does."""

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_milliseconds


Inject = Callable[[type[BaseHandler]], Mapping[str, Any]]
"""Returns what a handler is given beside the environment, its clients and its clock."""


def inject_nothing(handler: type[BaseHandler]) -> Mapping[str, Any]:
    """What a handler of the deployed function is given, too."""
    return {}


@dataclass
class Bench:
    """What a test needs: the environment, a clock that it moves, and a way to call a function."""

    clients: Clients
    environment: LambdaEnvironment
    rds: InProcessRds
    time: ManualClock
    context: FakeContext = field(default_factory=FakeContext)
    redrive_count: int = 0
    inject: Inject = inject_nothing
    least_pause: float = 0
    """How long a function sleeps at least: for fewer looks at what does not change."""

    def clock(self) -> datetime:
        return self.time.now()

    def advance(self, seconds: float) -> None:
        self.time.advance(seconds)

    def sleep(self, seconds: float) -> None:
        """Let the time pass for which a function sleeps, or the state machine waits."""
        self.advance(max(seconds, self.least_pause))

    @property
    def store(self) -> StateStore:
        return StateStore.of(self.environment, self.clients)

    def configure(self, document: Mapping[str, Any], *, name: str = "staging") -> None:
        """Deploy a restore's configuration."""
        self.clients.ssm.put_parameter(
            Name=self.environment.parameter_name(name),
            Value=json.dumps(document),
            Type="String",
            Overwrite=True,
        )

    def know_groups(self, *, access: str, quarantine: str) -> None:
        """The stack has made these security groups."""
        self.environment = replace(
            self.environment, access_security_group=access, quarantine_security_group=quarantine
        )

    def make(self, handler: type[BaseHandler]) -> BaseHandler:
        """A function that remembers nothing of an earlier call."""
        return handler(
            clients=self.clients,
            environment=self.environment,
            clock=self.clock,
            sleep=self.sleep,
            **self.inject(handler),
        )

    def call(self, handler: type[BaseHandler], event: Any) -> dict[str, Any]:
        """Call a function directly, as the console's test button does."""
        request_id = self.context.aws_request_id or str(uuid4())
        return self.make(handler)(event, replace(self.context, aws_request_id=request_id))

    def step(
        self, handler: type[BaseHandler], asked: Any = None, *, operation_id: str = "op-1"
    ) -> dict[str, Any]:
        """Call a function as the state machine does, in the execution called ``operation_id``."""
        return self.call(
            handler,
            {
                "execution": {
                    "id": execution_arn(operation_id),
                    "name": operation_id,
                    "redrive_count": self.redrive_count,
                },
                "input": {} if asked is None else asked,
            },
        )

    def state(self, step: str, operation_id: str = "op-1") -> dict[str, Any]:
        """The state item of a step."""
        item = self.store.load(operation_id, step)
        assert item is not None, f"{step} left no state"
        return item

    def audit_trail(self, operation_id: str = "op-1") -> list[tuple[str, str]]:
        """Step and status of every audit event, in order."""
        return [(event["step"], event["status"]) for event in self.store.audit_trail(operation_id)]

    def messages(self) -> list[dict[str, Any]]:
        """What the queue that listens to the topic has received."""
        sqs = own_client("sqs", REGION)
        url = sqs.get_queue_url(QueueName="listener")["QueueUrl"]
        received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(json.loads(message["Body"])["Message"]) for message in received]


@contextmanager
def bench_in_memory() -> Iterator[Bench]:
    variables = {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",
        "POWERTOOLS_TRACE_DISABLED": "true",
    }
    time = ManualClock(START)
    with (
        mock.patch.dict(os.environ, variables),
        mock.patch("botocore.session.create_loader", return_value=_LOADER),
        in_process(clock=time, is_quick=True) as rds,
    ):
        clients = _clients()
        environment = _environment(clients)
        bench = Bench(clients, environment, rds, time)
        _make_tables(clients, environment)
        _make_secrets(clients, environment)
        bench.configure(RESTORE)
        yield bench


@cache
def own_client(service: str, region: str) -> Any:
    """A client of the environment's account, for all tests: what it reaches is each test's own."""
    return boto3.Session().client(service, region_name=region)  # type: ignore[call-overload]


@cache
def _clients() -> Clients:
    """The functions' clients. To make them takes longer than most of what a test does."""
    return Clients(boto3.Session(region_name=REGION))


def _environment(clients: Clients) -> LambdaEnvironment:
    topic = clients.sns.create_topic(Name=topic_name(PREFIX))["TopicArn"]
    sqs = own_client("sqs", REGION)
    sqs.create_queue(QueueName="listener")
    clients.sns.subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint=f"arn:aws:sqs:{REGION}:{ACCOUNT}:listener",
    )
    return LambdaEnvironment(
        name_prefix=PREFIX,
        state_table=state_table_name(PREFIX),
        audit_table=audit_table_name(PREFIX),
        topic_arn=topic,
        state_machine_arn=(
            f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{state_machine_name(PREFIX)}"
        ),
        config_path=config_path(PREFIX),
        default_restore="staging",
        master_secret=master_secret_name(PREFIX),
        app_secret=app_secret_name(PREFIX),
        state_retention_days="90",
        access_security_group="sg-0000000a",
        quarantine_security_group="sg-0000000b",
    )


def _make_tables(clients: Clients, environment: LambdaEnvironment) -> None:
    for table, sort_key in (
        (environment.state_table, "step"),
        (environment.audit_table, "timestamp"),
    ):
        clients.dynamodb.create_table(
            TableName=table,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": "operation_id", "KeyType": "HASH"},
                {"AttributeName": sort_key, "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "operation_id", "AttributeType": "S"},
                {"AttributeName": sort_key, "AttributeType": "S"},
            ],
        )


def _make_secrets(clients: Clients, environment: LambdaEnvironment) -> None:
    clients.secrets_manager.create_secret(
        Name=environment.master_secret,
        SecretString=json.dumps(
            {"username": "postgres", "password": MASTER_PASSWORD, "database": "app"}
        ),
    )
    clients.secrets_manager.create_secret(
        Name=environment.app_secret,
        SecretString=json.dumps(
            {
                "app_username": "app_user",
                "app_password": APP_PASSWORD,
                "readonly_username": "readonly_user",
                "readonly_password": READONLY_PASSWORD,
            }
        ),
    )
