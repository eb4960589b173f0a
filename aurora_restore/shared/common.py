"""Logging, metrics, tracing and configuration, for every function alike."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit, single_metric

from aurora_restore.shared.aws_utils import Clients, call, default_clients, get_ssm_parameter
from aurora_restore.shared.documents.fields import Text
from aurora_restore.shared.documents.restore import Restore
from aurora_restore.shared.documents.schema import Rule, check, parse_configuration, shown
from aurora_restore.shared.errors import ConfigurationError, ValidationError
from aurora_restore.shared.lambda_environment import LambdaEnvironment
from aurora_restore.shared.metric_names import (
    FAILURES_ANNOUNCED,
    METRICS_NAMESPACE,
    RESTORE,
    SERVICE,
)
from aurora_restore.shared.names import DEFAULT_NAME_PREFIX

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
_MetricName = Annotated[
    str, Rule(pattern="(?=.*[!-~])[ -~]{1,255}", means="1 to 255 characters of ASCII")
]

_SERVICE: Final = os.environ.get("POWERTOOLS_SERVICE_NAME", DEFAULT_NAME_PREFIX)

logger: Final = Logger(service=_SERVICE)
# What the functions call is AWS. To patch every library that X-Ray knows would import those that a
# function does not need, pg8000 among them, at each cold start.
tracer: Final = Tracer(service=_SERVICE, patch_modules=("botocore",))
_NAMESPACE: Final = os.environ.get("POWERTOOLS_METRICS_NAMESPACE", METRICS_NAMESPACE)
metrics: Final = Metrics(namespace=_NAMESPACE, service=_SERVICE)


def now() -> datetime:
    """Return the present moment in UTC."""
    return datetime.now(UTC)


def timestamp(moment: datetime) -> str:
    """Return a moment in ISO 8601, UTC, with microseconds: text order is order in time."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_timestamp(text: str) -> datetime:
    """Return the moment that ``timestamp`` has written."""
    return datetime.fromisoformat(text)


def is_timestamp(value: Any) -> bool:
    """Return whether a value is a moment that ``parse_timestamp`` reads."""
    try:
        return isinstance(value, str) and parse_timestamp(value).tzinfo is not None
    except ValueError:
        return False


def update_metrics(operation_id: str, metric_name: str, value: float, unit: str = "Count") -> None:
    """Add a value to the CloudWatch metrics that the function writes when it ends.

    ``unit`` is one of CloudWatch's, as in "Seconds". The operation is recorded beside the metric as
    metadata, not as a dimension: a dimension per operation would make a metric per operation.
    Raises ValidationError if CloudWatch would refuse an argument.
    """
    check("operation_id", operation_id, Text)
    check("metric_name", metric_name, _MetricName)
    check("value", value, Annotated[float, Rule()])
    units = [each.value for each in MetricUnit]
    if unit not in units:
        raise ValidationError(f"unit: {shown(unit)} is not one of {', '.join(units)}")
    metrics.add_metadata("operation_id", operation_id)
    metrics.add_metric(metric_name, MetricUnit(unit), value)


def count_announced_failure(operation_id: str, ended: datetime | None) -> None:
    """Write that a failure has been announced: for a minute after its end, or else for now.

    It is compared with Step Functions' count of failures, which is of the minute of the end, or of
    one soon after: a notice that counts for an earlier minute than its failure would for a minute
    look as if it belonged to another one.
    """
    with single_metric(
        name=FAILURES_ANNOUNCED,
        unit=MetricUnit.Count,
        value=1,
        namespace=_NAMESPACE,
        default_dimensions={SERVICE: _SERVICE},
    ) as metric:
        metric.add_metadata("operation_id", operation_id)
        if ended is not None:
            metric.set_timestamp(ended + timedelta(minutes=1))


def write_restore_metric(name: str, value: float, restore: str | None = None) -> None:
    """Write a metric of a restore, or without one, of the environment, apart from other metrics."""
    dimensions = {SERVICE: _SERVICE} if restore is None else {SERVICE: _SERVICE, RESTORE: restore}
    with single_metric(
        name=name,
        unit=MetricUnit.NoUnit,
        value=value,
        namespace=_NAMESPACE,
        default_dimensions=dimensions,
    ):
        pass


