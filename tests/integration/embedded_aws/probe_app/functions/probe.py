"""A function that does what the event asks for, so that a test can watch the embedded AWS."""

import importlib
import importlib.util
import json
import logging
import os
import time
from collections.abc import Callable, Mapping
from typing import Any

import boto3

Event = Mapping[str, Any]

GREETING = importlib.import_module("greeting").GREETING

logger = logging.getLogger()
logger.setLevel(logging.INFO)


class SnapshotIsGoneError(Exception):
    """A class name that a state machine has to see."""


def handler(event: Event, context: Any) -> Any:
    """Acts as the event says."""
    logger.info("asked for %s", event["action"])
    return ACTIONS[event["action"]](event, context)


def describe(event: Event, context: Any) -> Any:
    """Return what the function sees of its environment."""
    return {
        "greeting": GREETING,
        "function": context.function_name,
        "request_id": context.aws_request_id,
        "remaining": context.get_remaining_time_in_millis(),
        "environment": dict(os.environ),
        "process": os.getpid(),
        "event": event,
    }


def bundle(event: Event, context: Any) -> Any:
    """Tells which of some modules can be imported."""
    return [name for name in event["modules"] if importlib.util.find_spec(name) is not None]


def fail(event: Event, context: Any) -> Any:
    """Raises an error of a class of its own."""
    raise SnapshotIsGoneError("the snapshot is gone")


def fail_until_allowed(event: Event, context: Any) -> Any:
    """Fail until the table holds an item for the operation."""
    table = boto3.resource("dynamodb").Table(os.environ["TABLE"])
    if "Item" not in table.get_item(Key={"operation_id": event["operation_id"]}):
        raise SnapshotIsGoneError("no snapshot was named")
    return {"attempt": event["attempt"], "redrives": event["redrives"]}


def sleep(event: Event, context: Any) -> Any:
    """Takes its time."""
    time.sleep(event["seconds"])
    return {"slept": event["seconds"]}


def leave(event: Event, context: Any) -> Any:
    """Ends the process in the middle of an invocation."""
    os._exit(3)


def unserialisable(event: Event, context: Any) -> Any:
    """Answers with something that is not JSON."""
    return {"when": {1, 2}}


def large(event: Event, context: Any) -> Any:
    """Answers with more than a state may hand on."""
    return "x" * 300_000


def use_services(event: Event, context: Any) -> Any:
    """Writes and reads by way of every service that the stack defines."""
    boto3.resource("dynamodb").Table(os.environ["TABLE"]).put_item(
        Item={"operation_id": event["operation_id"], "status": "SUCCESS"}
    )
    parameter = boto3.client("ssm").get_parameter(Name=os.environ["PARAMETER"])
    secret = boto3.client("secretsmanager").get_secret_value(SecretId=os.environ["SECRET"])
    boto3.client("sns").publish(
        TopicArn=os.environ["TOPIC"], Subject="done", Message=event["operation_id"]
    )
    return {
        "parameter": parameter["Parameter"]["Value"],
        "secret_members": sorted(json.loads(secret["SecretString"])),
    }


def measure(event: Event, context: Any) -> Any:
    """Logs a metric in the embedded metric format."""
    directive = {
        "Namespace": "Probe",
        "Dimensions": [["operation"]],
        "Metrics": [{"Name": "Restored", "Unit": "Count"}],
    }
    measured = {"operation": event["operation_id"], "Restored": 1}
    print(json.dumps({"_aws": {"Timestamp": 0, "CloudWatchMetrics": [directive]}, **measured}))


def notify(event: Event, context: Any) -> Any:
    """Passes the event of a rule on to the topic."""
    if event["detail"]["name"].startswith("unnotifiable"):
        raise SnapshotIsGoneError("cannot notify")
    boto3.client("sns").publish(
        TopicArn=os.environ["TOPIC"], Subject="failure", Message=json.dumps(event)
    )


ACTIONS: Mapping[str, Callable[[Event, Any], Any]] = {
    function.__name__.replace("_", "-"): function
    for function in (
        bundle,
        describe,
        fail,
        fail_until_allowed,
        large,
        leave,
        measure,
        sleep,
        unserialisable,
        use_services,
    )
}
