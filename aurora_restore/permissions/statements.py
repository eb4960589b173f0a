"""IAM statements as values, in the few forms that the stacks write."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final, Literal

from aurora_restore.permissions.conditions import Conditions

_CHANGES: Final = (
    "rds:AddTagsToResource",
    "rds:Delete*",
    "rds:Modify*",
    "rds:RemoveTagsFromResource",
)


@dataclass(frozen=True, kw_only=True)
class RoleStatement:
    """One statement of a policy, before it is known in which policy it will be."""

    effect: Literal["Allow", "Deny"]
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: Conditions = field(default_factory=dict)

    @property
    def document(self) -> dict[str, Any]:
        """Return it as IAM's JSON has it: a list of one stands for its member."""
        written = {
            "Action": _written(self.actions),
            "Condition": self.conditions,
            "Effect": self.effect,
            "Resource": _written(self.resources),
        }
        return {name: value for name, value in written.items() if value}

    @property
    def size(self) -> int:
        """Return how many characters it has, without whitespace, which IAM does not count."""
        return len(json.dumps(self.document, separators=(",", ":")))


def _written(values: tuple[str, ...]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)


def allow(
    actions: str | Iterable[str], resources: Iterable[str], conditions: Conditions | None = None
) -> RoleStatement:
    """Return a statement that allows actions on resources."""
    return RoleStatement(
        effect="Allow",
        actions=(actions,) if isinstance(actions, str) else tuple(actions),
        resources=tuple(sorted(set(resources))),
        conditions=conditions or {},
    )


def deny(
    actions: Iterable[str], resources: Iterable[str], conditions: Conditions | None = None
) -> RoleStatement:
    """Return a statement that denies actions on resources, whatever another one allows."""
    return RoleStatement(
        effect="Deny",
        actions=tuple(actions),
        resources=tuple(sorted(set(resources))),
        conditions=conditions or {},
    )


def deny_changes(sources: Iterable[str]) -> RoleStatement:
    """Return a statement that denies every change of a source, its tags included."""
    return deny(_CHANGES, sources)


def is_change(action: str) -> bool:
    """Return whether an action is one that is denied on a source."""
    return any(fnmatchcase(action, pattern) for pattern in _CHANGES)
