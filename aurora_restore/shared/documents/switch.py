"""How a target is switched to a cluster that was restored beside it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Literal

from aurora_restore.shared.documents.schema import Rule


@dataclass(frozen=True, kw_only=True)
class Switch:
    """What happens around the switch, where `target.strategy` is `switch`."""

    keep_old_hours: Annotated[
        int,
        Rule(
            help="For how many hours the cluster that served before is kept, and a roll-back is "
            "possible. Then, or before the next restore begins, it is deleted.",
            minimum=0,
            maximum=168,
        ),
    ] = 24
    stop_old: Annotated[
        bool,
        Rule(
            help="Whether the cluster that served before is stopped after the switch, so that only "
            "its storage costs. A roll-back then takes the minutes of its start as well."
        ),
    ] = False
    tls_refresh: Annotated[
        Literal["none", "reboot", "restart"],
        Rule(
            help="What is done so that the server's certificate names the target again: until then "
            "clients that verify the host name may be refused. `reboot` reboots its instances, "
            "which may not be enough; `restart` stops and starts the cluster, which takes minutes "
            "and is what AWS documents."
        ),
    ] = "none"
    allow_cloudformation: Annotated[
        bool,
        Rule(
            help="Whether a cluster that belongs to a CloudFormation stack may be renamed. From "
            "then on the stack takes another cluster for its own."
        ),
    ] = False

    @property
    def keeps_old(self) -> timedelta:
        """Return for how long the cluster that served before is kept."""
        return timedelta(hours=self.keep_old_hours)
