"""How a target is switched to a cluster that was restored beside it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Literal

from aurora_restore.shared.documents.schema import Rule

Method = Literal["rename", "endpoint"]
"""How a switch leads the clients to another cluster."""

DnsName = Annotated[
    str,
    Rule(
        pattern=r"(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}",
        means="a domain name of two labels or more in lower case, without scheme, port, wildcard "
        "or a dot at its end",
        example="orders-staging.db.example.com",
    ),
]


@dataclass(frozen=True, kw_only=True)
class Cname:
    """CNAME records in Route 53 that lead to the cluster that serves."""

    hosted_zone_id: Annotated[
        str,
        Rule(
            help="The hosted zone, which is in this account.",
            pattern=r"[A-Z0-9]{1,32}",
            means="the id of a hosted zone: capital letters and digits, without `/hostedzone/`",
            example="Z0123456789ABCDEFGHIJ",
        ),
    ]
    name: Annotated[DnsName, Rule(help="The name that leads to the writer.")]
    reader_name: Annotated[
        DnsName | None, Rule(help="The name that leads to the readers; left out, there is none.")
    ] = None
    ttl_seconds: Annotated[
        int,
        Rule(
            help="For how long an answer may be cached: that long a client may still be led to the "
            "cluster that served before, which it cannot reach any more.",
            minimum=1,
            maximum=300,
        ),
    ] = 5

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the records."""
        return (self.name,) if self.reader_name is None else (self.name, self.reader_name)


@dataclass(frozen=True, kw_only=True)
class Switch:
    """What happens around the switch, where `target.strategy` is `switch`."""

    by: Annotated[
        Method,
        Rule(
            help="How clients come to the new cluster. `rename` gives it the target's name, and so "
            "the endpoint that clients know. `endpoint` renames nothing: the new cluster's own "
            "endpoint is written into the application's secret, into the SSM parameter "
            "`/<name_prefix>/endpoints/<restore>` and, if `cname` is given, into a hosted zone. "
            "Clients that read it there are switched in seconds."
        ),
    ] = "rename"
    cname: Annotated[
        Cname | None,
        Rule(
            help="Records that lead to the cluster that serves. No certificate of Aurora is for "
            "these names, so clients that verify the name of the server (`sslmode=verify-full`) "
            "are refused under them."
        ),
    ] = None
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
            help="Whether a cluster that belongs to a CloudFormation stack may be switched away "
            "from. From then on the stack takes another cluster for its own, or misses it."
        ),
    ] = False

    @property
    def keeps_old(self) -> timedelta:
        """Return for how long the cluster that served before is kept."""
        return timedelta(hours=self.keep_old_hours)
