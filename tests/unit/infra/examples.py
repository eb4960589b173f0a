"""The example environments, and those that ask for every permission there is."""

from collections.abc import Callable, Mapping
from typing import Final

from benchmarks.restores import NEAR, document_of
from tests.unit.infra.synthesis import ABSENT, Document, cross_account, example, restore


def widest() -> Document:
    """The example with everything that asks for more permissions."""
    return example(
        {
            "network.lambda_vpc": "all",
            "restores.staging.target.adopt": True,
            "restores.staging.target.kms_key_id": (
                "arn:aws:kms:us-west-2:222222222222:alias/staging"
            ),
            "secrets.app": "shared/app",
        }
    )


def across_accounts() -> Document:
    """The example with a source account, with everything that asks for more permissions there."""
    source = "restores.staging.source"
    return cross_account(
        {
            f"{source}.snapshot_name": "daily-{date}",
            f"{source}.copy_route": "two-steps",
            f"{source}.intermediate_kms_key_id": (
                "arn:aws:kms:eu-central-1:222222222222:alias/on-the-way"
            ),
        }
    )


def fleet() -> Document:
    """Two restores of one source in the targets' account and Region, its name before theirs."""
    near: Document = {"cluster_id": "orders", "region": "us-west-2"}
    return example(
        {
            "restores.staging": restore({"source": near, "target.adopt": True}),
            "restores.test": restore({"source": near, "target.cluster_id": "orders-test"}),
        }
    )


def without_keys() -> Document:
    """The example whose source has no customer key in the targets' account, and no schedule."""
    return example(
        {"restores.staging.target.kms_key_id": ABSENT, "restores.staging.schedule": ABSENT}
    )


def switched() -> Document:
    """The example, switched instead of replaced, with a target that the pipeline adopts."""
    return example(
        {"restores.staging.target.strategy": "switch", "restores.staging.target.adopt": True}
    )


def published() -> Document:
    """The same, switched without a rename: clients are led by what they read."""
    cname = {
        "hosted_zone_id": "Z0123456789",
        "name": "orders.db.example.com",
        "reader_name": "orders-ro.db.example.com",
    }
    return example(
        {
            "restores.staging.target.strategy": "switch",
            "restores.staging.target.adopt": True,
            "restores.staging.switch": {"by": "endpoint", "cname": cname},
        }
    )


def many() -> Document:
    """Restores enough for several policies of a role, with long names; one adopts its target."""
    document = document_of(12, 55, NEAR)
    document["restores"]["restore-002"]["target"]["adopt"] = True
    return document


def prefixed() -> Document:
    """The same, and it is declared that the targets' names begin alike."""
    return {**many(), "target_prefix": "target-"}


EXAMPLES: Final[Mapping[str, Callable[[], Document]]] = {
    "example": example,
    "cross-account": cross_account,
    "widest": widest,
    "across accounts": across_accounts,
    "fleet": fleet,
    "without keys": without_keys,
    "switched": switched,
    "published": published,
    "many": many,
    "prefixed": prefixed,
}
