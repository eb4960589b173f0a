"""Operations that have come part of the way, for the tests of one step."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from aurora_restore.lambdas.check_restore_status import CheckRestoreStatusHandler
from aurora_restore.lambdas.hand_over import HandOverHandler
from aurora_restore.lambdas.restore_snapshot import RestoreSnapshotHandler
from aurora_restore.shared.base_handler import BaseHandler
from aurora_restore.shared.names import (
    TAG_MANAGED_BY,
    TAG_OPERATION,
    TAG_RESTORE,
    TAG_SOURCE_SNAPSHOT,
)
from aurora_restore.shared.rds.tags import tag_list
from aurora_restore.shared.state_utils import SUCCESS
from embedded_aws.rds.models import Location
from tests.unit.bench import PREFIX, REGION
from tests.unit.lambdas.arrange import COPY, LONG_ENOUGH, SOURCE_ARN
from tests.unit.scene import HOME, Scene

OPERATION = "op-1"
MOST_CALLS = 12


def tags(**more: str) -> dict[str, str]:
    """What this operation marks as its own."""
    return {
        TAG_MANAGED_BY: PREFIX,
        TAG_OPERATION: OPERATION,
        TAG_RESTORE: "staging",
        TAG_SOURCE_SNAPSHOT: SOURCE_ARN,
        **more,
    }


def reached(scene: Scene, step: str, **facts: Any) -> None:
    """Let the operation have come through a step, knowing some facts."""
    scene.bench.advance(1)
    scene.bench.store.save(
        OPERATION, step, SUCCESS, {"restore": "staging", **facts}, scene.bench.clock()
    )
    scene.bench.advance(1)


def copy_of_the_source(
    scene: Scene,
    name: str = COPY,
    *,
    place: Location = HOME,
    source: str = SOURCE_ARN,
    marked: dict[str, str] | None = None,
    **settings: Any,
) -> None:
    """A finished copy of a snapshot, with the operation's own tags unless stated otherwise."""
    scene.client("rds", place).copy_db_cluster_snapshot(
        SourceDBClusterSnapshotIdentifier=source,
        TargetDBClusterSnapshotIdentifier=name,
        Tags=tag_list(tags() if marked is None else marked),
        **settings,
    )
    scene.bench.advance(LONG_ENOUGH)


def copied(scene: Scene, **facts: Any) -> None:
    """The snapshot is where the target is, and there is no cluster (any more)."""
    copy_of_the_source(scene)
    reached(
        scene,
        "check-delete-status",
        source_snapshot_arn=SOURCE_ARN,
        copy_snapshot_id=COPY,
        **facts,
    )


def restoring(scene: Scene, **facts: Any) -> None:
    """The restore has just been started."""
    copied(scene, **facts)
    scene.bench.step(RestoreSnapshotHandler)
    scene.bench.advance(1)


def restored(scene: Scene, **facts: Any) -> None:
    """The restored cluster is there, without instances."""
    restoring(scene, **facts)
    scene.bench.advance(LONG_ENOUGH)


def usable(scene: Scene, **facts: Any) -> None:
    """A login at the restored cluster can succeed."""
    restored(scene, **facts)
    until_done(scene, CheckRestoreStatusHandler)


def handed_over(scene: Scene, **facts: Any) -> dict[str, Any]:
    """The restored cluster is set up and handed over; the last answer."""
    usable(scene, **facts)
    databases_set_up(scene)
    return until_done(scene, HandOverHandler)


def databases_set_up(scene: Scene) -> None:
    """Nothing is left to do in the restored cluster's databases."""
    latest = scene.bench.store.load(OPERATION)
    assert latest is not None
    reached(scene, "setup-db-users", **{**latest["details"], "users_configured": True})


class Died(BaseException):
    """The function's process is gone; nothing of it can be caught."""


@contextmanager
def dying_after(scene: Scene, operation: str) -> Iterator[None]:
    """The function dies as soon as a call of RDS has been carried out."""

    def die(**_: Any) -> None:
        raise Died

    events = scene.bench.clients.rds(REGION).meta.events
    events.register(f"after-call.rds.{operation}", die)
    try:
        with pytest.raises(Died):
            yield
    finally:
        events.unregister(f"after-call.rds.{operation}", die)
    scene.bench.advance(1)


def until_done(scene: Scene, handler: type[BaseHandler]) -> dict[str, Any]:
    """Call a step again and again, as the state machine does, until it has done its work."""
    for _ in range(MOST_CALLS):
        answer = scene.bench.step(handler)
        if answer["statusCode"] != 202:
            scene.bench.advance(1)
            return answer
        assert "restart_from" not in answer["body"], answer
        scene.bench.advance(max(600.0, answer["body"]["retry_after"]))
    raise AssertionError(f"{answer} after {MOST_CALLS} calls")
