"""Where a command works: credentials, Region, and the pipeline as it is deployed there."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import boto3
import typer
from botocore.config import Config
from botocore.exceptions import ClientError

from aurora_restore.cli.errors import usage
from aurora_restore.configuration.loading import CONFIG_FOLDER
from aurora_restore.shared.aws_utils import Clients, call, error_code, translate_error
from aurora_restore.shared.common import get_config, get_restores
from aurora_restore.shared.documents.restore import Restore
from aurora_restore.shared.lambda_environment import LambdaEnvironment
from aurora_restore.shared.pause import PauseStore
from aurora_restore.shared.pipeline import Step, get_step
from aurora_restore.shared.state_utils import StateStore
from aurora_restore.shared.target_lock import TargetLock
from aurora_restore.shared.target_record import TargetRecordStore

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_stepfunctions import SFNClient

_CONFIG = Config(
    connect_timeout=5, read_timeout=130, retries={"mode": "standard", "total_max_attempts": 4}
)
"""A function that is called directly may take two minutes."""
_DEFAULT_PROFILE: Final = "default"
"""What a session calls its profile where none is named."""


@dataclass(frozen=True)
class Deployment:
    """The pipeline of one environment. What is read of it is read when it is first needed."""

    session: boto3.Session
    name_prefix: str

    @cached_property
    def clients(self) -> Clients:
        """Return the clients of the shared functions."""
        return Clients(self.session)

    @cached_property
    def step_functions(self) -> "SFNClient":
        """Return a client of Step Functions."""
        return self.clients.step_functions

    @cached_property
    def rds(self) -> "RDSClient":
        """Return a client of RDS in the environment's Region."""
        return self.clients.rds(self.region)

    @cached_property
    def functions(self) -> Any:
        """Return a client of Lambda."""
        return self.session.client("lambda", config=_CONFIG)

    @cached_property
    def logs(self) -> Any:
        """Return a client of CloudWatch Logs."""
        return self.session.client("logs", config=_CONFIG)

    @cached_property
    def environment(self) -> LambdaEnvironment:
        """Return what the deployed functions know, read from the configuration of one.

        Raises CommandError where no such pipeline is deployed.
        """
        name = self.function_name(get_step("snapshot-check"))
        try:
            found = self.functions.get_function_configuration(FunctionName=name)
        except ClientError as error:
            if error_code(error) != "ResourceNotFoundException":
                raise translate_error(error) from error
            raise usage(
                f"There is no function {name} in {self.region}. Name the environment's Region with "
                "--region and its name_prefix with --name-prefix, or deploy it."
            ) from error
        return LambdaEnvironment.from_env(found.get("Environment", {}).get("Variables", {}))

    @property
    def region(self) -> str:
        """Return the Region of the environment."""
        return str(self.session.region_name)

    @cached_property
    def caller_arn(self) -> str:
        """Return the ARN of who runs the command."""
        return str(call(self.session.client("sts").get_caller_identity)["Arn"])

    @property
    def profile(self) -> str | None:
        """Return the profile that has the credentials; None where none is named."""
        name = self.session.profile_name
        return None if name == _DEFAULT_PROFILE else name

    @property
    def machine_arn(self) -> str:
        """Return the ARN of the state machine."""
        return self.environment.state_machine_arn

    @property
    def account_id(self) -> str:
        """Return the account of the environment."""
        return self.environment.account_id

    @cached_property
    def store(self) -> StateStore:
        """Return the state table and the audit table."""
        return StateStore.of(self.environment, self.clients)

    def function_name(self, step: Step) -> str:
        """Return the name of a step's function."""
        return step.function_name(self.name_prefix)

    def restore(self, name: str | None) -> tuple[str, Restore]:
        """Return a restore's name and configuration; the name may be left out if it is the only."""
        return get_config(name, clients=self.clients, environment=self.environment)

    def restores(self) -> dict[str, Restore]:
        """Return every restore of the environment by its name."""
        return get_restores(self.environment, self.clients)

    def pause_of(self, restore: str) -> PauseStore:
        """Return where the pause of a restore's schedule is."""
        return PauseStore(self.store, restore)

    def record_of(self, cluster_id: str) -> TargetRecordStore:
        """Return where the record of a target is."""
        return TargetRecordStore(self.store, self.account_id, self.region, cluster_id)

    def lock_of(self, cluster_id: str) -> TargetLock:
        """Return the lock of a target."""
        return TargetLock(self.store, self.clients, self.account_id, self.region, cluster_id)

    def execution_arn(self, name: str) -> str:
        """Return the ARN of an execution."""
        return f"{self.machine_arn.replace(':stateMachine:', ':execution:')}:{name}"

    def start(self, document: str, name: str) -> str:
        """Start an execution with an input, and return its ARN."""
        return call(
            self.step_functions.start_execution,
            stateMachineArn=self.machine_arn,
            input=document,
            name=name,
        )["executionArn"]


def make_deployment(profile: str | None, region: str | None, name_prefix: str) -> Deployment:
    """Return the deployment that the global options name. Raises what botocore raises."""
    session = boto3.Session(profile_name=profile, region_name=region)
    if not session.region_name:
        raise usage("No Region is set. Give --region, or set AWS_REGION.")
    return Deployment(session, name_prefix)


def deployment_of(context: typer.Context) -> Deployment:
    """Return the deployment that a command works on."""
    return context.ensure_object(_Options).deployment


def configuration_folder(context: typer.Context) -> Path:
    """Return the folder with the environments' files."""
    return context.ensure_object(_Options).config_dir


def session_in(context: typer.Context, region: str) -> boto3.Session:
    """Return a session with the credentials that a command is given, in a Region of its choice."""
    profile = context.ensure_object(_Options).profile
    return boto3.Session(profile_name=profile, region_name=region)


@dataclass
class _Options:
    """The global options."""

    profile: str | None = None
    region: str | None = None
    name_prefix: str = ""
    config_dir: Path = CONFIG_FOLDER

    @cached_property
    def deployment(self) -> Deployment:
        return make_deployment(self.profile, self.region, self.name_prefix)


def remember_options(
    context: typer.Context,
    profile: str | None,
    region: str | None,
    name_prefix: str,
    config_dir: Path,
) -> None:
    """Keep the global options for the command; nothing is read yet."""
    context.obj = _Options(profile, region, name_prefix, config_dir)
