"""Verdicts follow from what was read, and a fault of every kind is one."""

import pytest

from aurora_restore.proof.checks import (
    Check,
    Expected,
    LoginAttempt,
    TableReading,
    check_same,
    check_secrets,
    check_states,
    compare_tables,
    failures_of,
    judge_login,
)
from aurora_restore.shared.sequences import REPLACE

PLAIN = TableReading(rows=3, checksum="aa")
PEOPLE = TableReading(
    rows=2,
    checksum="bb",
    unmasked_checksum="cc",
    originals={"name": frozenset({"Ada", "Ben"}), "email": frozenset({"ada@x", "ben@x"})},
)


def masked(**changes: object) -> TableReading:
    fields: dict[str, object] = {
        "rows": 2,
        "checksum": "dd",
        "unmasked_checksum": "cc",
        "originals": {"name": frozenset({"Customer 1"}), "email": frozenset({"1@example.com"})},
    }
    return TableReading(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("source", "restored", "verdict", "held"),
    [
        (PLAIN, PLAIN, "identical", True),
        (PLAIN, TableReading(rows=3, checksum="xx"), "DIFFERENT", False),
        (PLAIN, TableReading(rows=2, checksum="aa"), "DIFFERENT", False),
        (PLAIN, None, "MISSING", False),
        (None, PLAIN, "NOT IN SOURCE", False),
        (PEOPLE, masked(), "masked", True),
        (PEOPLE, PEOPLE, "NOT MASKED: name, email", False),
        (PEOPLE, masked(originals={"email": frozenset({"ben@x"})}), "NOT MASKED: email", False),
        (PEOPLE, masked(rows=1), "DIFFERENT", False),
        (PEOPLE, masked(unmasked_checksum="xx"), "DIFFERENT", False),
    ],
)
def test_a_table_is_identical_or_masked_or_at_fault(
    source: TableReading | None, restored: TableReading | None, verdict: str, held: bool
) -> None:
    (found,) = compare_tables(
        {} if source is None else {"t": source}, {} if restored is None else {"t": restored}
    )
    assert (found.verdict, found.held) == (verdict, held)


def test_tables_of_both_databases_are_compared() -> None:
    found = compare_tables({"a": PLAIN, "b": PLAIN}, {"b": PLAIN, "c": PLAIN})
    assert [each.name for each in found] == ["a", "b", "c"]
    assert [each.held for each in found] == [False, True, False]


OUT = Expected(source=True, restored=False, verdict="locked out")
READER = Expected(source=False, restored=True, verdict="set up", reads=True, writes=False)
YES, NO = LoginAttempt(logged_in=True), LoginAttempt(logged_in=False)


@pytest.mark.parametrize(
    ("expected", "source", "restored", "verdict", "held"),
    [
        (OUT, YES, NO, "locked out", True),
        (OUT, YES, YES, "STILL GETS IN", False),
        (OUT, NO, NO, "REFUSED BY THE SOURCE", False),
        (READER, NO, LoginAttempt(logged_in=True, reads=True, writes=False), "set up", True),
        (READER, NO, LoginAttempt(logged_in=True, reads=True, writes=True), "CAN WRITE", False),
        (READER, NO, LoginAttempt(logged_in=True, reads=False, writes=False), "CANNOT READ", False),
        (READER, NO, YES, "CANNOT READ", False),
        (READER, NO, NO, "CANNOT LOG IN", False),
        (
            READER,
            YES,
            LoginAttempt(logged_in=True, reads=True, writes=False),
            "GOT INTO THE SOURCE",
            False,
        ),
    ],
)
def test_a_login_is_as_expected_or_at_fault(
    expected: Expected, source: LoginAttempt, restored: LoginAttempt, verdict: str, held: bool
) -> None:
    found = judge_login("u", "a user", expected, source, restored)
    assert (found.verdict, found.held) == (verdict, held)


@pytest.mark.parametrize(
    ("attempt", "text"),
    [
        (NO, "refused"),
        (YES, "yes"),
        (LoginAttempt(logged_in=True, reads=True, writes=True), "yes: read, write"),
        (LoginAttempt(logged_in=True, reads=True, writes=False), "yes: read"),
        (LoginAttempt(logged_in=True, reads=False, writes=False), "yes"),
    ],
)
def test_an_attempt_is_shown_as_a_word(attempt: LoginAttempt, text: str) -> None:
    assert str(attempt) == text


def test_every_step_must_be_in_the_state_table_as_a_success() -> None:
    good = dict.fromkeys(REPLACE.steps, "SUCCESS")
    assert check_states(good, REPLACE).held
    bad = {**good, "delete-rds": "IN_PROGRESS"}
    del bad["copy-snapshot"]
    check = check_states(bad, REPLACE)
    assert not check.held
    assert check.found == "copy-snapshot missing, delete-rds IN_PROGRESS"


@pytest.mark.parametrize(("left", "verdict"), [(0, "cleared"), (2, "NOT CLEARED")])
def test_a_table_that_masking_clears_must_be_empty(left: int, verdict: str) -> None:
    restored = TableReading(rows=left, checksum="xx")
    (found,) = compare_tables({"log": PLAIN}, {"log": restored}, cleared=("log",))
    assert (found.verdict, found.held) == (verdict, not left)


def test_a_password_in_a_text_is_found() -> None:
    assert check_secrets(["s3cret"], {"a.log": "nothing", "b.log": ""}).held
    check = check_secrets(["s3cret", "other"], {"b.log": "an s3cret", "a.log": "another"})
    assert (check.held, check.found) == (False, "in a.log, b.log")


def test_what_is_found_instead_is_reported() -> None:
    check = check_same("one", [1], [2])
    assert (check.held, check.found) == (False, "[2], not [1]")


def test_only_what_did_not_hold_is_a_fault() -> None:
    tables = compare_tables({"a": PLAIN, "b": PLAIN}, {"a": PLAIN})
    logins = [
        judge_login("etl", "loads", OUT, YES, YES),
        judge_login("app", "works", OUT, YES, NO),
    ]
    checks = [check_same("two", 2, 2), Check(promise="three", held=False, found="four")]
    assert list(failures_of(tables, logins, checks)) == [
        "table b: MISSING",
        "login etl (loads): STILL GETS IN",
        "three: no, four",
    ]
    assert list(failures_of(tables[:1], logins[1:], checks[:1])) == []
