"""snapshot-check finds the snapshot that is meant, and changes nothing."""

from datetime import timedelta
from typing import Any

import pytest

from aurora_restore.lambdas.snapshot_check import SnapshotCheckHandler
from aurora_restore.shared.common import timestamp
from aurora_restore.shared.errors import (
    AwsThrottledError,
    ConfigurationError,
    SnapshotFailedError,
    SnapshotNotFoundError,
    SupersededError,
    UnreadablePauseError,
    ValidationError,
)
from aurora_restore.shared.names import TAG_OPERATION
from aurora_restore.shared.pause import Pause, PauseStore
from aurora_restore.shared.rds.statuses import DEAD_SNAPSHOT
from embedded_aws.rds.models import Location
from tests.unit.bench import REGION, SOURCE_REGION, Bench
from tests.unit.lambdas.arrange import (
    ELSEWHERE,
    LONG_ENOUGH,
    NEXT_DOOR,
    ROLE,
    SOURCE_ARN,
    begin_manual,
    call,
    details,
    go,
    lock_holder,
    make_encrypted_source,
    make_key,
    set_status,
    share,
    take_daily,
    take_manual,
)
from tests.unit.scene import (
    HOME,
    OTHER_ACCOUNT,
    OWN_TAGS,
    SNAPSHOT,
    SOURCE,
    SOURCE_PLACE,
    Scene,
    make_scene,
)

STEP = SnapshotCheckHandler.step.name
UNTIL_MIDNIGHT = 20 * 3600
"""Seconds from the moment at which a scene is ready, which is four o'clock in the morning."""


def found(scene: Scene, **event: Any) -> str:
    """The name of the snapshot that a direct call finds."""
    answer = call(scene, SnapshotCheckHandler, **event)
    assert answer["statusCode"] == 200, answer
    return str(answer["body"]["snapshot_name"])


def other_account(bench: Bench, **source: Any) -> Scene:
    """A source in another account, in which the pipeline works by a role."""
    scene = make_scene(bench, ELSEWHERE)
    scene.configure_source(role_arn=ROLE, **source)
    return scene


# What it answers


def test_a_direct_call_is_returned_as_documented(scene: Scene) -> None:
    answer = call(scene, SnapshotCheckHandler)

    assert answer == {
        "statusCode": 200,
        "body": {
            "message": "Snapshot found successfully",
            "operation_id": "op-1",
            "snapshot_name": SNAPSHOT,
            "snapshot_arn": SOURCE_ARN,
            "source_region": SOURCE_REGION,
            "target_region": REGION,
            "snapshot_status": "available",
            "route": "copied to the target's Region",
        },
    }


def test_what_is_found_is_written_down_for_the_steps_after_it(scene: Scene) -> None:
    go(scene, SnapshotCheckHandler)

    known = details(scene, SnapshotCheckHandler)
    assert known["snapshot_name"] == SNAPSHOT
    assert known["snapshot_arn"] == known["source_snapshot_arn"] == SOURCE_ARN
    assert known["snapshot_created_at"] == "2026-05-15T02:00:00.000000Z"
    assert (known["source_region"], known["target_region"]) == (SOURCE_REGION, REGION)
    assert known["source_account_id"] == known["target_account_id"] == HOME.account
    assert known.get("shared_by_copy", False) is False
    assert scene.bench.audit_trail() == [(STEP, "SUCCESS")]
    assert scene.changes() == []


def test_running_it_twice_finds_the_same(scene: Scene) -> None:
    first = go(scene, SnapshotCheckHandler)
    take_daily(scene, "2026-05-16")

    assert go(scene, SnapshotCheckHandler) == first


def test_a_missing_snapshot_is_a_documented_404(scene: Scene) -> None:
    answer = call(scene, SnapshotCheckHandler, snapshot_id="my-snapshot")

    assert answer == {
        "statusCode": 404,
        "body": {
            "message": f"Snapshot not found in region {SOURCE_REGION}",
            "operation_id": "op-1",
            "source_region": SOURCE_REGION,
            "snapshot_name": "my-snapshot",
            "available_dates": ["2026-05-15"],
            "error": f"Snapshot not found in region {SOURCE_REGION}: cluster production has none "
            "called my-snapshot; it has snapshots of 2026-05-15",
            "error_type": "SnapshotNotFoundError",
            "remedy": "start again",
            "what_to_do": "Wait until the snapshot is there and shared with this account, or "
            "choose another with date or snapshot_id. Then repeat the call.",
        },
    }


