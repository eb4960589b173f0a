"""The notice of a success: what serves now, and how it came about."""

from typing import Any

from aurora_restore.shared.later_operation import LaterOperation
from tests.unit.shared.notices import HANDED_OVER, RESTORED, section, success_of

COMPLETE: dict[str, Any] = {
    **HANDED_OVER,
    "cluster_endpoint": "my-cluster.cluster-xyz.us-west-2.rds.amazonaws.com",
    "cluster_port": 5432,
    "scripts": [
        {"path": "sql/mask.sql", "database": "app", "sha256": "0" * 64, "seconds": 1.5},
        {"path": "sql/roles.sql", "database": "app", "sha256": "0" * 64, "seconds": 75},
    ],
    "masking": {
        "columns": [{"database": "app", "masked": 3, "originals": 300}],
        "personal_data": [{"database": "app", "columns": 12}],
        "checks": [{"database": "app", "name": "no real address", "rows": 0}],
    },
    "wiring_removed": {"subscriptions": {"count": 1, "names": ["follows in shop"]}},
    "wiring_kept": {"cron_jobs": {"count": 1, "names": ["1 nightly of etl in postgres"]}},
    "drift": [{"setting": "StorageType", "wanted": "aurora-iopt1", "found": None}],
    "route": "copied to the target's Region",
    "copy_snapshot_id": "tuesday-copy",
    "also_used_by": ["orders", "shop"],
    "deleted_snapshots": ["monday"],
    "switched_at": None,
}
NOTICE = """\
Aurora restore completed successfully: my-cluster (restore staging of
aurora-restore).

THE TARGET NOW
  my-cluster serves the new data: it was handed over at 2026-05-16 03:55:00
  UTC.

  The databases of my-cluster are set up: all 2 scripts have run, and the
  checks of the masking have passed.

  The master user and the application's users can log in, with their secrets.

  2 inherited logins are disabled.

  - Restored cluster's endpoint:
    my-cluster.cluster-xyz.us-west-2.rds.amazonaws.com:5432

ITS DATA
  - Snapshot:
    arn:aws:rds:us-east-1:123456789012:cluster-snapshot:rds:production
  - Taken at 2026-05-15 02:00:00 UTC: 26 h 00 min old
  - Route: copied to the target's Region
  - Copy: tuesday-copy, also used by orders, shop
  - Copies deleted by the retention: monday

SCRIPTS AND CHECKS
  - 2 scripts have run
  - sql/mask.sql in database app, 2 s
  - sql/roles.sql in database app, 1 min 15 s

  - Columns by treatment, and originals compared: database app: masked 3,
    originals 300
  - Searched for personal data: database app: columns 12
  - 1 check has found nothing
  - no real address, in database app

WHAT TIED IT TO PRODUCTION
  - Disabled logins: 2 (analyst, etl)
  - Removed: subscriptions: 1 (follows in shop)
  - Kept, as configured: cron jobs: 1 (1 nightly of etl in postgres)

WHERE IT DIFFERS FROM WHAT IT SHOULD BE
  - StorageType: wanted aurora-iopt1, found none

THE STEPS
  - snapshot-check: 5 s
  - copy-snapshot: 55 s, 2 calls, 1 failed
  - check-copy-status: 8 min 00 s, 2 calls

APPROXIMATE COST
  - State transitions: less than 0.01 USD (14 transitions)
  - Functions: less than 0.01 USD (5 calls)
  - Together: less than 0.01 USD, without the restored cluster itself
  - By list prices of us-east-1 in November 2026, without logs, tables, I/O,
    the network and taxes: an estimate, not a bill

THE OPERATION
  - Operation: op-1
  - Started at 2026-05-16 03:00:00 UTC, took 1 h 00 min"""


def event(step: str, status: str, at: str, **details: Any) -> dict[str, Any]:
    moment = f"2026-05-16T{at}.000000Z"
    return {"step": step, "status": status, "timestamp": moment, "details": details}


AUDIT = (
    event("snapshot-check", "SUCCESS", "03:00:05"),
    event("copy-snapshot", "FAILED", "03:00:20"),
    event("copy-snapshot", "SUCCESS", "03:01:00"),
    event("check-copy-status", "IN_PROGRESS", "03:01:01", retry_after=15),
    event("setup-db-users", "REFUSED", "03:01:02"),
    event("check-copy-status", "SUCCESS", "03:09:00"),
)


