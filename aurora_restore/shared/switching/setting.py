"""What a switch goes by beside the target record."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from aurora_restore.shared.aws_utils import Clients
from aurora_restore.shared.documents.switch import Method
from aurora_restore.shared.switching.publication import Publication
from aurora_restore.shared.target_record import TargetRecordStore

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient


@dataclass(frozen=True, kw_only=True)
class MasterPassword:
    """The current password of the master secret, and the version of the secret that it is of."""

    value: str = field(repr=False)
    version: str


@dataclass(frozen=True, kw_only=True)
class SwitchSetting:
    """The target, the operation, and what is configured."""

    rds: "RDSClient"
    clients: Clients
    records: TargetRecordStore
    operation_id: str
    quarantine_group_ids: tuple[str, ...]
    retired_tags: Mapping[str, str]
    """The tags that say of which environment and restore a retired cluster is."""
    keeps_old: timedelta
    stops_old: bool
    allows_cloudformation: bool
    method: Method
    """How a switch that begins leads the clients to the incoming cluster."""
    publication: Publication
    """Where the clients read the endpoint, if they are led by it."""
    password: MasterPassword | None
    """None where the clusters keep the passwords that they have."""
    clock: Callable[[], datetime]

    @property
    def target(self) -> str:
        """Return the target's name."""
        return self.records.cluster_id

    @property
    def region(self) -> str:
        """Return the target's Region."""
        return self.records.region