def test_an_execution_fails_for_want_of_a_snapshot_and_says_so_in_the_state(scene: Scene) -> None:
    with pytest.raises(SnapshotNotFoundError):
        go(scene, SnapshotCheckHandler, {"date": "2026-05-14"})

    assert details(scene, SnapshotCheckHandler)["error"]["type"] == "SnapshotNotFoundError"
    assert scene.bench.audit_trail() == [(STEP, "FAILED")]


@pytest.mark.parametrize("date", ["15.05.2026", "2026-13-01", "2026-02-30", "yesterday"])
def test_what_is_no_day_is_refused(scene: Scene, date: str) -> None:
    answer = call(scene, SnapshotCheckHandler, date=date)

    assert answer["statusCode"] == 400
    assert "date: " in answer["body"]["error"]


def test_a_way_that_leads_nowhere_is_refused(scene: Scene) -> None:
    scene.configure_source(copy_route="none")

    with pytest.raises(ConfigurationError, match=r"source\.copy_route: 'none'"):
        go(scene, SnapshotCheckHandler)


def test_a_throttled_look_is_no_obstacle_but_worth_trying_again(scene: Scene) -> None:
    scene.bench.rds.admin.refuse_next("DescribeDBSubnetGroups", code="Throttled")

    with pytest.raises(AwsThrottledError):
        go(scene, SnapshotCheckHandler, {"dry_run": True})

    assert go(scene, SnapshotCheckHandler, {"dry_run": True})["body"]["ready"] is True


# Which day


@pytest.mark.parametrize(
    ("default_day", "day"),
    [("yesterday", "2026-05-15"), ("today", "2026-05-16"), ("latest", "2026-05-16")],
)
def test_the_configuration_says_which_day_is_meant(
    scene: Scene, default_day: str, day: str
) -> None:
    take_daily(scene, "2026-05-14")
    take_daily(scene, "2026-05-16")
    scene.configure_source(default_day=default_day)

    assert found(scene) == f"rds:production-{day}-02-00"


@pytest.mark.parametrize("default_day", ["yesterday", "today", "latest"])
def test_a_start_with_a_date_means_that_day(scene: Scene, default_day: str) -> None:
    take_daily(scene, "2026-05-14")
    take_daily(scene, "2026-05-16")
    scene.configure_source(default_day=default_day)

    assert found(scene, date="2026-05-14") == "rds:production-2026-05-14-02-00"


@pytest.mark.parametrize("default_day", ["yesterday", "today"])
def test_a_day_without_a_snapshot_is_not_replaced_by_another(
    scene: Scene, default_day: str
) -> None:
    scene.bench.advance(2 * 86400)
    scene.configure_source(default_day=default_day)

    with pytest.raises(SnapshotNotFoundError):
        go(scene, SnapshotCheckHandler)


def test_the_latest_snapshot_may_be_of_any_day(scene: Scene) -> None:
    scene.bench.advance(20 * 86400)
    scene.configure_source(default_day="latest", snapshot_name="daily-{date}")

    assert found(scene) == SNAPSHOT


def test_of_several_on_a_day_the_newest_is_taken(scene: Scene) -> None:
    take_daily(scene, "2026-05-16")
    take_manual(scene, "by-hand")

    assert found(scene, date="2026-05-16") == "by-hand"


def test_an_operation_that_waits_past_midnight_keeps_its_day(scene: Scene) -> None:
    scene.configure_source(default_day="today")
    scene.bench.advance(UNTIL_MIDNIGHT - 60)
    begin_manual(scene, "late")

    waiting = go(scene, SnapshotCheckHandler)
    scene.bench.advance(LONG_ENOUGH)
    after_midnight = go(scene, SnapshotCheckHandler)

    assert waiting["statusCode"] == 202
    assert after_midnight["body"]["snapshot_name"] == "late"


def test_an_operation_that_is_rerun_the_next_day_keeps_its_day(scene: Scene) -> None:
    with pytest.raises(SnapshotNotFoundError):
        go(scene, SnapshotCheckHandler, {"snapshot_id": "missing"})
    scene.bench.advance(86400)
    take_daily(scene, "2026-05-16")
    scene.bench.redrive_count = 1

    assert go(scene, SnapshotCheckHandler)["body"]["snapshot_name"] == SNAPSHOT


