"""What the doctor concludes from facts."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aurora_restore.cli.doctor.code import decide_code, decide_functions
from aurora_restore.cli.doctor.hooks import decide_hook
from aurora_restore.cli.doctor.messages import (
    AlarmFacts,
    TopicSubscription,
    decide_alarms,
    decide_dead_letters,
    decide_failure_rule,
    decide_subscriptions,
)
from aurora_restore.cli.doctor.past import decide_last_run, decide_snapshots, last_refreshes
from aurora_restore.cli.doctor.schedules import decide_schedule
from aurora_restore.cli.executions import Execution
from aurora_restore.cli.findings import Level, Observation
from aurora_restore.cli.starters import Starter
from aurora_restore.shared.documents.hooks import HookFunction
from aurora_restore.shared.documents.restore import Restore
from aurora_restore.shared.documents.schedule import Schedule
from aurora_restore.shared.names import TAG_MANAGED_BY
from tests.unit.cli.doctor.given import restore

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
TOPIC = "arn:aws:sns:eu-central-1:222222222222:aurora-restore-notifications"
DAILY = "cron(0 4 * * ? *)"


def starter(
    schedule: Schedule | None = None,
    *,
    retires: bool = False,
    is_held_back: bool = True,
    is_rule: bool = False,
) -> Starter:
    """What starts the restore ``orders``."""
    return Starter(
        name="rule mine" if is_rule else "schedule orders.refresh",
        is_rule=is_rule,
        schedule=schedule or Schedule(expression=DAILY),
        restore="orders",
        retires=retires,
        is_held_back=is_held_back,
        dead_letters=None,
    )


def levels(found: Iterable[Observation]) -> list[Level]:
    """The levels of findings. Each problem has a remedy."""
    listed = list(found)
    assert all(each.remedy for each in listed if each.level is Level.PROBLEM)
    return [each.level for each in listed]


class TestHooks:
    HOOK = HookFunction(
        function="arn:aws:lambda:eu-central-1:222222222222:function:migrate", timeout_seconds=60
    )

    @pytest.mark.parametrize(
        ("found", "level", "said"),
        [
            (None, Level.PROBLEM, "there is no such function"),
            (
                {"State": "Failed", "StateReason": "No image.", "Timeout": 3},
                Level.PROBLEM,
                "No image.",
            ),
            ({"State": "Inactive", "Timeout": 3}, Level.PROBLEM, "gives no reason"),
            ({"State": "Active", "Timeout": 61}, Level.WARNING, "61 seconds"),
            ({"State": "Active", "Timeout": 60}, Level.OK, "can be called"),
        ],
    )
    def test_a_function_that_cannot_be_called_in_time_is_named(
        self, found: Any, level: Level, said: str
    ) -> None:
        observation = decide_hook("hooks.after_setup of orders", self.HOOK, found)
        assert levels([observation]) == [level]
        assert "hooks.after_setup of orders" in observation.text
        assert said in observation.text


class TestSchedules:
    """Whether a restore starts by itself."""

    SCHEDULED = restore(schedule=Schedule(expression=DAILY))

    def test_the_next_start_is_named_in_its_time_zone(self) -> None:
        tokyo = Schedule(expression=DAILY, time_zone="Asia/Tokyo")

        (found,) = decide_schedule("orders", self.SCHEDULED, [starter()], NOW)
        (there,) = decide_schedule("orders", restore(schedule=tokyo), [starter(tokyo)], NOW)

        assert (found.level, found.text) == (
            Level.OK,
            "orders starts next at 2026-04-01 04:00 UTC.",
        )
        assert (there.level, there.text) == (
            Level.OK,
            "orders starts next at 2026-04-01 04:00 Asia/Tokyo (2026-03-31 19:00 UTC).",
        )

    @pytest.mark.parametrize(
        ("configured", "starters", "level"),
        [
            (SCHEDULED, [], Level.PROBLEM),
            (SCHEDULED, [starter(Schedule(expression=DAILY, enabled=False))], Level.PROBLEM),
            (SCHEDULED, [starter(Schedule(expression="cron(0 5 * * ? *)"))], Level.WARNING),
            (
                SCHEDULED,
                [starter(Schedule(expression=DAILY, time_zone="Asia/Tokyo"))],
                Level.WARNING,
            ),
            (restore(), [], Level.OK),
            (restore(), [starter()], Level.WARNING),
            (restore(), [starter(is_rule=True)], Level.WARNING),
            (
                restore(schedule=Schedule(expression=DAILY, enabled=False)),
                [starter(Schedule(expression=DAILY, enabled=False))],
                Level.WARNING,
            ),
        ],
        ids=[
            "none deployed",
            "disabled",
            "another time",
            "another zone",
            "by hand",
            "left over",
            "own rule",
            "configured so",
        ],
    )
    def test_a_schedule_is_compared_with_the_configuration(
        self, configured: Restore, starters: list[Starter], level: Level
    ) -> None:
        assert levels(decide_schedule("orders", configured, starters, NOW)) == [level]

    def test_a_rule_of_an_older_version_beside_the_schedule_is_named(self) -> None:
        left = starter(is_rule=True)
        disabled = starter(Schedule(expression=DAILY, enabled=False), is_rule=True)

        found = list(decide_schedule("orders", self.SCHEDULED, [starter(), left, disabled], NOW))

        assert levels(found) == [Level.OK, Level.WARNING]
        assert found[1].text.startswith("Rule mine starts orders beside its schedule: cron(0 4")
        only = list(decide_schedule("orders", self.SCHEDULED, [left], NOW))
        assert levels(only) == [Level.PROBLEM, Level.WARNING]

    def test_what_no_pause_holds_back_is_a_problem_while_it_is_enabled(self) -> None:
        own = starter(is_held_back=False)
        disabled = starter(Schedule(expression=DAILY, enabled=False), is_held_back=False)

        found = list(decide_schedule("orders", self.SCHEDULED, [own], NOW))

        assert levels(found) == [Level.OK, Level.PROBLEM]
        assert found[1].text == (
            "No pause holds back what schedule orders.refresh starts: its input does not have "
            '"started_by": "schedule".'
        )
        assert len(list(decide_schedule("orders", self.SCHEDULED, [disabled], NOW))) == 1

    def test_a_switched_target_needs_the_schedule_that_retires(self) -> None:
        switched = restore(strategy="switch")

        assert levels(decide_schedule("orders", switched, [], NOW)) == [Level.OK, Level.PROBLEM]
        with_schedule = decide_schedule("orders", switched, [starter(retires=True)], NOW)
        assert levels(with_schedule) == [Level.OK, Level.OK]

    def test_a_schedule_that_is_over_is_named(self) -> None:
        past = Schedule(expression="cron(0 4 * * ? 2025)")

        (found,) = decide_schedule("orders", restore(schedule=past), [starter(past)], NOW)

        assert (found.level, "never starts again" in found.text) == (Level.WARNING, True)


class TestMessages:
    """Whether a failure reaches a person."""

    def test_an_unconfirmed_address_is_named(self) -> None:
        found = list(
            decide_subscriptions(
                "topic",
                [
                    TopicSubscription("email", "a@example.com", is_confirmed=False),
                    TopicSubscription("email", "b@example.com", is_confirmed=True),
                ],
            )
        )

        assert levels(found) == [Level.PROBLEM, Level.OK]
        assert "a@example.com" in found[0].text
        assert "a@example.com" not in found[1].text

    def test_a_topic_of_nobody_is_a_problem(self) -> None:
        assert levels(decide_subscriptions("topic", [])) == [Level.PROBLEM]

    @pytest.mark.parametrize(
        ("alarm", "expected"),
        [
            ({}, [Level.OK]),
            ({"acts": False}, [Level.PROBLEM]),
            ({"actions": frozenset({"arn:aws:sns:::other"})}, [Level.PROBLEM]),
            ({"is_raised": True}, [Level.WARNING, Level.OK]),
        ],
        ids=["wired", "disabled", "elsewhere", "raised"],
    )
    def test_an_alarm_must_go_to_the_topic(
        self, alarm: dict[str, Any], expected: list[Level]
    ) -> None:
        facts = {"acts": True, "is_raised": False, "actions": frozenset({TOPIC}), **alarm}

        found = decide_alarms("aurora-restore", TOPIC, [AlarmFacts(name="failed", **facts)])

        assert levels(found) == expected

    def test_no_alarm_is_a_problem(self) -> None:
        assert levels(decide_alarms("aurora-restore", TOPIC, [])) == [Level.PROBLEM]

    def test_undelivered_events_are_counted(self) -> None:
        found = list(decide_dead_letters({"a": 0, "b": 1}))

        assert levels(found) == [Level.OK, Level.PROBLEM]
        assert found[1].text.startswith("1 event could not be delivered")
        assert levels(decide_dead_letters({})) == [Level.PROBLEM]

    @pytest.mark.parametrize(
        ("enabled", "level"),
        [([True], Level.OK), ([False], Level.PROBLEM), ([], Level.PROBLEM)],
    )
    def test_failures_must_be_reported_by_a_rule(self, enabled: list[bool], level: Level) -> None:
        assert levels([decide_failure_rule(enabled)]) == [level]


class TestPast:
    """What the last runs and the snapshots mean."""

    @staticmethod
    def execution(status: str, **fields: Any) -> Execution:
        """An execution that ended an hour ago."""
        return Execution(
            **{
                "arn": "arn:aws:states:eu-central-1:222222222222:execution:pipeline:op-1",
                "status": status,
                "started": NOW - timedelta(hours=2),
                "ended": NOW - timedelta(hours=1),
                "given": {"restore": "orders"},
                **fields,
            }
        )

    @pytest.mark.parametrize(
        ("status", "level"),
        [
            ("SUCCEEDED", Level.OK),
            ("RUNNING", Level.OK),
            ("PENDING_REDRIVE", Level.OK),
            ("ABORTED", Level.WARNING),
            ("FAILED", Level.PROBLEM),
            ("TIMED_OUT", Level.PROBLEM),
        ],
    )
    def test_the_last_run_counts(self, status: str, level: Level) -> None:
        found = decide_last_run("orders", restore(), self.execution(status), NOW)

        assert found.level is level
        assert "op-1" in found.text
        assert level in (Level.OK,) or found.remedy == "aurora-restore explain op-1"

    def test_a_scheduled_restore_that_never_ran_is_a_warning(self) -> None:
        scheduled = restore(schedule=Schedule(expression=DAILY))

        assert decide_last_run("orders", scheduled, None, NOW).level is Level.WARNING
        assert decide_last_run("orders", restore(), None, NOW).level is Level.OK

    def test_dry_runs_retirements_and_starts_that_were_held_back_are_no_refreshes(self) -> None:
        dry = self.execution("FAILED", given={"restore": "orders", "dry_run": True})
        retired = self.execution("FAILED", given={"restore": "orders", "retire": True})
        held_back = replace(self.execution("SUCCEEDED"), is_held_back=True)
        real = self.execution("SUCCEEDED")

        found = last_refreshes(
            iter([dry, retired, held_back, real, self.execution("FAILED")]), {"orders"}, None
        )

        assert found == {"orders": real}

    def test_an_execution_without_a_name_is_of_the_only_restore(self) -> None:
        unnamed = self.execution("SUCCEEDED", given={})

        assert last_refreshes(iter([unnamed]), {"orders"}, "orders") == {"orders": unnamed}

    @pytest.mark.parametrize(
        ("hours", "day", "level"),
        [
            (25, "today", Level.OK),
            (27, "today", Level.PROBLEM),
            (27, "yesterday", Level.OK),
            (51, "yesterday", Level.PROBLEM),
        ],
    )
    def test_the_newest_snapshot_must_be_of_the_day(
        self, hours: int, day: str, level: Level
    ) -> None:
        taken = [
            {"Status": "available", "SnapshotCreateTime": NOW - timedelta(hours=hours + more)}
            for more in (0, 24)
        ]

        assert decide_snapshots("orders", restore(day=day), taken, NOW).level is level

    @pytest.mark.parametrize(
        "snapshot",
        [
            {"Status": "creating"},
            {"Status": "failed", "SnapshotCreateTime": NOW},
            {
                "Status": "available",
                "SnapshotCreateTime": NOW,
                "SnapshotType": "manual",
                "TagList": [{"Key": TAG_MANAGED_BY, "Value": "aurora-restore"}],
            },
        ],
        ids=["creating", "failed", "a copy"],
    )
    def test_only_an_available_snapshot_of_the_source_counts(
        self, snapshot: dict[str, Any]
    ) -> None:
        assert decide_snapshots("orders", restore(), [snapshot], NOW).level is Level.PROBLEM


class TestFunctions:
    """Whether the functions are there, and which code they run."""

    def test_a_missing_and_an_unusable_function_are_named(self) -> None:
        found = list(
            decide_functions(
                {"a": None, "b": {"State": "Failed", "StateReason": "no key"}, "c": {}}
            )
        )

        assert levels(found) == [Level.PROBLEM, Level.PROBLEM]
        assert "no key" in found[1].text

    @pytest.mark.parametrize(
        ("digests", "expected"),
        [
            ({"a": "1", "b": "1"}, [Level.OK]),
            ({"a": "1", "b": "2"}, [Level.PROBLEM]),
            ({"a": "2", "b": "2"}, [Level.WARNING]),
            ({"a": "", "b": ""}, [Level.WARNING]),
            ({}, []),
        ],
        ids=["this", "mixed", "other", "not recorded", "none"],
    )
    def test_the_deployed_code_is_compared_with_this(
        self, digests: dict[str, str], expected: list[Level]
    ) -> None:
        assert levels(decide_code(digests, "1")) == expected
