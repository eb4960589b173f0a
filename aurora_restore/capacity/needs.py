"""How much an environment needs of what AWS limits.

Everything is counted from the configuration alone, so that it takes no synthesis to know.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from aurora_restore.configuration.function_variables import function_variables
from aurora_restore.configuration.limits import (
    FUNCTION_ENVIRONMENT,
    MANAGED_POLICY,
    PARAMETER_BYTES,
    POLICIES_PER_ROLE,
    RAISED_POLICIES_PER_ROLE,
    RESOURCES,
    SECURITY_GROUP_RULES,
    TEMPLATE_BYTES,
    Limit,
)
from aurora_restore.deployed_code import DIGEST_LENGTH
from aurora_restore.permissions.packing import RolePolicy
from aurora_restore.permissions.restores import RestorePermissions
from aurora_restore.permissions.secrets import SecretsInUse
from aurora_restore.permissions.source_role import SourceRolePermissions, source_accounts
from aurora_restore.shared.documents.environment import Environment
from aurora_restore.shared.documents.regions import partition_of
from aurora_restore.shared.names import topic_name
from aurora_restore.shared.pipeline import APP_SECRET, FUNCTIONS, MASTER_SECRET, STEPS

# The resources that are there whatever the restores are: of each step its function with a log
# group, a role and its inline policy; and those that the stack has once, the CDK's metadata among
# them. A topic has a policy and a key. Schedules need a group, a role with a policy, a queue with a
# policy for what was not started, and an alarm.
_RESOURCES_OF_STEP: Final = 4
_RESOURCES_OF_STACK: Final = 18
# The function that publishes metrics is called by a rule, which needs a permission; two alarms look
# at all restores. The other function is behind a dashboard.
_RESOURCES_OF_METRICS: Final = 4 + 2 + 2
_RESOURCES_OF_DASHBOARD: Final = 4 + 1
_RESOURCES_OF_TOPIC: Final = 3
_RESOURCES_OF_SCHEDULES: Final = 6
# The function that publishes events is as one of a step, and reads the audit table's stream.
_RESOURCES_OF_EVENTS: Final = _RESOURCES_OF_STEP + 1

# What they are in the template, and what each resource is there without its own text, as measured
# and a little more: a permissions boundary, for one, is not the environment's.
_BYTES_OF_STACK: Final = 106_500
_BYTES_OF_ATTACHMENT: Final = 600
_BYTES_OF_POLICY: Final = 250
_BYTES_OF_PARAMETER: Final = 225
_BYTES_OF_SCHEDULE: Final = 800
_BYTES_OF_SECRET: Final = 700
_BYTES_OF_ALARM: Final = 800
_BYTES_OF_EMAIL: Final = 200
# How often a restore's name is in the resources that it makes, and the prefix in all others.
_NAMES_OF_RESTORE: Final = 16
_NAMES_OF_STACK: Final = 310


@dataclass(frozen=True, kw_only=True)
class Need:
    """How much of something that AWS limits an environment needs."""

    of: str
    amount: int
    limit: Limit
    remedy: str = ""
    """What to do besides dividing the restores among environments."""

    @property
    def is_met(self) -> bool:
        """Return whether AWS takes so much."""
        return self.amount <= self.limit.most


@dataclass(frozen=True)
class Capacity:
    """What the stacks of an environment need, counted from its configuration."""

    environment: Environment

    @cached_property
    def policies(self) -> dict[str, list[RolePolicy]]:
        """Return the policies of each function's role that are for the restores, by its step."""
        permissions = RestorePermissions(environment=self.environment)
        return {step.name: permissions.policies_of(step) for step in STEPS}

    def schedules(self) -> int:
        """Return how many schedules there are, those of retirements included."""
        restores = self.environment.restores.values()
        scheduled = sum(each.schedule is not None for each in restores)
        return scheduled + sum(each.target.is_switched for each in restores)

    def alarms(self) -> int:
        """Return how many alarms there are on restores that are overdue."""
        environment = self.environment
        if not environment.monitoring.metrics:
            return 0
        return len(environment.with_own_alarm) + environment.has_common_alarm

    def resources(self) -> int:
        """Return how many resources the stack has."""
        schedules = self.schedules()
        watching = self.environment.monitoring
        return (
            _RESOURCES_OF_STACK
            + len(STEPS) * _RESOURCES_OF_STEP
            + (_RESOURCES_OF_SCHEDULES if schedules else 0)
            + (0 if self.environment.event_bus_arn is None else _RESOURCES_OF_EVENTS)
            + (_RESOURCES_OF_METRICS if watching.metrics else 0)
            + (_RESOURCES_OF_DASHBOARD if watching.dashboard else 0)
            + self._alarms_on_errors()
            + self.alarms()
            + (_RESOURCES_OF_TOPIC if self.environment.notification_topic_arn is None else 0)
            + len(self.environment.notification_emails)
            + len(self.environment.restores)
            + schedules
            + self.made_secrets()
            + sum(managed(policies) for policies in self.policies.values())
        )

    def _alarms_on_errors(self) -> int:
        """Return how many functions have an alarm on their errors."""
        environment = self.environment
        if not environment.monitoring.error_alarms:
            return 0
        announcing = sum(step.publishes for step in STEPS)
        return announcing + (environment.event_bus_arn is not None) + environment.monitoring.metrics

    def made_secrets(self) -> int:
        """Return how many secrets the stack makes."""
        secrets = SecretsInUse(
            environment=self.environment, partition=partition_of(self.environment.region)
        )
        return sum(
            not secret.adopted
            for which in (MASTER_SECRET, APP_SECRET)
            for secret in secrets.of_kind(which)
        )

    def template_bytes(self) -> int:
        """Return how large the template is at most."""
        restores = self.environment.restores
        policies = [each for group in self.policies.values() for each in group]
        return (
            _BYTES_OF_STACK
            + _NAMES_OF_STACK * len(self.environment.name_prefix)
            + self._attachment_bytes()
            + sum(each.size + _BYTES_OF_POLICY for each in policies)
            + sum(
                len(json.dumps(restore.parameter_text))
                + _BYTES_OF_PARAMETER
                + _NAMES_OF_RESTORE * len(name)
                for name, restore in restores.items()
            )
            + self.schedules() * _BYTES_OF_SCHEDULE
            + self.alarms() * _BYTES_OF_ALARM
            + self.made_secrets() * _BYTES_OF_SECRET
            + sum(_BYTES_OF_EMAIL + len(each) for each in self.environment.notification_emails)
        )

    def _attachment_bytes(self) -> int:
        """Return how much attaches functions to the network, with the permissions for that."""
        network = self.environment.network
        attached = sum(
            network.attaches(reaches_database=each.reaches_database) for each in FUNCTIONS
        )
        ids = (*network.subnet_ids, *network.security_group_ids)
        return attached * (_BYTES_OF_ATTACHMENT + sum(len(f'"{each}",') for each in ids))

    def needs(self) -> Iterator[Need]:
        """Yield what the stacks need of everything that AWS limits."""
        environment = self.environment
        quota = replace(POLICIES_PER_ROLE, most=environment.quotas.policies_per_role)
        functions = {f"the role of {step}": each for step, each in self.policies.items()}
        yield from _of_roles(
            functions,
            quota,
            "let the names of all targets begin alike and set `target_prefix`, or ",
        )
        yield from _of_roles(self._source_policies(), POLICIES_PER_ROLE)
        yield Need(of="the stack", amount=self.resources(), limit=RESOURCES)
        yield Need(of="the stack", amount=self.template_bytes(), limit=TEMPLATE_BYTES)
        size, name = max(
            (len(restore.parameter_text.encode()), name)
            for name, restore in environment.restores.items()
        )
        yield Need(of=f"the restore {name}", amount=size, limit=PARAMETER_BYTES)
        yield Need(
            of="each function",
            amount=self._variable_bytes(),
            limit=FUNCTION_ENVIRONMENT,
            remedy="let fewer restores share secrets of the application that are not the "
            "environment's, or ",
        )
        yield Need(
            of="the quarantine",
            amount=len({each.target.listens_on for each in environment.restores.values()}),
            limit=SECURITY_GROUP_RULES,
            remedy="let more targets listen on the same port, or ",
        )

    def _source_policies(self) -> dict[str, list[RolePolicy]]:
        environment = self.environment
        return {
            f"the role in the source account {account}": SourceRolePermissions(
                environment=environment,
                account=account,
                partition=partition_of(environment.region),
            ).policies()
            for account in source_accounts(environment)
        }

    def _variable_bytes(self) -> int:
        environment = self.environment
        group = "sg-" + "0" * 17
        variables = function_variables(
            environment,
            topic_arn=environment.notification_topic_arn
            or f"arn:{partition_of(environment.region)}:sns:{environment.region}"
            f":{environment.account}:{topic_name(environment.name_prefix)}",
            access_group=group,
            quarantine_group=group,
            code_digest="0" * DIGEST_LENGTH,
        )
        return len(json.dumps(variables.to_env(), separators=(",", ":")).encode())


def managed(policies: Sequence[RolePolicy]) -> int:
    """Return how many policies are managed ones: the first is in the role."""
    return max(len(policies) - 1, 0)


def _of_roles(
    roles: Mapping[str, Sequence[RolePolicy]], quota: Limit, remedy: str = ""
) -> Iterator[Need]:
    """Yield what the role needs that needs most, if there is any role."""
    if not roles:
        return
    size, of = max(
        (max((each.size for each in policies), default=0), role) for role, policies in roles.items()
    )
    yield Need(of=of, amount=size, limit=MANAGED_POLICY)
    needed, of = max((managed(policies), role) for role, policies in roles.items())
    raised = (
        'raise the quota "Managed policies per role" of IAM in Service Quotas and set '
        f"`quotas.policies_per_role` to {needed} or more, "
    )
    can_be_raised = remedy and needed <= RAISED_POLICIES_PER_ROLE.most
    yield Need(of=of, amount=needed, limit=quota, remedy=(raised if can_be_raised else "") + remedy)
