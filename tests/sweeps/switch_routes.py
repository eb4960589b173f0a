"""The ways of a run that switches a target, back and forth, or retires what is beside it.

What a run has in common with one that replaces its target is swept there. So each way here is
disturbed only in the steps in which it differs from the others.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from embedded_aws.rds.models import Location
from tests.sweeps.machine import FAILED, SUCCEEDED, Document, SimulatedExecution
from tests.sweeps.routes import ELSEWHERE, RESTORE_NAME, SCRIPT, SOURCE, SweepRoute
from tests.sweeps.stage import SweepStage

Before = Callable[[SweepStage, SweepRoute], None]
"""What has happened before the run."""

KEPT_HOURS = 24
LOOK_SECONDS = 10.0
"""How often a function looks: renames take minutes, and most looks would show the same."""
SWITCHING = frozenset({"switch-cluster", "verify-switch"})
MAKING_ROOM = frozenset({"delete-rds", "check-delete-status", "restore-snapshot"})


def nothing(stage: SweepStage, route: SweepRoute) -> None:
    """There was no earlier run."""


def switched(stage: SweepStage, route: SweepRoute) -> None:
    """Yesterday's run has switched the target."""
    execution = _run_before(stage)
    assert execution.status == SUCCEEDED, f"{execution.state}: {execution.cause}"
    _next_night(stage, route)


def expired(stage: SweepStage, route: SweepRoute) -> None:
    """What served before yesterday's run is not kept any longer."""
    switched(stage, route)
    stage.bench.advance(2 * 3600)


def failed(stage: SweepStage, route: SweepRoute) -> None:
    """Yesterday's run has left the cluster in which a script failed."""
    stage.databases.failing.add(SCRIPT)
    execution = _run_before(stage)
    assert execution.status == FAILED, execution.state
    stage.announce_end(execution)
    stage.databases.failing.clear()
    _next_night(stage, route)


def _run_before(stage: SweepStage) -> SimulatedExecution:
    execution = stage.start("op-0")
    stage.run(execution)
    return execution


def _next_night(stage: SweepStage, route: SweepRoute) -> None:
    stage.bench.advance((KEPT_HOURS - 1) * 3600)
    stage.bench.rds.admin.take_automated_snapshot(
        SOURCE, account=route.source.account, region=route.source.region
    )


@dataclass(frozen=True, kw_only=True)
class SwitchRoute(SweepRoute):
    """What is special about a way of the strategy ``switch``."""

    switch: Document = field(default_factory=dict)
    """Fields of ``switch`` in the configuration."""
    before: Before = nothing

    @contextmanager
    def staged(self) -> Iterator[SweepStage]:
        with super().staged() as stage:
            stage.bench.least_pause = LOOK_SECONDS
            if self.publishes:
                _add_hosted_zone(stage)
            self.before(stage, self)
            yield stage

    def _document(self, security_group: str, keys: Mapping[Location, str]) -> Document:
        document = super()._document(security_group, keys)
        document["source"]["default_day"] = "latest"
        document["target"]["strategy"] = "switch"
        document["switch"] = {"keep_old_hours": KEPT_HOURS, **self.switch}
        return document


def _add_hosted_zone(stage: SweepStage) -> None:
    """Let a record in a new hosted zone lead to the target, too."""
    domain = "db.example.com"
    made = stage.client("route53").create_hosted_zone(Name=domain, CallerReference="a-sweep")
    name = stage.bench.environment.parameter_name(RESTORE_NAME)
    known = stage.bench.clients.ssm.get_parameter(Name=name)["Parameter"]["Value"]
    document = json.loads(known)
    document["switch"]["cname"] = {
        "hosted_zone_id": made["HostedZone"]["Id"].removeprefix("/hostedzone/"),
        "name": f"orders.{domain}",
    }
    stage.bench.configure(document)


