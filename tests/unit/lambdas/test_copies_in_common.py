"""Restores that need the same copy share one, for as long as any of them needs it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import boto3
import pytest

from aurora_restore.lambdas.archive_snapshot import ArchiveSnapshotHandler
from aurora_restore.lambdas.check_copy_status import CheckCopyStatusHandler
from aurora_restore.lambdas.copy_snapshot import CopySnapshotHandler
from aurora_restore.lambdas.delete_rds import DeleteRdsHandler
from aurora_restore.lambdas.restore_snapshot import RestoreSnapshotHandler
from aurora_restore.lambdas.snapshot_check import SnapshotCheckHandler
from aurora_restore.shared.base_handler import BaseHandler
from aurora_restore.shared.errors import AwsError, CopyFailedError, SnapshotNotAvailableError
from aurora_restore.shared.names import TAG_ARCHIVED_AT, TAG_MANAGED_BY, TAG_RESTORE
from aurora_restore.shared.snapshots.leases import LONGEST_CALL, CommonCopy, CommonCopyStore
from embedded_aws.rds.models import Location
from tests.unit.bench import ACCOUNT, PREFIX, REGION, SOURCE_REGION, Bench, execution_arn
from tests.unit.lambdas.arrange import (
    ELSEWHERE,
    LONG_ENOUGH,
    NEXT_DOOR,
    ROLE,
    SOURCE_ARN,
    copy_at_source,
    copy_half_way,
    copy_name,
    manual_snapshots,
    set_status,
    tags,
    take_daily,
)
from tests.unit.scene import HOME, SNAPSHOT, SOURCE_PLACE, Scene, make_scene

COPY = copy_name()
COPY_ARN = HOME.arn("cluster-snapshot", COPY)
ON_THE_WAY = Location(ACCOUNT, SOURCE_REGION)
PATIENCE = LONGEST_CALL.total_seconds() + 1


@dataclass
class CopyFleet:
    """Several restores of one source, each with a target of its own."""

    scene: Scene

    @property
    def bench(self) -> Bench:
        return self.scene.bench

    def add(self, *names: str, source: Any = None, **archive: int) -> None:
        """Configure restores."""
        for name in names:
            document = self.scene.document
            document["source"] |= source or {}
            document["target"]["cluster_id"] = name
            self.bench.configure({**document, "archive": archive}, name=name)

    def remove(self, name: str) -> None:
        """Take a restore out of the configuration."""
        parameter = self.bench.environment.parameter_name(name)
        self.bench.clients.ssm.delete_parameter(Name=parameter)

    def step(
        self, handler: type[BaseHandler], name: str, operation: str = "", **asked: Any
    ) -> dict[str, Any]:
        """The state machine calls a step of a restore's operation."""
        self.bench.advance(1)
        operation_id = f"{name}-{operation or 'today'}"
        return self.bench.step(handler, {"restore": name, **asked}, operation_id=operation_id)

    def copy(
        self, name: str, arn: str = SOURCE_ARN, operation: str = "", **asked: Any
    ) -> dict[str, Any]:
        return self.step(CopySnapshotHandler, name, operation, snapshot_arn=arn, **asked)

    def check(self, name: str, operation: str = "") -> dict[str, Any]:
        return self.step(CheckCopyStatusHandler, name, operation)

    def archive(self, name: str, operation: str = "") -> dict[str, Any]:
        found: dict[str, Any] = self.step(ArchiveSnapshotHandler, name, operation)["body"]
        return found

    def finish(self, *names: str, arn: str = SOURCE_ARN, operation: str = "") -> None:
        """Each restore is done with a copy of the snapshot; the copies are made together."""
        for name in names:
            self.copy(name, arn, operation)
        self.bench.advance(LONG_ENOUGH)
        for name in names:
            assert self.check(name, operation)["statusCode"] == 200
            self.archive(name, operation)

    def shared(self, arn: str = COPY_ARN) -> CommonCopy:
        return CommonCopyStore(self.bench.store).of(arn)

    def leases(self) -> dict[str, list[str]]:
        """The restores that use each copy, by its name."""
        found = CommonCopyStore(self.bench.store).all()
        return {each.arn.rpartition(":")[2]: sorted(each.users) for each in found}

    def made(self, action: str) -> int:
        """How many calls of a kind RDS has carried out."""
        return sum(
            call["action"] == action and not call.get("error")
            for call in self.bench.rds.admin.calls()
        )


