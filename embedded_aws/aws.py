"""The embedded AWS as a whole: started, deployed into, observed and stopped."""

import functools
import json
import os
import shutil
import tempfile
import time
import urllib.parse
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import psutil

from embedded_aws.cdk import App, Outputs, Toolkit, environments_of, stacks_of
from embedded_aws.endpoints import RDS_SERVICES, Endpoints, LocalSession
from embedded_aws.environment import ACCOUNT, REGION, identity, repository, sealed
from embedded_aws.http import get
from embedded_aws.ministack.process import Settings, ministack_process
from embedded_aws.processes import free_port

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions.type_defs import (
        DescribeExecutionOutputTypeDef,
        HistoryEventTypeDef,
    )

    from embedded_aws.rds import EmbeddedRds

_POLL_SECONDS = 0.05


class ExecutionUnfinishedError(RuntimeError):
    """An execution was still running when the time to wait for it was over."""


class NoRdsError(RuntimeError):
    """The embedded AWS was started without the embedded RDS."""


RdsFactory = Callable[[Path, float], "EmbeddedRds"]
"""Makes the embedded RDS from the directory for its files and the factor by which time is faster.

Entering what it makes starts it.
"""


def embedded_rds(directory: Path, speed: float) -> "EmbeddedRds":
    """Return the default embedded RDS: with data, and as slow as AWS divided by the speed."""
    # Its package takes a second to import, which only this function is worth.
    from embedded_aws.rds import EmbeddedRds

    return EmbeddedRds(directory, speed=speed)


@dataclass(frozen=True, kw_only=True)
class EmbeddedAwsConfig:
    """How the embedded AWS is set up.

    ``wait_scale`` shortens the waits of Step Functions, those between the retries of asynchronous
    invocations, and every status transition of RDS. Without ``rds`` there is no embedded RDS, and
    the start is faster. ``policies_per_role`` is IAM's quota of that name, which Service Quotas
    raises to 25. ``function_environment`` holds variables that every Lambda function sees
    besides its own. ``invocations_at_once`` is how many functions work at the same time at most,
    while others wait, where a fleet would start more processes than this machine can hold; 0 is no
    limit. Without a ``directory`` one under ``.local`` is used, and removed at the end.
    """

    account: str = ACCOUNT
    region: str = REGION
    wait_scale: float = 0.02
    directory: Path | None = None
    rds: RdsFactory | None = embedded_rds
    policies_per_role: int = 10
    function_environment: Mapping[str, str] = field(default_factory=dict)
    invocations_at_once: int = 0

    def __post_init__(self) -> None:
        """Raise ValueError for a time that stands still."""
        if self.wait_scale <= 0:
            raise ValueError(f"wait_scale must be more than 0, and is {self.wait_scale}")


@dataclass(frozen=True, kw_only=True)
class PublishedMessage:
    """A message that was published to a topic."""

    subject: str
    message: str
    """What a subscriber receives whose protocol has no message of its own."""
    email: str
    """What an e-mail says."""
    attributes: Mapping[str, str]


