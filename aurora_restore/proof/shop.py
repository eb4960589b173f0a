"""What the source cluster of a self-test holds, and what of it must not reach a copy."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

SUPPLIER: Final = "supplier"
"""The database that publishes; it is in the same cluster, so that one is enough."""
SUBSCRIPTION: Final = "supplier_prices"
"""The subscription of the shop, and its slot at the supplier."""
SUBSCRIBED: Final = "public.prices"
FOREIGN_SERVER: Final = "production"
JOB: Final = "newsletter"
MASKED: Final[Mapping[str, tuple[str, ...]]] = {"shop.customers": ("name", "email", "phone")}
"""Columns by table, of which no original value may reach a copy."""
CLEARED: Final = ("shop.customer_changes", "shop.mailings", "shop.basket")
"""Tables of which no row may reach a copy."""
PROBED: Final = "shop.orders"
"""The table on which it is tried who may read and write."""
ARRIVALS: Final = "public.arrivals"
"""A table of the source that is dropped in the target before the switch."""
EXPERIMENT: Final = "public.experiment"
"""A table that is made in the target before the switch."""
CHECK_NAME: Final = "No customer has a name or an address of before"


@dataclass(frozen=True, kw_only=True)
class ShopLogin:
    """A login that the source knows."""

    user: str
    who: str
    groups: tuple[str, ...] = ()
    kept: bool = False
    """Whether the configuration lets it into a copy, too."""


OWNER: Final = ShopLogin(user="shop_owner", who="owns the schema shop")
READER: Final = ShopLogin(user="analyst", who="production's reports")
APPLICATION: Final = ShopLogin(user="shop_app", who="the shop in production")
FEED: Final = ShopLogin(user="feed", who="reads from the supplier", groups=("rds_replication",))
LOGINS: Final = (
    OWNER,
    READER,
    APPLICATION,
    ShopLogin(user="etl", who="fills the warehouse"),
    ShopLogin(user="monitoring", who="watches all clusters", groups=("pg_monitor",), kept=True),
    FEED,
)