def test_a_success_tells_the_whole_story() -> None:
    notice = success_of(COMPLETE, audit=AUDIT)

    assert (
        notice.subject == "aurora-restore staging: success - my-cluster has the data of 2026-05-15"
    )
    assert notice.text == NOTICE


def test_what_a_step_appends_while_it_works_is_no_call_of_it() -> None:
    audit = (
        event("setup-db-users", "IN_PROGRESS", "03:00:10", message="A script has run"),
        event("setup-db-users", "IN_PROGRESS", "03:00:20", retry_after=1),
        event("setup-db-users", "SUCCESS", "03:00:30"),
    )

    assert section(success_of(COMPLETE, audit=audit), "The steps") == (
        "- setup-db-users: 30 s, 2 calls"
    )


def test_a_notice_says_who_has_started_the_operation() -> None:
    notice = success_of({**COMPLETE, "started_by": "schedule aurora-restore-staging"})

    assert (
        "Started at 2026-05-16 03:00:00 UTC by schedule aurora-restore-staging, took 1 h 00 min"
        in section(notice, "The operation")
    )


def test_what_a_person_has_asked_for_is_no_step() -> None:
    asked = event("rerun", "REQUESTED", "03:05:00", started_by="arn:aws:iam::1:user/ada")
    audit = (*AUDIT[:-1], asked, AUDIT[-1])

    steps = section(success_of(COMPLETE, audit=audit), "The steps")

    assert "rerun" not in steps
    assert "- check-copy-status: 8 min 00 s, 2 calls" in steps


def test_a_replaced_target_was_gone_from_its_deletion_to_the_hand_over() -> None:
    deleted = event("delete-rds", "SUCCESS", "03:10:00")
    again = event("delete-rds", "SUCCESS", "03:30:00")

    said = section(success_of(COMPLETE, audit=(*AUDIT, deleted, again)), "The operation")

    assert (
        "- Interruption: 45 min 00 s, from the deletion of the old cluster to the hand-over of the "
        "new one"
    ) in said


def test_who_deleted_nothing_has_interrupted_nothing() -> None:
    looked = event("delete-rds", "SUCCESS", "03:10:00")

    kept = {**COMPLETE, "deletion_of": None}

    said = section(success_of(kept, audit=(*AUDIT, looked)), "The operation")

    assert "Interruption" not in said


def test_a_warning_comes_first() -> None:
    notice = success_of(COMPLETE, warnings=("no script masks the data",))

    assert notice.text.split("\n\n")[1] == "WARNINGS\n  - no script masks the data"


def test_a_switch_says_for_how_long_it_interrupted() -> None:
    switched = {
        **COMPLETE,
        "sequence": "switch",
        "switched_at": "2026-05-16T03:59:00.000000Z",
        "interruption_seconds": 42.5,
        "unanswered_seconds": 61.0,
        "retired_cluster_id": "my-cluster-old",
        "retired_until": "2026-05-17T03:59:00.000000Z",
    }

    notice = success_of(switched)

    assert "Interruption by the switch: at most 42.5 s" in section(notice, "The operation")
    assert "until a log-in succeeded: at most 61 s" in section(notice, "The operation")
    assert "what served before is my-cluster-old" in section(notice, "The target now")


def test_a_success_that_is_no_refresh_says_what_it_is() -> None:
    retired = {**RESTORED, "sequence": "retire", "deleted_beside": {"my-cluster-old": "deleted"}}

    notice = success_of(retired)

    assert notice.subject == "aurora-restore staging: success - old clusters deleted"
    assert "my-cluster-old: deleted" in section(notice, "The target now")


def test_a_success_in_the_past_does_not_say_that_the_target_still_has_its_data() -> None:
    later = LaterOperation(id="op-2", refreshed_at="2026-05-17T04:00:00.000000Z")

    notice = success_of(COMPLETE, later=later)

    assert notice.subject == "aurora-restore staging: success - has other data now"
    assert (
        "Operation op-2 has given my-cluster other data, at 2026-05-17 04:00:00 UTC." in notice.gist
    )
    assert "serves the new data" not in notice.text
