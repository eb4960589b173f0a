"""What several parts of an examination need to know."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from aurora_restore.cli.context import Deployment
from aurora_restore.cli.doctor.asking import ask, ask_all, ask_or_none
from aurora_restore.shared.documents.restore import Restore
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
    def start_rules(self) -> tuple[RuleWithTarget, ...]:
        """Return the rules of EventBridge that start the state machine, each with its target."""
        return self.rules_to(self.machine_arn)

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
