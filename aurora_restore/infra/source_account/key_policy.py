"""What the policy of a source account's key must say for the environment's account."""

import json
from typing import Any

from aurora_restore.permissions.arns import Arns
from aurora_restore.shared.documents.environment import Environment
from aurora_restore.shared.grants import Resource
from aurora_restore.shared.pipeline import STEPS, Step


def key_policy_statements(environment: Environment, *, partition: str) -> list[dict[str, Any]]:
    """Return the statements to add to the policy of each key that snapshots are shared under.

    They let the functions that check look at the key, those that copy or restore use it, and RDS
    use it for them by grants:
    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-share-snapshot.html

    The functions' roles are in a condition, because KMS refuses a principal that does not exist.
    The pipeline's role in the source account needs no statement of its own: a key's default policy
    leaves that to IAM.
    """
    arns = Arns(environment=environment, partition=partition)
    by_the_functions: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:{partition}:iam::{environment.account}:root"},
        "Resource": "*",
    }

    def roles(action: str) -> dict[str, Any]:
        wanted = [step for step in STEPS if _does(step, action)]
        return {"ArnEquals": {"aws:PrincipalArn": arns.function_roles(wanted)}}

    return [
        {
            "Sid": "AuroraRestoreLooksAtTheKey",
            **by_the_functions,
            "Action": "kms:DescribeKey",
            "Condition": roles("kms:DescribeKey"),
        },
        {
            "Sid": "AuroraRestoreUsesTheKey",
            **by_the_functions,
            "Action": ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
            "Condition": roles("kms:Decrypt"),
        },
        {
            "Sid": "AuroraRestoreLetsRdsUseTheKey",
            **by_the_functions,
            "Action": ["kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant"],
            "Condition": {
                **roles("kms:CreateGrant"),
                "Bool": {"kms:GrantIsForAWSResource": "true"},
            },
        },
    ]


def _does(step: Step, action: str) -> bool:
    return any(
        grant.resource is Resource.SOURCE_KEYS and action in grant.actions for grant in step.grants
    )


def key_policy_text(environment: Environment, *, partition: str) -> str:
    """Return the statements as JSON."""
    return json.dumps(key_policy_statements(environment, partition=partition))
