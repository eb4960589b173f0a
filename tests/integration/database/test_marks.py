"""The mark by which a cluster says which operation has set it up, in a real PostgreSQL."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from aurora_restore.shared.errors import JournalNotOwnError
from aurora_restore.shared.postgres import journal
from aurora_restore.shared.postgres.journal import JournalKey
from aurora_restore.shared.postgres.mark import Mark, find_mark
from embedded_aws.rds.data_plane.postgres import PostgresDataPlane
from tests.integration.database.conftest import (
    DATABASE,
    MASTER,
    NEWEST,
    OPERATION,
    Restored,
    opened,
)
from tests.integration.database.roles import APP, READONLY, prove, set_up_access, setup_of

OTHERS = (
    replace(OPERATION, operation_id="op-2"),
    replace(OPERATION, cluster_resource_id="cluster-OTHER"),
    replace(OPERATION, account="333333333333"),
)
"""Other operations, and the same one in another cluster or account."""


def mark(restored: Restored, key: JournalKey = OPERATION) -> Mark:
    with restored.server.session(MASTER, DATABASE) as session:
        return find_mark(session, key)


def test_a_cluster_says_how_far_an_operation_has_set_it_up(restored: Restored) -> None:
    setup = setup_of(restored)
    assert mark(restored) is Mark.MISSING

    setup.lock_out(())
    assert mark(restored) is Mark.BEGUN

    setup.mark_set_up()
    assert mark(restored) is Mark.SET_UP
    assert [mark(restored, other) for other in OTHERS] == [Mark.MISSING] * 3


def test_marking_it_again_changes_nothing(restored: Restored) -> None:
    def rows() -> list[list[object]]:
        with restored.server.session(MASTER, DATABASE) as session:
            return session.run(f"TABLE {journal.SCHEMA}.{journal.TABLE}")

    setup_of(restored).mark_set_up()
    before = rows()
    setup_of(restored).mark_set_up()

    assert rows() == before
    assert len(before) == 1


def test_the_application_neither_sees_the_mark_nor_can_it_make_one(restored: Restored) -> None:
    set_up_access(restored)
    setup_of(restored).mark_set_up()

    prove(restored)
    for login in (APP, READONLY):
        for sql in (
            f"TABLE {journal.SCHEMA}.{journal.TABLE}",
            f"DELETE FROM {journal.SCHEMA}.{journal.TABLE}",
        ):
            with restored.session(login) as connection, pytest.raises(Exception, match="42501"):
                connection.run(sql)


@pytest.mark.parametrize("restored", NEWEST, indirect=True)
def test_a_copy_of_the_cluster_has_no_mark_of_its_own(
    restored: Restored, data_plane: PostgresDataPlane, snapshots: Callable[[int], str]
) -> None:
    setup_of(restored).mark_set_up()
    snapshot = data_plane.capture("restored")
    later = replace(OPERATION, cluster_resource_id="cluster-LATER")

    with opened(data_plane, "copy", restored.major, snapshot) as copy:
        assert mark(copy, later) is Mark.MISSING
        setup_of(copy, later).mark_set_up()
        assert mark(copy, later) is Mark.SET_UP
    assert mark(restored, later) is Mark.MISSING
    assert mark(restored) is Mark.SET_UP


@pytest.mark.parametrize("restored", NEWEST, indirect=True)
def test_what_others_have_put_in_the_journals_place_is_no_mark(restored: Restored) -> None:
    restored.superuser.run(
        f"CREATE SCHEMA {journal.SCHEMA} AUTHORIZATION etl; "
        f"CREATE VIEW {journal.SCHEMA}.{journal.TABLE} AS SELECT 'set-up' AS entry",
        database=DATABASE,
    )
    with pytest.raises(JournalNotOwnError):
        mark(restored)
