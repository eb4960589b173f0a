"""A patch for the simulation of policies."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any
from xml.sax.saxutils import escape

from ministack.core.iam_evaluator import EvalContext, _gather_role_policies, evaluate
from ministack.core.responses import get_account_id, get_region
from ministack.services import iam

_DECISIONS = {"Allow": "allowed", "Deny": "explicitDeny"}


def simulate_every_resource_with_context() -> None:
    """Simulate what a role may do on each resource, with the values of condition keys.

    MiniStack regards the first resource only, and no condition keys.
    https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
    """
    original: Callable[[Any], Any] = iam._IAM_HANDLERS["SimulatePrincipalPolicy"]

    def simulate(request: Any) -> Any:
        principal = iam._p(request, "PolicySourceArn")
        _, _, role = principal.partition(":role/")
        if not role or role not in iam._roles:
            return original(request)
        policies = _gather_role_policies(role.rpartition("/")[2], get_account_id())
        results = "".join(
            _result(action, arn, _decide(action, arn, principal, policies, _entries(request)))
            for action in _members(request, "ActionNames")
            for arn in list(_members(request, "ResourceArns")) or ["*"]
        )
        return iam._xml(
            200,
            "SimulatePrincipalPolicyResponse",
            f"<SimulatePrincipalPolicyResult><EvaluationResults>{results}</EvaluationResults>"
            "<IsTruncated>false</IsTruncated></SimulatePrincipalPolicyResult>",
            ns="iam",
        )

    iam._IAM_HANDLERS["SimulatePrincipalPolicy"] = simulate


def may(role_arn: str, action: str, arn: str) -> bool:
    """Return whether a role's policies allow an action on a resource."""
    policies = _gather_role_policies(role_arn.rpartition("/")[2], get_account_id())
    return _decide(action, arn, role_arn, policies, ()) == _DECISIONS["Allow"]


def _decide(
    action: str, arn: str, principal: str, policies: Any, keys: Iterable[tuple[str, Any]]
) -> str:
    context = EvalContext(
        principal_arn=principal,
        principal_type="AssumedRole",
        principal_account=get_account_id(),
        action=action,
        resource_arn=arn,
        region=get_region(),
        service_context=dict(keys),
    )
    return _DECISIONS.get(evaluate(context, policies).decision, "implicitDeny")


def _result(action: str, arn: str, decision: str) -> str:
    return (
        f"<member><EvalActionName>{escape(action)}</EvalActionName>"
        f"<EvalResourceName>{escape(arn)}</EvalResourceName>"
        f"<EvalDecision>{decision}</EvalDecision></member>"
    )


def _members(request: Any, name: str) -> Iterator[str]:
    number = 1
    while value := iam._p(request, f"{name}.member.{number}"):
        yield value
        number += 1


def _entries(request: Any) -> Iterator[tuple[str, Any]]:
    """Yield the condition keys that the caller gives, each with its value or values."""
    number = 1
    while key := iam._p(request, f"ContextEntries.member.{number}.ContextKeyName"):
        entry = f"ContextEntries.member.{number}"
        values = list(_members(request, f"{entry}.ContextKeyValues"))
        is_list = iam._p(request, f"{entry}.ContextKeyType").endswith("List")
        yield key.lower(), values if is_list else values[0]
        number += 1
