"""When restores start by themselves."""

from collections.abc import Mapping

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from aurora_restore.shared.documents.restore import Restore


class Schedules(Construct):
    """An EventBridge rule for each restore with a schedule, which starts the state machine.

    A start that EventBridge cannot deliver within an hour goes to the dead-letter queue: later it
    would come as a surprise.
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
                        max_event_age=Duration.hours(1),
                        retry_attempts=20,
                    )
                ],
            )