def make_fleet(bench: Bench, place: Location = SOURCE_PLACE) -> CopyFleet:
    bench.environment = replace(bench.environment, default_restore="")
    fleet = CopyFleet(make_scene(bench, place))
    fleet.remove("staging")
    return fleet


@pytest.fixture
def fleet(bench: Bench) -> CopyFleet:
    return make_fleet(bench)


# One copy


def test_twenty_targets_of_one_source_take_one_copy(fleet: CopyFleet) -> None:
    names = [f"target-{number}" for number in range(20)]
    fleet.add(*names)

    fleet.finish(*names)

    assert list(manual_snapshots(fleet.scene)) == [COPY]
    assert fleet.made("CopyDBClusterSnapshot") == 1
    assert fleet.leases() == {COPY: sorted(names)}


def test_a_shared_copy_is_the_environments_and_no_restores(fleet: CopyFleet) -> None:
    fleet.add("one", "two")
    fleet.finish("one")

    found = tags(manual_snapshots(fleet.scene)[COPY])

    assert found[TAG_MANAGED_BY] == PREFIX
    assert TAG_RESTORE not in found
    assert TAG_ARCHIVED_AT in found


def test_a_step_says_who_else_uses_the_copy(fleet: CopyFleet) -> None:
    fleet.add("one", "two")

    assert "also_used_by" not in fleet.copy("one")["body"]
    assert fleet.copy("two")["body"]["also_used_by"] == ["one"]
    fleet.bench.advance(LONG_ENOUGH)
    assert fleet.archive("one")["also_used_by"] == ["two"]
    for step, name, others in (
        ("copy-snapshot", "two", ["one"]),
        ("archive-snapshot", "one", ["two"]),
    ):
        known = fleet.bench.state(step, f"{name}-today")["details"]
        assert known["also_used_by"] == others


def test_a_copy_under_another_key_is_another_one(fleet: CopyFleet) -> None:
    fleet.add("one")
    document = fleet.scene.document
    key = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    document["target"] |= {"cluster_id": "two", "kms_key_id": key}
    fleet.bench.configure(document, name="two")

    fleet.finish("one", "two")

    assert set(manual_snapshots(fleet.scene)) == {COPY, copy_name(key=key)}


def test_a_name_of_its_own_gives_an_operation_a_copy_of_its_own(fleet: CopyFleet) -> None:
    fleet.add("one", "two")

    fleet.copy("one", target_snapshot_name="my-own-copy")
    fleet.copy("two")

    assert set(manual_snapshots(fleet.scene)) == {"my-own-copy", COPY}
    assert tags(manual_snapshots(fleet.scene)["my-own-copy"])[TAG_RESTORE] == "one"
    assert fleet.leases() == {COPY: ["two"]}


@pytest.mark.parametrize("handler", [DeleteRdsHandler, RestoreSnapshotHandler])
def test_a_shared_copy_that_an_event_names_is_leased_before_anything_is_done(
    fleet: CopyFleet, handler: type[BaseHandler]
) -> None:
    fleet.add("one", "two")
    fleet.finish("one")

    fleet.step(handler, "two", target_snapshot_name=COPY)

    assert fleet.leases() == {COPY: ["one", "two"]}


def test_an_operation_of_an_earlier_version_keeps_its_copy(fleet: CopyFleet) -> None:
    fleet.add("one", "two", keep_copies=1)
    former = "production-2026-05-15-02-00-one-copy"
    fleet.copy("one", target_snapshot_name=former)
    fleet.bench.advance(LONG_ENOUGH)

    again = fleet.copy("one")
    fleet.finish("two")
    fleet.check("one")
    fleet.archive("one")

    assert again["body"]["target_snapshot_name"] == former
    assert set(manual_snapshots(fleet.scene)) == {former, COPY}
    assert fleet.leases() == {COPY: ["two"]}

    fleet.finish("one", arn=take_daily(fleet.scene, "2026-05-16"), operation="next")
    assert former not in manual_snapshots(fleet.scene)


# How long it stays