# Which name


@pytest.mark.parametrize("field", ["snapshot_id", "snapshot_name"])
@pytest.mark.parametrize("name", [SNAPSHOT, "by-hand"])
def test_a_start_may_name_the_snapshot(scene: Scene, field: str, name: str) -> None:
    take_manual(scene, "by-hand")
    take_daily(scene, "2026-05-16")

    assert found(scene, **{field: name}) == name


@pytest.mark.parametrize("field", ["snapshot_id", "snapshot_arn"])
def test_a_start_may_give_the_snapshots_arn(scene: Scene, field: str) -> None:
    take_daily(scene, "2026-05-16")

    assert found(scene, **{field: SOURCE_ARN}) == SNAPSHOT


@pytest.mark.parametrize(
    "arn",
    [
        HOME.arn("cluster-snapshot", "by-hand"),
        ELSEWHERE.arn("cluster-snapshot", "by-hand"),
        SOURCE_PLACE.arn("cluster-snapshot", "other"),
    ],
    ids=["other Region", "other account", "other name"],
)
def test_the_arn_of_something_else_is_not_found(scene: Scene, arn: str) -> None:
    take_manual(scene, "by-hand")

    answer = call(scene, SnapshotCheckHandler, snapshot_arn=arn)

    assert (answer["statusCode"], answer["body"]["snapshot_name"]) == (404, arn)


def test_the_configuration_may_name_each_days_snapshot(scene: Scene) -> None:
    take_manual(scene, "daily-2026-05-15")
    scene.configure_source(snapshot_name="daily-{date}")

    assert found(scene) == "daily-2026-05-15"


def test_a_named_days_snapshot_is_not_replaced_by_the_automated_one(scene: Scene) -> None:
    scene.configure_source(snapshot_name="daily-{date}")

    with pytest.raises(SnapshotNotFoundError, match="none called daily-2026-05-15"):
        go(scene, SnapshotCheckHandler)


def test_a_name_in_the_start_outranks_the_configured_one(scene: Scene) -> None:
    take_manual(scene, "daily-2026-05-15")
    scene.configure_source(snapshot_name="daily-{date}")

    assert found(scene, snapshot_id=SNAPSHOT) == SNAPSHOT


def test_the_pipelines_own_copies_are_not_taken_for_the_sources_snapshots(scene: Scene) -> None:
    take_manual(scene, "an-earlier-copy", tags=OWN_TAGS)
    scene.configure_source(default_day="latest")

    assert found(scene) == SNAPSHOT


def test_snapshots_of_other_clusters_are_not_taken(scene: Scene) -> None:
    make_encrypted_source(scene, "neighbour")
    take_manual(scene, "of-the-neighbour", cluster="neighbour")
    scene.configure_source(default_day="latest")

    assert found(scene) == SNAPSHOT


# Whether it is there yet


def test_a_snapshot_that_is_being_created_is_waited_for(scene: Scene) -> None:
    arn = begin_manual(scene, "on-demand")

    waiting = go(scene, SnapshotCheckHandler, {"snapshot_id": "on-demand"})

    assert waiting == {
        "statusCode": 202,
        "body": {
            "message": "Snapshot on-demand is not available yet",
            "operation_id": "op-1",
            "snapshot_name": "on-demand",
            "snapshot_arn": arn,
            "source_region": SOURCE_REGION,
            "target_region": REGION,
            "snapshot_status": "creating",
            "retry_after": 3,
        },
    }
    assert scene.bench.state(STEP)["status"] == "IN_PROGRESS"
    scene.bench.advance(LONG_ENOUGH)
    assert go(scene, SnapshotCheckHandler, {"snapshot_id": "on-demand"})["statusCode"] == 200
    assert scene.bench.audit_trail() == [(STEP, "IN_PROGRESS"), (STEP, "SUCCESS")]


@pytest.mark.parametrize("status", ["creating", "copying", "not-known-yet"])
def test_a_status_that_may_pass_is_waited_for(scene: Scene, status: str) -> None:
    set_status(scene, SOURCE_ARN, status)

    answer = go(scene, SnapshotCheckHandler)

    assert (answer["statusCode"], answer["body"]["snapshot_status"]) == (202, status)


