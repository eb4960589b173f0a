"""Who and what takes part in the demo; everything else is derived from this one value."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from aurora_restore.shared.names import source_role_name
from aurora_restore.shared.sequences import REPLACE, SWITCH, StepSequence
from aurora_restore.shared.snapshots.routes import Route
from embedded_aws.environment import ACCOUNT
from embedded_aws.rds.data_plane.tls import HOST

PRODUCTION_ACCOUNT: Final = "444455556666"
PREFIX: Final = "aurora-restore"
"""The beginning of every deployed name, by default."""
SQL: Final = Path(__file__).parent / "sql"


def _password() -> str:
    return secrets.token_hex(16)


@dataclass(frozen=True, kw_only=True)
class DemoCluster:
    """One Aurora cluster with one instance."""

    name: str
    account: str
    region: str
    instance_class: str = "db.r6g.large"
    master_password: str = field(default_factory=_password, repr=False)

    def __str__(self) -> str:
        return f"{self.name} in {self.region}, account {self.account}"


@dataclass(frozen=True, kw_only=True)
class DemoLogin:
    """A login that production knows."""

    user: str
    who: str
    groups: tuple[str, ...] = ()
    """The roles that it is a member of; what it may do with tables, their scripts say."""
    kept: bool = False
    """Whether the configuration lets it into the restored cluster, too."""
    password: str = field(default_factory=_password, repr=False)


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """The parts and their names. Passwords are new in every story."""

    source: DemoCluster
    supplier: DemoCluster
    """Publishes what production subscribes to."""
    target: DemoCluster
    environment: str = "demo"
    restore: str = "staging"
    database: str = "shop"
    master_user: str = "postgres"
    owner: DemoLogin
    """Owns the schema of its own, which ``owner_script`` makes."""
    reader: DemoLogin
    """Reads everything in production; so do the demo's checks, as this login."""
    application: DemoLogin
    """Whose rights production's foreign server lends."""
    others: tuple[DemoLogin, ...] = ()
    feed: DemoLogin
    """By which production reads from its supplier."""
    master_script: Path = SQL / "pgbench.sql"
    owner_script: Path = SQL / "shop.sql"
    supplier_script: Path = SQL / "supplier.sql"
    stale_script: Path = SQL / "staging.sql"
    mask_script: Path = SQL / "mask-customers.sql"
    columns: Path = SQL / "columns.json"
    """What the masking does about each column."""
    check: Path = SQL / "no-former-customers.sql"
    check_name: str = "No customer has a name or an address of before"
    corrections: tuple[Path, ...] = ()
    """Scripts that run after the masking one."""
    restore_settings: Mapping[str, Any] = field(default_factory=dict)
    """What the configuration of the restore says besides."""
    target_settings: Mapping[str, Any] = field(default_factory=dict)
    """What the configuration of its target says besides."""
    masked: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Columns by table, of which no original value may reach the restored cluster."""
    cleared: tuple[str, ...] = ()
    """Tables of which no row may reach the restored cluster."""
    news: Mapping[int, float] = field(default_factory=lambda: {61: 9.5, 62: 19.5, 63: 29.5})
    """Prices by product, which the supplier publishes after the snapshot."""
    probed_table: str = "public.pgbench_branches"
    """The table on which it is tried who may read and write."""
    old_table: str = "public.experiment"
    """A table that only the old target has."""
    new_table: str = "shop.customers"
    """A table that only production has, and what is restored from it."""
    sequence: StepSequence = REPLACE
    """The steps by which the target is refreshed."""
    route: str
    """How the snapshot gets to the target, as the state records it."""
    start: Mapping[str, Any] = field(default_factory=dict)
    """The input of the execution."""
    wait_scale: float = 0.01
    """How much shorter than on AWS everything is that is waited for."""

    @property
    def is_switched(self) -> bool:
        """Whether the target serves until another cluster gets its name."""
        return self.sequence is SWITCH

    @property
    def certified_as(self) -> str | None:
        """The name that the target's certificate is verified for; None for that of its endpoint.

        A cluster that has got the target's name keeps the certificate of the name before. Every
        certificate here is also for this machine, and so verified as by a client that looks for its
        authority alone.
        """
        return HOST if self.is_switched else None

    @property
    def source_role(self) -> str | None:
        """The role by which the pipeline works in the source's account, if that is another."""
        if self.source.account == self.target.account:
            return None
        return f"arn:aws:iam::{self.source.account}:role/{source_role_name(PREFIX)}"

    @property
    def logins(self) -> tuple[DemoLogin, ...]:
        """Everybody whom production lets in, the master user aside."""
        return (self.owner, self.reader, self.application, *self.others)

    @property
    def configured_files(self) -> tuple[Path, ...]:
        """The files that the configuration of the restore names."""
        return (self.mask_script, *self.corrections, self.columns, self.check)


def shop_scenario(*, cross_account: bool = False, switch: bool = False) -> Scenario:
    """Return a shop whose production is restored every day as staging in another Region.

    With ``cross_account``, production is in an account of its own. With ``switch``, staging serves
    until the new cluster gets its name.
    """
    account = PRODUCTION_ACCOUNT if cross_account else ACCOUNT
    return Scenario(
        source=DemoCluster(name="shop-production", account=account, region="us-east-1"),
        supplier=DemoCluster(name="shop-supplier", account=account, region="us-east-1"),
        sequence=SWITCH if switch else REPLACE,
        route=Route.OTHER_ACCOUNT_AND_REGION if cross_account else Route.OTHER_REGION,
        target=DemoCluster(name="shop-staging", account=ACCOUNT, region="us-west-2"),
        owner=DemoLogin(user="shop_owner", who="owns the schema shop"),
        reader=DemoLogin(user="analyst", who="production's reports"),
        application=DemoLogin(user="shop_app", who="the shop in production"),
        feed=DemoLogin(user="feed", who="the supplier's subscribers", groups=("rds_replication",)),
        others=(
            DemoLogin(user="etl", who="fills the warehouse"),
            DemoLogin(
                user="monitoring", who="watches all clusters", groups=("pg_monitor",), kept=True
            ),
        ),
        masked={"shop.customers": ("name", "email", "phone")},
        cleared=("shop.customer_changes", "shop.mailings"),
    )
