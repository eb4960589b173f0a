"""How an operation goes on: the exact commands, and where the console shows it."""

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from aurora_restore.shared.errors import HOLDER, Action
from aurora_restore.shared.failed_execution import ABORTED, Failure
from aurora_restore.shared.names import DEFAULT_NAME_PREFIX
from aurora_restore.shared.sequences import REPLACE, RETIRE, ROLL_BACK, get_sequence

# https://docs.aws.amazon.com/general/latest/gr/aws-service-information.html
_CONSOLES: Final = {
    "aws": "https://{region}.console.aws.amazon.com",
    "aws-cn": "https://{region}.console.amazonaws.cn",
    "aws-us-gov": "https://console.amazonaws-us-gov.com",
}


@dataclass(frozen=True)
class DeployedPipeline:
    """Which deployment an operation is one of."""

    name_prefix: str
    state_machine_arn: str

    @property
    def region(self) -> str:
        """Return the Region of the state machine."""
        return self.state_machine_arn.split(":")[3]

    def own_command(self, *words: str) -> str:
        """Return a command of the command line for this deployment."""
        return own_command(*words, region=self.region, name_prefix=self.name_prefix)


def own_command(*words: str, region: str, name_prefix: str, profile: str | None = None) -> str:
    """Return a command of the command line with what leads it to an environment."""
    options = [] if profile is None else ["--profile", profile]
    options += ["--region", region]
    if name_prefix != DEFAULT_NAME_PREFIX:
        options += ["--name-prefix", name_prefix]
    return shlex.join(["aurora-restore", *options, *words])


def console_link(execution_arn: str) -> str | None:
    """Return where the console shows an execution; None in a partition that is not known."""
    _, partition, _, region, *_ = execution_arn.split(":")
    console = _CONSOLES.get(partition)
    if console is None:
        return None
    place = f"/states/home?region={region}#/v2/executions/details/{execution_arn}"
    return console.format(region=region) + place


def commands(
    failure: Failure,
    error_details: Mapping[str, Any],
    deployment: DeployedPipeline,
    *,
    restore: str | None,
    sequence: str | None,
) -> Iterator[tuple[str, str]]:
    """Yield the commands that the remedy of a failure asks for, each with what it is.

    What continues an operation is only among them where the remedy says so. Where it is another
    operation's end that is awaited, they show that operation.
    """
    remedy = failure.remedy
    operation = failure.operation_id
    match remedy.action:
        case Action.REDRIVE:
            yield "The command line", deployment.own_command("rerun", operation)
            yield "The AWS CLI", _redrive(failure, deployment)
        case Action.RESUME:
            yield "The command line", deployment.own_command("rerun", operation)
            given = {"operation_id": operation, "start_at": remedy.step}
            yield "The AWS CLI", _start(given, deployment)
        case Action.START_AGAIN if restore is not None:
            yield from _own_start(restore, deployment, sequence)
            yield (
                "The AWS CLI; add to the input what this run is to take, such as a date",
                _start({"restore": restore, **_asked_by(sequence)}, deployment),
            )
        case Action.WAIT if holder := error_details.get(HOLDER):
            yield "To see whether it is over", deployment.own_command("show", str(holder))
        case Action.NOTHING if failure.execution_status == ABORTED and failure.is_over:
            if failure.is_redrivable or _has_got_to_work(failure, sequence):
                yield (
                    "To continue the operation all the same",
                    deployment.own_command("rerun", operation),
                )
            if failure.is_redrivable:
                yield "The AWS CLI", _redrive(failure, deployment)
        case _:
            return


def _own_start(
    restore: str, deployment: DeployedPipeline, sequence: str | None
) -> Iterator[tuple[str, str]]:
    """Yield the command that begins the same kind of operation; a retirement begins by itself."""
    if sequence == ROLL_BACK.name:
        yield "The command line", deployment.own_command("rollback", restore)
    elif sequence != RETIRE.name:
        yield (
            "The command line; add --date or --snapshot if this run is to take another snapshot",
            deployment.own_command("start", restore),
        )


def _has_got_to_work(failure: Failure, sequence: str | None) -> bool:
    """Return whether an execution has come past its first step, so that another can continue it."""
    first = get_sequence(sequence or REPLACE.name).first
    return failure.step not in (None, first)


def _asked_by(sequence: str | None) -> dict[str, bool]:
    """Return the field of the input that asks for a sequence which no configuration decides."""
    asked = None if sequence is None else get_sequence(sequence).asked_by
    return {} if asked is None else {asked: True}


def _redrive(failure: Failure, deployment: DeployedPipeline) -> str:
    return (
        f"aws stepfunctions redrive-execution --region {shlex.quote(deployment.region)} "
        f"--execution-arn {shlex.quote(failure.execution_arn)}"
    )


def _start(given: Mapping[str, object], deployment: DeployedPipeline) -> str:
    return (
        f"aws stepfunctions start-execution --region {shlex.quote(deployment.region)} "
        f"--state-machine-arn {shlex.quote(deployment.state_machine_arn)} "
        f"--input {shlex.quote(json.dumps(given))}"
    )