@pytest.mark.parametrize("status", sorted(DEAD_SNAPSHOT))
def test_a_snapshot_that_will_never_be_available_is_not_waited_for(
    scene: Scene, status: str
) -> None:
    set_status(scene, SOURCE_ARN, status)

    answer = call(scene, SnapshotCheckHandler)

    assert answer["statusCode"] == 500
    assert answer["body"]["error_type"] == "SnapshotFailedError"
    assert answer["body"]["snapshot_status"] == status
    assert "name another one with snapshot_id or date" in answer["body"]["error"]


def test_an_execution_ends_at_a_failed_snapshot(scene: Scene) -> None:
    set_status(scene, SOURCE_ARN, "failed")

    with pytest.raises(SnapshotFailedError):
        go(scene, SnapshotCheckHandler)


def test_an_available_snapshot_is_taken_rather_than_a_newer_one_in_creation(scene: Scene) -> None:
    take_daily(scene, "2026-05-16")
    begin_manual(scene, "not-yet")

    assert found(scene, date="2026-05-16") == "rds:production-2026-05-16-02-00"


def test_a_snapshot_in_creation_is_waited_for_rather_than_a_failed_one_told(scene: Scene) -> None:
    set_status(scene, take_daily(scene, "2026-05-16"), "failed")
    begin_manual(scene, "not-yet")

    answer = go(scene, SnapshotCheckHandler, {"date": "2026-05-16"})

    assert (answer["statusCode"], answer["body"]["snapshot_name"]) == (202, "not-yet")


@pytest.mark.parametrize("status", ["creating", "failed"])
def test_the_latest_is_one_that_is_available(scene: Scene, status: str) -> None:
    set_status(scene, take_daily(scene, "2026-05-16"), status)
    scene.configure_source(default_day="latest")

    assert found(scene) == SNAPSHOT


# What there is instead


def test_the_days_that_have_a_snapshot_are_reported_newest_first(scene: Scene) -> None:
    for day in ("2026-05-13", "2026-05-16", "2026-05-11"):
        take_daily(scene, day)

    answer = call(scene, SnapshotCheckHandler, date="2026-05-12")

    days = ["2026-05-16", "2026-05-15", "2026-05-13", "2026-05-11"]
    assert answer["body"]["available_dates"] == days
    assert "none of 2026-05-12; it has snapshots of " + ", ".join(days) in answer["body"]["error"]


def test_the_sentence_names_a_fortnight_of_days_and_the_details_all(scene: Scene) -> None:
    for day in range(1, 15):
        take_daily(scene, f"2026-04-{day:02}")

    body = call(scene, SnapshotCheckHandler, date="2026-05-14")["body"]

    assert len(body["available_dates"]) == 15
    assert body["error"].endswith("2026-04-02")


def test_days_with_nothing_but_a_failed_snapshot_are_not_offered(scene: Scene) -> None:
    set_status(scene, take_daily(scene, "2026-05-13"), "failed")

    body = call(scene, SnapshotCheckHandler, date="2026-05-12")["body"]

    assert body["available_dates"] == ["2026-05-15"]


def test_a_snapshot_that_shows_no_time_yet_is_no_day(scene: Scene) -> None:
    begin_manual(scene, "just-begun")
    hide_time_of(scene, "just-begun")

    body = call(scene, SnapshotCheckHandler, date="2026-05-12")["body"]

    assert body["available_dates"] == ["2026-05-15"]


def test_a_named_snapshot_that_shows_no_time_yet_is_waited_for(scene: Scene) -> None:
    begin_manual(scene, "just-begun")
    hide_time_of(scene, "just-begun")

    assert go(scene, SnapshotCheckHandler, {"snapshot_id": "just-begun"})["statusCode"] == 202


def hide_time_of(scene: Scene, snapshot: str) -> None:
    """AWS tells the time of a snapshot only once it has begun in earnest."""
    made: Any = scene.bench.rds.backend.at(scene.source_place).snapshots[snapshot]
    made.created = None


def test_a_cluster_without_any_snapshot_is_reported_as_that(scene: Scene) -> None:
    scene.configure_source(cluster_id="unheard-of")

    body = call(scene, SnapshotCheckHandler)["body"]

    assert body["available_dates"] == []
    assert "account 123456789012 shows no snapshot of it at all" in body["error"]


# Another account


