"""Facts about renames of clusters, as a client sees them: sessions, endpoints and certificates."""

import ssl
from typing import TYPE_CHECKING, Any

import pg8000.native
import pytest

from tests.integration.embedded_aws.rds.databases import EmbeddedDatabases, wait_until

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import DBClusterTypeDef

WHOSE = "SELECT cluster FROM whose"


def marked(databases: EmbeddedDatabases, name: str) -> "DBClusterTypeDef":
    """A cluster with a row that says which one it is."""
    cluster = databases.served_cluster(name)
    with databases.connection(cluster) as session:
        session.run(f"CREATE TABLE whose AS SELECT '{name}' AS cluster")
    return cluster


def renamed(databases: EmbeddedDatabases, name: str, to: str) -> "DBClusterTypeDef":
    databases.rds().modify_db_cluster(
        DBClusterIdentifier=name, NewDBClusterIdentifier=to, ApplyImmediately=True
    )

    def found() -> list[tuple[str, str]]:
        clusters = databases.rds().describe_db_clusters()["DBClusters"]
        return [(one["DBClusterIdentifier"], one["Status"]) for one in clusters]

    wait_until(lambda: (to, "available") in found())
    return databases.cluster(to)


def by_instance(databases: EmbeddedDatabases, name: str) -> Any:
    """The endpoint of an instance, in the place of its cluster's."""
    (shown,) = databases.rds().describe_db_instances(DBInstanceIdentifier=name)["DBInstances"]
    return {"Endpoint": shown["Endpoint"]["Address"], "Port": shown["Endpoint"]["Port"]}


def restart(databases: EmbeddedDatabases, name: str) -> None:
    databases.rds().stop_db_cluster(DBClusterIdentifier=name)
    wait_until(lambda: databases.cluster(name)["Status"] == "stopped")
    databases.rds().start_db_cluster(DBClusterIdentifier=name)
    databases.available(name)


def test_after_a_rename_the_former_endpoint_leads_nowhere_and_sessions_go_on(
    databases: EmbeddedDatabases,
) -> None:
    old, new = marked(databases, "orders"), marked(databases, "beside")
    instance = by_instance(databases, "orders-1")
    with databases.connection(old) as session:
        retired = renamed(databases, "orders", "retired")

        assert session.run(WHOSE) == [["orders"]]
        with pytest.raises(Exception, match="Can't create a connection"):
            databases.rows(old, WHOSE)
        assert databases.rows(instance, WHOSE) == [["orders"]]
        assert databases.rows(retired, WHOSE, tls=_any_name(databases)) == [["orders"]]

        renamed(databases, "beside", "orders")
        assert databases.rows(old, WHOSE, tls=_any_name(databases)) == [["beside"]]
        assert session.run(WHOSE) == [["orders"]]
    with pytest.raises(Exception, match="Can't create a connection"):
        databases.rows(new, WHOSE)


def test_a_certificate_names_the_cluster_as_it_was_called_until_it_has_stopped_and_started(
    databases: EmbeddedDatabases,
) -> None:
    marked(databases, "beside")
    cluster = renamed(databases, "beside", "orders")

    with pytest.raises(ssl.SSLCertVerificationError, match="IP address mismatch"):
        databases.rows(cluster, WHOSE)
    assert databases.rows(cluster, WHOSE, tls=_any_name(databases)) == [["beside"]]

    restart(databases, "orders")
    assert databases.rows(cluster, WHOSE) == [["beside"]]


def test_a_reboot_renews_the_certificate_only_where_that_is_arranged(
    databases: EmbeddedDatabases,
) -> None:
    """Of the writer, while a reader goes on serving."""
    marked(databases, "beside")
    databases.new_instance("beside-2", "beside")
    cluster = renamed(databases, "beside", "orders")
    reboot(databases, "beside-1")
    with pytest.raises(ssl.SSLCertVerificationError):
        databases.rows(cluster, WHOSE)

    databases.embedded.admin.set_rules(reboot_renews_certificate=True)
    try:
        reboot(databases, "beside-1")
    finally:
        databases.embedded.admin.set_rules(reboot_renews_certificate=False)
    assert databases.rows(cluster, WHOSE) == [["beside"]]


def test_a_rename_ends_sessions_only_where_that_is_arranged(databases: EmbeddedDatabases) -> None:
    cluster = marked(databases, "orders")
    databases.embedded.admin.set_rules(rename_ends_sessions=True)
    try:
        with databases.connection(cluster) as session:
            cluster = renamed(databases, "orders", "retired")
            with pytest.raises(pg8000.native.InterfaceError):
                session.run(WHOSE)
    finally:
        databases.embedded.admin.set_rules(rename_ends_sessions=False)
    assert databases.rows(cluster, WHOSE, tls=_any_name(databases)) == [["orders"]]


def reboot(databases: EmbeddedDatabases, name: str) -> None:
    databases.rds().reboot_db_instance(DBInstanceIdentifier=name)

    def available() -> bool:
        (shown,) = databases.rds().describe_db_instances(DBInstanceIdentifier=name)["DBInstances"]
        return shown["DBInstanceStatus"] == "available"

    wait_until(available)


def _any_name(databases: EmbeddedDatabases) -> ssl.SSLContext:
    """TLS that verifies the authority and not the name, as ``sslmode=verify-ca`` does."""
    context = ssl.create_default_context(cafile=databases.embedded.ca_bundle)
    context.check_hostname = False
    return context
