"""Decides as IAM would whether a role's statements allow a call."""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

from tests.unit.infra.synthesis import Document

_EQUAL: Final = {"ArnEquals", "Bool", "ForAnyValue:StringEquals", "StringEquals"}


def allows(
    statements: Iterable[Document],
    action: str,
    resource: str,
    context: Mapping[str, str | list[str]] | None = None,
) -> bool:
    """Whether an action on an ARN is allowed, and no statement denies it."""
    effects = {
        statement["Effect"]
        for statement in statements
        if _among(action, statement["Action"])
        and _among(resource, statement["Resource"])
        and _holds(statement.get("Condition", {}), context or {})
    }
    return effects == {"Allow"}


def listed(value: Any) -> list[Any]:
    """A member that a policy may write alone or in a list."""
    return value if isinstance(value, list) else [value]


def _among(name: str, patterns: Any) -> bool:
    return any(
        fnmatchcase(name, pattern) for pattern in listed(patterns) if isinstance(pattern, str)
    )


def _holds(conditions: Document, context: Mapping[str, str | list[str]]) -> bool:
    """Whether each condition is met by one of the values that the call has for its key."""
    for operator, keys in conditions.items():
        assert operator in {*_EQUAL, "StringLike"}, operator
        for key, wanted in keys.items():
            has = listed(context.get(key, []))
            if operator in _EQUAL and not set(has) & set(listed(wanted)):
                return False
            if operator == "StringLike" and not any(_among(each, wanted) for each in has):
                return False
    return True