def flush_metrics(step: str, restore: str | None) -> None:
    """Write the metrics of a call: for the step as a whole, and for its restore if it is known."""
    metrics.add_dimension("step", step)
    if restore is not None:
        metrics.add_dimensions(service=_SERVICE, step=step, restore=restore)
    metrics.flush_metrics()


def get_config(
    restore: str | None = None,
    target_cluster_id: str | None = None,
    *,
    clients: Clients | None = None,
    environment: LambdaEnvironment | None = None,
) -> tuple[str, Restore]:
    """Return the name and configuration of a restore, from its SSM parameter.

    Without a name it is the environment's only restore, or else the only one that restores
    ``target_cluster_id``. Raises ValidationError if that leaves no restore or
    several, and ConfigurationError if the parameter is wrong or the environment has none.
    """
    clients = clients or default_clients()
    environment = environment or LambdaEnvironment.from_env()
    name = restore or environment.default_restore
    if name:
        parameter = environment.parameter_name(name)
        text = get_ssm_parameter(parameter, clients=clients)
        if text is None:
            raise ValidationError(
                f"restore: there is none called {shown(name)} (no SSM parameter {parameter}); name "
                "one of the environment's restores, or deploy it"
            )
        return name, _restore(parameter, text)
    found = get_restores(environment, clients)
    if target_cluster_id is not None:
        found = {
            name: restore_
            for name, restore_ in found.items()
            if restore_.target.cluster_id == target_cluster_id
        }
        if not found:
            raise ValidationError(
                f"target_cluster_id: no restore of this environment has the target "
                f"{shown(target_cluster_id)}"
            )
    if len(found) != 1:
        if not found:
            raise ConfigurationError(
                f"restore: the environment has none (no SSM parameters below "
                f"{environment.config_path}); deploy the stack"
            )
        raise ValidationError(
            "restore: is missing; the environment has several: " + ", ".join(sorted(found))
        )
    return found.popitem()


@dataclass(frozen=True)
class DeployedRestore:
    """A restore as it is deployed."""

    restore: Restore
    moment: datetime
    """When its configuration was deployed last."""


def get_restores(environment: LambdaEnvironment, clients: Clients) -> dict[str, Restore]:
    """Return every restore of the environment by its name.

    Raises ConfigurationError if a parameter is wrong.
    """
    found = get_deployed_restores(environment, clients)
    return {name: deployed.restore for name, deployed in found.items()}


def get_deployed_restores(
    environment: LambdaEnvironment, clients: Clients
) -> dict[str, DeployedRestore]:
    """Return every restore of the environment by its name, and when it was deployed.

    Raises ConfigurationError if a parameter is wrong.
    """
    path = environment.config_path
    paginator = clients.ssm.get_paginator("get_parameters_by_path")
    pages = call(lambda: list(paginator.paginate(Path=path, WithDecryption=True)))
    return {
        parameter["Name"].removeprefix(f"{path}/"): DeployedRestore(
            _restore(parameter["Name"], parameter["Value"]),
            parameter["LastModifiedDate"].astimezone(UTC),
        )
        for page in pages
        for parameter in page["Parameters"]
    }


def get_restore_names(environment: LambdaEnvironment, clients: Clients) -> frozenset[str]:
    """Return the names of the environment's restores."""
    path = environment.config_path
    paginator = clients.ssm.get_paginator("get_parameters_by_path")
    pages = call(lambda: list(paginator.paginate(Path=path)))
    return frozenset(
        parameter["Name"].removeprefix(f"{path}/")
        for page in pages
        for parameter in page["Parameters"]
    )


def _restore(parameter: str, text: str) -> Restore:
    source = f"SSM parameter {parameter}"
    try:
        document = json.loads(text)
    except ValueError as error:
        raise ConfigurationError(f"{source}: it is not JSON: {error}") from error
    return parse_configuration(Restore, document, source=source)


def json_safe(value: Any) -> Any:
    """Return ``value`` as JSON and DynamoDB take it: datetimes as timestamps, tuples as lists."""
    if isinstance(value, datetime):
        return timestamp(value)
    if isinstance(value, Mapping):
        return {str(key): json_safe(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [json_safe(item) for item in value]
    return value
