"""Facts about security groups: which connections are let through."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pg8000.native
import pytest

from embedded_aws.attachment import VpcAttachment
from embedded_aws.rds.data_plane.builds import MAJORS
from embedded_aws.vpc import DATABASE_PORT
from tests.integration.embedded_aws.rds.databases import (
    HERE,
    OWNER,
    PASSWORD,
    EmbeddedDatabases,
    wait_until,
)
from tests.integration.embedded_aws.rds.test_rds_facts_aurora import (
    served,
    with_logical_replication,
)

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import DBClusterTypeDef

NO_CONNECTION = "'C': '08001'"
NO_PUBLISHER = "'C': '08006'"
EDGES = pytest.mark.parametrize("major", [MAJORS[0], MAJORS[-1]])
CONNECT = """
import socket, struct, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as connection:
    try:
        connection.sendall(struct.pack("!II", 8, 80877103))
        print(connection.recv(1).decode())
    except ConnectionResetError:
        print("reset")
"""
OFFERS_TLS = "S"
RESET = "reset"


@dataclass
class Groups:
    """The security groups of a quarantine, and the groups of those who want in."""

    databases: EmbeddedDatabases
    vpc: str
    subnet: str
    access: str
    quarantine: str
    other: str

    def connects(self, cluster: "DBClusterTypeDef", *groups: str) -> bool:
        """Whether a function with these groups gets as far as PostgreSQL."""
        attachment = VpcAttachment(
            account=OWNER, region=HERE, subnet_ids=(self.subnet,), security_group_ids=groups
        )
        return function_connects(cluster, attachment)

    def attach(self, name: str, *groups: str) -> None:
        """Attach groups to a cluster, and wait until they are in force."""
        self.databases.rds().modify_db_cluster(DBClusterIdentifier=name, VpcSecurityGroupIds=groups)
        wait_until(partial(self._in_force, name))

    def _in_force(self, name: str) -> bool:
        shown = self.databases.cluster(name)["VpcSecurityGroups"]
        return {one["Status"] for one in shown} == {"active"}


def function_connects(cluster: "DBClusterTypeDef", attachment: VpcAttachment | None = None) -> bool:
    """Whether a function that is attached so gets as far as PostgreSQL."""
    arguments = [attachment.argument()] if attachment else []
    return connects(cluster, *arguments, AWS_LAMBDA_FUNCTION_NAME="setup-db-users")


def connects(cluster: "DBClusterTypeDef", *arguments: str, **environment: str) -> bool:
    """Whether a process gets as far as PostgreSQL."""
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", CONNECT, cluster["Endpoint"], str(cluster["Port"]), *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() in (OFFERS_TLS, RESET)
    return done.stdout.strip() == OFFERS_TLS


@pytest.fixture
def groups(databases: EmbeddedDatabases) -> Groups:
    ec2 = databases.ec2()
    (vpc,) = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    subnets = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc["VpcId"]]}])

    def made(name: str) -> str:
        known = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": [name]}])
        for group in known["SecurityGroups"]:
            ec2.delete_security_group(GroupId=group["GroupId"])
        return ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc["VpcId"])[
            "GroupId"
        ]

    access, quarantine, other = made("access"), made("quarantine"), made("other")
    ec2.authorize_security_group_ingress(
        GroupId=quarantine,
        IpPermissions=[
            {
                "IpProtocol": "tcp",
                "FromPort": DATABASE_PORT,
                "ToPort": DATABASE_PORT,
                "UserIdGroupPairs": [{"GroupId": access}],
            }
        ],
    )
    everywhere: Any = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    nowhere: Any = {
        "IpProtocol": "icmp",
        "FromPort": 252,
        "ToPort": 86,
        "IpRanges": [{"CidrIp": "255.255.255.255/32"}],
    }
    ec2.revoke_security_group_egress(GroupId=quarantine, IpPermissions=[everywhere])
    ec2.authorize_security_group_egress(GroupId=quarantine, IpPermissions=[nowhere])
    return Groups(
        databases,
        vpc["VpcId"],
        subnets["Subnets"][0]["SubnetId"],
        access=access,
        quarantine=quarantine,
        other=other,
    )


def test_a_connection_is_let_in_only_by_a_rule_of_a_group_of_the_cluster(
    databases: EmbeddedDatabases, groups: Groups
) -> None:
    cluster = databases.served_cluster()
    assert connects(cluster)

    groups.attach("orders", groups.quarantine)
    assert not connects(cluster)

    groups.attach("orders", groups.quarantine, databases.open_group())
    assert connects(cluster)


def test_a_function_has_the_groups_of_its_configuration(
    databases: EmbeddedDatabases, groups: Groups
) -> None:
    databases.new_cluster(VpcSecurityGroupIds=[groups.quarantine])
    databases.new_instance("orders-1", "orders")
    cluster = databases.cluster()

    assert groups.connects(cluster, groups.access)
    assert groups.connects(cluster, groups.other, groups.access)
    assert not groups.connects(cluster, groups.other)
    assert not groups.connects(cluster)


def test_a_function_that_is_attached_to_no_vpc_reaches_no_cluster(
    databases: EmbeddedDatabases,
) -> None:
    cluster = databases.served_cluster()

    assert connects(cluster)
    assert not function_connects(cluster)


def test_a_change_of_groups_interrupts_no_connection(
    databases: EmbeddedDatabases, groups: Groups
) -> None:
    cluster = databases.served_cluster()
    with databases.connection(cluster) as session:
        groups.attach("orders", groups.quarantine)

        assert session.run("SELECT 1") == [[1]]
        assert not connects(cluster)


Wiring = Callable[[Any, str], Callable[[Any], Any]]
"""Makes a cluster a client of the server at an address; what it returns reads from there."""


def by_dblink(session: Any, address: str) -> Callable[[Any], Any]:
    session.run("CREATE EXTENSION dblink")
    return lambda session: session.run(
        "SELECT n FROM dblink(:a, 'SELECT n FROM goods') AS t(n int)", a=address
    )


def by_foreign_table(session: Any, address: str) -> Callable[[Any], Any]:
    words = dict(word.split("=") for word in address.split())
    session.run("CREATE EXTENSION postgres_fdw")
    session.run(
        "CREATE SERVER production FOREIGN DATA WRAPPER postgres_fdw "
        f"OPTIONS (host '{words['host']}', port '{words['port']}', dbname '{words['dbname']}')"
    )
    session.run(
        "CREATE USER MAPPING FOR CURRENT_USER SERVER production "
        f"OPTIONS (user '{words['user']}', password '{words['password']}')"
    )
    session.run(
        "CREATE FOREIGN TABLE theirs (n int) SERVER production OPTIONS (table_name 'goods')"
    )
    return lambda session: session.run("SELECT n FROM theirs")


@EDGES
@pytest.mark.parametrize("wiring", [by_dblink, by_foreign_table])
def test_outbound_rules_apply_where_a_cluster_acts_as_a_client(
    databases: EmbeddedDatabases, groups: Groups, major: int, wiring: Wiring
) -> None:
    production = served(databases, major, name="production")
    databases.rows(production, "CREATE TABLE goods AS SELECT 7 AS n")
    served(databases, major, name="copied")
    with databases.connection(databases.cluster("copied")) as session:
        read = wiring(session, _address(production))
        groups.attach("copied", groups.quarantine)
        with pytest.raises(pg8000.native.DatabaseError, match=NO_CONNECTION):
            read(session)

        groups.attach("copied", groups.quarantine, groups.other)
        assert read(session) == [[7]]


@EDGES
def test_outbound_rules_apply_to_the_workers_of_subscriptions(
    databases: EmbeddedDatabases, groups: Groups, major: int
) -> None:
    logical = with_logical_replication(databases, major)
    production = served(databases, major, name="production", DBClusterParameterGroupName=logical)
    subscriber = served(databases, major, name="copied")
    with databases.connection(production) as session, databases.connection(subscriber) as other:
        for one in (session, other):
            one.run("CREATE TABLE goods (n int PRIMARY KEY)")
        session.run("INSERT INTO goods VALUES (7)")
        session.run("CREATE PUBLICATION everything FOR TABLE goods")
        session.run("SELECT pg_create_logical_replication_slot('mine', 'pgoutput')")
        may_stream = "SELECT rolreplication FROM pg_roles WHERE rolname = current_user"
        wait_until(lambda: session.run(may_stream) == [[True]])
        groups.attach("copied", groups.quarantine)
        other.run(
            f"CREATE SUBSCRIPTION mine CONNECTION '{_address(production)}' PUBLICATION everything "
            "WITH (connect = false, slot_name = mine)"
        )
        other.run("ALTER SUBSCRIPTION mine ENABLE")
        wait_until(lambda: "could not connect to the publisher" in _log(databases, "copied"))
        with pytest.raises(pg8000.native.DatabaseError, match=NO_PUBLISHER):
            other.run("ALTER SUBSCRIPTION mine REFRESH PUBLICATION")
        assert session.run("SELECT active FROM pg_replication_slots") == [[False]]

        groups.attach("copied", groups.quarantine, groups.other)
        other.run("ALTER SUBSCRIPTION mine REFRESH PUBLICATION")
        wait_until(lambda: other.run("SELECT n FROM goods") == [[7]])
        other.run("DROP SUBSCRIPTION mine")


@EDGES
def test_outbound_rules_apply_from_the_first_moment_of_a_restored_cluster(
    databases: EmbeddedDatabases, groups: Groups, major: int
) -> None:
    logical = with_logical_replication(databases, major)
    production = served(databases, major, name="production", DBClusterParameterGroupName=logical)
    subscriber = served(databases, major, name="copied")
    slots = "SELECT active, confirmed_flush_lsn::text FROM pg_replication_slots"
    with databases.connection(production) as session:
        session.run("CREATE TABLE goods (n int PRIMARY KEY)")
        session.run("CREATE PUBLICATION everything FOR TABLE goods")
        may_stream = "SELECT rolreplication FROM pg_roles WHERE rolname = current_user"
        wait_until(lambda: session.run(may_stream) == [[True]])
        with databases.connection(subscriber) as other:
            other.run("CREATE TABLE goods (n int PRIMARY KEY)")
            other.run(
                f"CREATE SUBSCRIPTION mine CONNECTION '{_address(production)}' "
                "PUBLICATION everything"
            )
            ready = "SELECT bool_and(srsubstate = 'r') FROM pg_subscription_rel"
            wait_until(lambda: other.run(ready) == [[True]])
            databases.new_snapshot("monday", "copied")
            other.run("ALTER SUBSCRIPTION mine DISABLE")
        wait_until(lambda: [active for active, _ in session.run(slots)] == [False])
        session.run("INSERT INTO goods VALUES (7)")
        before = session.run(slots)

        databases.restored(
            "monday",
            "restored",
            EngineVersion=f"{major}.4",
            VpcSecurityGroupIds=[groups.quarantine],
        )
        wait_until(lambda: "could not connect to the publisher" in _log(databases, "restored"))
        assert session.run(slots) == before
        groups.attach("restored", groups.quarantine, databases.open_group())
        with databases.connection(databases.cluster("restored")) as copy:
            wait_until(lambda: copy.run("SELECT n FROM goods") == [[7]])
            copy.run("DROP SUBSCRIPTION mine")
        with databases.connection(databases.cluster("copied")) as other:
            other.run("ALTER SUBSCRIPTION mine SET (slot_name = NONE)")
            other.run("DROP SUBSCRIPTION mine")


def _log(databases: EmbeddedDatabases, cluster: str) -> str:
    (log,) = (one["log"] for one in databases.embedded.admin.servers() if cluster in one["log"])
    return Path(log).read_text()


def _address(cluster: "DBClusterTypeDef") -> str:
    host, port = cluster["Endpoint"], cluster["Port"]
    return f"host={host} port={port} dbname=shop user=postgres password={PASSWORD}"
