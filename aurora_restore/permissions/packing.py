"""From statements that grow with the number of restores to policies of the sizes that IAM takes.

A statement is divided by its resources, which is the same permission: a resource that is named in
any of the statements is allowed, or denied, as if it were named in one.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from aurora_restore.configuration.limits import MANAGED_POLICY
from aurora_restore.permissions.statements import RoleStatement

_NO_CONDITION: Final = json.dumps({})

_FRAME: Final = len('{"Statement":[],"Version":"2012-10-17"}')


@dataclass(frozen=True)
class RolePolicy:
    """The statements of one policy."""

    statements: tuple[RoleStatement, ...]

    @property
    def size(self) -> int:
        """Return how many characters it has, without whitespace."""
        return _FRAME - 1 + sum(each.size + 1 for each in self.statements)


def packed(statements: Iterable[RoleStatement]) -> list[RolePolicy]:
    """Return policies that together say what the statements say, each as large as may be.

    A statement that is too large for a policy even with a single resource is in one of its own.
    """
    policies: list[RolePolicy] = []
    current = RolePolicy(())
    for statement in grouped(statements):
        rest = statement
        while rest.resources:
            count = _fitting(rest, MANAGED_POLICY.most - current.size - 1)
            if count == 0 and current.statements:
                policies.append(current)
                current = RolePolicy(())
                continue
            taken = max(count, 1)
            part = replace(rest, resources=rest.resources[:taken])
            current = RolePolicy((*current.statements, part))
            rest = replace(rest, resources=rest.resources[taken:])
    return [*policies, current] if current.statements else policies


def grouped(statements: Iterable[RoleStatement]) -> Iterator[RoleStatement]:
    """Yield statements that say the same and name each resource once under each condition.

    What is allowed, or denied, under no condition is not so again under another.
    """
    under: dict[tuple[Literal["Allow", "Deny"], str], Mapping[str, Mapping[str, object]]] = {}
    actions: dict[tuple[Literal["Allow", "Deny"], str], dict[str, set[str]]] = {}
    for statement in statements:
        key = (statement.effect, json.dumps(statement.conditions, sort_keys=True))
        under[key] = statement.conditions
        of_resources = actions.setdefault(key, {})
        for resource in statement.resources:
            of_resources.setdefault(resource, set()).update(statement.actions)
    for (effect, written), of_resources in actions.items():
        always = actions.get((effect, _NO_CONDITION), {}) if written != _NO_CONDITION else {}
        resources: dict[tuple[str, ...], list[str]] = {}
        for resource, those in of_resources.items():
            if more := those - always.get(resource, set()):
                resources.setdefault(tuple(sorted(more)), []).append(resource)
        for group, members in sorted(resources.items()):
            yield RoleStatement(
                effect=effect,
                actions=group,
                resources=tuple(sorted(members)),
                conditions=under[effect, written],
            )


def _fitting(statement: RoleStatement, room: int) -> int:
    """Return how many of a statement's resources, from the first, fit into so much room."""
    alone = replace(statement, resources=statement.resources[:1])
    left = room - alone.size
    if left < 0:
        return 0
    # A list has brackets, which a single resource does without.
    left -= len("[]")
    count = 1
    for resource in statement.resources[1:]:
        left -= len(json.dumps(resource)) + len(",")
        if left < 0:
            break
        count += 1
    return count
