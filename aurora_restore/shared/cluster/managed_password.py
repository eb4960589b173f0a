"""The master password that RDS manages: it sets one, keeps it in a secret of its own, rotates it.

A restored cluster has no such secret, whatever the old one had, and that one's is deleted with its
cluster. RDS makes another one when it is to manage the password again, and sets a new password then
("Password management with Amazon Aurora and AWS Secrets Manager"). From that moment the pipeline's
master secret does not open the cluster any more, so nothing that logs in may come after it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from aurora_restore.shared.aws_utils import Clients, call
from aurora_restore.shared.cluster.settings import MANAGED_SECRET, MANAGED_SECRET_KEY
from aurora_restore.shared.rds.arns import Place
from aurora_restore.shared.rds.calls import RdsCall
from aurora_restore.shared.rds.statuses import AVAILABLE, DEAD_CLUSTER, STOPPED

_CREATING: Final = "creating"
_AWS: Final = "AWS"


@dataclass(frozen=True, kw_only=True)
class ManagedPasswordFacts:
    """What is known of the master password of a cluster that serves."""

    is_wanted: bool
    """Whether the cluster that served before had a password that RDS manages."""
    cluster_status: str
    secret_arn: str | None = None
    """The secret that RDS manages; None where there is none."""
    secret_status: str | None = None


@dataclass(frozen=True)
class LeavePassword:
    """RDS manages no master password here, and is not to."""


@dataclass(frozen=True)
class ManagePassword:
    """RDS is to be asked to manage it."""


@dataclass(frozen=True)
class AwaitPassword:
    """RDS is not done with something."""

    what: str


@dataclass(frozen=True)
class CannotManage:
    """RDS manages no password of a cluster as it is, and no waiting changes that."""

    reason: str


@dataclass(frozen=True)
class PasswordManaged:
    """RDS manages the password, in this secret."""

    secret_arn: str


PasswordAction = LeavePassword | ManagePassword | AwaitPassword | CannotManage | PasswordManaged


def decide(facts: ManagedPasswordFacts) -> PasswordAction:
    """Return the next thing to do about the master password of a cluster.

    A secret that RDS cannot rotate (`impaired`) opens the cluster all the same.
    """
    is_managed = facts.secret_arn is not None
    if not is_managed and not facts.is_wanted:
        return LeavePassword()
    if facts.secret_arn is not None and facts.secret_status != _CREATING:
        return PasswordManaged(facts.secret_arn)
    if facts.cluster_status in DEAD_CLUSTER | {STOPPED}:
        return CannotManage(f"it is {facts.cluster_status!r}")
    if facts.cluster_status != AVAILABLE:
        return AwaitPassword(f"the cluster, which is {facts.cluster_status}")
    if is_managed:
        return AwaitPassword("the secret of the master password, which RDS is creating")
    return ManagePassword()


def facts_of(described: Mapping[str, Any], *, is_wanted: bool) -> ManagedPasswordFacts:
    """Return what a description of a cluster says of its master password."""
    secret = described.get("MasterUserSecret") or {}
    return ManagedPasswordFacts(
        is_wanted=is_wanted,
        cluster_status=described["Status"],
        secret_arn=secret.get("SecretArn"),
        secret_status=secret.get("SecretStatus"),
    )


def manage_master_password(
    cluster_id: str, place: Place, had: Mapping[str, Any], clients: Clients
) -> RdsCall:
    """Return the call that lets RDS manage the master password, and set another one.

    ``had`` are the settings of the old cluster, whose secret was under a key: that is looked up,
    because AWS's own key of Secrets Manager is what RDS takes if none is named. Raises AwsError if
    it cannot be.
    """
    key = had.get(MANAGED_SECRET_KEY)
    named = {} if key is None or _is_of_aws(clients, place, key) else _under(key)
    return RdsCall(
        "ModifyDBCluster",
        place.region,
        {
            "DBClusterIdentifier": cluster_id,
            "ManageMasterUserPassword": True,
            **named,
            "ApplyImmediately": True,
        },
        f"RDS managed the old cluster's master password, in secret {had[MANAGED_SECRET]}",
    )


def _under(key: str) -> dict[str, str]:
    return {"MasterUserSecretKmsKeyId": key}


def _is_of_aws(clients: Clients, place: Place, key: str) -> bool:
    """Return whether AWS manages a key, which then is one of the account itself."""
    _, _, _, region, account, _ = key.split(":", 5)
    if account != place.account:
        return False
    described = call(clients.kms(region).describe_key, KeyId=key)["KeyMetadata"]
    return described.get("KeyManager") == _AWS
