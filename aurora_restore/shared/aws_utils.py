"""How the Lambdas talk to AWS: clients, errors by code, parameters, secrets, notifications."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NoReturn, ParamSpec, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    HTTPClientError,
    NoCredentialsError,
)
from botocore.parsers import ResponseParserError

from aurora_restore.shared.errors import (
    AuroraRestoreError,
    AwsError,
    AwsThrottledError,
    AwsUnavailableError,
    ClusterNotFoundError,
    ConfigurationError,
    NotificationError,
    SnapshotNotFoundError,
)

if TYPE_CHECKING:
    from botocore.model import OperationModel
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_route53 import Route53Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_stepfunctions import SFNClient
    from mypy_boto3_sts import STSClient

P = ParamSpec("P")
R = TypeVar("R")

_CLIENT_CONFIG: Final = Config(
    connect_timeout=5, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 4}
)

# For what a run can do without: a function in a VPC may have no way to the service at all.
_OPTIONAL_CONFIG: Final = Config(
    connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 1}
)

_THROTTLED: Final = frozenset(
    {
        "KMSThrottling",
        "Throttled",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestLimitExceeded",
        "ProvisionedThroughputExceededException",
        "TooManyRequestsException",
        "SlowDown",
    }
)
_UNAVAILABLE: Final = frozenset(
    {
        "InternalFailure",
        "InternalError",
        "InternalServerError",
        "InternalServiceError",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
    }
)
_DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
_NOT_FOUND: Final[Mapping[str, type[AuroraRestoreError]]] = {
    "DBClusterSnapshotNotFoundFault": SnapshotNotFoundError,
    "DBClusterNotFoundFault": ClusterNotFoundError,
}
SHORTEST_SESSION_NAME: Final = 2
LONGEST_SESSION_NAME: Final = 64
HTTP_REDIRECTION: Final = 300
HTTP_SERVER_ERROR: Final = 500

CURRENT: Final = "AWSCURRENT"
"""The label of the version of a secret that counts."""
PREVIOUS: Final = "AWSPREVIOUS"
"""The label of the version from which Secrets Manager has taken that label."""

AWS_ERRORS: Final = (ClientError, BotoCoreError, ResponseParserError)
"""Everything that boto3 raises for a call that it made. The parser's error has no base in common
with the others: it stands for a response that is not one of AWS."""
AwsCallError = ClientError | BotoCoreError | ResponseParserError


def _refuse_broken_json(http_response: Any, model: "OperationModel", **_: Any) -> None:
    """Raise ResponseParserError for JSON that breaks off, which botocore takes for ``{}``."""
    is_json = model.service_model.resolved_protocol == "json"
    if not is_json or http_response.status_code >= HTTP_REDIRECTION:
        return
    try:
        json.loads(http_response.content)
    except ValueError as error:
        raise ResponseParserError(f"the response to {model.name} is broken JSON") from error


class Clients:
    """boto3 clients, made when first used or before, and kept for the life of the process."""

    def __init__(self, session: boto3.Session | None = None) -> None:
        self._session = session or boto3.Session()
        self._made: dict[tuple[str, str | None], Any] = {}

    def make(self, services: Iterable[str]) -> None:
        """Make the clients of some services in the Region that the function runs in."""
        for service in services:
            self._client(service)

    def _client(
        self, service: str, region: str | None = None, config: Config = _CLIENT_CONFIG
    ) -> Any:
        key = (service, region or self._session.region_name)
        if key not in self._made:
            self._made[key] = self._make(service, region, config)
        return self._made[key]

    def _make(
        self,
        service: str,
        region: str | None,
        config: Config = _CLIENT_CONFIG,
        **credentials: str,
    ) -> Any:
        client = self._session.client(
            service,  # type: ignore[call-overload]
            region_name=region,
            config=config,
            **credentials,
        )
        client.meta.events.register("after-call", _refuse_broken_json)
        return client

    @property
    def region(self) -> str:
        """Return the Region that the function runs in."""
        region = self._session.region_name
        if not region:
            raise ConfigurationError("no AWS Region is set: set AWS_REGION")
        return region

    def rds(self, region: str) -> "RDSClient":
        """Return a client of RDS in a Region."""
        client: RDSClient = self._client("rds", region)
        return client

    def rds_as(self, role_arn: str, region: str, session_name: str) -> "RDSClient":
        """Return a client of RDS with fresh credentials of a role.

        Raises AuroraRestoreError if the role may not be assumed.
        """
        sts: STSClient = self._client("sts")
        key = call(
            sts.assume_role, RoleArn=role_arn, RoleSessionName=safe_session_name(session_name)
        )["Credentials"]
        client: RDSClient = self._make(
            "rds",
            region,
            aws_access_key_id=key["AccessKeyId"],
            aws_secret_access_key=key["SecretAccessKey"],
            aws_session_token=key["SessionToken"],
        )
        return client

    @property
    def ec2(self) -> "EC2Client":
        """Return a client of EC2."""
        client: EC2Client = self._client("ec2")
        return client

    @property
    def ram(self) -> Any:
        """Return a client of Resource Access Manager, which soon gives up."""
        return self._client("ram", config=_OPTIONAL_CONFIG)

    @property
    def application_auto_scaling(self) -> Any:
        """Return a client of Application Auto Scaling, which soon gives up."""
        return self._client("application-autoscaling", config=_OPTIONAL_CONFIG)

    @property
    def events(self) -> "EventBridgeClient":
        """Return a client of EventBridge."""
        client: EventBridgeClient = self._client("events")
        return client

    @property
    def functions(self) -> "LambdaClient":
        """Return a client of Lambda, which soon gives up."""
        client: LambdaClient = self._client("lambda", config=_OPTIONAL_CONFIG)
        return client

    def kms(self, region: str) -> "KMSClient":
        """Return a client of KMS in a Region."""
        client: KMSClient = self._client("kms", region)
        return client

    @property
    def dynamodb(self) -> "DynamoDBClient":
        """Return a client of DynamoDB."""
        client: DynamoDBClient = self._client("dynamodb")
        return client

    @property
    def route53(self) -> "Route53Client":
        """Return a client of Route 53."""
        client: Route53Client = self._client("route53")
        return client

    @property
    def secrets_manager(self) -> "SecretsManagerClient":
        """Return a client of Secrets Manager."""
        client: SecretsManagerClient = self._client("secretsmanager")
        return client

    @property
    def sns(self) -> "SNSClient":
        """Return a client of SNS."""
        client: SNSClient = self._client("sns")
        return client

    @property
    def ssm(self) -> "SSMClient":
        """Return a client of SSM."""
        client: SSMClient = self._client("ssm")
        return client

    @property
    def step_functions(self) -> "SFNClient":
        """Return a client of Step Functions."""
        client: SFNClient = self._client("stepfunctions")
        return client


def safe_session_name(text: str) -> str:
    """Return the end of a text as STS takes it for the name of a session.

    That is 2 to 64 ASCII letters, digits and _=,.@+- (``RoleSessionName`` of API_AssumeRole).
    """
    name = re.sub(r"[^\w=,.@+-]", "-", text, flags=re.ASCII)[-LONGEST_SESSION_NAME:]
    return name if len(name) >= SHORTEST_SESSION_NAME else f"op-{name}"


@cache
def default_clients() -> Clients:
    """Return the clients of this process, for the functions below when none are given."""
    return Clients()


def error_code(error: ClientError) -> str:
    """Return the code by which AWS names an error, as in ``DBClusterNotFoundFault``."""
    return str(error.response.get("Error", {}).get("Code", ""))


def code_of(error: AuroraRestoreError) -> str:
    """Return the code of the AWS error that a translated error stands for, or an empty text."""
    return str(error.details.get("aws_error_code", ""))


def was_repeated(error: AuroraRestoreError) -> bool:
    """Return whether boto3 had made the refused call before, with its response lost.

    AWS may have carried the first call out, and then refuses the second one for that reason.
    """
    cause = error.__cause__
    return isinstance(cause, ClientError) and bool(
        cause.response.get("ResponseMetadata", {}).get("RetryAttempts")
    )


def translate_error(error: AwsCallError) -> AuroraRestoreError:
    """Return the pipeline's own error for one of boto3's, chosen by code, never by text."""
    if not isinstance(error, ClientError):
        if isinstance(error, ConnectionError | HTTPClientError):
            return AwsUnavailableError(f"AWS could not be reached: {error}")
        if isinstance(error, ResponseParserError):
            return AwsUnavailableError("the response from AWS could not be read")
        if isinstance(error, NoCredentialsError):
            return AwsError("there are no AWS credentials: the function's role is missing")
        return AwsError(f"the call could not be made: {type(error).__name__}")
    code = error_code(error)
    response = error.response
    reason = response.get("Error", {}).get("Message", "")
    message = f"{error.operation_name} was refused: {code}: {reason}"
    details = {"aws_operation": error.operation_name, "aws_error_code": code}
    http_status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _THROTTLED:
        return AwsThrottledError(message, **details)
    if code in _UNAVAILABLE or http_status >= HTTP_SERVER_ERROR:
        return AwsUnavailableError(message, **details)
    if code in _DENIED:
        return AwsError(f"{message}; the function's role lacks a permission", **details)
    return _NOT_FOUND.get(code, AwsError)(message, **details)


def call(operation: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call a boto3 client's method and return its response. Raises AuroraRestoreError."""
    try:
        return operation(*args, **kwargs)
    except AWS_ERRORS as error:
        raise translate_error(error) from error


