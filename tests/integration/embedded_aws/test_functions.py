"""Functions run as on AWS: their environment, their packages, their errors, their logs."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from embedded_aws.aws import EmbeddedAws

Outputs = Mapping[str, str]


def invoke(aws: EmbeddedAws, action: str, **event: Any) -> Any:
    """The payload of a direct invocation; an error if the answer is marked as one."""
    answer = aws.client("lambda").invoke(
        FunctionName="probe-probe", Payload=json.dumps({"action": action, **event})
    )
    payload = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise FunctionError(payload)
    return payload


class FunctionError(Exception):
    """An invocation returned an error."""

    @property
    def payload(self) -> Any:
        return self.args[0]


def test_a_function_imports_its_layer_and_sees_its_context(
    aws: EmbeddedAws, outputs: Outputs
) -> None:
    seen = invoke(aws, "describe")
    assert seen["greeting"] == "from the layer"
    assert seen["function"] == "probe-probe"
    assert len(seen["request_id"]) == 36
    assert 0 < seen["remaining"] <= 2000


def test_a_function_sees_its_own_variables_and_those_of_lambda(
    aws: EmbeddedAws, outputs: Outputs
) -> None:
    environment = invoke(aws, "describe")["environment"]
    assert environment["TABLE"] == outputs["TableOutput"]
    assert environment["AWS_REGION"] == aws.config.region
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == "probe-probe"
    assert environment["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.14"
    assert environment["AWS_ENDPOINT_URL"] == aws.endpoints.default
    assert not {"PYTHONPATH", "HOME", "SFN_WAIT_SCALE", "MINISTACK_REGION"} & set(environment)


def test_a_function_has_the_sdk_of_the_runtime_and_no_package_it_did_not_bring(
    aws: EmbeddedAws, outputs: Outputs
) -> None:
    asked = ["boto3", "botocore", "greeting", "moto", "ministack", "pytest", "aws_cdk"]
    assert invoke(aws, "bundle", modules=asked) == ["boto3", "botocore", "greeting"]


def test_an_error_is_reported_under_its_class_name(aws: EmbeddedAws, outputs: Outputs) -> None:
    with pytest.raises(FunctionError) as raised:
        invoke(aws, "fail")
    payload = raised.value.payload
    assert payload["errorType"] == "SnapshotIsGoneError"
    assert payload["errorMessage"] == "the snapshot is gone"
    assert '"/var/task/probe.py"' in payload["stackTrace"][-1]
    assert "raise SnapshotIsGoneError" in payload["stackTrace"][-1]
    assert set(payload) == {"errorType", "errorMessage", "stackTrace", "requestId"}


def test_an_environment_survives_an_error_of_its_handler(
    aws: EmbeddedAws, outputs: Outputs
) -> None:
    before = invoke(aws, "describe")["process"]
    with pytest.raises(FunctionError):
        invoke(aws, "fail")
    assert invoke(aws, "describe")["process"] == before


def test_what_is_not_json_is_a_marshal_error(aws: EmbeddedAws, outputs: Outputs) -> None:
    with pytest.raises(FunctionError) as raised:
        invoke(aws, "unserialisable")
    assert raised.value.payload["errorType"] == "Runtime.MarshalError"


def test_a_process_that_ends_is_an_exit_error_and_is_replaced(
    aws: EmbeddedAws, outputs: Outputs
) -> None:
    with pytest.raises(FunctionError) as raised:
        invoke(aws, "leave")
    assert raised.value.payload["errorType"] == "Runtime.ExitError"
    assert invoke(aws, "describe")["function"] == "probe-probe"


def test_a_function_that_takes_too_long_is_ended(aws: EmbeddedAws, outputs: Outputs) -> None:
    with pytest.raises(FunctionError) as raised:
        invoke(aws, "sleep", seconds=30)
    assert raised.value.payload["errorType"] == "Sandbox.Timedout"
    assert "timed out after 2.00 seconds" in raised.value.payload["errorMessage"]


@pytest.mark.parametrize(
    ("handler", "name"),
    [
        ("missing.handler", "Runtime.ImportModuleError"),
        ("probe.missing", "Runtime.HandlerNotFound"),
    ],
)
def test_a_handler_that_cannot_be_loaded_is_named_as_on_aws(
    aws: EmbeddedAws, outputs: Outputs, handler: str, name: str
) -> None:
    functions = aws.client("lambda")
    functions.update_function_configuration(FunctionName="probe-probe", Handler=handler)
    try:
        with pytest.raises(FunctionError) as raised:
            invoke(aws, "describe")
        assert raised.value.payload["errorType"] == name
    finally:
        functions.update_function_configuration(FunctionName="probe-probe", Handler="probe.handler")
    assert invoke(aws, "describe")["function"] == "probe-probe"


def test_logs_are_found_in_the_group_of_the_function(aws: EmbeddedAws, outputs: Outputs) -> None:
    seen = invoke(aws, "describe")
    with pytest.raises(FunctionError):
        invoke(aws, "fail")
    logs = aws.lambda_logs("probe-probe")
    assert f"\t{seen['request_id']}\tasked for describe" in logs
    assert "[ERROR] SnapshotIsGoneError: the snapshot is gone\nTraceback" in logs


def test_a_function_reaches_every_service(aws: EmbeddedAws, outputs: Outputs) -> None:
    answer = invoke(aws, "use-services", operation_id="op-services")
    assert answer == {"parameter": '{"retain": 3}', "secret_members": ["password", "username"]}
    item = aws.client("dynamodb").get_item(
        TableName=outputs["TableOutput"], Key={"operation_id": {"S": "op-services"}}
    )["Item"]
    assert item["status"] == {"S": "SUCCESS"}
    published = aws.published(outputs["TopicOutput"])
    assert ("done", "op-services") in [(each.subject, each.message) for each in published]


def test_metrics_embedded_in_logs_are_extracted(aws: EmbeddedAws, outputs: Outputs) -> None:
    invoke(aws, "measure", operation_id="op-measured")
    metrics = aws.client("cloudwatch").list_metrics(Namespace="Probe")["Metrics"]
    assert metrics == [
        {
            "Namespace": "Probe",
            "MetricName": "Restored",
            "Dimensions": [{"Name": "operation", "Value": "op-measured"}],
        }
    ]