def test_the_longest_retention_of_its_users_holds(fleet: CopyFleet) -> None:
    fleet.add("short", keep_copies=1)
    fleet.add("long", keep_copies=3)
    made = []
    for day in range(16, 21):
        arn = take_daily(fleet.scene, f"2026-05-{day}")
        made.append(copy_name(arn))
        fleet.finish("short", "long", arn=arn, operation=str(day))

    assert set(manual_snapshots(fleet.scene)) == set(made[-3:])
    assert fleet.leases() == {
        made[-3]: ["long"],
        made[-2]: ["long"],
        made[-1]: ["long", "short"],
    }


def test_the_last_one_deletes_a_copy_and_says_so(fleet: CopyFleet) -> None:
    fleet.add("one", "two", keep_copies=1)
    fleet.finish("one", "two")
    arn = take_daily(fleet.scene, "2026-05-16")
    fleet.copy("one", arn, "next")
    fleet.copy("two", arn, "next")
    fleet.bench.advance(LONG_ENOUGH)

    assert fleet.archive("one", "next")["deleted_snapshots"] == []
    assert COPY in manual_snapshots(fleet.scene)
    assert fleet.archive("two", "next")["deleted_snapshots"] == [COPY]
    assert set(manual_snapshots(fleet.scene)) == {copy_name(arn)}
    assert fleet.leases() == {copy_name(arn): ["one", "two"]}


def test_a_copy_that_people_have_deleted_is_forgotten(fleet: CopyFleet) -> None:
    fleet.add("one", keep_copies=7)
    fleet.finish("one")
    fleet.scene.client("rds").delete_db_cluster_snapshot(DBClusterSnapshotIdentifier=COPY)
    arn = take_daily(fleet.scene, "2026-05-16")

    fleet.finish("one", arn=arn, operation="next")

    assert fleet.leases() == {copy_name(arn): ["one"]}


def test_a_copy_that_people_have_deleted_is_not_said_to_be_deleted(fleet: CopyFleet) -> None:
    fleet.add("one", keep_copies=1)
    fleet.finish("one")
    fleet.scene.client("rds").delete_db_cluster_snapshot(DBClusterSnapshotIdentifier=COPY)
    fleet.bench.advance(LONG_ENOUGH)
    arn = take_daily(fleet.scene, "2026-05-16")
    fleet.copy("one", arn, "next")
    fleet.bench.advance(LONG_ENOUGH)

    assert fleet.archive("one", "next")["deleted_snapshots"] == []
    assert fleet.leases() == {copy_name(arn): ["one"]}


def test_a_copy_that_a_list_leaves_out_is_kept(fleet: CopyFleet) -> None:
    """A list has pages, and others delete snapshots between two of them."""
    fleet.add("one", keep_copies=7)
    fleet.finish("one")
    arn = take_daily(fleet.scene, "2026-05-16")
    fleet.copy("one", arn, "next")
    fleet.bench.advance(LONG_ENOUGH)

    def leave_out(parsed: dict[str, Any], **_: Any) -> None:
        found = parsed.get("DBClusterSnapshots", [])
        if len(found) > 1:
            found[:] = [each for each in found if each["DBClusterSnapshotIdentifier"] != COPY]

    events = fleet.bench.clients.rds(REGION).meta.events
    events.register("after-call.rds.DescribeDBClusterSnapshots", leave_out)
    try:
        answer = fleet.archive("one", "next")
    finally:
        events.unregister("after-call.rds.DescribeDBClusterSnapshots", leave_out)

    assert answer["deleted_snapshots"] == []
    assert set(manual_snapshots(fleet.scene)) == {COPY, copy_name(arn)}
    assert fleet.leases() == {COPY: ["one"], copy_name(arn): ["one"]}


def test_a_copy_of_that_name_that_people_have_made_is_not_deleted(fleet: CopyFleet) -> None:
    fleet.add("one", keep_copies=1)
    fleet.scene.client("rds").copy_db_cluster_snapshot(
        SourceDBClusterSnapshotIdentifier=SOURCE_ARN, TargetDBClusterSnapshotIdentifier=COPY
    )
    fleet.bench.advance(LONG_ENOUGH)
    fleet.copy("one")
    arn = take_daily(fleet.scene, "2026-05-16")

    fleet.copy("one", arn, "next")
    fleet.bench.advance(LONG_ENOUGH)

    assert fleet.archive("one", "next")["deleted_snapshots"] == []
    assert set(manual_snapshots(fleet.scene)) == {COPY, copy_name(arn)}
    assert fleet.leases() == {copy_name(arn): ["one"]}


