"""When restores, and the retirement of what they have left, start by themselves."""

from collections.abc import Mapping
from typing import Any, Final

from aws_cdk import ArnFormat, Duration, RemovalPolicy, Stack, TimeZone
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as targets
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from aurora_restore.infra.dead_letters import DeadLetterQueue
from aurora_restore.shared.documents.event import SCHEDULE
from aurora_restore.shared.documents.restore import Restore
from aurora_restore.shared.documents.schedule import Schedule
from aurora_restore.shared.names import (
    refresh_schedule_name,
    retire_schedule_name,
    schedule_group_name,
)

_HOURLY: Final = Schedule(expression="rate(1 hour)")


class Schedules(Construct):
    """The schedules of EventBridge Scheduler that start the state machine, in a group of their own.

    There is one for each restore with a schedule, and an hourly one for each that is switched: it
    deletes what has been kept beside the target for long enough. Each starts at its time, without a
    flexible window. A start that Scheduler cannot deliver within an hour is given up, because later
    it would come as a surprise: it goes to a dead-letter queue, and ``missed_starts`` counts it.
    The schedules have one role, which Scheduler may assume for this group only, and which may start
    this state machine only.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name_prefix: str,
        restores: Mapping[str, Restore],
        machine: sfn.IStateMachine,
    ) -> None:
        super().__init__(scope, construct_id)
        self.missed_starts: cloudwatch.IMetric | None = None
        """How many starts Scheduler has given up; None where nothing starts by itself."""
        if not any(each.schedule or each.target.is_switched for each in restores.values()):
            return
        self._machine = machine
        self._group = scheduler.ScheduleGroup(
            self,
            "Group",
            schedule_group_name=schedule_group_name(name_prefix),
            # The default is to retain it, and with it all schedules, which would go on.
            removal_policy=RemovalPolicy.DESTROY,
        )
        self._dead_letters = DeadLetterQueue(self, "DeadLetters")
        self._role = self._make_role(name_prefix)
        self.missed_starts = self._group.metric_dropped(period=Duration.minutes(5))
        for name, restore in restores.items():
            if restore.schedule is not None:
                self._start(
                    refresh_schedule_name(name),
                    f"Starts the restore {name}",
                    restore.schedule,
                    {"restore": name, "started_by": SCHEDULE},
                )
            if restore.target.is_switched:
                self._start(
                    retire_schedule_name(name),
                    f"Deletes what the restore {name} has kept beside its target for long enough",
                    _HOURLY,
                    {"restore": name, "retire": True, "started_by": SCHEDULE},
                )

    def _make_role(self, name_prefix: str) -> iam.Role:
        """Return the role of the schedules.

        The ARN in the condition has to be that of the group, and not of a schedule:
        https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
        """
        stack = Stack.of(self)
        group = stack.format_arn(
            service="scheduler",
            resource="schedule-group",
            resource_name=schedule_group_name(name_prefix),
            arn_format=ArnFormat.SLASH_RESOURCE_NAME,
        )
        return iam.Role(
            self,
            "SchedulerRole",
            description="Starts the restores that have a schedule, and retirements",
            assumed_by=iam.ServicePrincipal(
                "scheduler.amazonaws.com",
                conditions={
                    "StringEquals": {"aws:SourceAccount": stack.account, "aws:SourceArn": group}
                },
            ),
        )

    def _start(
        self, name: str, description: str, schedule: Schedule, given: Mapping[str, Any]
    ) -> None:
        """Start the state machine with an input whenever a schedule says so."""
        made = scheduler.Schedule(
            self,
            name,
            schedule_name=name,
            schedule_group=self._group,
            description=description,
            enabled=schedule.enabled,
            schedule=scheduler.ScheduleExpression.expression(
                schedule.expression, TimeZone.of(schedule.time_zone)
            ),
            time_window=scheduler.TimeWindow.off(),
            target=targets.StepFunctionsStartExecution(
                self._machine,
                input=scheduler.ScheduleTargetInput.from_object(dict(given)),
                dead_letter_queue=self._dead_letters.queue,
                role=self._role,
                max_event_age=Duration.hours(1),
                retry_attempts=20,
            ),
        )
        # A rate starts as soon as it is there, and then the role must be able to.
        made.node.add_dependency(self._role)