def test_a_snapshot_that_another_account_shares_is_found(bench: Bench) -> None:
    scene = make_scene(bench, ELSEWHERE)
    arn = take_manual(scene, "for-the-others")
    share(scene, "for-the-others")
    scene.configure_source(default_day="latest")

    body = go(scene, SnapshotCheckHandler)["body"]

    assert body["snapshot_arn"] == arn
    assert body["route"] == "copied from another account and Region in one step"
    known = details(scene, SnapshotCheckHandler)
    assert known["source_account_id"] == OTHER_ACCOUNT
    assert known.get("shared_by_copy", False) is False


@pytest.mark.parametrize(
    "event",
    [
        {"snapshot_id": "for-the-others"},
        {"snapshot_arn": ELSEWHERE.arn("cluster-snapshot", "for-the-others")},
        {"date": "2026-05-16"},
    ],
    ids=["name", "ARN", "day"],
)
def test_a_shared_snapshot_may_be_asked_for(bench: Bench, event: dict[str, str]) -> None:
    scene = make_scene(bench, ELSEWHERE)
    arn = take_manual(scene, "for-the-others")
    share(scene, "for-the-others")

    assert call(scene, SnapshotCheckHandler, **event)["body"]["snapshot_arn"] == arn


def test_what_another_account_does_not_share_is_not_found(bench: Bench) -> None:
    scene = make_scene(bench, ELSEWHERE)
    take_manual(scene, "not-for-others")
    scene.configure_source(default_day="latest")

    with pytest.raises(SnapshotNotFoundError, match="account 999988887777 shows no snapshot"):
        go(scene, SnapshotCheckHandler)


def test_another_accounts_automated_snapshot_is_found_by_a_role_and_must_be_copied_there(
    bench: Bench,
) -> None:
    scene = other_account(bench)

    answer = go(scene, SnapshotCheckHandler)

    assert answer["body"]["snapshot_arn"] == ELSEWHERE.arn("cluster-snapshot", SNAPSHOT)
    assert details(scene, SnapshotCheckHandler)["shared_by_copy"] is True


@pytest.mark.parametrize("field", ["snapshot_id", "snapshot_arn"])
def test_by_a_role_another_accounts_snapshot_is_found_by_its_arn(bench: Bench, field: str) -> None:
    scene = other_account(bench)

    arn = ELSEWHERE.arn("cluster-snapshot", SNAPSHOT)

    assert found(scene, **{field: arn}) == SNAPSHOT


def test_the_role_may_not_share_manual_snapshots_of_any_name(bench: Bench) -> None:
    scene = other_account(bench, default_day="latest")
    take_manual(scene, "somebodys")

    assert found(scene) == SNAPSHOT


def test_the_role_may_share_manual_snapshots_of_the_configured_name(bench: Bench) -> None:
    scene = other_account(bench, snapshot_name="daily-{date}")
    take_manual(scene, "daily-2026-05-15")

    answer = go(scene, SnapshotCheckHandler)

    assert answer["body"]["snapshot_name"] == "daily-2026-05-15"
    assert details(scene, SnapshotCheckHandler).get("shared_by_copy", False) is False


@pytest.mark.parametrize("under_the_configured_key", [True, False])
def test_a_manual_snapshot_is_copied_to_be_shared_unless_under_the_configured_key(
    bench: Bench, under_the_configured_key: bool
) -> None:
    scene = make_scene(bench, NEXT_DOOR)
    key = make_encrypted_source(scene)
    take_manual(scene, "daily-2026-05-15", cluster="encrypted")
    scene.configure(kms_key_id=make_key(scene, HOME))
    document = scene.document
    document["source"] |= {
        "cluster_id": "encrypted",
        "role_arn": ROLE,
        "snapshot_name": "daily-{date}",
        "kms_key_id": key if under_the_configured_key else make_key(scene, NEXT_DOOR),
    }
    document["target"]["kms_key_id"] = make_key(scene, HOME)
    bench.configure(document)

    go(scene, SnapshotCheckHandler)

    known = details(scene, SnapshotCheckHandler)
    assert known.get("shared_by_copy", False) is not under_the_configured_key


# Dry runs


def test_a_dry_run_waits_for_the_snapshot_as_a_run_would(scene: Scene) -> None:
    set_status(scene, SOURCE_ARN, "creating")

    answer = go(scene, SnapshotCheckHandler, {"dry_run": True})

    assert answer["statusCode"] == 202
    assert "dry_run" not in answer["body"]


