"""Decides as IAM would whether a policy allows a call.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

Document = dict[str, Any]
Context = Mapping[str, str | Sequence[str]]


@dataclass(frozen=True)
class Policy:
    """The statements of a role."""

    statements: Sequence[Document]

    def allows(self, action: str, resource: str, context: Context | None = None) -> bool:
        """Whether an action on an ARN is allowed, and no statement denies it.

        A call on several resources needs it for each of them. ``context`` has the values of the
        condition keys; a key that it lacks is one that the call does not have.
        """
        effects = {
            statement["Effect"]
            for statement in self.statements
            if any(matches(pattern, action.lower()) for pattern in _lowered(statement["Action"]))
            and _among(resource, listed(statement["Resource"]))
            and _holds(statement.get("Condition", {}), context or {})
        }
        return effects == {"Allow"}

    @property
    def actions(self) -> frozenset[str]:
        """The actions that are allowed on anything at all, as the policy writes them."""
        return frozenset(
            action
            for statement in self.statements
            if statement["Effect"] == "Allow"
            for action in listed(statement["Action"])
        )


@dataclass(frozen=True)
class Trust:
    """Who may assume a role."""

    statements: Sequence[Document]

    def admits(self, principal: str) -> bool:
        """Whether the role with this ARN may assume it, where its own policy allows that, too."""
        account = principal.split(":")[4]
        root = principal.partition(":iam:")[0] + f":iam::{account}:root"
        effects = {
            statement["Effect"]
            for statement in self.statements
            if _among("sts:AssumeRole", listed(statement["Action"]))
            and {root, principal} & set(listed(statement["Principal"].get("AWS", [])))
            and _holds(statement.get("Condition", {}), {"aws:PrincipalArn": principal})
        }
        return effects == {"Allow"}


def listed(value: Any) -> list[Any]:
    """A member that a policy may write alone or in a list."""
    return value if isinstance(value, list) else [value]


def matches(pattern: str, text: str) -> bool:
    """Whether a text is as a pattern with IAM's wildcards, ``*`` and ``?``, wants it."""
    return _expression(pattern).fullmatch(text) is not None


@lru_cache(maxsize=4096)
def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)


def _lowered(actions: Any) -> list[str]:
    return [action.lower() for action in listed(actions)]


def _among(text: str, patterns: Sequence[str]) -> bool:
    return any(matches(pattern, text) for pattern in patterns)


def _equal(text: str, wanted: Sequence[str]) -> bool:
    return text in wanted


def _unequal(text: str, unwanted: Sequence[str]) -> bool:
    return text not in unwanted


_OPERATORS: Final[Mapping[str, Callable[[str, Sequence[str]], bool]]] = {
    "ArnEquals": _among,
    "ArnLike": _among,
    "Bool": _equal,
    "StringEquals": _equal,
    "StringLike": _among,
    "StringNotEquals": _unequal,
}


_IF_EXISTS: Final = "IfExists"
_NULL: Final = "Null"


def _holds(conditions: Document, context: Context) -> bool:
    """Whether each condition is met.

    A key that the call lacks meets ``ForAllValues``, ``…IfExists`` and a bare ``…Not…`` only;
    ``Null`` is about that alone.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
    """
    for name, keys in conditions.items():
        if name == _NULL:
            if any((key not in context) != (str(lacks) == "true") for key, lacks in keys.items()):
                return False
            continue
        qualifier, _, operator = name.rpartition(":")
        optional = operator.endswith(_IF_EXISTS)
        holds = _OPERATORS[operator.removesuffix(_IF_EXISTS)]
        every = {"": any, "ForAnyValue": any, "ForAllValues": all}[qualifier]
        for key, wanted in keys.items():
            negated = "Not" in operator and not qualifier
            if (optional or negated) and key not in context:
                continue
            values = context.get(key, ())
            has = [values] if isinstance(values, str) else values
            if not every(holds(value, [str(each) for each in listed(wanted)]) for value in has):
                return False
    return True
