"""publish-metrics and show-dashboard: what is known of every restore, as numbers and as a table."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree.ElementTree import Element, fromstring

import pytest

from aurora_restore.lambdas.publish_metrics import MetricsPublisher
from aurora_restore.lambdas.show_dashboard import DESCRIPTION, DashboardRenderer
from aurora_restore.shared.common import timestamp
from aurora_restore.shared.errors import CorruptStateError
from aurora_restore.shared.monitoring.run_record import RunRecord, RunRecordStore
from aurora_restore.shared.pause import Pause, PauseStore
from tests.unit.bench import APP_PASSWORD, MASTER_PASSWORD, RESTORE, Bench
from tests.unit.lambdas.midway import OPERATION
from tests.unit.lambdas.test_sns_notification import came_to, execution

DAILY = {"expression": "cron(0 4 * * ? *)"}
LAST = datetime(2026, 5, 15, 4, tzinfo=UTC)
"""The last start before the bench's clock begins, at 03:00 of the next day."""
HOUR = timedelta(hours=1)


@pytest.fixture
def watched(bench: Bench) -> Bench:
    bench.configure({**RESTORE, "schedule": DAILY})
    return bench


def ran(bench: Bench, started: datetime, outcome: str = "succeeded", **more: Any) -> None:
    took = more.pop("took", HOUR)
    RunRecordStore(bench.store, more.get("restore", "staging")).write(
        RunRecord(
            **{
                "restore": "staging",
                "operation": f"op-{started:%d}",
                "outcome": outcome,
                "started_at": timestamp(started),
                "ended_at": timestamp(started + took),
                "schedule": f"{DAILY['expression']} in UTC",
                "target": "serves the new data",
                **more,
            }
        )
    )


def later_than_now(bench: Bench, by: timedelta) -> None:
    """Set the clock: what Step Functions says of executions is in the time of this machine."""
    bench.advance((datetime.now(UTC) + by - bench.clock()).total_seconds())


def publish(bench: Bench, capsys: pytest.CaptureFixture[str]) -> dict[tuple[str, str], float]:
    """What is published, by metric and restore; one of all restores has an empty name."""
    capsys.readouterr()
    MetricsPublisher(clients=bench.clients, environment=bench.environment, clock=bench.clock)(
        {}, bench.context
    )
    return dict(_published(capsys.readouterr().out))


def _published(log: str) -> Iterator[tuple[tuple[str, str], float]]:
    for line in log.splitlines():
        found = json.loads(line)
        for directive in found.get("_aws", {}).get("CloudWatchMetrics", []):
            (names,) = directive["Dimensions"]
            assert directive["Namespace"] == "AuroraRestore"
            assert set(names) in ({"service"}, {"service", "restore"})
            for metric in directive["Metrics"]:
                (value,) = found[metric["Name"]]
                yield (
                    (metric["Name"], found.get("restore", "") if "restore" in names else ""),
                    value,
                )


def show(bench: Bench, event: Mapping[str, Any] | None = None) -> str:
    renderer = DashboardRenderer(
        clients=bench.clients, environment=bench.environment, clock=bench.clock
    )
    return renderer(event or {"widgetContext": {"theme": "light"}}, bench.context)


def parsed(page: str) -> Element:
    """The table as elements."""
    return fromstring(page)  # noqa: S314 - this repository's own output


def rows(bench: Bench) -> list[list[str]]:
    """The cells of the table, each with its two lines."""
    page = parsed(show(bench))
    return [[" | ".join(cell.itertext()) for cell in row] for row in page.findall(".//tbody/tr")]


def row(bench: Bench) -> dict[str, str]:
    """The cells of the only row by the name of their column."""
    page = parsed(show(bench))
    names = [str(each.text) for each in page.findall(".//thead/tr/th")]
    (found,) = rows(bench)
    return dict(zip(names, found, strict=True))


# The metrics


