"""Patches that impose AWS's limits of policies: of roles, and of queues.

A stack that would pass one of them fails to deploy, as it does on AWS.
"""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ministack.services import iam
from ministack.services.cloudformation import provisioners

from embedded_aws.environment import POLICIES_PER_ROLE

MANAGED_POLICY_LIMIT = 6144
INLINE_POLICIES_LIMIT = 10_240
QUEUE_STATEMENTS_LIMIT = 20
QUEUE_POLICY_LIMIT = 8192

Properties = Mapping[str, Any]
Problem = Callable[[Properties], str | None]


def limit_role_policies() -> None:
    """Limit the policies of a role: how many managed ones it has, and the size of each kind.

    IAM counts no whitespace. How many there may be is a quota of the account.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    """
    for action, problem in {
        "AttachRolePolicy": _problem_of_attachment,
        "CreatePolicy": _problem_of_document,
        "CreatePolicyVersion": _problem_of_document,
        "PutRolePolicy": _problem_of_inline_policy,
    }.items():
        _refuse_call(action, problem)
    _refuse_resource("AWS::IAM::ManagedPolicy", _problem_of_managed_policy)
    _refuse_resource("AWS::IAM::Policy", _problem_of_inline_resource)


def limit_queue_policies() -> None:
    """Limit the policy that a template gives a queue to 20 statements and 8,192 bytes.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-policies.html
    """
    _refuse_resource("AWS::SQS::QueuePolicy", _problem_of_queue_policy)


def _refuse_call(action: str, problem: Problem) -> None:
    original: Callable[[Properties], Any] = iam._IAM_HANDLERS[action]

    def call(parameters: Properties) -> Any:
        given = {
            name: iam._p(parameters, name)
            for name in ("PolicyArn", "PolicyDocument", "PolicyName", "RoleName")
        }
        if message := problem(given):
            return iam._error(409, "LimitExceeded", message, ns="iam")
        return original(parameters)

    iam._IAM_HANDLERS[action] = call


def _refuse_resource(kind: str, problem: Problem) -> None:
    handlers = provisioners._RESOURCE_HANDLERS[kind]
    created: Callable[..., Any] = handlers["create"]
    updated: Callable[..., Any] = handlers["update"]

    def create(logical_id: str, properties: Properties, stack: str) -> Any:
        _require_none(problem(properties))
        return created(logical_id, properties, stack)

    def update(physical_id: str, old: Any, new: Properties, *arguments: Any, **options: Any) -> Any:
        _require_none(problem({**new, "PolicyArn": physical_id}))
        return updated(physical_id, old, new, *arguments, **options)

    handlers.update(create=create, update=update)


def _require_none(problem: str | None) -> None:
    if problem:
        raise ValueError(problem)


def size(document: Any) -> int:
    """Return how many characters of a policy IAM counts: those that are not whitespace."""
    text = document if isinstance(document, str) else json.dumps(document)
    return sum(not each.isspace() for each in text)


def _problem_of_document(given: Properties) -> str | None:
    if size(given.get("PolicyDocument") or "") > MANAGED_POLICY_LIMIT:
        return f"Cannot exceed quota for PolicySize: {MANAGED_POLICY_LIMIT}"
    return None


def _problem_of_attachment(given: Properties) -> str | None:
    return _problem_of_count([given["RoleName"]], given["PolicyArn"])


def _problem_of_managed_policy(given: Properties) -> str | None:
    roles = [str(role) for role in given.get("Roles") or ()]
    return _problem_of_document(given) or _problem_of_count(roles, given.get("PolicyArn"))


def _problem_of_count(roles: Sequence[str], policy_arn: str | None) -> str | None:
    most = int(os.environ.get(POLICIES_PER_ROLE, "10"))
    for role in roles:
        attached = set((iam._roles.get(role) or {}).get("AttachedPolicies", ()))
        if len(attached - {policy_arn}) >= most:
            return f"Cannot exceed quota for PoliciesPerRole: {most}"
    return None


def _problem_of_inline_resource(given: Properties) -> str | None:
    for role in given.get("Roles") or ():
        problem = _problem_of_inline_policy({**given, "RoleName": role})
        if problem:
            return problem
    return None


def _problem_of_inline_policy(given: Properties) -> str | None:
    role = given["RoleName"]
    others = {
        name: document
        for name, document in (iam._roles.get(role) or {}).get("InlinePolicies", {}).items()
        if name != given.get("PolicyName")
    }
    together = size(given.get("PolicyDocument") or "") + sum(map(size, others.values()))
    if together > INLINE_POLICIES_LIMIT:
        return f"Maximum policy size of {INLINE_POLICIES_LIMIT} bytes exceeded for role {role}"
    return None


def _problem_of_queue_policy(given: Properties) -> str | None:
    document = given.get("PolicyDocument") or {}
    if isinstance(document, str):
        document = json.loads(document)
    statements = document.get("Statement", [])
    count = len(statements) if isinstance(statements, list) else 1
    if count > QUEUE_STATEMENTS_LIMIT or len(json.dumps(document)) > QUEUE_POLICY_LIMIT:
        return "Value for parameter Policy is invalid. Reason: Policy has too many statements."
    return None