def test_a_dry_run_lets_others_work_on_the_target(scene: Scene) -> None:
    answer = go(scene, SnapshotCheckHandler, {"dry_run": True})

    assert answer["body"]["dry_run"] is True
    assert lock_holder(scene) is None


def test_a_run_keeps_others_from_the_target(scene: Scene) -> None:
    go(scene, SnapshotCheckHandler)

    assert lock_holder(scene) == "op-1"


def test_a_dry_run_without_a_plan_tells_why(scene: Scene) -> None:
    scene.configure(instances=[])

    body = go(scene, SnapshotCheckHandler, {"dry_run": True})["body"]

    assert (body["ready"], body["calls"]) == (False, [])
    assert body["message"] == "Dry run: 1 obstacle(s) found"


@pytest.mark.parametrize("source", [SOURCE, "unheard-of"])
def test_nothing_is_changed_whatever_is_found(scene: Scene, source: str) -> None:
    scene.make_target()
    scene.configure_source(cluster_id=source)
    before = scene.changes()

    call(scene, SnapshotCheckHandler)

    assert scene.changes() == before


# What an operator may get wrong


@pytest.mark.parametrize(
    ("place", "name", "fault"),
    [
        (HOME, "another", "nothing is copied"),
        (SOURCE_PLACE, "rds:another", "cannot be the name of a copy"),
        (SOURCE_PLACE, "another", "only under names that end with '-copy'"),
    ],
)
def test_a_copy_is_not_given_a_name_that_does_nothing_or_cannot_be(
    bench: Bench, place: Location, name: str, fault: str
) -> None:
    scene = make_scene(bench, place)

    with pytest.raises(ValidationError, match=fault):
        go(scene, SnapshotCheckHandler, {"target_snapshot_name": name})


def test_the_daily_snapshot_of_a_source_that_was_itself_restored_is_found(bench: Bench) -> None:
    scene = make_scene(bench)
    rds = scene.client("rds", SOURCE_PLACE)
    arn = rds.describe_db_clusters()["DBClusters"][0]["DBClusterArn"]
    rds.add_tags_to_resource(ResourceName=arn, Tags=OWN_TAGS)
    rds.modify_db_cluster(DBClusterIdentifier=SOURCE, CopyTagsToSnapshot=True)
    take_daily(scene, "2026-05-14")

    answer = go(scene, SnapshotCheckHandler, {"date": "2026-05-14"})

    assert answer["body"]["snapshot_name"] == "rds:production-2026-05-14-02-00"


def test_the_latest_is_one_that_the_role_may_share(bench: Bench) -> None:
    scene = make_scene(bench, ELSEWHERE)
    scene.configure_source(role_arn=ROLE, snapshot_name="by-hand-{date}", default_day="latest")
    take_manual(scene, "before-migration")

    answer = go(scene, SnapshotCheckHandler)

    assert answer["body"]["snapshot_name"] == SNAPSHOT


# A paused schedule


def pause(scene: Scene, **more: str) -> Pause:
    made = Pause(restore="staging", by="jane", since="2026-05-15T02:00:00Z", **more)
    PauseStore(scene.bench.store, "staging").write(made)
    return made


def test_a_scheduled_run_of_a_paused_restore_ends_before_it_looks_or_locks(scene: Scene) -> None:
    paused = pause(scene, reason="The release.")
    scene.bench.configure({**scene.document, "source": {"cluster_id": "none", "region": REGION}})

    for _ in range(2):
        answer = go(scene, SnapshotCheckHandler, {"started_by": "schedule"})
        assert answer["statusCode"] == 200
        assert answer["body"]["paused"] is True
        assert answer["body"]["message"] == f"Nothing done. {paused}"

    assert scene.bench.store.load("op-1") is None
    assert lock_holder(scene) is None
    assert scene.bench.audit_trail() == [(STEP, "SUCCESS")] * 2
    assert scene.bench.messages() == []


def test_a_run_that_a_person_starts_takes_no_notice_of_the_pause(scene: Scene) -> None:
    pause(scene)

    answer = go(scene, SnapshotCheckHandler, {"started_by": "jane"})

    assert answer["body"]["snapshot_name"] == SNAPSHOT
    assert "paused" not in answer["body"]
    assert lock_holder(scene) == "op-1"


