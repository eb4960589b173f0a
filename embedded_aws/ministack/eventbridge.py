"""Patches for EventBridge: what Step Functions publishes, and how a rule reaches a function."""

import json
from collections.abc import Mapping
from typing import Any

from ministack.core.arn import parse_arn
from ministack.services import eventbridge, lambda_svc
from ministack.services import stepfunctions as sfn

from embedded_aws.ministack import sqs

_DOCUMENTED = (
    "executionArn",
    "stateMachineArn",
    "name",
    "status",
    "startDate",
    "stopDate",
    "input",
    "inputDetails",
    "output",
    "outputDetails",
)


def restrict_status_change_details() -> None:
    """Give a status change only the documented details: no error, cause or redrive.

    Only DescribeExecution and GetExecutionHistory return the cause.
    https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
    """
    original = eventbridge._put_events

    def put_events(data: Mapping[str, Any], **options: Any) -> Any:
        entries = [
            {**entry, "Detail": _documented(entry["Detail"])}
            if entry.get("Source") == "aws.states"
            else entry
            for entry in data.get("Entries", [])
        ]
        return original({**data, "Entries": entries}, **options)

    eventbridge._put_events = put_events


def _documented(detail: str) -> str:
    members = json.loads(detail)
    return json.dumps({name: members[name] for name in _DOCUMENTED if name in members})


def invoke_functions_of_rules_asynchronously() -> None:
    """Pass a rule's event to Lambda, which retries a failing function and uses its own DLQ.

    What cannot be handed over, because there is no such function or its policy does not allow the
    rule, goes to the dead-letter queue of the rule's target.
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
    """
    original = eventbridge._invoke_target

    def invoke(
        target: Mapping[str, Any], event: Any, rule: Mapping[str, Any], view: Any = None
    ) -> None:
        refusal = _refusal(target, rule)
        if refusal is None:
            original(target, event, rule, view)
            return
        code, reason = refusal
        eventbridge.logger.warning("EventBridge → %s: %s", target["Arn"], reason)
        queue = (target.get("DeadLetterConfig") or {}).get("Arn")
        if sqs.is_queue(queue):
            view = view or eventbridge._pattern_event_view(event)
            attributes = {
                "ERROR_CODE": code,
                "ERROR_MESSAGE": reason,
                "RULE_ARN": rule["Arn"],
                "TARGET_ARN": target["Arn"],
            }
            sqs.send_dead_letter(queue, view.event_with_detail(), attributes)

    def dispatch(arn: str, payload: str) -> None:
        function, config, _ = lambda_svc._get_func_record_for_ref(arn)
        record = lambda_svc._execution_record_for_config(function, config)
        lambda_svc.invoke_async_with_retry(record, json.loads(payload))

    eventbridge._invoke_target = invoke
    eventbridge._dispatch_to_lambda = dispatch


def _refusal(target: Mapping[str, Any], rule: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the error code and the reason why the rule cannot reach its target, or None."""
    service = parse_arn(target["Arn"]).service
    if service == "states" and sfn._resolve_state_machine_arn(target["Arn"]) is None:
        return "RESOURCE_NOT_FOUND", f"there is no state machine {target['Arn']}"
    if service != "lambda":
        return None
    function, config, name = lambda_svc._get_func_record_for_ref(target["Arn"])
    if not function or not config:
        return "RESOURCE_NOT_FOUND", f"there is no function {name}"
    statements = function["policy"]["Statement"]
    if not any(_allows(statement, rule["Arn"]) for statement in statements):
        return "NO_PERMISSIONS", f"the policy of {name} does not allow {rule['Arn']}"
    return None


def _allows(statement: Mapping[str, Any], rule_arn: str) -> bool:
    principal = statement.get("Principal")
    services = principal.get("Service") if isinstance(principal, dict) else principal
    conditions = (statement.get("Condition") or {}).get("ArnLike") or {}
    source = conditions.get("AWS:SourceArn", conditions.get("aws:SourceArn", rule_arn))
    return (
        statement.get("Effect") == "Allow"
        and "events.amazonaws.com" in str(services)
        and source in {rule_arn, "*"}
    )
