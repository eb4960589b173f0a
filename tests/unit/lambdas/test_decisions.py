"""What the steps decide, from facts alone: no AWS, no clock, no state."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import pytest

from aurora_restore.lambdas import check_delete_status as progress
from aurora_restore.lambdas import check_restore_status as restore
from aurora_restore.lambdas import copy_snapshot as copy
from aurora_restore.lambdas.copy_snapshot import CopyAction, CopyFacts
from aurora_restore.lambdas.snapshot_check import SnapshotVerdict, judge
from aurora_restore.shared.awaited import Awaited
from aurora_restore.shared.cluster import deletion_decision as delete
from aurora_restore.shared.cluster.deletion_decision import DeletionFacts, EarlierFinalSnapshot
from aurora_restore.shared.cluster.settings import InstancePlan
from aurora_restore.shared.preflight.obstacles import Obstacle
from aurora_restore.shared.rds.reads import GRACE_SECONDS
from aurora_restore.shared.rds.statuses import (
    AVAILABLE,
    DEAD_CLUSTER,
    DEAD_INSTANCE,
    DEAD_SNAPSHOT,
    DELETING,
)

UNKNOWN = "a-status-of-tomorrow"


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (AVAILABLE, SnapshotVerdict.USABLE),
        ("creating", SnapshotVerdict.NOT_READY),
        (UNKNOWN, SnapshotVerdict.NOT_READY),
        *((dead, SnapshotVerdict.UNUSABLE) for dead in sorted(DEAD_SNAPSHOT)),
    ],
)
def test_a_snapshot_is_judged_by_its_status(status: str, verdict: SnapshotVerdict) -> None:
    assert judge(status) is verdict


NO_COPY = CopyFacts(
    status=None, is_copy=False, is_last=False, is_limited=True, attempts=0, most_attempts=2
)


def copies(status: str) -> CopyFacts:
    return replace(NO_COPY, status=status, is_copy=True)


@pytest.mark.parametrize(
    ("facts", "action"),
    [
        (NO_COPY, CopyAction.START),
        (replace(copies("failed"), is_copy=False), CopyAction.REFUSE_NAME),
        (replace(copies(AVAILABLE), is_copy=False), CopyAction.REFUSE_NAME),
        (copies("failed"), CopyAction.DELETE_FAILED),
        (copies(DELETING), CopyAction.AWAIT_DELETION),
        (replace(copies("failed"), attempts=2), CopyAction.GIVE_UP),
        (replace(copies(DELETING), attempts=2), CopyAction.GIVE_UP),
        (replace(copies("failed"), attempts=2, is_limited=False), CopyAction.DELETE_FAILED),
        (replace(copies(AVAILABLE), is_claimed=True), CopyAction.AWAIT_RELEASE),
        (replace(copies("failed"), is_claimed=True), CopyAction.AWAIT_RELEASE),
        (replace(NO_COPY, is_claimed=True), CopyAction.AWAIT_RELEASE),
        (replace(NO_COPY, is_restarting=True), CopyAction.START),
        (replace(copies("failed"), attempts=2, is_restarting=True), CopyAction.DELETE_FAILED),
        (replace(copies(DELETING), attempts=2, is_restarting=True), CopyAction.AWAIT_DELETION),
        *(
            (
                replace(each, attempts=2, is_restarting=True, is_restarted_by_other=True),
                CopyAction.AWAIT_DELETION,
            )
            for each in (NO_COPY, copies("failed"), copies(DELETING))
        ),
        (copies("copying"), CopyAction.AWAIT),
        (copies(UNKNOWN), CopyAction.AWAIT),
        (copies(AVAILABLE), CopyAction.USE),
        (replace(copies("copying"), is_last=True), CopyAction.USE),
    ],
)
def test_a_copy_is_started_awaited_used_or_replaced(facts: CopyFacts, action: CopyAction) -> None:
    assert copy.decide(facts) is action


def test_a_stranger_is_never_deleted_or_used() -> None:
    for status, is_last, attempts in product(
        [AVAILABLE, "copying", UNKNOWN, *DEAD_SNAPSHOT], [True, False], [0, 1, 2]
    ):
        facts = replace(copies(status), is_copy=False, is_last=is_last, attempts=attempts)
        assert copy.decide(facts) is CopyAction.REFUSE_NAME


OLD = DeletionFacts(cluster_id="staging", cluster_status=AVAILABLE, is_finished_restore=False)
WITH_FINAL = replace(OLD, final_snapshot="staging-final-1")
EARLIER = EarlierFinalSnapshot(status=AVAILABLE, is_of_this_cluster=True, age_seconds=10.0)
STALE = replace(EARLIER, age_seconds=GRACE_SECONDS + 1.0)
ACCEPTED = delete.RequestedDeletion(is_accepted=True, seconds_without_sign=1799)
ASKED = replace(WITH_FINAL, requested=ACCEPTED, patience_seconds=1800)
OVERDUE = replace(ASKED, requested=replace(ACCEPTED, seconds_without_sign=1800))
SIGNED = replace(ASKED, requested=replace(ACCEPTED, seconds_without_sign=9999, sign="it goes"))
UNKNOWN_OUTCOME = replace(ASKED, requested=replace(ACCEPTED, is_accepted=False, sign="it goes"))
OBSTACLE = Obstacle("target", "it is protected", "lift that")


def decided(facts: DeletionFacts) -> delete.DeletionAction:
    return delete.decide(facts, another_name="staging-final-2")


@pytest.mark.parametrize(
    ("facts", "action"),
    [
        (OLD, delete.Delete(None)),
        (WITH_FINAL, delete.Delete("staging-final-1")),
        (replace(OLD, is_finished_restore=True), delete.KeepRestored()),
        (replace(OLD, obstacles=[OBSTACLE]), delete.Refuse([OBSTACLE])),
        (replace(OLD, cluster_status=None), delete.NothingToDelete()),
        (replace(OLD, cluster_status=DELETING), delete.AwaitDeletion()),
        (
            replace(OLD, cluster_status="modifying"),
            delete.AwaitRest("cluster staging, which is modifying"),
        ),
        (
            replace(OLD, instance_statuses=[("staging-1", "starting")]),
            delete.AwaitRest("instance staging-1, which is starting"),
        ),
        (replace(OLD, instance_statuses=[("staging-1", "modifying")]), delete.Delete(None)),
        (
            replace(WITH_FINAL, earlier=replace(EARLIER, status="creating")),
            delete.AwaitRest("its final snapshot, which is creating"),
        ),
        (replace(WITH_FINAL, earlier=EARLIER), delete.Delete(None)),
        (replace(WITH_FINAL, earlier=replace(EARLIER, age_seconds=None)), delete.Delete(None)),
        (
            replace(WITH_FINAL, earlier=STALE),
            delete.Delete("staging-final-2", renames_final_snapshot=True, keeps_earlier=True),
        ),
        (
            replace(WITH_FINAL, earlier=replace(EARLIER, status="failed")),
            delete.Delete("staging-final-2", renames_final_snapshot=True),
        ),
        (
            replace(WITH_FINAL, earlier=replace(EARLIER, is_of_this_cluster=False)),
            delete.Delete("staging-final-2", renames_final_snapshot=True),
        ),
        (ASKED, delete.AwaitDeletion()),
        (SIGNED, delete.AwaitDeletion()),
        (replace(OVERDUE, cluster_status="backing-up"), delete.AwaitDeletion()),
        (OVERDUE, delete.Delete("staging-final-1")),
        (replace(OVERDUE, obstacles=[OBSTACLE]), delete.Refuse([OBSTACLE])),
        (UNKNOWN_OUTCOME, delete.Delete("staging-final-1")),
        (replace(UNKNOWN_OUTCOME, earlier=EARLIER), delete.Delete(None)),
    ],
)
def test_a_deletion_is_refused_awaited_or_done(
    facts: DeletionFacts, action: delete.DeletionAction
) -> None:
    assert decided(facts) == action


GOING = progress.DeletionProgress(
    cluster_status=AVAILABLE,
    is_finished_restore=False,
    seconds_without_sign=1799,
    patience_seconds=1800,
)


@pytest.mark.parametrize(
    ("facts", "action"),
    [
        (replace(GOING, cluster_status=None), progress.Gone()),
        (replace(GOING, is_finished_restore=True), progress.Gone()),
        (GOING, progress.AwaitEnd()),
        (replace(GOING, seconds_without_sign=1800), progress.DeleteAgain()),
        (replace(GOING, seconds_without_sign=None), progress.DeleteAgain()),
        (replace(GOING, seconds_without_sign=9999, sign="it goes"), progress.AwaitEnd()),
        (replace(GOING, seconds_without_sign=9999, cluster_status=DELETING), progress.AwaitEnd()),
        (replace(GOING, seconds_without_sign=9999, cluster_status=UNKNOWN), progress.AwaitEnd()),
        (replace(GOING, is_another=True, sign="it goes"), progress.DeleteAgain()),
        *(
            (replace(GOING, cluster_status=dead, seconds_without_sign=1800), progress.DeleteAgain())
            for dead in sorted(DEAD_CLUSTER)
        ),
    ],
)
def test_a_deletion_is_over_awaited_or_asked_for_again(
    facts: progress.DeletionProgress, action: progress.ProgressAction
) -> None:
    assert progress.decide(facts) == action


def every_deletion() -> Iterator[DeletionFacts]:
    for status, finished, obstacles, earlier in product(
        [None, AVAILABLE, DELETING, "modifying", UNKNOWN, *sorted(DEAD_CLUSTER)],
        [True, False],
        [(), (OBSTACLE,)],
        [None, EARLIER, STALE, replace(EARLIER, is_of_this_cluster=False)],
    ):
        yield replace(
            WITH_FINAL,
            cluster_status=status,
            is_finished_restore=finished,
            obstacles=obstacles,
            earlier=earlier,
        )


def test_nothing_is_deleted_against_an_obstacle_or_after_the_restore() -> None:
    for facts in every_deletion():
        if facts.obstacles or facts.is_finished_restore or facts.cluster_status is None:
            assert not isinstance(decided(facts), delete.Delete), facts


PLAN = InstancePlan("staging-1", "db.r6g.large")
BARE = restore.RestoreFacts(
    cluster_status=AVAILABLE,
    is_own=True,
    may_not_show_tags_yet=False,
    instance_statuses={},
    planned=(PLAN,),
    is_master_password_set=False,
    pending=(),
    touches={},
)
RUNNING = replace(BARE, instance_statuses={"staging-1": AVAILABLE})
GOOD = replace(RUNNING, is_master_password_set=True)


@pytest.mark.parametrize(
    ("facts", "action"),
    [
        (replace(BARE, is_own=False, may_not_show_tags_yet=True), restore.AwaitTags()),
        (replace(GOOD, is_own=False), restore.RefuseForeign()),
        (
            replace(BARE, cluster_status="creating"),
            restore.Await("the cluster, which is creating", Awaited.CLUSTER),
        ),
        (
            replace(BARE, cluster_status=UNKNOWN),
            restore.Await(f"the cluster, which is {UNKNOWN}", Awaited.CLUSTER),
        ),
        (
            replace(RUNNING, cluster_status="resetting-master-credentials"),
            restore.Await("the cluster, which is resetting-master-credentials", Awaited.PASSWORD),
        ),
        (
            replace(GOOD, cluster_status="modifying"),
            restore.Await("the cluster, which is modifying", Awaited.SETTINGS),
        ),
        (BARE, restore.CreateInstances([PLAN])),
        (
            replace(BARE, instance_statuses={"staging-1": "creating"}),
            restore.Await("the instances staging-1 (creating)", Awaited.INSTANCES),
        ),
        (RUNNING, restore.SetMasterPassword()),
        (
            replace(GOOD, pending=["MasterUserPassword"]),
            restore.Await("pending changes: MasterUserPassword", Awaited.PASSWORD),
        ),
        (
            replace(GOOD, touches={"DeletionProtection": True}),
            restore.ApplyLastSettings({"DeletionProtection": True}),
        ),
        (GOOD, restore.Complete()),
    ],
)
def test_a_restored_cluster_is_completed_step_by_step(
    facts: restore.RestoreFacts, action: restore.RestoreAction
) -> None:
    assert restore.decide(facts) == action


@pytest.mark.parametrize("status", sorted(DEAD_CLUSTER))
def test_a_dead_cluster_is_restored_again_whatever_else_is_known(status: str) -> None:
    for facts in (BARE, RUNNING, GOOD):
        action = restore.decide(replace(facts, cluster_status=status))
        assert action == restore.RestoreAgain(f"it is {status!r}")


@pytest.mark.parametrize("status", sorted(DEAD_INSTANCE))
def test_a_dead_instance_makes_the_restore_start_again(status: str) -> None:
    action = restore.decide(replace(BARE, instance_statuses={"staging-1": status}))
    assert action == restore.RestoreAgain(
        f"instance staging-1 is {status!r}", lacks_capacity=status == "insufficient-capacity"
    )


def test_nothing_is_done_to_a_cluster_of_another_operation() -> None:
    acting = (
        restore.CreateInstances,
        restore.SetMasterPassword,
        restore.ApplyLastSettings,
        restore.Complete,
    )
    for facts, status in product((BARE, RUNNING, GOOD), (AVAILABLE, "creating", *DEAD_CLUSTER)):
        action = restore.decide(replace(facts, is_own=False, cluster_status=status))
        assert not isinstance(action, (*acting, restore.RestoreAgain))
