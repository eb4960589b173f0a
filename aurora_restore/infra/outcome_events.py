"""How the outcomes that the audit table holds come to EventBridge."""

from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_sqs as sqs
from constructs import Construct

_BATCH: Final = 10
_WORTH_PUBLISHING: Final = Duration.hours(1)
"""An outcome that comes later is no news, and may set off what is long over."""


class OutcomeEvents(Construct):
    """The function that publishes outcomes, called by Lambda with new items of the audit table.

    So no step waits for EventBridge, and none that reaches only the database has to reach it.
    Lambda repeats what fails for an hour, and then sends what was not published to the dead-letter
    queue. It begins with what is written after the deployment.
    https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        audit: dynamodb.ITable,
        publisher: lambda_.Function,
        dead_letters: sqs.IQueue,
    ) -> None:
        super().__init__(scope, construct_id)
        publisher.add_event_source(
            sources.DynamoEventSource(
                audit,
                starting_position=lambda_.StartingPosition.LATEST,
                batch_size=_BATCH,
                max_record_age=_WORTH_PUBLISHING,
                on_failure=sources.SqsDlq(dead_letters),
                filters=[
                    lambda_.FilterCriteria.filter(
                        {
                            "eventName": lambda_.FilterRule.is_equal("INSERT"),
                            "dynamodb": {
                                "NewImage": {
                                    "status": {"S": lambda_.FilterRule.or_("SUCCESS", "FAILED")}
                                }
                            },
                        }
                    )
                ],
            )
        )
