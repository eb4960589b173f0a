"""Patches for CloudFormation: what a template's secrets and functions become, and how soon."""

import asyncio
import json
import re
import secrets
import string
import time
from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import cloudformation, lambda_svc, secretsmanager
from ministack.services.cloudformation import provisioners

Properties = Mapping[str, Any]
Provisioned = tuple[str, dict[str, Any]]

_ALPHANUMERIC = string.ascii_letters + string.digits
_FUNCTION = "AWS::Lambda::Function"
_SECRET = "AWS::SecretsManager::Secret"  # noqa: S105
_BEING_CHANGED = re.compile(
    rb"<DescribeStacksResponse.*<StackStatus>(?!REVIEW)\w+_IN_PROGRESS<", re.DOTALL
)
_HELD_SECONDS = 20.0
_LOOK_SECONDS = 0.05


def return_secret_arns_for_references() -> None:
    """Return the ARN for ``Ref`` of a secret, and name one without a name by its logical id.

    CDK's ``secret_name`` takes both for granted.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-secretsmanager-secret.html
    """
    handlers = provisioners._RESOURCE_HANDLERS[_SECRET]
    created: Callable[..., Provisioned] = handlers["create"]
    updated: Callable[..., Provisioned] = handlers["update"]
    deleted: Callable[..., None] = handlers["delete"]

    def create(logical_id: str, properties: Properties, stack: str) -> Provisioned:
        name = f"{logical_id}-{''.join(secrets.choice(_ALPHANUMERIC) for _ in range(12))}"
        return _by_arn(created(logical_id, {"Name": name, **properties}, stack))

    def update(
        physical_id: str, old: Properties, new: Properties, stack: str, *logical_id: str
    ) -> Provisioned:
        name = _name(physical_id)
        named = ({"Name": name, **old}, {"Name": name, **new})
        return _by_arn(updated(name, *named, stack, *logical_id))

    def delete(physical_id: str, properties: Properties) -> None:
        deleted(_name(physical_id), properties)

    handlers.update(create=create, update=update, delete=delete)


def hold_descriptions_of_stacks_in_progress() -> None:
    """Answer DescribeStacks when no described stack is being changed any more, or after a while.

    On AWS the answer comes immediately. The CDK's command line asks again five seconds later, and
    here a stack takes less.
    """
    original = cloudformation.handle_request

    async def handle_request(*request: Any) -> tuple[Any, ...]:
        deadline = time.monotonic() + _HELD_SECONDS
        while True:
            answer: tuple[Any, ...] = await original(*request)
            if not _BEING_CHANGED.search(answer[2]) or time.monotonic() >= deadline:
                return answer
            await asyncio.sleep(_LOOK_SECONDS)

    cloudformation.handle_request = handle_request


def keep_alarms_on_metric_math() -> None:
    """Let a stack have an alarm on metric math, which MiniStack refuses. It is not evaluated.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudwatch-alarm.html
    """
    original: Callable[..., dict[str, Any]] = provisioners._cw_metric_alarm_record

    def record(name: str, properties: Properties) -> dict[str, Any]:
        math = properties.get("Metrics")
        if not math:
            return original(name, properties)
        plain = {key: value for key, value in properties.items() if key != "Metrics"}
        alarm = original(name, {**plain, "MetricName": "-", "Namespace": "-"})
        of_one_metric = ("MetricName", "Namespace", "Statistic", "Period", "Dimensions")
        kept = {key: value for key, value in alarm.items() if key not in of_one_metric}
        return {**kept, "Metrics": math}

    provisioners._cw_metric_alarm_record = record


def _by_arn(provisioned: Provisioned) -> Provisioned:
    _, attributes = provisioned
    return attributes["Arn"], attributes


def _name(physical_id: str) -> str:
    key, _ = secretsmanager._resolve(physical_id)
    return key or physical_id


def apply_generate_secret_string_rules() -> None:
    """Generate ``GenerateSecretString`` as GetRandomPassword does, with all of its exclusions.

    MiniStack heeds only ``ExcludeCharacters``; a password with an excluded character would be
    refused by what it is for.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-secretsmanager-secret-generatesecretstring.html
    """

    def secret_string(properties: Properties) -> str:
        rules = properties.get("GenerateSecretString")
        if not rules:
            return str(properties.get("SecretString", ""))
        _, _, body = secretsmanager._get_random_password(rules)
        password: str = json.loads(body)["RandomPassword"]
        template = rules.get("SecretStringTemplate")
        if template is None:
            return password
        return json.dumps({**json.loads(template), rules["GenerateStringKey"]: password})

    provisioners._sm_secret_string = secret_string


def apply_all_function_properties() -> None:
    """Keep the dead-letter queue, the network and the concurrency of a function's template.

    MiniStack drops these properties.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-function.html
    """
    handlers = provisioners._RESOURCE_HANDLERS[_FUNCTION]
    created: Callable[..., Provisioned] = handlers["create"]
    updated: Callable[..., Provisioned] = handlers["update"]

    def create(logical_id: str, properties: Properties, stack: str) -> Provisioned:
        return _completed(created(logical_id, properties, stack), properties)

    def update(
        physical_id: str, old: Properties, new: Properties, stack: str, *logical_id: str
    ) -> Provisioned:
        return _completed(updated(physical_id, old, new, stack, *logical_id), new)

    handlers.update(create=create, update=update)


def _completed(provisioned: Provisioned, properties: Properties) -> Provisioned:
    name, _ = provisioned
    function = lambda_svc._functions[name]
    for dropped in ("DeadLetterConfig", "VpcConfig"):
        function["config"].pop(dropped, None)
        if dropped in properties:
            function["config"][dropped] = properties[dropped]
    reserved = properties.get("ReservedConcurrentExecutions")
    function["concurrency"] = None if reserved is None else int(reserved)
    return provisioned
