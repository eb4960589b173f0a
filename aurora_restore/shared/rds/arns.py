"""Where a resource of RDS is, and how it is addressed."""

from dataclasses import dataclass
from typing import Self

from aurora_restore.shared.errors import ValidationError


@dataclass(frozen=True)
class Place:
    """An account and a Region."""

    account: str
    region: str


@dataclass(frozen=True)
class RdsArn:
    """An ARN of RDS: ``arn:<partition>:rds:<region>:<account>:<kind>:<name>``."""

    partition: str
    region: str
    account: str
    kind: str
    name: str

    @classmethod
    def parse(cls, arn: str) -> Self:
        """Return the parts of an ARN. Raises ValidationError if ``arn`` is none of RDS."""
        parts = arn.split(":", 6)
        if len(parts) != 7 or parts[0] != "arn" or parts[2] != "rds":
            raise ValidationError(f"{arn!r} is not the ARN of an RDS resource")
        return cls(parts[1], *parts[3:])

    @property
    def place(self) -> Place:
        """Return the account and Region that it names."""
        return Place(self.account, self.region)

    def __str__(self) -> str:
        return f"arn:{self.partition}:rds:{self.region}:{self.account}:{self.kind}:{self.name}"
