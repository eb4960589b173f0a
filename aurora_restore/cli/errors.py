"""Errors that a person at the command line can expect: one sentence each, and an exit code."""

from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOTokenLoadError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)

from aurora_restore.cli.exit_codes import ExitCode
from aurora_restore.shared.aws_utils import AWS_ERRORS, error_code
from aurora_restore.shared.errors import (
    AuroraRestoreError,
    AwsError,
    ConfigurationError,
    NotFoundError,
    RefusedError,
    RetryableError,
    ValidationError,
)

_EXPIRED: Final = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
_UNKNOWN_CALLER: Final = frozenset(
    {"InvalidClientTokenId", "UnrecognizedClientException", "InvalidSignatureException"}
)
_SIGN_IN: Final = (
    NoCredentialsError,
    PartialCredentialsError,
    SSOTokenLoadError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)


class CommandError(Exception):
    """A command cannot go on; the sentence says what and what to do."""

    def __init__(self, sentence: str, code: ExitCode) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.code = code


class OutputClosedError(Exception):
    """What read the output has gone away."""


EXPECTED: Final = (CommandError, AuroraRestoreError, *AWS_ERRORS)
"""Every error that stands for itself, without a stack trace."""


@dataclass(frozen=True, kw_only=True)
class RefusedCommand:
    """The decision to change nothing."""

    reason: str
    command: tuple[str, ...] = ()
    """The words of the command that helps instead."""
    code: ExitCode = ExitCode.REFUSED


def usage(sentence: str) -> CommandError:
    """Return the error of wrong options, or of something that does not exist."""
    return CommandError(sentence, ExitCode.USAGE)


def refused(sentence: str) -> CommandError:
    """Return the error of what would do harm."""
    return CommandError(sentence, ExitCode.REFUSED)


def as_command_error(error: Exception) -> CommandError:
    """Return what to say about one of the expected errors, and the exit code that it stands for."""
    if isinstance(error, CommandError):
        return error
    cause = error.__cause__ if isinstance(error, AuroraRestoreError) else error
    if isinstance(cause, ClientError | BotoCoreError):
        return CommandError(_of_aws(cause), _code_of_aws(cause))
    if isinstance(error, AuroraRestoreError):
        return CommandError(str(error), _code_of(error))
    return CommandError(f"The response of AWS could not be read: {error}", ExitCode.AWS)


def _code_of(error: AuroraRestoreError) -> ExitCode:
    match error:
        case RefusedError():
            return ExitCode.REFUSED
        case ConfigurationError():
            return ExitCode.FAILED
        case ValidationError() | NotFoundError():
            return ExitCode.USAGE
        case AwsError() | RetryableError():
            return ExitCode.AWS
        case _:
            return ExitCode.FAILED


def _code_of_aws(error: ClientError | BotoCoreError) -> ExitCode:
    return ExitCode.USAGE if isinstance(error, ProfileNotFound | NoRegionError) else ExitCode.AWS


def _of_aws(error: ClientError | BotoCoreError) -> str:
    match error:
        case ProfileNotFound():
            return f"{error}. Name another with --profile."
        case NoRegionError():
            return "No Region is set. Give --region, or set AWS_REGION."
        case ClientError():
            return _of_a_refusal(error)
        case ConnectionError() | HTTPClientError():
            return f"AWS was not reached: {error} Look at the network and at the Region."
        case _ if isinstance(error, _SIGN_IN):
            return (
                f"There are no usable AWS credentials: {error}. Sign in, as with `aws sso login`, "
                "or name a profile with --profile."
            )
        case _:
            return f"The call of AWS could not be made: {error}"


def _of_a_refusal(error: ClientError) -> str:
    code = error_code(error)
    reason: dict[str, Any] = dict(error.response.get("Error", {}))
    what = f"AWS has refused {error.operation_name}: {code}: {reason.get('Message', '')}".rstrip()
    if code in _EXPIRED:
        return "The AWS credentials have expired. Sign in again, as with `aws sso login`."
    if code in _UNKNOWN_CALLER:
        return f"{what}. The credentials are not valid; name a profile with --profile."
    if code.startswith("AccessDenied"):
        return f"{what}. Use a role that may, or have the permission added."
    return what
