"""Who may use which KMS key: existence, Region, state, key policy and grants.

A caller in the key's own account is not checked against the policy: IAM is not emulated. A caller
in another account needs every operation that the Aurora User Guide lists for sharing an encrypted
snapshot, from the key policy or from a grant.
"""

import json
from fnmatch import fnmatchcase
from typing import Any

from embedded_aws.rds.backend import RdsBackend
from embedded_aws.rds.exceptions import KMSKeyNotAccessibleError
from embedded_aws.rds.models import Location
from embedded_aws.rds.services import KmsKey

OPERATIONS_TO_SHARE = (
    "CreateGrant",
    "Decrypt",
    "DescribeKey",
    "Encrypt",
    "GenerateDataKey",
    "ReEncryptFrom",
    "ReEncryptTo",
)


def usable_key(backend: RdsBackend, location: Location, identifier: str) -> KmsKey:
    """Return the key a request names, in the caller's Region and usable by the caller."""
    key = backend.services.key(location, identifier)
    if key is None or key.region != location.region or not can_use(key, location):
        raise KMSKeyNotAccessibleError(identifier)
    return key


def check_still_usable(backend: RdsBackend, location: Location, key_arn: str) -> None:
    """Refuse a key that the caller can no longer use."""
    key = backend.services.key(location, key_arn)
    if key is None or not can_use(key, location):
        raise KMSKeyNotAccessibleError(key_arn)


def can_use(key: KmsKey, location: Location) -> bool:
    """Return whether the key is enabled and its policy or grants allow the caller's account."""
    if not key.usable:
        return False
    if key.account == location.account:
        return True
    if key.aws_managed:
        return False
    facts = {**_facts_of(location), "kms:viaservice": f"rds.{location.region}.amazonaws.com"}
    return all(_permitted(key, location, operation, facts) for operation in OPERATIONS_TO_SHARE)


def can_describe(key: KmsKey, location: Location) -> bool:
    """Return whether the key's policy or grants allow the caller's account to describe it."""
    if key.account == location.account:
        return True
    return _permitted(key, location, "DescribeKey", _facts_of(location))


def _facts_of(location: Location) -> dict[str, str]:
    """Return the condition keys of a call: a caller is known by its account alone."""
    return {
        "kms:calleraccount": location.account,
        "kms:grantisforawsresource": "true",
        "aws:principalaccount": location.account,
    }


def _permitted(key: KmsKey, location: Location, operation: str, facts: dict[str, str]) -> bool:
    statements = _as_list(json.loads(key.policy or "{}").get("Statement"))
    matching = [
        statement
        for statement in statements
        if _names_account(statement.get("Principal"), location.account)
        and _names_action(statement.get("Action"), f"kms:{operation}")
        and _condition_holds(statement.get("Condition") or {}, location, facts)
    ]
    if any(statement.get("Effect") == "Deny" for statement in matching):
        return False
    if any(statement.get("Effect") == "Allow" for statement in matching):
        return True
    return any(
        operation in grant.operations and _is_of_account(grant.grantee, location.account)
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
    condition: dict[str, dict[str, Any]], location: Location, facts: dict[str, str]
) -> bool:
    """Evaluate what the call fixes; a condition on anything else does not hold.

    A condition on the caller's ARN holds for every ARN of its account.
    """
    return all(
        _is_principal_of(location.account, operator, _as_list(values))
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
