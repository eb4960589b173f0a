"""What a dry run warns of: what does not stop a run, and may not be meant."""

from collections.abc import Iterator

from aurora_restore.shared.app_secret import (
    ApplicationEndpoint,
    LeaveAlone,
    decide,
    described,
    facts_of,
)
from aurora_restore.shared.aws_utils import get_secret
from aurora_restore.shared.cluster.proxy_logins import logins_with
from aurora_restore.shared.cluster.settings import MANAGED_SECRET, PROXIES
from aurora_restore.shared.cluster.surroundings import UNKNOWN
from aurora_restore.shared.documents.restore_secrets import EndpointRule
from aurora_restore.shared.errors import AwsError, ConfigurationError
from aurora_restore.shared.names import TAG_MANAGED_BY
from aurora_restore.shared.preflight.following import what_stays_behind
from aurora_restore.shared.preflight.inventory import Inventory
from aurora_restore.shared.preflight.other_owners import who_else_owns


def find_warnings(found: Inventory) -> Iterator[str]:
    """Yield what to look at again before a run."""
    if warning := found.request.restore.target.quarantine_warning:
        yield warning
    if warning := found.request.restore.database.masking_warning:
        yield warning
    yield from what_stays_behind(found)
    yield from who_else_owns(found)
    yield from _another_secret(found)
    yield from _forgotten_records(found)
    try:
        yield from _endpoint_warnings(found)
    except (AwsError, ConfigurationError):
        return  # A secret that is wrong is an obstacle.


def _another_secret(found: Inventory) -> Iterator[str]:
    """Yield what a new managed secret of the master password comes to, if there is to be one."""
    if not (had := found.old or {}).get(MANAGED_SECRET):
        return
    yield (
        f"RDS manages the master password of cluster {found.serving_name}: at the end of a run it "
        "sets another one, in a secret with another ARN; let its readers ask DescribeDBClusters "
        f"for that (MasterUserSecret), and not log in with secret {found.request.secrets.master}"
    )
    proxies = had.get(PROXIES, ())
    known = () if proxies == UNKNOWN else proxies
    for logins in logins_with(found.rds, known, had[MANAGED_SECRET]):
        yield (
            f"RDS Proxy {logins.proxy} logs in with that secret, and gets the new one if it has "
            f"the tag {TAG_MANAGED_BY}={found.request.owner.name_prefix}; tag it, and let its role "
            "read the secrets rds!cluster-* whose tag names the target"
        )


def _forgotten_records(found: Inventory) -> Iterator[str]:
    """Yield a warning for every record that an earlier switch wrote, and this one will not."""
    cname = found.request.restore.switch.cname
    known = () if cname is None else cname.names
    written = (found.record.record_names if found.record else None) or ()
    for name in written:
        if name not in known:
            yield (
                f"the CNAME record {name} led to the target and is not configured any more, so it "
                "will lead to a cluster that is closed; lead its clients elsewhere, and delete it"
            )


def _endpoint_warnings(found: Inventory) -> Iterator[str]:
    """Yield a warning if the application's secret will not say where the cluster is reached."""
    request = found.request
    if request.secrets.endpoint is EndpointRule.NEVER:
        return
    stored = get_secret(request.secrets.app, clients=found.clients)
    decision = decide(facts_of(request, stored, found.hosts), ApplicationEndpoint(host="", port=0))
    if isinstance(decision, LeaveAlone):
        yield described(request.secrets.app, decision)
