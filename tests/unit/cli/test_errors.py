"""What an expected error becomes at the command line: one sentence and an exit code."""

import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    ProfileNotFound,
)
from botocore.parsers import ResponseParserError

from aurora_restore.cli.errors import as_command_error, refused, usage
from aurora_restore.cli.exit_codes import ExitCode
from aurora_restore.shared.aws_utils import translate_error
from aurora_restore.shared.errors import (
    ConfigurationError,
    CorruptStateError,
    SnapshotNotFoundError,
    ValidationError,
)


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "because"}}, "StartExecution")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (usage("wrong"), ExitCode.USAGE, "wrong"),
        (refused("no"), ExitCode.REFUSED, "no"),
        (NoCredentialsError(), ExitCode.AWS, "no usable AWS credentials"),
        (ProfileNotFound(profile="x"), ExitCode.USAGE, "Name another with --profile."),
        (EndpointConnectionError(endpoint_url="https://x"), ExitCode.AWS, "AWS was not reached"),
        (refusal("AccessDeniedException"), ExitCode.AWS, "have the permission added"),
        (refusal("ExpiredTokenException"), ExitCode.AWS, "have expired"),
        (refusal("UnrecognizedClientException"), ExitCode.AWS, "not valid"),
        (ResponseParserError("not XML"), ExitCode.AWS, "could not be read"),
        (SnapshotNotFoundError("there is none"), ExitCode.USAGE, "there is none"),
        (ValidationError("restore: wrong"), ExitCode.USAGE, "restore: wrong"),
        (ConfigurationError("field: wrong"), ExitCode.FAILED, "field: wrong"),
        (CorruptStateError("an item"), ExitCode.FAILED, "an item"),
    ],
)
def test_each_error_has_its_code_and_its_sentence(
    error: Exception, code: ExitCode, said: str
) -> None:
    found = as_command_error(error)

    assert (found.code, said in found.sentence) == (code, True), found.sentence


def test_an_error_that_was_translated_is_described_by_its_cause() -> None:
    cause = refusal("AccessDeniedException")
    error = translate_error(cause)
    error.__cause__ = cause

    said = as_command_error(error).sentence

    assert said.startswith("AWS has refused StartExecution: AccessDeniedException")
    assert "function's role" not in said
