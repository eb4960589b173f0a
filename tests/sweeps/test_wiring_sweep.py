"""A copy that is tied to production: the step that unties it may die at any statement of that."""

from collections.abc import Iterator

import pytest

from tests.sweeps.report import Record, record_line
from tests.sweeps.sql_stage import SqlStage, wired_stage
from tests.sweeps.sql_sweep import DISTURBANCES, IN_A_SCRIPT, SqlSweep


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlStage]:
    with wired_stage(tmp_path_factory.mktemp("cluster")) as made:
        yield made


@pytest.fixture(scope="module")
def sweep(stage: SqlStage) -> SqlSweep:
    made = SqlSweep(stage, part="neutralise")
    made.begin()
    return made


def test_undisturbed_it_leaves_nothing_that_ties_the_copy_to_production(sweep: SqlSweep) -> None:
    end = sweep.expected
    assert [end["wiring in app"], end["wiring in reports"]] == [[], []]
    assert end["jobs"] == [[1, "postgres", False], [2, "etl", False]]
    ((_, _, state),) = [each for each in end["state"] if each[0] == "setup-db-users"]
    assert {kind: found["names"] for kind, found in state["wiring_removed"].items()} == {
        "cron_jobs": [
            "1 nightly of postgres in postgres",
            "2 of etl of etl in postgres",
        ],
        "replication_slots": ["cdc in app"],
        "subscriptions": ["first in app", "second in reports"],
        "user_mappings": ["PUBLIC at production in app", "app_user at production in app"],
    }


@pytest.mark.parametrize("points", [each for each in DISTURBANCES if each != IN_A_SCRIPT])
def test_disturbed_anywhere_nothing_reaches_production_and_the_next_call_unties_the_copy(
    sweep: SqlSweep, points: str, record_property: Record
) -> None:
    disturbed = sweep.disturb(points)
    record_line(record_property, f"neutralising in PostgreSQL: {disturbed.points} {points}")
    assert not disturbed.broken, "\n".join(disturbed.broken)
