import json

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from aurora_restore import shared
from aurora_restore.shared.aws_utils import translate_error
from aurora_restore.shared.errors import (
    AwsError,
    AwsThrottledError,
    AwsUnavailableError,
    ClusterNotFoundError,
    ConfigurationError,
    NotificationError,
    SnapshotNotFoundError,
)
from tests.unit.bench import Bench


def client_error(code: str, status: int = 400) -> ClientError:
    return ClientError(
        {
            "Error": {"Code": code, "Message": "because"},
            "ResponseMetadata": {"HTTPStatusCode": status},  # type: ignore[typeddict-item]
        },
        "DescribeDBClusters",
    )


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("Throttling", 400, AwsThrottledError),
        ("RequestLimitExceeded", 503, AwsThrottledError),
        ("InternalFailure", 500, AwsUnavailableError),
        ("SomethingNew", 502, AwsUnavailableError),
        ("AccessDenied", 403, AwsError),
        ("DBClusterNotFoundFault", 404, ClusterNotFoundError),
        ("DBClusterSnapshotNotFoundFault", 404, SnapshotNotFoundError),
        ("InvalidDBClusterStateFault", 400, AwsError),
    ],
)
def test_errors_are_reported_apart_by_code(code: str, status: int, expected: type) -> None:
    translated = translate_error(client_error(code, status))
    assert type(translated) is expected
    assert code in translated.message
    assert translated.details["aws_operation"] == "DescribeDBClusters"


def test_an_unreachable_endpoint_is_worth_another_try() -> None:
    error = EndpointConnectionError(endpoint_url="https://rds.us-west-2.amazonaws.com")
    assert type(translate_error(error)) is AwsUnavailableError
    assert type(translate_error(NoCredentialsError())) is AwsError


def test_the_documented_error_handler_raises_with_operation_and_step() -> None:
    with pytest.raises(ClusterNotFoundError) as caught:
        shared.handle_aws_error(client_error("DBClusterNotFoundFault"), "op-1", "delete-rds")
    assert caught.value.details["operation_id"] == "op-1"
    assert caught.value.details["step"] == "delete-rds"
    assert isinstance(caught.value.__cause__, ClientError)


def test_a_missing_parameter_is_the_default(bench: Bench) -> None:
    assert shared.get_ssm_parameter("/none", "fallback", clients=bench.clients) == "fallback"


def test_a_missing_secret_is_named(bench: Bench) -> None:
    with pytest.raises(ConfigurationError, match="secret nowhere: it does not exist"):
        shared.get_secret("nowhere", clients=bench.clients)


@pytest.mark.parametrize("value", ["canary-not-json", '"canary"', "[1]", ""])
def test_a_secret_that_is_no_object_is_refused_without_being_told(bench: Bench, value: str) -> None:
    bench.clients.secrets_manager.create_secret(Name="odd", SecretString=value or " ")
    with pytest.raises(ConfigurationError, match="secret odd") as caught:
        shared.get_secret("odd", clients=bench.clients)
    assert "canary" not in str(caught.value)


def test_a_topic_that_is_not_there_is_a_notification_error(bench: Bench) -> None:
    topic = bench.environment.topic_arn + "-gone"
    with pytest.raises(NotificationError, match="was not sent"):
        shared.send_notification(topic, "subject", "message", clients=bench.clients)


def test_a_long_subject_is_cut_to_what_sns_allows(bench: Bench) -> None:
    shared.send_notification(
        bench.environment.topic_arn, "s" * 200, json.dumps({"a": 1}), clients=bench.clients
    )
    assert bench.messages() == [{"a": 1}]