def handle_aws_error(error: AwsCallError, operation_id: str, step: str) -> NoReturn:
    """Raise the pipeline's own error for one of boto3's, with the operation and step in it."""
    translated = translate_error(error)
    translated.details = {**translated.details, "operation_id": operation_id, "step": step}
    raise translated from error


def get_ssm_parameter(
    param_name: str, default: str | None = None, *, clients: Clients | None = None
) -> str | None:
    """Return the value of an SSM parameter, or ``default`` if there is none."""
    ssm = (clients or default_clients()).ssm
    try:
        return ssm.get_parameter(Name=param_name, WithDecryption=True)["Parameter"]["Value"]
    except ClientError as error:
        if error_code(error) == "ParameterNotFound":
            return default
        raise translate_error(error) from error
    except AWS_ERRORS as error:
        raise translate_error(error) from error


@dataclass(frozen=True)
class SecretVersion:
    """The current version of a secret, and the JSON object in it."""

    version_id: str
    value: Mapping[str, Any] = field(repr=False)


def get_secret(secret_name: str, *, clients: Clients | None = None) -> dict[str, Any]:
    """Return the JSON object in a secret.

    Raises ConfigurationError if there is no such secret or it holds no JSON object; the message
    never contains any part of its value.
    """
    return dict(get_secret_version(secret_name, clients=clients).value)