def test_what_is_fine_has_values_too(watched: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(5):
        ran(watched, LAST - timedelta(days=number))

    assert publish(watched, capsys) == {
        ("OverdueHours", "staging"): 0,
        ("OverdueHours", ""): 0,
        ("DurationRatio", "staging"): 1,
        ("DurationRatio", ""): 1,
        ("RestoresWatched", ""): 1,
    }


def test_a_restore_that_has_not_succeeded_in_time_is_overdue(
    watched: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    ran(watched, LAST - timedelta(days=1))
    ran(watched, LAST, "failed")

    assert publish(watched, capsys)["OverdueHours", "staging"] == 21


def test_a_restore_without_a_schedule_has_no_hours(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    assert publish(bench, capsys) == {("RestoresWatched", ""): 1}


def test_a_paused_restore_is_not_overdue(
    watched: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    ran(watched, LAST - timedelta(days=9))
    PauseStore(watched.store, "staging").write(
        Pause(restore="staging", by="jane", since="2026-05-07T02:00:00Z")
    )

    assert publish(watched, capsys)["OverdueHours", "staging"] == 0


def test_a_run_that_takes_very_long_shows_while_it_is_under_way(
    watched: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(1, 5):
        ran(watched, LAST - timedelta(days=number))
    execution(watched, status="RUNNING", name=OPERATION)
    came_to(watched, "copy-snapshot")
    later_than_now(watched, 5 * HOUR)

    assert publish(watched, capsys)["DurationRatio", "staging"] == pytest.approx(5, abs=0.01)


def test_an_item_that_cannot_be_read_hides_no_other_restore(
    watched: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    watched.configure({**RESTORE, "schedule": DAILY}, name="testing")
    ran(watched, LAST, restore="testing")
    watched.store.put({"operation_id": "runs#staging", "step": "2026", "outcome": "fine"})
    publisher = MetricsPublisher(
        clients=watched.clients, environment=watched.environment, clock=watched.clock
    )

    with pytest.raises(CorruptStateError, match="nothing is known of staging"):
        publisher({}, watched.context)

    published = dict(_published(capsys.readouterr().out))
    assert published["OverdueHours", "testing"] == 0
    assert published["RestoresWatched", ""] == 1


# The table


def test_the_table_says_what_a_person_asks_first(watched: Bench) -> None:
    ran(
        watched,
        LAST,
        snapshot_created_at="2026-05-15T02:00:00.000000Z",
        gone_since_at="2026-05-15T04:20:00.000000Z",
        handed_over_at="2026-05-15T04:50:00.000000Z",
        drift=2,
    )

    assert row(watched) == {
        "Restore": "staging | fine",
        "Last success": "22 h 00 min ago | 2026-05-15 05:00 UTC",
        "Age of data": "25 h 00 min | snapshot of 2026-05-15 02:00 UTC",
        "Target": "serves the new data | my-cluster",
        "Duration": "1 h 00 min",
        "Drift": "2 settings differ | op-15",
        "Interruption": "30 min 00 s",
        "Next start": "in 1 h 00 min | 2026-05-16 04:00 UTC",
    }


def test_an_interruption_that_began_in_an_earlier_run_counts_from_there(watched: Bench) -> None:
    gone = "2026-05-14T04:20:00.000000Z"
    ran(watched, LAST - timedelta(days=1), "failed", gone_since_at=gone)
    handed_over = "2026-05-15T04:50:00.000000Z"
    ran(watched, LAST, gone_since_at="2026-05-15T04:10:00.000000Z", handed_over_at=handed_over)

    assert row(watched)["Interruption"] == "24 h 30 min"


def test_a_failure_is_said_with_its_step_and_its_error(watched: Bench) -> None:
    ran(watched, LAST - timedelta(days=1))
    ran(
        watched,
        LAST,
        "failed",
        target="in quarantine",
        failed_at="setup-db-users",
        error_type="ScriptError",
    )

    found = row(watched)

    assert found["Restore"] == "staging | overdue"
    assert found["Last success"] == "overdue by 21 h 00 min | 46 h 00 min ago, 2026-05-14 05:00 UTC"
    assert found["Target"] == (
        "in quarantine | my-cluster: the last run failed at setup-db-users with ScriptError, "
        "22 h 00 min ago"
    )


def test_a_restore_that_never_ran_has_a_row(bench: Bench) -> None:
    found = row(bench)

    assert found["Restore"] == "staging | never refreshed"
    assert found["Last success"] == "never | no run has succeeded"
    assert found["Next start"] == "by hand only | it has no schedule"


def test_a_pause_is_said_with_its_reason(watched: Bench) -> None:
    ran(watched, LAST)
    PauseStore(watched.store, "staging").write(
        Pause(
            restore="staging",
            by="jane",
            since="2026-05-15T02:00:00Z",
            reason="The release.",
            until="2026-05-18T00:00:00Z",
        )
    )

    found = row(watched)

    assert found["Restore"] == "staging | paused"
    assert found["Next start"] == "paused | until 2026-05-18 00:00 UTC: The release."


def test_a_run_under_way_is_said(watched: Bench) -> None:
    execution(watched, status="RUNNING", name=OPERATION)
    came_to(watched, "copy-snapshot")
    later_than_now(watched, 2 * HOUR)

    found = row(watched)["Target"]

    assert found.startswith("run under way for 2 h 00 min | my-cluster, operation op-1")


def test_the_most_urgent_restores_come_first(watched: Bench) -> None:
    for name in ("alpha", "beta", "gamma"):
        watched.configure({**RESTORE, "schedule": DAILY}, name=name)
    for name in ("alpha", "gamma", "staging"):
        ran(watched, LAST, restore=name)
    ran(watched, LAST - timedelta(days=3), restore="beta")
    ran(watched, LAST + HOUR, "failed", restore="gamma")
    watched.store.put({"operation_id": "runs#staging", "step": "2026", "outcome": "fine"})

    assert [each[0] for each in rows(watched)] == [
        "staging | unreadable",
        "beta | overdue",
        "gamma | failed",
        "alpha | fine",
    ]
    assert "4 restores: 1 unreadable, 1 overdue, 1 failed, 1 fine." in show(watched)


def test_no_value_is_read_as_html_and_no_control_character_stays(watched: Bench) -> None:
    reason = "<script>alert(1)</script>&<b>"
    PauseStore(watched.store, "staging").write(
        Pause(restore="staging", by="jane", since="2026-05-15T02:00:00Z", reason=reason)
    )
    ran(watched, LAST, target="<img src=x onerror=alert(1)>\x1b[2J\u202e")

    page = show(watched)

    assert "<script" not in page
    assert "<img" not in page
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert f"until it is unpaused: {reason}" in row(watched)["Next start"]


def test_the_table_has_no_script_and_no_secret(watched: Bench) -> None:
    ran(watched, LAST)
    page = parsed(show(watched))

    assert {each.tag for each in page.iter()} == {
        *("div", "style", "p", "table", "thead", "tbody", "tr", "th", "td", "span")
    }
    assert {name for each in page.iter() for name in each.attrib} == {"class", "scope"}
    assert MASTER_PASSWORD not in show(watched)
    assert APP_PASSWORD not in show(watched)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_follows_the_theme_of_the_console(watched: Bench, theme: str) -> None:
    page = parsed(show(watched, {"widgetContext": {"theme": theme}}))

    assert theme in str(page.get("class")).split()


def test_who_adds_the_widget_is_given_its_documentation(bench: Bench) -> None:
    assert show(bench, {"describe": True}) == DESCRIPTION


def test_the_functions_change_nothing(watched: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    ran(watched, LAST)
    called: set[str] = set()
    for client in (watched.clients.dynamodb, watched.clients.ssm, watched.clients.step_functions):
        client.meta.events.register(
            "before-call", lambda model, **_: called.add(model.name), unique_id="watch"
        )
    try:
        publish(watched, capsys)
        show(watched)
    finally:
        for client in (
            watched.clients.dynamodb,
            watched.clients.ssm,
            watched.clients.step_functions,
        ):
            client.meta.events.unregister("before-call", unique_id="watch")

    assert called <= {"Query", "GetParametersByPath", "DescribeExecution"}
    assert "Query" in called