@contextmanager
def deletion_refused(fleet: CopyFleet) -> Iterator[None]:
    """The deletion of a snapshot is not carried out, and the step fails."""
    fleet.bench.rds.admin.refuse_next("DeleteDBClusterSnapshot", code="AccessDenied")
    with pytest.raises(AwsError):
        yield


def dying_while_deleting(fleet: CopyFleet) -> str:
    """A run has begun to delete a copy, and got no further; the ARN of today's snapshot."""
    fleet.add("one", "two", keep_copies=1)
    fleet.finish("one")
    arn = take_daily(fleet.scene, "2026-05-16")
    fleet.copy("one", arn, "next")
    fleet.bench.advance(LONG_ENOUGH)
    with deletion_refused(fleet):
        fleet.archive("one", "next")
    return arn


def test_a_deletion_that_was_interrupted_is_finished_by_the_same_operation(
    fleet: CopyFleet,
) -> None:
    arn = dying_while_deleting(fleet)

    assert fleet.archive("one", "next")["deleted_snapshots"] == [COPY]
    assert set(manual_snapshots(fleet.scene)) == {copy_name(arn)}
    assert list(fleet.leases()) == [copy_name(arn)]


def test_it_is_finished_by_any_other_restore_once_the_function_has_ended(fleet: CopyFleet) -> None:
    arn = dying_while_deleting(fleet)
    fleet.copy("two", arn, "next")

    fleet.archive("two", "next")
    assert COPY in manual_snapshots(fleet.scene)

    fleet.bench.advance(PATIENCE)
    assert fleet.archive("two", "next")["deleted_snapshots"] == [COPY]
    assert set(manual_snapshots(fleet.scene)) == {copy_name(arn)}


def test_a_copy_that_is_being_deleted_is_waited_for_and_used_if_it_stays(fleet: CopyFleet) -> None:
    dying_while_deleting(fleet)

    waiting = fleet.copy("two")
    assert waiting["statusCode"] == 202
    assert waiting["body"]["message"] == (
        f"The copy {COPY} is being deleted, because no restore used it; it is made again once it "
        "is gone"
    )
    with pytest.raises(SnapshotNotAvailableError, match="is deleting"):
        fleet.step(DeleteRdsHandler, "two", "other", target_snapshot_name=COPY)
    with pytest.raises(SnapshotNotAvailableError, match="because no restore used it"):
        fleet.step(RestoreSnapshotHandler, "two", "other", target_snapshot_name=COPY)

    fleet.bench.advance(PATIENCE)
    assert fleet.copy("two")["body"]["copy_status"] == "available"
    assert fleet.leases()[COPY] == ["two"]
    fleet.archive("two")
    assert COPY in manual_snapshots(fleet.scene)


# Restores that are no more


def start_execution(fleet: CopyFleet, operation: str) -> None:
    """Let an execution be in progress."""
    client = boto3.client("stepfunctions", region_name=REGION)
    name = fleet.bench.environment.state_machine_arn.rpartition(":")[2]
    definition = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}
    role = f"arn:aws:iam::{ACCOUNT}:role/state-machine"
    made = client.create_state_machine(name=name, definition=json.dumps(definition), roleArn=role)
    client.start_execution(stateMachineArn=made["stateMachineArn"], name=operation)


def test_a_restore_that_was_removed_keeps_no_copy(fleet: CopyFleet) -> None:
    fleet.add("one", "two", keep_copies=7)
    fleet.finish("one", arn=take_daily(fleet.scene, "2026-05-14"), operation="earlier")
    fleet.finish("one", "two")
    fleet.remove("one")
    fleet.copy("two", operation="again")

    assert "also_used_by" not in fleet.archive("two", "again")
    assert fleet.leases() == {COPY: ["two"]}
    assert set(manual_snapshots(fleet.scene)) == {COPY}


