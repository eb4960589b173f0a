"""When restores start by themselves."""

from collections.abc import Mapping

from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from aurora_restore.shared.documents.restore import Restore


class Schedules(Construct):
    """An EventBridge rule for each restore with a schedule, which starts the state machine.

    A start that EventBridge cannot deliver within an hour goes to the dead-letter queue: later it
    would come as a surprise. The rules have one role, which EventBridge may assume for rules of
    this account and Region only:
    https://docs.aws.amazon.com/eventbridge/latest/userguide/cross-service-confused-deputy-prevention.html
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
        if not any(restore.schedule for restore in restores.values()):
            return
        stack = Stack.of(self)
        rules = stack.format_arn(
            service="events",
            resource="rule",
            resource_name="*",
            arn_format=ArnFormat.SLASH_RESOURCE_NAME,
        )
        role = iam.Role(
            self,
            "Role",
            description="Starts the restores that have a schedule",
            assumed_by=iam.ServicePrincipal(
                "events.amazonaws.com",
                conditions={
                    "StringEquals": {"aws:SourceAccount": stack.account},
                    "ArnLike": {"aws:SourceArn": rules},
                },
            ),
        )
        for name, restore in restores.items():
            if restore.schedule is None:
                continue
            events.Rule(
                self,
                name,
                description=f"Starts the restore {name}",
                enabled=restore.schedule.enabled,
                schedule=events.Schedule.expression(restore.schedule.expression),
                targets=[
                    targets.SfnStateMachine(
                        machine,
                        input=events.RuleTargetInput.from_object({"restore": name}),
                        dead_letter_queue=dead_letters,
                        role=role,
                        max_event_age=Duration.hours(1),
                        retry_attempts=20,
                    )
                ],
            )
