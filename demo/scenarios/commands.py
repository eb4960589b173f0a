"""Runs what a notice shows, where nothing but the embedded AWS can be reached."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from botocore import xform_name
from botocore.exceptions import ClientError

from demo.scenario import DemoCluster
from embedded_aws.aws import EmbeddedAws
from embedded_aws.environment import identity, repository, sealed

COMMAND_LINE: Final = "aurora-restore"
AWS_CLI: Final = "aws"
_PATIENCE_SECONDS: Final = 120.0


class UnknownCommandError(ValueError):
    """A command that cannot be run here."""


@dataclass(frozen=True)
class CommandResult:
    """What a command has printed, and how it ended."""

    status: int
    output: str


def run_command(aws: EmbeddedAws, place: DemoCluster, words: Sequence[str]) -> CommandResult:
    """Run a command as it is shown, with the credentials of a cluster's account.

    ``aurora-restore`` runs as a program of its own. The AWS CLI is no part of this project, so its
    call is made by boto3, with the arguments that are shown. Raises UnknownCommandError for any
    other.
    """
    match words:
        case (str(program), *arguments) if program == COMMAND_LINE:
            return _run_program(aws, place, arguments)
        case (str(program), service, operation, *options) if program == AWS_CLI:
            return _call(aws, place, service, operation, options)
    raise UnknownCommandError(f"no notice shows a command like this: {' '.join(words)}")


def _run_program(aws: EmbeddedAws, place: DemoCluster, arguments: Sequence[str]) -> CommandResult:
    known = {**identity(place.account, place.region), **aws.endpoints.variables()}
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "aurora_restore.cli", *arguments],
        cwd=repository(),
        env=sealed({**known, "COLUMNS": "100"}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_PATIENCE_SECONDS,
        check=False,
    )
    return CommandResult(done.returncode, done.stdout.rstrip())


def _call(
    aws: EmbeddedAws, place: DemoCluster, service: str, operation: str, options: Sequence[str]
) -> CommandResult:
    given = dict(options_of(options))
    region = given.pop("region", place.region)
    client = aws.client(service, account=place.account, region=region)
    method = operation.replace("-", "_")
    shape = client.meta.service_model.operation_model(
        client.meta.method_to_api_mapping[method]
    ).input_shape
    named = {xform_name(member, "-"): member for member in (shape.members if shape else {})}
    try:
        answer = getattr(client, method)(**{named[name]: given[name] for name in given})
    except ClientError as error:
        return CommandResult(254, str(error))
    answer.pop("ResponseMetadata", None)
    return CommandResult(0, json.dumps(answer, indent=4, default=str))


def options_of(words: Sequence[str]) -> Mapping[str, str]:
    """Return the options of a command of the AWS CLI, each with its value.

    Raises UnknownCommandError for anything else.
    """
    names, values = words[::2], words[1::2]
    if len(names) != len(values) or not all(name.startswith("--") for name in names):
        raise UnknownCommandError(f"not options with a value each: {' '.join(words)}")
    return {name.removeprefix("--"): value for name, value in zip(names, values, strict=True)}
