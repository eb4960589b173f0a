"""The state table and the audit table."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from aurora_restore.shared.names import EXPIRES_AT, audit_table_name, state_table_name


class Tables(Construct):
    """Two DynamoDB tables: the latest word on each step of an operation, and what happened when.

    Paid per request, encrypted with the AWS managed key, restorable to any second of the last 35
    days, and kept when the stack is deleted. DynamoDB deletes state items after their retention.
    The audit table has a stream of its new items if ``streams_audit``.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, name_prefix: str, streams_audit: bool
    ) -> None:
        super().__init__(scope, construct_id)
        stream = dynamodb.StreamViewType.NEW_IMAGE if streams_audit else None
        self.state = self._table("State", state_table_name(name_prefix), "step", EXPIRES_AT)
        self.audit = self._table("Audit", audit_table_name(name_prefix), "timestamp", stream=stream)

    def _table(
        self,
        construct_id: str,
        name: str,
        sort_key: str,
        expires_at: str | None = None,
        stream: dynamodb.StreamViewType | None = None,
    ) -> dynamodb.Table:
        string = dynamodb.AttributeType.STRING
        return dynamodb.Table(
            self,
            construct_id,
            table_name=name,
            partition_key=dynamodb.Attribute(name="operation_id", type=string),
            sort_key=dynamodb.Attribute(name=sort_key, type=string),
            time_to_live_attribute=expires_at,
            stream=stream,
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.AWS_MANAGED,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        )
