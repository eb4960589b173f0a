"""What setup-db-users does next, as a decision: without AWS, and without PostgreSQL."""

from dataclasses import replace
from itertools import product

import pytest

from aurora_restore.configuration.sql_text import deployed_script
from aurora_restore.shared.postgres.connection import DatabaseLogin
from aurora_restore.shared.postgres.scripts import SqlScript
from aurora_restore.shared.postgres.setup_decision import (
    ApplicationLogins,
    AwaitTask,
    CompleteSecret,
    ContinueGrants,
    Finish,
    ForgetOriginals,
    GrantAccess,
    JudgeMasking,
    LockOut,
    MarkSetUp,
    Neutralise,
    ProveAccess,
    SetupAction,
    SetupFacts,
    SetUpRoles,
    StartTask,
    decide,
)
from aurora_restore.shared.postgres.tasks import Task, TaskStatus

DONE, RUNNING, MISSING = TaskStatus.DONE, TaskStatus.RUNNING, TaskStatus.MISSING
MASK = SqlScript("app", "sql/mask.sql", deployed_script(b"UPDATE customers SET email = 'masked'"))
FIXTURES = SqlScript(
    "reports", "sql/fixtures.sql", deployed_script(b"INSERT INTO ledger VALUES ('fixture')")
)
LOGINS = ApplicationLogins(DatabaseLogin("app", "canary-1"), DatabaseLogin("reader", "canary-2"))

COMPLETE = SetupFacts(
    lock_out_due=False,
    neutralise_due=False,
    tasks=(MASK, FIXTURES),
    statuses={MASK: DONE, FIXTURES: DONE},
    logins=LOGINS,
    roles_ready=True,
    databases=("app", "reports"),
    granted=frozenset({"app", "reports"}),
    masking_judged=True,
    proven=True,
    originals_forgotten=True,
    marked=True,
)
NOTHING_KNOWN = SetupFacts(
    lock_out_due=True, neutralise_due=True, tasks=(MASK, FIXTURES), databases=("app",)
)


def test_a_setup_of_which_nothing_is_left_to_do_is_finished() -> None:
    assert isinstance(decide(COMPLETE), Finish)


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ({"lock_out_due": True}, LockOut),
        ({"neutralise_due": True}, Neutralise),
        ({"statuses": {MASK: DONE}}, StartTask),
        ({"statuses": {MASK: DONE, FIXTURES: RUNNING}}, AwaitTask),
        ({"logins": None}, CompleteSecret),
        ({"roles_ready": False}, SetUpRoles),
        ({"granted": frozenset({"app"})}, GrantAccess),
        ({"granted": frozenset({"app"}), "unfinished": "reports"}, ContinueGrants),
        ({"masking_judged": False}, JudgeMasking),
        ({"proven": False}, ProveAccess),
        ({"originals_forgotten": False}, ForgetOriginals),
        ({"marked": False}, MarkSetUp),
    ],
)
def test_what_alone_is_missing_is_done(
    missing: dict[str, object], expected: type[SetupAction]
) -> None:
    action = decide(replace(COMPLETE, **missing))  # type: ignore[arg-type]

    assert isinstance(action, expected)
    assert action.reason


def test_inherited_logins_are_disabled_before_anything_else() -> None:
    assert isinstance(decide(NOTHING_KNOWN), LockOut)


def test_the_databases_are_neutralised_before_any_script() -> None:
    assert isinstance(decide(replace(NOTHING_KNOWN, lock_out_due=False)), Neutralise)


def test_where_inherited_logins_may_stay_the_scripts_come_after_that() -> None:
    action = decide(replace(NOTHING_KNOWN, lock_out_due=False, neutralise_due=False))

    assert isinstance(action, StartTask)
    assert action.task == MASK


@pytest.mark.parametrize(
    ("mask", "fixtures", "expected"),
    [
        (MISSING, MISSING, StartTask(task=MASK, reason="")),
        (RUNNING, MISSING, AwaitTask(task=MASK, reason="")),
        (RUNNING, DONE, AwaitTask(task=MASK, reason="")),
        (MISSING, DONE, StartTask(task=MASK, reason="")),
        (DONE, MISSING, StartTask(task=FIXTURES, reason="")),
        (DONE, RUNNING, AwaitTask(task=FIXTURES, reason="")),
    ],
)
def test_scripts_run_one_after_the_other(
    mask: TaskStatus, fixtures: TaskStatus, expected: StartTask | AwaitTask
) -> None:
    action = decide(replace(COMPLETE, statuses={MASK: mask, FIXTURES: fixtures}))

    assert replace(action, reason="") == expected


@pytest.mark.parametrize(
    "statuses",
    [
        {MASK: mask, FIXTURES: fixtures}
        for mask, fixtures in product(TaskStatus, repeat=2)
        if (mask, fixtures) != (DONE, DONE)
    ],
)
def test_nobody_is_let_in_before_every_script_is_done(
    statuses: dict[Task, TaskStatus],
) -> None:
    assert isinstance(decide(replace(COMPLETE, statuses=statuses)), StartTask | AwaitTask)


def test_databases_are_granted_in_their_order_and_before_the_proof() -> None:
    facts = replace(COMPLETE, granted=frozenset(), proven=False)
    granted = []
    while isinstance(action := decide(facts), GrantAccess):
        granted.append(action.database)
        facts = replace(facts, granted=facts.granted | {action.database})

    assert granted == ["app", "reports"]
    assert isinstance(action, ProveAccess)


def test_the_reason_names_the_script_and_its_database_but_no_sql_and_no_password() -> None:
    start = decide(replace(COMPLETE, statuses={MASK: DONE}))
    prove = decide(replace(COMPLETE, proven=False))

    assert start.reason == "the journal of 'reports' has no entry of script sql/fixtures.sql"
    assert "fixture'" not in repr(start)
    assert "canary" not in repr(prove)
