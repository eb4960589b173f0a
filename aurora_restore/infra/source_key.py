"""What the policy of a source account's key must say for the environment's account."""

import json
from typing import Any

from aurora_restore.infra.arns import Arns
from aurora_restore.shared.models import Environment
from aurora_restore.shared.pipeline import STEPS, Resource


def key_policy_statements(environment: Environment, *, partition: str) -> list[dict[str, Any]]:
    """The statements to add to the policy of each key that snapshots are shared under.

    They let the functions that copy or restore use the key, and let RDS use it for them by grants:
    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-share-snapshot.html

    The functions' roles are in a condition, because KMS refuses a principal that does not exist.
    The pipeline's role in the source account needs no statement of its own: a key's default policy
    leaves that to IAM.
    """
    users = [
        step
        for step in STEPS
        if any(grant.resource is Resource.SOURCE_KEYS for grant in step.grants)
    ]
    roles = Arns(environment=environment, partition=partition).function_roles(users)
    by_the_functions: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:{partition}:iam::{environment.account}:root"},
        "Resource": "*",
    }
    condition = {"ArnEquals": {"aws:PrincipalArn": roles}}
    return [
        {
            "Sid": "AuroraRestoreUsesTheKey",
            **by_the_functions,
            "Action": [
                "kms:Decrypt",
                "kms:DescribeKey",
                "kms:Encrypt",
                "kms:GenerateDataKey*",
                "kms:ReEncrypt*",
            ],
            "Condition": condition,
        },
        {
            "Sid": "AuroraRestoreLetsRdsUseTheKey",
            **by_the_functions,
            "Action": ["kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant"],
            "Condition": {**condition, "Bool": {"kms:GrantIsForAWSResource": "true"}},
        },
    ]


def key_policy_text(environment: Environment, *, partition: str) -> str:
    """The statements as JSON."""
    return json.dumps(key_policy_statements(environment, partition=partition))