def test_a_removed_restore_keeps_its_copy_while_its_execution_is_in_progress(
    fleet: CopyFleet,
) -> None:
    fleet.add("one", "two", keep_copies=7)
    start_execution(fleet, "one-today")
    assert execution_arn("one-today").endswith(":one-today")
    fleet.copy("one")
    fleet.remove("one")

    fleet.finish("two")

    assert fleet.leases() == {COPY: ["one", "two"]}


def test_a_restore_that_stays_keeps_its_copies_whatever_others_do(fleet: CopyFleet) -> None:
    fleet.add("failed", "two", keep_copies=1)
    fleet.copy("failed")

    for day in range(16, 19):
        arn = take_daily(fleet.scene, f"2026-05-{day}")
        fleet.finish("two", arn=arn, operation=str(day))

    assert COPY in manual_snapshots(fleet.scene)
    assert fleet.leases()[COPY] == ["failed"]


# A copy that fails


def test_a_failed_copy_is_deleted_once_and_started_once(fleet: CopyFleet) -> None:
    fleet.add("one", "two", "three")
    for name in ("one", "two", "three"):
        fleet.copy(name)
    set_status(fleet.scene, COPY_ARN, "failed")
    led_back = [fleet.check(name)["body"]["restart_from"] for name in ("one", "two", "three")]

    first = fleet.copy("one")
    codes = [fleet.copy(name)["statusCode"] for name in ("two", "one", "two", "three")]

    assert led_back == ["copy-snapshot"] * 3
    assert first["statusCode"] == 202
    assert codes == [202, 200, 200, 200]
    assert fleet.made("DeleteDBClusterSnapshot") == 1
    assert fleet.made("CopyDBClusterSnapshot") == 2


def test_nobody_deletes_what_another_one_has_started_again(fleet: CopyFleet) -> None:
    fleet.add("one", "two")
    fleet.copy("one")
    fleet.copy("two")
    set_status(fleet.scene, COPY_ARN, "failed")
    with deletion_refused(fleet):
        fleet.copy("one")

    waiting = fleet.copy("two")
    assert waiting["statusCode"] == 202
    assert fleet.made("DeleteDBClusterSnapshot") == 0
    assert fleet.shared().restarts == 1

    fleet.bench.advance(PATIENCE)
    fleet.copy("two")
    assert fleet.made("DeleteDBClusterSnapshot") == 1


def test_all_give_up_together_once_the_copy_has_failed_often_enough(fleet: CopyFleet) -> None:
    names = ("one", "two", "three")
    fleet.add(*names)
    for name in names:
        fleet.copy(name)
    set_status(fleet.scene, COPY_ARN, "failed")
    for name in ("two", "two", "one", "three"):
        fleet.copy(name)
    set_status(fleet.scene, COPY_ARN, "failed")

    for name in names:
        for step in (fleet.check, fleet.copy):
            with pytest.raises(CopyFailedError):
                step(name)
    assert fleet.made("CopyDBClusterSnapshot") == 2


def test_a_redrive_may_start_it_again(fleet: CopyFleet) -> None:
    test_all_give_up_together_once_the_copy_has_failed_often_enough(fleet)
    fleet.bench.redrive_count = 1
    fleet.bench.advance(PATIENCE)

    assert fleet.copy("three")["statusCode"] == 202
    assert fleet.copy("three")["body"]["copy_status"] == "copying"


# Copies on the way


def two_steps(bench: Bench, *names: str) -> CopyFleet:
    """Restores of another account's automated snapshot, each by a copy there and one half-way."""
    fleet = make_fleet(bench, ELSEWHERE)
    fleet.add(*names, source={"role_arn": ROLE, "copy_route": "two-steps"})
    for name in names:
        assert fleet.step(SnapshotCheckHandler, name)["statusCode"] == 200
    return fleet


THERE = ELSEWHERE.arn("cluster-snapshot", SNAPSHOT)


def advance_copy(fleet: CopyFleet, *names: str) -> list[int]:
    codes = [fleet.step(CopySnapshotHandler, name)["statusCode"] for name in names]
    fleet.bench.advance(LONG_ENOUGH)
    return codes