def test_a_scheduled_run_goes_on_once_the_pause_has_ended(scene: Scene) -> None:
    until = timestamp(scene.bench.clock() + timedelta(hours=1))
    pause(scene, until=until)
    held_back = go(scene, SnapshotCheckHandler, {"started_by": "schedule"})
    scene.bench.advance(3600)

    gone_on = go(scene, SnapshotCheckHandler, {"started_by": "schedule"})

    assert (held_back["body"].get("paused"), gone_on["body"].get("paused")) == (True, None)


def test_a_run_that_has_begun_is_not_held_back_by_a_later_pause(scene: Scene) -> None:
    set_status(scene, SOURCE_ARN, "creating")
    assert go(scene, SnapshotCheckHandler, {"started_by": "schedule"})["statusCode"] == 202
    set_status(scene, SOURCE_ARN, "available")
    pause(scene)
    scene.bench.advance(LONG_ENOUGH)

    answer = go(scene, SnapshotCheckHandler, {"started_by": "schedule"})

    assert answer["body"]["message"] == "Snapshot found successfully"


def test_a_dry_run_says_that_the_schedule_is_paused(scene: Scene) -> None:
    paused = pause(scene)

    body = go(scene, SnapshotCheckHandler, {"dry_run": True})["body"]

    assert str(paused) in body["warnings"]


def test_an_unreadable_pause_ends_a_scheduled_run_and_only_warns_in_a_dry_run(
    scene: Scene,
) -> None:
    unreadable = {"operation_id": "pause#staging", "step": "pause", "until": "soon"}
    scene.bench.store.put(unreadable)

    with pytest.raises(UnreadablePauseError, match="the item pause#staging"):
        go(scene, SnapshotCheckHandler, {"started_by": "schedule"})
    body = go(scene, SnapshotCheckHandler, {"dry_run": True})["body"]

    assert any("the item pause#staging" in warning for warning in body["warnings"])
    assert lock_holder(scene) is None


# After a race that was lost


def redriven(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, *, at_work_until: float, **winner: float
) -> None:
    """The execution was started, lost the target to op-2, which has restored it, and is redriven.

    The moments of the winner are in seconds after that start.
    """
    started = scene.bench.clock()
    moments = {key: timestamp(started + timedelta(seconds=winner[key])) for key in winner}
    scene.make_target(tags=[OWN_TAGS[0], {"Key": TAG_OPERATION, "Value": "op-2"}])
    end = started + timedelta(seconds=at_work_until)
    scene.bench.store.save("op-2", "archive-snapshot", "SUCCESS", moments, end)
    scene.bench.advance(LONG_ENOUGH)
    monkeypatch.setattr(
        scene.bench.clients.step_functions,
        "describe_execution",
        lambda **_: {"status": "RUNNING", "startDate": started},
    )
    scene.bench.redrive_count = 1


@pytest.mark.parametrize(
    "winner", [{"handed_over_at": 3600}, {"handed_over_at": -30}, {"switched_at": 600}]
)
def test_a_redriven_execution_does_not_replace_what_the_winner_of_its_race_has_restored(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, winner: dict[str, float]
) -> None:
    redriven(scene, monkeypatch, at_work_until=3700, operation_started_at=-60, **winner)

    with pytest.raises(SupersededError, match="op-2, which was at work on it when this one began"):
        go(scene, SnapshotCheckHandler)


@pytest.mark.parametrize(("at_work_until", "winner"), [(3700, {}), (-10, {"handed_over_at": -30})])
def test_a_redriven_execution_replaces_what_nobody_has_refreshed_meanwhile(
    scene: Scene,
    monkeypatch: pytest.MonkeyPatch,
    at_work_until: float,
    winner: dict[str, float],
) -> None:
    redriven(scene, monkeypatch, at_work_until=at_work_until, operation_started_at=-60, **winner)

    assert go(scene, SnapshotCheckHandler)["statusCode"] == 200


def test_an_operation_is_not_superseded_by_itself(scene: Scene) -> None:
    began = scene.bench.clock()
    scene.make_target(tags=[OWN_TAGS[0], {"Key": TAG_OPERATION, "Value": "op-1"}])
    own = {"operation_started_at": timestamp(began), "handed_over_at": timestamp(began)}
    scene.bench.store.save("op-1", "hand-over", "SUCCESS", own, began + timedelta(hours=1))

    assert go(scene, SnapshotCheckHandler)["statusCode"] == 200