def get_secret_version(
    secret_name: str,
    stage: str = CURRENT,
    *,
    version_id: str | None = None,
    clients: Clients | None = None,
) -> SecretVersion:
    """Return the version of a secret that has a label, or else the one of an id.

    Raises ConfigurationError if there is no such secret or it holds no JSON object; the message
    never contains any part of its value.
    """
    secrets = (clients or default_clients()).secrets_manager
    try:
        if version_id is None:
            found = secrets.get_secret_value(SecretId=secret_name, VersionStage=stage)
        else:
            found = secrets.get_secret_value(SecretId=secret_name, VersionId=version_id)
    except ClientError as error:
        if error_code(error) == "ResourceNotFoundException":
            raise ConfigurationError(
                f"secret {secret_name}: it does not exist or has no value; create it, or give it "
                "a value"
            ) from error
        raise translate_error(error) from error
    except AWS_ERRORS as error:
        raise translate_error(error) from error
    try:
        value = json.loads(found.get("SecretString", ""))
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise ConfigurationError(f"secret {secret_name}: its value must be a JSON object")
    return SecretVersion(found["VersionId"], value)


def send_notification(
    topic_arn: str,
    subject: str,
    message: str | Mapping[str, str],
    *,
    clients: Clients | None = None,
) -> str:
    """Publish to an SNS topic and return the message's id.

    A mapping is a message by protocol, with ``default`` for those that it does not name. The
    subject is cut to the 100 characters that SNS allows. Raises NotificationError if SNS refuses
    the message.
    """
    sns = (clients or default_clients()).sns
    by_protocol = {"default": message} if isinstance(message, str) else message
    try:
        return sns.publish(
            TopicArn=topic_arn,
            Subject=subject[:100],
            Message=json.dumps(by_protocol),
            MessageStructure="json",
        )["MessageId"]
    except AWS_ERRORS as error:
        translated = translate_error(error)
        if type(translated) is not AwsError:
            raise translated from error
        raise NotificationError(
            f"the notification was not sent: {translated.message}", **translated.details
        ) from error
