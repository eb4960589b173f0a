"""Which cluster answers, by its certificate, and logging in under the name that it has."""

import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from aurora_restore.shared.errors import (
    DatabaseConnectionError,
    ForeignCertificateError,
    InvalidPasswordError,
)
from aurora_restore.shared.postgres.certified import CertifiedServer, certify
from aurora_restore.shared.postgres.connection import DatabaseLogin, DatabaseServer
from embedded_aws.rds.data_plane import ClusterNames, Endpoint
from embedded_aws.rds.data_plane.builds import MAJORS
from embedded_aws.rds.data_plane.postgres import PostgresDataPlane
from embedded_aws.rds.data_plane.tls import Authority
from tests.integration.database.conftest import DATABASE, MASTER, NEWEST, Restored, opened

TEMPORARY = ClusterNames("shop-ar-1a2b3c4d.cluster-x", "shop-ar-1a2b3c4d.cluster-ro-x")
FINAL = ClusterNames("shop.cluster-x", "shop.cluster-ro-x")
ANOTHER_NAME = "127.1"
"""The same machine by a name that is in no certificate, and is not an address to OpenSSL."""


@pytest.fixture(scope="module", params=MAJORS)
def renamed(
    data_plane: PostgresDataPlane, request: pytest.FixtureRequest
) -> Iterator[DatabaseServer]:
    """The server of a cluster that was renamed: its certificate has the name of before."""
    with opened(data_plane, "renamed", request.param, None) as made:
        data_plane.close("renamed")
        data_plane.publish("renamed", TEMPORARY)
        data_plane.certify("renamed")
        data_plane.open("renamed")
        data_plane.publish("renamed", FINAL)
        yield _at(data_plane, FINAL, made.server)


def _at(
    data_plane: PostgresDataPlane, names: ClusterNames, server: DatabaseServer
) -> DatabaseServer:
    found = data_plane.endpoint("renamed", Endpoint(names.writer, 5432))
    return replace(server, host=found.host, port=found.port)


def _temporary(data_plane: PostgresDataPlane) -> str:
    return data_plane.endpoint("renamed", Endpoint(TEMPORARY.writer, 5432)).host


def works(certified: CertifiedServer) -> bool:
    with certified.server.session(MASTER, DATABASE) as session:
        return bool(session.scalar("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"))


def test_a_certificate_for_the_host_is_the_one_to_verify(restored: Restored) -> None:
    certified = certify(restored.server, [])

    assert certified.names_match
    assert certified.names == ("localhost", "127.0.0.1")
    assert works(certified)


def test_a_renamed_cluster_is_known_by_the_name_of_before(
    renamed: DatabaseServer, data_plane: PostgresDataPlane
) -> None:
    temporary = _temporary(data_plane)
    with pytest.raises(DatabaseConnectionError):
        renamed.connect(MASTER, DATABASE)

    certified = certify(renamed, ["shop-1.x", temporary])

    assert not certified.names_match
    assert temporary in certified.names
    assert renamed.host not in certified.names
    assert certified.server == replace(renamed, certified_as=temporary)
    assert works(certified)


def test_names_are_compared_whatever_their_case(restored: Restored) -> None:
    certified = certify(replace(restored.server, host=ANOTHER_NAME), ["LOCALHOST"])

    assert certified.server.certified_as == "LOCALHOST"
    assert works(certified)


def test_the_certificate_of_another_cluster_is_refused_before_anybody_logs_in(
    renamed: DatabaseServer,
) -> None:
    with pytest.raises(ForeignCertificateError) as refused:
        certify(renamed, ["other.cluster-x", renamed.host])

    assert "localhost" in refused.value.details["names"]["names"]


def test_under_the_name_of_another_cluster_no_login_is_sent(renamed: DatabaseServer) -> None:
    server = replace(renamed, certified_as="other.cluster-x")
    with pytest.raises(DatabaseConnectionError) as refused:
        server.connect(DatabaseLogin(MASTER.user, "canary-wrong"), DATABASE)

    assert "sqlstate" not in refused.value.details


@pytest.mark.parametrize("host", ["localhost", ANOTHER_NAME])
def test_an_authority_that_is_not_known_is_trusted_under_no_name(
    restored: Restored, host: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = Authority.new(tmp_path_factory.mktemp("other")).ca_bundle.read_text()
    server = replace(restored.server, host=host, ca_bundle=other)

    with pytest.raises(DatabaseConnectionError) as refused:
        certify(server, ["localhost", "127.0.0.1"])

    assert not isinstance(refused.value, ForeignCertificateError)


def test_where_there_is_no_server_the_error_says_so(restored: Restored) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        server = replace(restored.server, port=nobody.getsockname()[1])
        with pytest.raises(DatabaseConnectionError, match="could not be reached"):
            certify(server, ["localhost"])


@pytest.mark.parametrize("restored", NEWEST, indirect=True)
def test_a_login_that_is_refused_under_the_other_name_leaves_nothing_open(
    restored: Restored,
) -> None:
    server = certify(replace(restored.server, host=ANOTHER_NAME), ["localhost"]).server
    with pytest.raises(InvalidPasswordError):
        server.connect(DatabaseLogin(MASTER.user, "canary-wrong"), DATABASE)
