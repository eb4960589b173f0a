"""Customer keys for the tests."""

import json
from collections.abc import Iterable


def key_policy(accounts: Iterable[str]) -> str:
    """A key policy that lets accounts do everything with the key."""
    statements = [
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
            "Action": "kms:*",
            "Resource": "*",
        }
        for account in accounts
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
