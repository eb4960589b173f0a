"""What several parts of an examination need to know."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from aurora_restore.cli.context import Deployment
from aurora_restore.cli.doctor.asking import ask, ask_all, ask_or_none
from aurora_restore.cli.starters import ABSENT, Starter, starter_of_rule, starter_of_schedule
from aurora_restore.shared.aws_utils import code_of
from aurora_restore.shared.documents.restore import Restore
from aurora_restore.shared.errors import AwsError
from aurora_restore.shared.names import schedule_group_name
from aurora_restore.shared.pipeline import STEPS, Step

RuleWithTarget = tuple[Mapping[str, Any], Mapping[str, Any]]


@dataclass(frozen=True)
class Site:
    """A deployment under examination. What is read of it is read when it is first needed."""

    deployment: Deployment
    restores: Mapping[str, Restore]
    """The restores that are examined."""
    now: datetime

    def client(self, service: str, region: str | None = None) -> Any:
        """Return a client of a service, in the deployment's Region by default."""
        return self.deployment.session.client(service, region_name=region)  # type: ignore[call-overload]

    @property
    def machine_arn(self) -> str:
        """Return the ARN of the state machine."""
        return self.deployment.machine_arn

    @cached_property
    def functions(self) -> Mapping[Step, Mapping[str, Any] | None]:
        """Return the configuration of each step's function; None where there is no function."""
        client = self.deployment.functions
        return {
            step: ask_or_none(
                "lambda:GetFunctionConfiguration",
                "ResourceNotFoundException",
                client.get_function_configuration,
                FunctionName=self.deployment.function_name(step),
            )
            for step in STEPS
        }

    @cached_property
    def starters(self) -> tuple[Starter, ...]:
        """Return the environment's schedules, and the rules that start the state machine."""
        rules = self.rules_to(self.machine_arn)
        return (
            *map(starter_of_schedule, self._schedules()),
            *(starter_of_rule(rule, target) for rule, target in rules),
        )

    def _schedules(self) -> Iterator[Mapping[str, Any]]:
        client = self.client("scheduler")
        group = schedule_group_name(self.deployment.name_prefix)
        try:
            listed = list(
                ask_all(
                    "scheduler:ListSchedules",
                    client,
                    "list_schedules",
                    "Schedules",
                    GroupName=group,
                )
            )
        except AwsError as error:
            if code_of(error) != ABSENT:
                raise
            return
        for each in listed:
            yield ask(
                "scheduler:GetSchedule", client.get_schedule, GroupName=group, Name=each["Name"]
            )

    def rules_to(self, arn: str) -> tuple[RuleWithTarget, ...]:
        """Return the rules of EventBridge that have a target, each with it."""
        events = self.client("events")
        names = ask_all(
            "events:ListRuleNamesByTarget",
            events,
            "list_rule_names_by_target",
            "RuleNames",
            TargetArn=arn,
        )
        return tuple(
            (ask("events:DescribeRule", events.describe_rule, Name=name), target)
            for name in names
            for target in ask_all(
                "events:ListTargetsByRule", events, "list_targets_by_rule", "Targets", Rule=name
            )
            if target["Arn"] == arn
        )