SWITCHED = SwitchRoute(
    name="switch",
    swept=frozenset(
        {
            "delete-rds",
            "restore-snapshot",
            "check-restore-status",
            "setup-db-users",
            "hand-over",
            "switch-cluster",
            "verify-switch",
            "archive-snapshot",
            "sns-notification",
        }
    ),
)
ONLY_SWITCHED = SwitchRoute(name="switch itself", swept=SWITCHING)
ADOPTED = SwitchRoute(
    name="switch, adopted cluster", target={"adopt": True}, is_adopted=True, swept=SWITCHING
)
FIRST = SwitchRoute(name="switch, no old cluster", old_cluster=None, swept=SWITCHING)
STOPPED = SwitchRoute(
    name="switch, the old one stopped", switch={"stop_old": True}, swept=SWITCHING
)
NOT_KEPT = SwitchRoute(
    name="switch, the old one not kept", switch={"keep_old_hours": 0}, swept=SWITCHING
)
ROLLED_BACK = SwitchRoute(
    name="roll-back",
    before=switched,
    given={"roll_back": True},
    switch={"keep_old_hours": 2 * KEPT_HOURS},
)
ROLLED_BACK_TO_STOPPED = SwitchRoute(
    name="roll-back to a stopped cluster",
    before=switched,
    given={"roll_back": True},
    switch={"stop_old": True},
    swept=frozenset({"switch-cluster"}),
)
RETIRED = SwitchRoute(name="retirement", before=expired, given={"retire": True})

BY_ENDPOINT = {"by": "endpoint"}
PUBLISHED = SwitchRoute(name="switch by endpoint", switch=BY_ENDPOINT, swept=SWITCHING)
PUBLISHED_AGAIN = SwitchRoute(
    name="switch by endpoint, the night after",
    switch=BY_ENDPOINT,
    before=switched,
    swept=MAKING_ROOM | SWITCHING,
)
PUBLISHED_FIRST = SwitchRoute(
    name="switch by endpoint, no old cluster",
    switch=BY_ENDPOINT,
    old_cluster=None,
    swept=SWITCHING,
)
PUBLISHED_BACK = SwitchRoute(
    name="roll-back by endpoint",
    before=switched,
    given={"roll_back": True},
    switch={"keep_old_hours": 2 * KEPT_HOURS, **BY_ENDPOINT},
)
PUBLISHED_RETIRED = SwitchRoute(
    name="retirement by endpoint",
    before=expired,
    given={"retire": True},
    switch=BY_ENDPOINT,
)

SWITCH_ROUTES: tuple[SwitchRoute, ...] = (
    SWITCHED,
    ADOPTED,
    FIRST,
    STOPPED,
    SwitchRoute(name="switch, older retired cluster", before=switched, swept=MAKING_ROOM),
    SwitchRoute(name="switch, failed run before", before=failed, swept=MAKING_ROOM),
    SwitchRoute(
        name="switch, other account and Region",
        source=ELSEWHERE,
        encrypted=True,
        shared_by_hand=True,
        swept=frozenset({"delete-rds", "restore-snapshot", "check-restore-status"}),
    ),
    SwitchRoute(
        name="switch, protected target",
        target={"replace_protected": True},
        old_cluster={"DeletionProtection": True},
        swept=frozenset({"switch-cluster"}),
    ),
    ROLLED_BACK,
    ROLLED_BACK_TO_STOPPED,
    RETIRED,
    SwitchRoute(
        name="retirement of a protected cluster",
        before=expired,
        given={"retire": True},
        target={"replace_protected": True},
        old_cluster={"DeletionProtection": True},
    ),
    PUBLISHED,
    PUBLISHED_AGAIN,
    PUBLISHED_FIRST,
    PUBLISHED_BACK,
    PUBLISHED_RETIRED,
    SwitchRoute(
        name="switch by endpoint, adopted cluster",
        switch=BY_ENDPOINT,
        target={"adopt": True},
        is_adopted=True,
        swept=frozenset({"switch-cluster"}),
    ),
)
