"""Clients of RDS by the account and Region in which they work."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from aurora_restore.shared.aws_utils import Clients
from aurora_restore.shared.rds.arns import Place

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient


@dataclass(frozen=True, kw_only=True)
class RdsAccess:
    """RDS in this account, and in the source's account and Region as far as this account may.

    The source is seen through ``role_arn`` where there is one, and with this account's own
    permissions otherwise: then only what is shared with this account is visible.
    """

    clients: Clients
    target: Place
    """This environment's account, and the Region of its targets."""
    source: Place
    role_arn: str | None
    """The role in the source account, if one is used."""
    session_name: str
    """What the role's session is called in the source account's CloudTrail."""

    def at(self, place: Place) -> "RDSClient":
        """Return RDS in a place: this account in any Region, or the source's account."""
        if place.account == self.target.account:
            return self.clients.rds(place.region)
        return self.at_source

    @property
    def at_target(self) -> "RDSClient":
        """Return RDS in this account, in the target's Region."""
        return self.clients.rds(self.target.region)

    @cached_property
    def at_source(self) -> "RDSClient":
        """Return RDS in the source's Region, in the source's account if a role is used.

        Raises AuroraRestoreError if the role may not be assumed.
        """
        if self.role_arn is None:
            return self.clients.rds(self.source.region)
        return self.clients.rds_as(self.role_arn, self.source.region, self.session_name)
