"""Every check that a copy harmed nobody fails if it did, or if nothing was looked at."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from aurora_restore.proof.checks import TableReading
from aurora_restore.proof.safety_checks import (
    check_checks,
    check_delivery,
    check_originals,
    check_outsider,
    check_proof,
    check_quarantine,
    check_slot,
    check_unchanged,
    check_wiring,
)

PLAIN = TableReading(rows=3, checksum="aa")
OTHER = TableReading(rows=4, checksum="bb")
WIRING = {"subscriptions": ["prices in shop"], "cron_jobs": ["1 mail of postgres"]}
NO_WIRING: dict[str, list[str]] = {"subscriptions": [], "cron_jobs": []}
SLOT = ("supplier_prices", False, "0/1", "0/2")
RESTORED, SET_UP, BEGUN, LIFTED = (
    datetime(2026, 1, 5, 8, 0, second, 500_000, tzinfo=UTC) for second in (10, 40, 41, 45)
)
CHECK = "No former customer"
PROOF: dict[str, Any] = {
    "columns": [{"masked": 2, "cleared": 6, "safe": 32, "originals": 1143}],
    "personal_data": [{"columns": 14}],
    "checks": [{"name": CHECK, "rows": 0}],
}


def test_all_wiring_must_have_been_removed() -> None:
    good = check_wiring(WIRING, WIRING, NO_WIRING)
    assert good.held
    assert good.evidence == "subscriptions: prices in shop; cron jobs: 1 mail of postgres"


@pytest.mark.parametrize(
    ("production", "removed", "left"),
    [
        pytest.param(WIRING, {"cron_jobs": WIRING["cron_jobs"]}, NO_WIRING, id="not-named"),
        pytest.param(WIRING, WIRING, WIRING, id="still-there"),
        pytest.param(NO_WIRING, NO_WIRING, NO_WIRING, id="never-there"),
    ],
)
def test_wiring_that_stays_or_never_was_is_reported(
    production: Mapping[str, Sequence[str]],
    removed: Mapping[str, Sequence[str]],
    left: Mapping[str, Sequence[str]],
) -> None:
    assert not check_wiring(production, removed, left).held


def test_the_slot_must_be_where_it_was() -> None:
    assert check_slot([SLOT], [SLOT]).held
    moved, used = (*SLOT[:3], "0/3"), (SLOT[0], True, *SLOT[2:])
    for after in ([moved], [used], [], [SLOT, SLOT]):
        assert not check_slot([SLOT], after).held
    assert not check_slot([], []).held


@pytest.mark.parametrize(
    ("delivered", "in_copy", "held", "found"),
    [
        ({61: 9.5}, PLAIN, True, "1 prices of 1, and the copy has no other rows"),
        ({}, PLAIN, False, "0 prices of 1, and the copy has no other rows"),
        ({61: 9.0}, PLAIN, False, "1 prices of 1, and the copy has no other rows"),
        ({61: 9.5}, OTHER, False, "1 prices of 1, and the copy has other rows"),
        ({61: 9.5}, None, False, "1 prices of 1, and the copy has other rows"),
    ],
)
def test_what_is_published_must_reach_the_source_and_no_copy(
    delivered: Mapping[int, float], in_copy: TableReading | None, held: bool, found: str
) -> None:
    check = check_delivery({61: 9.5}, delivered, PLAIN, in_copy)
    assert (check.held, check.found) == (held, f"production has {found} than at the snapshot")


def test_the_source_must_hold_what_it_held() -> None:
    before = {"a": PLAIN, "b": PLAIN}
    assert check_unchanged(before, before).held
    check = check_unchanged(before, {"a": OTHER, "c": PLAIN})
    assert (check.held, check.found) == (False, "changed: a, b, c")
    assert not check_unchanged({}, {}).held


def test_an_original_value_is_reported_with_its_place() -> None:
    in_source = {"pg_stats in shop": 2, "a.people in shop": 3, "a.orders in shop": 0}
    clean = dict.fromkeys(in_source, 0)
    good = check_originals(3, in_source, clean)
    assert good.held
    assert good.evidence.endswith("finds them in a.people in shop, pg_stats in shop")
    left = check_originals(3, in_source, {**clean, "pg_stats in shop": 2})
    assert (left.held, left.found) == (False, "2 in pg_stats in shop")


def test_a_search_that_cannot_find_anything_proves_nothing() -> None:
    blind = check_originals(3, {"a.people in shop": 0}, {"a.people in shop": 0})
    assert (blind.held, blind.found) == (False, "none was found in production either")
    unsearched = check_originals(3, {"a.people in shop": 3}, {"pg_stats in shop": 0})
    assert (unsearched.held, unsearched.found) == (False, "a.people in shop was not searched")


def test_the_proof_must_be_in_the_state() -> None:
    good = check_proof(PROOF)
    assert good.held
    assert "of 2 masked ones none of 1,143 remembered values is left" in good.evidence
    assert not check_proof({}).held
    assert not check_proof({"columns": [{**PROOF["columns"][0], "originals": 0}]}).held


@pytest.mark.parametrize(
    "masking",
    [
        {},
        {**PROOF, "checks": []},
        {**PROOF, "checks": [{"name": CHECK, "rows": 1}]},
        {**PROOF, "checks": [{"name": "Another", "rows": 0}]},
        {**PROOF, "personal_data": []},
    ],
)
def test_the_checks_must_have_run_and_found_nothing(masking: Mapping[str, Any]) -> None:
    assert check_checks(CHECK, PROOF).held
    assert not check_checks(CHECK, masking).held


def test_the_quarantine_must_last_until_the_databases_are_set_up() -> None:
    good = check_quarantine(["sg-1"], RESTORED, SET_UP, BEGUN, LIFTED)
    assert good.held
    assert good.evidence == (
        "between 2026-01-05T08:00:41.500Z and 2026-01-05T08:00:45.500Z, 31.0 s after the restore "
        "began"
    )
    assert not check_quarantine(["sg-1"], RESTORED, BEGUN, SET_UP, LIFTED).held
    assert not check_quarantine(["sg-1"], RESTORED, SET_UP, None, LIFTED).held
    assert not check_quarantine(["sg-1"], RESTORED, SET_UP, BEGUN, None).held
    assert not check_quarantine([], RESTORED, SET_UP, BEGUN, LIFTED).held


def test_another_host_must_be_refused_until_then_and_let_in_afterwards() -> None:
    assert check_outsider(50, LIFTED, SET_UP).held
    assert not check_outsider(50, RESTORED, SET_UP).held
    assert not check_outsider(0, LIFTED, SET_UP).held
    assert not check_outsider(50, None, SET_UP).held
    assert not check_outsider(50, LIFTED, None).held
