"""The verification of a switch, on two real clusters of the same snapshot."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from aurora_restore.shared.errors import (
    DatabaseConnectionError,
    ForeignCertificateError,
    InvalidPasswordError,
    PrivilegeCheckError,
    WrongClusterError,
)
from aurora_restore.shared.postgres.connection import DatabaseLogin
from aurora_restore.shared.postgres.mark import Mark
from aurora_restore.shared.postgres.verification import (
    Identity,
    PostgresVerification,
    ServingCluster,
)
from embedded_aws.rds.data_plane.builds import MAJORS
from embedded_aws.rds.data_plane.postgres import PostgresDataPlane
from tests.integration.database.conftest import (
    DATABASE,
    MASTER,
    NEWEST,
    OPERATION,
    Restored,
    opened,
)
from tests.integration.database.roles import APP, KEPT, READONLY, set_up_access, setup_of

BEFORE = replace(OPERATION, cluster_resource_id="cluster-BEFORE", operation_id="op-0")
VERIFICATION = PostgresVerification()
WRONG = DatabaseLogin(MASTER.user, "canary-wrong")


@pytest.fixture(params=MAJORS)
def before_and_now(
    data_plane: PostgresDataPlane, snapshots: Callable[[int], str], request: pytest.FixtureRequest
) -> Iterator[tuple[Restored, Restored]]:
    """What served before, and what is set up to serve now."""
    snapshot = snapshots(request.param)
    with (
        opened(data_plane, "before", request.param, snapshot) as before,
        opened(data_plane, "now", request.param, snapshot) as now,
    ):
        setup_of(before, BEFORE).mark_set_up()
        setup_of(now).lock_out(KEPT)
        set_up_access(now)
        setup_of(now).mark_set_up()
        yield before, now


def serving(cluster: Restored) -> ServingCluster:
    """The cluster of OPERATION, said to be where another may be."""
    return ServingCluster(
        server=cluster.server,
        names=("localhost",),
        master=MASTER,
        master_database=DATABASE,
        databases=(DATABASE,),
        key=OPERATION,
        key_of_the_retired_one=BEFORE,
        is_new=True,
    )


def adopted(cluster: Restored) -> ServingCluster:
    """A cluster that no operation has set up, in the place of that of OPERATION."""
    return replace(serving(cluster), key=None, key_of_the_retired_one=OPERATION, is_new=False)


def prove(cluster: ServingCluster, identity: Identity) -> None:
    VERIFICATION.prove_access(cluster, identity, APP, READONLY, KEPT)


def test_what_was_set_up_is_known_again_and_proven_without_a_change(
    before_and_now: tuple[Restored, Restored],
) -> None:
    _, now = before_and_now
    cluster = serving(now)
    with now.superuser.session(DATABASE) as superuser:
        roles = "SELECT oid, * FROM pg_authid ORDER BY 1"
        tables = "SELECT oid, relacl, relowner FROM pg_class ORDER BY 1"
        position = "SELECT count(*) FROM aurora_restore.restore_journal"
        held = [superuser.run(sql) for sql in (roles, tables, position)]

        identity = VERIFICATION.identify(cluster)
        prove(cluster, identity)

        assert [superuser.run(sql) for sql in (roles, tables, position)] == held
    assert identity.mark is Mark.SET_UP
    assert identity.logged_in
    assert identity.certified.names_match


def test_the_proof_is_made_under_the_name_that_the_certificate_has(
    before_and_now: tuple[Restored, Restored],
) -> None:
    _, now = before_and_now
    cluster = replace(serving(now), server=replace(now.server, host="127.1"))

    identity = VERIFICATION.identify(cluster)
    prove(cluster, identity)

    assert not identity.certified.names_match
    assert identity.mark is Mark.SET_UP


def test_the_cluster_of_before_is_not_taken_for_the_one_that_is_to_serve(
    before_and_now: tuple[Restored, Restored],
) -> None:
    before, _ = before_and_now
    with pytest.raises(WrongClusterError, match="op-1"):
        VERIFICATION.identify(serving(before))


def test_on_the_way_back_the_rejected_cluster_is_not_taken_for_the_one_of_before(
    before_and_now: tuple[Restored, Restored],
) -> None:
    before, now = before_and_now
    assert VERIFICATION.identify(adopted(before)).mark is None
    with pytest.raises(WrongClusterError):
        VERIFICATION.identify(adopted(now))


def test_of_a_cluster_that_no_operation_has_set_up_the_password_may_be_unknown(
    before_and_now: tuple[Restored, Restored],
) -> None:
    before, now = before_and_now
    identity = VERIFICATION.identify(replace(adopted(before), master=WRONG))
    prove(adopted(before), identity)

    assert not identity.logged_in
    with pytest.raises(InvalidPasswordError):
        VERIFICATION.identify(replace(serving(now), master=WRONG))


def test_a_role_that_can_do_too_much_since_the_setup_fails_the_proof(
    before_and_now: tuple[Restored, Restored],
) -> None:
    _, now = before_and_now
    cluster = serving(now)
    identity = VERIFICATION.identify(cluster)
    prove(cluster, identity)
    with now.session(MASTER) as connection:
        connection.run("CREATE ROLE later LOGIN PASSWORD 'canary-later'")
        connection.run(f"GRANT CONNECT ON DATABASE {DATABASE} TO later")

    with pytest.raises(PrivilegeCheckError, match="later"):
        prove(cluster, identity)


@pytest.mark.parametrize("before_and_now", NEWEST, indirect=True)
def test_where_no_cluster_of_a_known_name_answers_nobody_logs_in(
    before_and_now: tuple[Restored, Restored],
) -> None:
    _, now = before_and_now
    cluster = replace(serving(now), server=replace(now.server, host="127.1"), names=("other",))
    with pytest.raises(ForeignCertificateError):
        VERIFICATION.identify(cluster)
    with pytest.raises(DatabaseConnectionError, match="could not be reached"):
        VERIFICATION.identify(replace(serving(now), server=replace(now.server, port=1)))