def test_intermediate_copies_are_shared_and_go_with_their_last_user(bench: Bench) -> None:
    fleet = two_steps(bench, "one", "two")
    codes = [advance_copy(fleet, "one", "two") for _ in range(3)]

    fleet.archive("one")
    between = [set(manual_snapshots(fleet.scene, place)) for place in (ELSEWHERE, ON_THE_WAY)]
    deleted = fleet.archive("two")["deleted_snapshots"]

    assert codes == [[202, 202], [202, 202], [200, 200]]
    assert fleet.made("CopyDBClusterSnapshot") == 3
    assert between == [{copy_at_source(THERE)}, {copy_half_way(THERE)}]
    assert deleted == sorted([copy_at_source(THERE), copy_half_way(THERE)])
    assert manual_snapshots(fleet.scene, ELSEWHERE) == {}
    assert manual_snapshots(fleet.scene, ON_THE_WAY) == {}
    assert fleet.leases() == {copy_name(THERE): ["one", "two"]}


def test_a_restore_that_comes_later_needs_the_last_copy_only(bench: Bench) -> None:
    fleet = two_steps(bench, "one", "two")
    for _ in range(3):
        advance_copy(fleet, "one")
    fleet.archive("one")

    assert advance_copy(fleet, "two") == [200]
    assert manual_snapshots(fleet.scene, ELSEWHERE) == {}
    assert fleet.leases() == {copy_name(THERE): ["one", "two"]}


def test_what_a_copy_is_made_of_stays_for_whoever_waits_for_the_copy(bench: Bench) -> None:
    """The restore that has started it goes on with a later snapshot, and needs it no more."""
    fleet = two_steps(bench, "one", "two")
    half_way = copy_half_way(THERE)
    for _ in range(2):
        advance_copy(fleet, "one")
    for name in ("one", "two"):
        assert fleet.step(CopySnapshotHandler, name)["body"]["copy_status"] == "copying"

    later = take_daily(fleet.scene, "2026-05-16")
    fleet.step(SnapshotCheckHandler, "one", "later", snapshot_arn=later)
    for place, name in (
        (ELSEWHERE, copy_at_source(later)),
        (ON_THE_WAY, copy_half_way(later)),
        (HOME, copy_name(later)),
    ):
        fleet.step(CopySnapshotHandler, "one", "later")
        set_status(fleet.scene, place.arn("cluster-snapshot", name), "available")
    fleet.check("one", "later")
    fleet.archive("one", "later")

    assert set(manual_snapshots(fleet.scene, ON_THE_WAY)) == {half_way}
    fleet.bench.advance(LONG_ENOUGH)
    assert fleet.check("two")["statusCode"] == 200
    assert fleet.archive("two")["deleted_snapshots"] == [half_way]
    assert manual_snapshots(fleet.scene, ON_THE_WAY) == {}


def test_a_failed_copy_on_the_way_is_started_again_by_one_and_not_for_ever(bench: Bench) -> None:
    fleet = two_steps(bench, "one", "two")
    advance_copy(fleet, "one", "two")
    arn = ELSEWHERE.arn("cluster-snapshot", copy_at_source(THERE))
    set_status(fleet.scene, arn, "failed")

    codes = [fleet.step(CopySnapshotHandler, name)["statusCode"] for name in ("one", "two", "one")]
    set_status(fleet.scene, arn, "failed")

    assert codes == [202, 202, 202]
    assert fleet.made("DeleteDBClusterSnapshot") == 1
    for name in ("one", "two"):
        with pytest.raises(CopyFailedError):
            fleet.step(CopySnapshotHandler, name)
    assert fleet.made("CopyDBClusterSnapshot") == 2


def test_a_copy_that_was_restored_where_it_is_may_be_gone_by_the_second_call(
    bench: Bench,
) -> None:
    fleet = make_fleet(bench, NEXT_DOOR)
    fleet.add("one", "two", source={"role_arn": ROLE, "copy_route": "none"})
    for name in ("one", "two"):
        fleet.step(SnapshotCheckHandler, name)
        fleet.step(CopySnapshotHandler, name)
    fleet.bench.advance(LONG_ENOUGH)
    for name in ("one", "two"):
        assert fleet.step(CopySnapshotHandler, name)["statusCode"] == 200
        assert fleet.check(name)["statusCode"] == 200

    answers = [fleet.archive(name)["deleted_snapshots"] for name in ("one", "two", "one")]

    copy = copy_at_source(NEXT_DOOR.arn("cluster-snapshot", SNAPSHOT))
    assert answers == [[], [copy], []]
    assert fleet.leases() == {}
