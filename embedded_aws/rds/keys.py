"""Who may use which KMS key: existence, Region, state, key policy and grants.

A caller in the key's own account is not checked against the policy: IAM is not emulated. A caller
in another account needs every operation that the Aurora User Guide lists for sharing an encrypted
snapshot, from the key policy or from a grant.
"""

import json
from fnmatch import fnmatchcase
from typing import Any

from embedded_aws.rds.backend import Backend
from embedded_aws.rds.errors import KeyNotAccessibleError
from embedded_aws.rds.models import Place
from embedded_aws.rds.services import Key

OPERATIONS_TO_SHARE = (
    "CreateGrant",
    "Decrypt",
    "DescribeKey",
    "Encrypt",
    "GenerateDataKey",
    "ReEncryptFrom",
    "ReEncryptTo",
)


def usable_key(backend: Backend, place: Place, identifier: str) -> Key:
    """The key a request names, in the caller's Region and usable by the caller."""
    key = backend.services.key(place, identifier)
    if key is None or key.region != place.region or not accessible(key, place):
        raise KeyNotAccessibleError(identifier)
    return key


def check_still_usable(backend: Backend, place: Place, key_arn: str) -> None:
    """The key that data is encrypted with can be used by the caller now."""
    key = backend.services.key(place, key_arn)
    if key is None or not accessible(key, place):
        raise KeyNotAccessibleError(key_arn)


def accessible(key: Key, place: Place) -> bool:
    """Whether the key is enabled and its policy or grants let the caller's account use it."""
    if not key.usable:
        return False
    if key.account == place.account:
        return True
    if key.aws_managed:
        return False
    facts = {**_facts_of(place), "kms:viaservice": f"rds.{place.region}.amazonaws.com"}
    return all(_permitted(key, place, operation, facts) for operation in OPERATIONS_TO_SHARE)


def is_shown(key: Key, place: Place) -> bool:
    """Whether the key's policy or grants let the caller's account describe it, by itself."""
    if key.account == place.account:
        return True
    return _permitted(key, place, "DescribeKey", _facts_of(place))


def _facts_of(place: Place) -> dict[str, str]:
    """What conditions can be about: a caller is known by its account alone."""
    return {
        "kms:calleraccount": place.account,
        "kms:grantisforawsresource": "true",
        "aws:principalaccount": place.account,
    }


def _permitted(key: Key, place: Place, operation: str, facts: dict[str, str]) -> bool:
    statements = _as_list(json.loads(key.policy or "{}").get("Statement"))
    matching = [
        statement
        for statement in statements
        if _names_account(statement.get("Principal"), place.account)
        and _names_action(statement.get("Action"), f"kms:{operation}")
        and _condition_holds(statement.get("Condition") or {}, place, facts)
    ]
    if any(statement.get("Effect") == "Deny" for statement in matching):
        return False
    if any(statement.get("Effect") == "Allow" for statement in matching):
        return True
    return any(
        operation in grant.operations and _is_of_account(grant.grantee, place.account)
        for grant in key.grants
    )


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def _names_account(principal: Any, account: str) -> bool:
    if principal == "*":
        return True
    if not isinstance(principal, dict):
        return False
    return any(
        named == "*" or _is_of_account(str(named), account)
        for named in _as_list(principal.get("AWS"))
    )


def _is_of_account(principal: str, account: str) -> bool:
    if principal == account:
        return True
    parts = principal.split(":")
    return len(parts) > 5 and parts[4] == account


def _names_action(actions: Any, action: str) -> bool:
    return any(fnmatchcase(action.lower(), str(named).lower()) for named in _as_list(actions))


def _condition_holds(
    condition: dict[str, dict[str, Any]], place: Place, facts: dict[str, str]
) -> bool:
    """Evaluates what the call fixes; a condition on anything else does not hold.

    A condition on the caller's ARN holds for every ARN of its account.
    """
    return all(
        _is_principal_of(place.account, operator, _as_list(values))
        if key.lower() == "aws:principalarn"
        else key.lower() in facts and _matches(operator, facts[key.lower()], _as_list(values))
        for operator, tests in condition.items()
        for key, values in tests.items()
    )


def _is_principal_of(account: str, operator: str, arns: list[Any]) -> bool:
    known = {"ArnEquals", "ArnLike", "StringEquals", "StringLike"}
    return operator in known and any(_is_of_account(str(arn), account) for arn in arns)


def _matches(operator: str, actual: str, wanted: list[Any]) -> bool:
    texts = [str(value).lower() if isinstance(value, bool) else str(value) for value in wanted]
    match operator:
        case "StringEquals" | "Bool" | "ForAnyValue:StringEquals":
            return actual in texts
        case "StringLike" | "ForAnyValue:StringLike":
            return any(fnmatchcase(actual, text) for text in texts)
        case _:
            return False
