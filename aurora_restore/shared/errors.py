"""Every way the pipeline says no.

AuroraRestoreError                 500
├── ValidationError                400  an event, a parameter or the stored state is wrong
│   └── ConfigurationError         400  the deployed configuration or a secret is wrong
├── NotFoundError                  404
│   ├── SnapshotNotFoundError
│   └── ClusterNotFoundError
├── RefusedError                   409  right in form, but it would do harm
│   └── PreflightError             409  a check before the first change found obstacles
├── OperationFailedError           500  AWS ended an operation in a terminal status
│   ├── SnapshotFailedError
│   ├── CopyFailedError
│   ├── DeletionFailedError
│   └── RestoreFailedError
├── DatabaseError                  500
│   ├── DatabaseConnectionError
│   ├── ScriptFailedError
│   └── PrivilegeCheckError
├── AwsError                       500  AWS refused a call
│   └── NotificationError
└── RetryableError                 503  worth trying again at once
    ├── AwsThrottledError
    ├── AwsUnavailableError
    └── SnapshotNotVisibleError         shared a moment ago, and not seen by this account yet

Step Functions matches the *name* of the class that a Lambda raises, never its bases, so renaming a
leaf of ``RetryableError`` changes what the deployed state machine retries.
"""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, ClassVar


class AuroraRestoreError(Exception):
    """The base of all errors of the pipeline.

    ``details`` are the facts a person or a program acts on; they go to the state and audit tables
    and must never hold a secret.
    """

    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR

    def __init__(self, message: str, *, summary: str | None = None, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.summary = summary or message
        """The sentence that the API reference documents, where it has one."""
        self.details: Mapping[str, Any] = details

    @property
    def error_type(self) -> str:
        return type(self).__name__


class ValidationError(AuroraRestoreError):
    status = HTTPStatus.BAD_REQUEST


class ConfigurationError(ValidationError):
    pass


class NotFoundError(AuroraRestoreError):
    status = HTTPStatus.NOT_FOUND


class SnapshotNotFoundError(NotFoundError):
    pass


class ClusterNotFoundError(NotFoundError):
    pass


class RefusedError(AuroraRestoreError):
    status = HTTPStatus.CONFLICT


class PreflightError(RefusedError):
    pass


class OperationFailedError(AuroraRestoreError):
    pass


class SnapshotFailedError(OperationFailedError):
    pass


class CopyFailedError(OperationFailedError):
    pass


class DeletionFailedError(OperationFailedError):
    pass


class RestoreFailedError(OperationFailedError):
    pass


class DatabaseError(AuroraRestoreError):
    pass


class DatabaseConnectionError(DatabaseError):
    pass


class ScriptFailedError(DatabaseError):
    pass


class PrivilegeCheckError(DatabaseError):
    pass


class AwsError(AuroraRestoreError):
    pass


class NotificationError(AwsError):
    pass


class RetryableError(AuroraRestoreError):
    status = HTTPStatus.SERVICE_UNAVAILABLE


class AwsThrottledError(RetryableError):
    pass


class AwsUnavailableError(RetryableError):
    pass


class SnapshotNotVisibleError(RetryableError):
    pass


def leaves(base: type[AuroraRestoreError]) -> Iterator[type[AuroraRestoreError]]:
    """The classes below ``base`` that have no subclass, in order of declaration."""
    for child in base.__subclasses__():
        if child.__subclasses__():
            yield from leaves(child)
        else:
            yield child


def retryable_error_names() -> list[str]:
    """The error names that the state machine retries: one per leaf of ``RetryableError``."""
    return [leaf.__name__ for leaf in leaves(RetryableError)]
