"""Identifiers and ARNs: what AWS accepts as a name, and how it addresses a resource."""

import re
from dataclasses import dataclass
from typing import Self

from embedded_aws.rds.exceptions import InvalidParameterValueError

_IDENTIFIER = re.compile(r"[A-Za-z](?:-?[A-Za-z0-9])*")
MAX_IDENTIFIER_LENGTH = 63
MAX_FINAL_SNAPSHOT_LENGTH = 255


@dataclass(frozen=True)
class Arn:
    """``arn:PARTITION:SERVICE:REGION:ACCOUNT:KIND:NAME``; a name may hold colons itself."""

    service: str
    region: str
    account: str
    kind: str
    name: str
    partition: str = "aws"

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return the ARN that the text is, or ``None`` if it is none."""
        parts = text.split(":", 6)
        if len(parts) != 7 or parts[0] != "arn":
            return None
        _, partition, service, region, account, kind, name = parts
        return cls(service, region, account, kind, name, partition)

    def __str__(self) -> str:
        return (
            f"arn:{self.partition}:{self.service}:{self.region}:{self.account}"
            f":{self.kind}:{self.name}"
        )


def partition_of(region: str) -> str:
    """Return the partition a Region belongs to."""
    if region.startswith("cn-"):
        return "aws-cn"
    if region.startswith("us-gov-"):
        return "aws-us-gov"
    return "aws"


def rds_arn(region: str, account: str, kind: str, name: str) -> str:
    """Return the ARN of an RDS resource."""
    return str(Arn("rds", region, account, kind, name, partition_of(region)))


def identifier(value: str, parameter: str, *, longest: int = MAX_IDENTIFIER_LENGTH) -> str:
    """Return the identifier as AWS stores it, in lower case; refuses what AWS refuses.

    Source: botocore model, for example ``CopyDBClusterSnapshotMessage``: 1 to 63 letters, digits
    or hyphens; the first a letter; no hyphen at the end and no two in a row.
    """
    if not _IDENTIFIER.fullmatch(value) or len(value) > longest:
        raise InvalidParameterValueError(
            f"The parameter {parameter} is not a valid identifier. Identifiers must begin with a "
            "letter; must contain only ASCII letters, digits, and hyphens; and must not end with "
            "a hyphen or contain two consecutive hyphens."
        )
    return value.lower()