class EmbeddedAws:
    """A context manager in whose body the embedded AWS runs.

    Everything it starts ends with it, also when the program that owns it is killed.
    """

    def __init__(self, config: EmbeddedAwsConfig | None = None) -> None:
        self.config = config or EmbeddedAwsConfig()
        self.directory = Path()
        self._rds: EmbeddedRds | None = None
        self.endpoints = Endpoints(default="")
        self._resources = ExitStack()
        self._bootstrapped: set[str] = set()

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End everything that was started; harmless when nothing runs."""
        self._resources.close()

    @property
    def rds(self) -> "EmbeddedRds":
        """The embedded RDS: its certificate authority, and its control beside the API."""
        if self._rds is None:
            raise NoRdsError("this embedded AWS was set up without the embedded RDS")
        return self._rds

    def session(self, *, account: str | None = None, region: str | None = None) -> LocalSession:
        """Return a boto3 session of an account and region of the embedded AWS."""
        return self._sessions(account or self.config.account, region or self.config.region)

    def client(self, service: Any, *, account: str | None = None, region: str | None = None) -> Any:
        """Return a boto3 client of a service of the embedded AWS."""
        client: Any = self.session(account=account, region=region).client(service)
        return client

    def deploy(
        self,
        environment: str,
        *,
        app_directory: Path | None = None,
        context: Mapping[str, str] | None = None,
    ) -> Outputs:
        """Deploy the app for an environment and return the outputs of each of its stacks."""
        return self.deploy_app(
            App(
                directory=app_directory or repository(),
                context={"environment": environment, **(context or {})},
            )
        )

    def deploy_app(self, app: App) -> Outputs:
        """Deploy an app and return the outputs of each of its stacks.

        The account and Region of each stack are bootstrapped first; the embedded AWS's own Region
        while the app is synthesised. Each account's stacks are deployed with its credentials.
        """
        with ThreadPoolExecutor(max_workers=1) as executor:
            own = f"aws://{self.config.account}/{self.config.region}"
            bootstrap = executor.submit(self.bootstrap, {own})
            assembly = self._toolkit(self.config.account).synthesise(app)
            bootstrap.result()
        stacks = stacks_of(assembly)
        self.bootstrap(environments_of(stacks))
        by_account: dict[str, list[str]] = {}
        for stack in stacks:
            by_account.setdefault(stack.account(self.config.account), []).append(stack.name)
        outputs: dict[str, Mapping[str, str]] = {}
        for account, names in by_account.items():
            outputs.update(self._toolkit(account).deploy(assembly, names))
        return outputs

    def start(
        self, state_machine_arn: str, execution_input: Mapping[str, Any], *, name: str | None = None
    ) -> str:
        """Start an execution and return its ARN."""
        named = {} if name is None else {"name": name}
        answer = self._states_of(state_machine_arn).start_execution(
            stateMachineArn=state_machine_arn, input=json.dumps(execution_input), **named
        )
        return str(answer["executionArn"])

    def redrive(self, execution_arn: str) -> None:
        """Continue a failed execution from the state where it failed, as the console does."""
        self._states_of(execution_arn).redrive_execution(executionArn=execution_arn)

    def wait(
        self, execution_arn: str, *, timeout: float = 60.0
    ) -> "DescribeExecutionOutputTypeDef":
        """Wait for an execution to end, however it ends, and return its description."""
        deadline = time.monotonic() + timeout
        states = self._states_of(execution_arn)
        while True:
            description: DescribeExecutionOutputTypeDef = states.describe_execution(
                executionArn=execution_arn
            )
            if description["status"] != "RUNNING":
                return description
            if time.monotonic() >= deadline:
                last = self.history(execution_arn)[-1]
                raise ExecutionUnfinishedError(
                    f"{execution_arn} was still running after {timeout:g} s; "
                    f"its last event: {last['type']}"
                )
            time.sleep(_POLL_SECONDS)

    def history(self, execution_arn: str) -> "list[HistoryEventTypeDef]":
        """Return every event of an execution, the first one first."""
        paginator = self._states_of(execution_arn).get_paginator("get_execution_history")
        pages = paginator.paginate(executionArn=execution_arn)
        return [event for page in pages for event in page["events"]]

    def lambda_logs(self, function_name: str, *, region: str | None = None) -> str:
        """Return everything that a function has logged, from its configured log group."""
        functions = self.client("lambda", region=region)
        configuration = functions.get_function_configuration(FunctionName=function_name)
        group = configuration.get("LoggingConfig", {}).get(
            "LogGroup", f"/aws/lambda/{function_name}"
        )
        logs = self.client("logs", region=region)
        try:
            pages = list(logs.get_paginator("filter_log_events").paginate(logGroupName=group))
        except logs.exceptions.ResourceNotFoundException:
            return ""
        return "\n".join(event["message"] for page in pages for event in page["events"])

    def published(self, topic_arn: str) -> list[PublishedMessage]:
        """Return every message published to a topic, the first one first."""
        messages = self._admin_request("published", topic=topic_arn)
        return [
            PublishedMessage(
                subject=message["subject"],
                message=message["message"],
                email=message["email"],
                attributes=message["attributes"],
            )
            for message in messages
        ]

    def set_schedule_clock(self, moment: datetime) -> None:
        """Let it be a moment for EventBridge Scheduler, from which its clock goes on as usual.

        What is due soon after starts by itself; what was due in between does not.
        """
        self._admin_request("schedule-clock", moment=moment.isoformat())

    def _admin_request(self, name: str, **parameters: str) -> Any:
        query = urllib.parse.urlencode(parameters)
        return json.loads(get(f"{self.endpoints.default}/_admin/{name}?{query}"))

    def bootstrap(self, environments: Collection[str]) -> None:
        """Prepare each ``aws://account/region`` for deployments, once."""
        missing = set(environments) - self._bootstrapped
        for environment in sorted(missing):
            account = environment.removeprefix("aws://").split("/")[0]
            self._toolkit(account).bootstrap({environment})
        self._bootstrapped |= missing

    def _start(self) -> None:
        self.directory = self._own_directory()
        port = free_port()
        with ThreadPoolExecutor(max_workers=2) as executor:
            starting = [
                executor.submit(self._start_rds),
                executor.submit(self._start_ministack, port),
            ]
            for start in starting:
                start.result()
        self.endpoints = self._endpoints_with(f"http://127.0.0.1:{port}")
        self._function_environment_file.write_text(json.dumps(self._function_environment()))

    def _own_directory(self) -> Path:
        if self.config.directory is not None:
            self.config.directory.mkdir(parents=True, exist_ok=True)
            return self.config.directory.resolve()
        parent = repository() / ".local"
        parent.mkdir(exist_ok=True)
        _remove_abandoned(parent)
        directory = Path(tempfile.mkdtemp(prefix=f"aws-{os.getpid()}-", dir=parent))
        self._resources.callback(shutil.rmtree, directory, ignore_errors=True)
        return directory

    def _start_rds(self) -> None:
        if self.config.rds is not None:
            directory = self.directory / "rds"
            directory.mkdir(exist_ok=True)
            speed = 1 / self.config.wait_scale
            self._rds = self._resources.enter_context(self.config.rds(directory, speed))

    def _endpoints_with(self, ministack: str) -> Endpoints:
        if self._rds is None:
            return Endpoints(default=ministack)
        exceptions = dict.fromkeys(RDS_SERVICES, self._rds.endpoint_url)
        return Endpoints(default=ministack, exceptions=exceptions)

    def _start_ministack(self, port: int) -> None:
        settings = Settings(
            port=port,
            account=self.config.account,
            region=self.config.region,
            wait_scale=self.config.wait_scale,
            policies_per_role=self.config.policies_per_role,
            function_environment_file=self._function_environment_file,
            directory=self.directory,
            invocations_at_once=self.config.invocations_at_once,
        )
        self._resources.enter_context(ministack_process(settings))

    @property
    def _function_environment_file(self) -> Path:
        return self.directory / "function-environment.json"

    def _function_environment(self) -> dict[str, str]:
        return {**self.endpoints.variables(), **self.config.function_environment}

    def _toolkit(self, account: str) -> Toolkit:
        return Toolkit(
            environment=sealed(
                {
                    **identity(account, self.config.region),
                    "AWS_ENDPOINT_URL": self.endpoints.default,
                }
            ),
            work=self.directory,
        )

    def _states_of(self, arn: str) -> Any:
        """Return a client where the state machine or the execution is."""
        _, _, _, region, account, *_ = arn.split(":")
        return self._states_clients(account, region)

    @functools.cached_property
    def _states_clients(self) -> Callable[[str, str], Any]:
        @functools.cache
        def client(account: str, region: str) -> Any:
            return self.client("stepfunctions", account=account, region=region)

        return client

    @functools.cached_property
    def _sessions(self) -> Callable[[str, str], LocalSession]:
        @functools.cache
        def session(account: str, region: str) -> LocalSession:
            return LocalSession(self.endpoints, account=account, region=region)

        return session


def _remove_abandoned(parent: Path) -> None:
    """Remove the directories of earlier runs whose program was killed before it could."""
    for directory in parent.glob("aws-*"):
        owner = directory.name.split("-")[1]
        if not owner.isdigit() or not psutil.pid_exists(int(owner)):
            shutil.rmtree(directory, ignore_errors=True)
