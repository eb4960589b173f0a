"""The step that speaks SQL may die, or lose its connection, at any statement."""

import re
from collections.abc import Iterator

import pytest

from tests.sweeps.report import Record, record_line
from tests.sweeps.sql_stage import SqlStage, sql_stage
from tests.sweeps.sql_sweep import DISTURBANCES, SqlSweep


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlStage]:
    with sql_stage(tmp_path_factory.mktemp("cluster")) as made:
        yield made


@pytest.fixture(scope="module")
def sweep(stage: SqlStage) -> SqlSweep:
    # What ties a copy to production is disturbed where there is something: see test_wiring_sweep.
    made = SqlSweep(stage, left_out="neutralise")
    made.begin()
    return made


def test_undisturbed_it_does_all_its_work_once(sweep: SqlSweep) -> None:
    end = sweep.expected
    assert end["who gets in"] == {
        "monitoring": True,
        "etl": False,
        "the former application": False,
        "the application": True,
        "the reader": True,
    }
    assert [group for _, group, row in end["roles"] if row.startswith("(app_user,")] == []
    assert end["sessions"] == ["monitoring"]
    assert end["app: ledger"] == ['("fixture 1")', '("mask; or so")']
    assert end["app: customers"] == [f"({100 + n},masked{n})" for n in range(1, 6)]
    assert end['app: "Odd Schema"."odd ""table"'] == ["(1,real)", "(51,real)"]
    assert end["reports: ledger"] == ["(mask)"]
    assert end["app: mailing"] == [f"(masked{n})" for n in range(1, 6)]
    assert end["app: domains"] == ['("")']
    assert "app: aurora_restore.remembered_originals" not in end
    assert "(cluster-RESTORED,op-1,set-up)" in end["app: aurora_restore.restore_journal"]
    journal = end["reports: aurora_restore.restore_journal"]
    assert [re.sub(r":[0-9a-f]{16}", "", row) for row in journal] == [
        '(cluster-RESTORED,op-1,"personal-data-searched/""public"".""ledger""")',
        "(cluster-RESTORED,op-1,analyzed)",
        "(cluster-RESTORED,op-1,masking-proven)",
        "(cluster-RESTORED,op-1,originals-remembered)",
        "(cluster-RESTORED,op-1,personal-data-searched)",
        "(cluster-RESTORED,op-1,rewrite-begun)",
        "(cluster-RESTORED,op-1,script:sql/mask.sql)",
        "(cluster-RESTORED,op-1,tables-analyzed)",
        "(cluster-RESTORED,op-1,tables-rewritten)",
        "(cluster-RESTORED,op-1,views-refreshed)",
        "(cluster-SOURCE,op-1,inherited-logins-disabled)",
        "(cluster-SOURCE,op-1,script:sql/mask.sql)",
    ]
    ((_, _, state),) = [each for each in end["state"] if each[0] == "setup-db-users"]
    assert state["disabled_logins"] == ["app_user", "etl", 'old "admin']
    assert state["users_configured"] is True
    assert "evidence_key" not in state
    assert [each["originals"] for each in state["masking"]["columns"]] == [5, 0]
    assert state["masking"]["checks"] == [
        {"database": "app", "name": "no real address", "rows": 0, "outcome": "passed"}
    ]
    assert [script["changes"] for script in state["scripts"]] == [
        [
            {"line": 2, "command": "UPDATE", "rows": 5},
            {"line": 3, "command": "INSERT", "rows": 1},
            {"line": 4, "command": "INSERT", "rows": 1},
        ],
        [{"line": 1, "command": "INSERT", "rows": 1}],
        [{"line": 1, "command": "INSERT", "rows": 1}],
    ]


@pytest.mark.parametrize("points", DISTURBANCES)
def test_a_step_disturbed_anywhere_succeeds_when_it_is_called_again(
    sweep: SqlSweep, points: str, record_property: Record
) -> None:
    disturbed = sweep.disturb(points)
    record_line(record_property, f"setup-db-users in PostgreSQL: {disturbed.points} {points}")
    assert not disturbed.broken, "\n".join(disturbed.broken)
