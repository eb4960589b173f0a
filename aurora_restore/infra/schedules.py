"""When restores, and the retirement of what they have left, start by themselves."""

from collections.abc import Mapping
from typing import Any

from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from aurora_restore.shared.documents.event import SCHEDULE
from aurora_restore.shared.documents.restore import Restore


def from_rules_of(stack: Stack) -> dict[str, dict[str, str]]:
    """Return the conditions by which EventBridge acts for the rules of a stack's place only.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/cross-service-confused-deputy-prevention.html
    """
    rules = stack.format_arn(
        service="events",
        resource="rule",
        resource_name="*",
        arn_format=ArnFormat.SLASH_RESOURCE_NAME,
    )
    return {
        "StringEquals": {"aws:SourceAccount": stack.account},
        "ArnLike": {"aws:SourceArn": rules},
    }


class Schedules(Construct):
    """The EventBridge rules that start the state machine.

    There is one for each restore with a schedule, and an hourly one for each that is switched: it
    deletes what has been kept beside the target for long enough. A start that EventBridge cannot
    deliver within an hour goes to the dead-letter queue: later it would come as a surprise. The
    rules have one role, which EventBridge may assume for rules of this account and Region only.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        restores: Mapping[str, Restore],
        machine: sfn.IStateMachine,
        dead_letters: sqs.IQueue,
    ) -> None:
        super().__init__(scope, construct_id)
        self._machine, self._dead_letters = machine, dead_letters
        if not any(each.schedule or each.target.is_switched for each in restores.values()):
            return
        self._role = self._make_role()
        for name, restore in restores.items():
            if restore.schedule is not None:
                self._start(
                    name,
                    f"Starts the restore {name}",
                    events.Schedule.expression(restore.schedule.expression),
                    {"restore": name, "started_by": SCHEDULE},
                    enabled=restore.schedule.enabled,
                )
            if restore.target.is_switched:
                self._start(
                    f"{name}-retire",
                    f"Deletes what the restore {name} has kept beside its target for long enough",
                    events.Schedule.rate(Duration.hours(1)),
                    {"restore": name, "retire": True, "started_by": SCHEDULE},
                )

    def _make_role(self) -> iam.Role:
        return iam.Role(
            self,
            "Role",
            description="Starts the restores that have a schedule, and retirements",
            assumed_by=iam.ServicePrincipal(
                "events.amazonaws.com", conditions=from_rules_of(Stack.of(self))
            ),
        )

    def _start(
        self,
        construct_id: str,
        description: str,
        schedule: events.Schedule,
        given: Mapping[str, Any],
        *,
        enabled: bool = True,
    ) -> None:
        """Start the state machine with an input whenever the schedule says so."""
        events.Rule(
            self,
            construct_id,
            description=description,
            enabled=enabled,
            schedule=schedule,
            targets=[
                targets.SfnStateMachine(
                    self._machine,
                    input=events.RuleTargetInput.from_object(dict(given)),
                    dead_letter_queue=self._dead_letters,
                    role=self._role,
                    max_event_age=Duration.hours(1),
                    retry_attempts=20,
                )
            ],
        )
