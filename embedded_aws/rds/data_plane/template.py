"""The empty volume that every new cluster starts from, as Aurora PostgreSQL hands one out.

Source for the roles: Aurora User Guide, *Understanding the rds_superuser role* and *Understanding
PostgreSQL roles and permissions*.
"""

import hashlib
import subprocess
from collections.abc import Sequence
from pathlib import Path

from embedded_aws.rds.data_plane import DataPlaneError
from embedded_aws.rds.data_plane.builds import Installation
from embedded_aws.rds.data_plane.system_user import SystemUser

SUPERUSER = "rdsadmin"
OWN_DATABASE = "rdsadmin"
"""Where RDS keeps what it needs itself; it is closed to everybody else."""

_CONFIGURATION = """
unix_socket_permissions = 0700
max_connections = 40
shared_buffers = 16MB
dynamic_shared_memory_type = posix
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = replica
wal_keep_size = 64MB
max_wal_size = 64MB
min_wal_size = 2MB
max_wal_senders = 10
max_replication_slots = 10
max_worker_processes = 8
max_parallel_workers = 0
max_logical_replication_workers = 4
hot_standby = on
shared_preload_libraries = 'pg_stat_statements'
autovacuum = off
jit = off
timezone = 'UTC'
password_encryption = 'scram-sha-256'
ssl = on
log_destination = 'stderr'
logging_collector = off
log_timezone = 'UTC'
log_line_prefix = '%t:%r:%u@%d:[%p]:'
log_statement = 'all'
log_connections = on
log_disconnections = on
log_parameter_max_length = -1
log_parameter_max_length_on_error = -1
"""
_SINCE = {18: "io_method = sync\n"}

_LOCAL = """
local all rdsadmin peer map=emulator
local replication rdsadmin peer map=emulator
local all all scram-sha-256
"""
_REMOTE = f"""
hostssl all {SUPERUSER} all reject
hostssl {OWN_DATABASE} all all reject
"""
_REFUSE_IAM = "hostssl all +rds_iam all reject\n"
_EVERYBODY = "hostssl all all all scram-sha-256\n"
"""Nobody gets in without TLS, since there is no other line: what ``rds.force_ssl`` demands."""

_REFUSE_IAM_USERS = """
CREATE FUNCTION pg_catalog.rds_refuse_password_of_iam_users() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  IF EXISTS (
    WITH RECURSIVE held(role) AS (
      SELECT oid FROM pg_roles WHERE rolname = session_user
      UNION
      SELECT m.roleid FROM pg_auth_members m JOIN held ON m.member = held.role
      WHERE m.inherit_option OR m.set_option
    )
    SELECT 1 FROM held JOIN pg_roles ON pg_roles.oid = held.role WHERE rolname = 'rds_iam'
  ) THEN
    RAISE EXCEPTION 'PAM authentication failed for user "%"', session_user USING ERRCODE = '28000';
  END IF;
END
$$
"""
_LOGIN_TRIGGER = (
    _REFUSE_IAM_USERS,
    "CREATE EVENT TRIGGER rds_refuse_iam_users ON login"
    " EXECUTE FUNCTION pg_catalog.rds_refuse_password_of_iam_users()",
    "ALTER EVENT TRIGGER rds_refuse_iam_users ENABLE ALWAYS",
)
_SLOT_FUNCTIONS = """
DO $$
DECLARE
  built_in record;
  arguments text;
BEGIN
  FOR built_in IN
    SELECT oid, proname, proargmodes, pronargs FROM pg_proc
    WHERE pronamespace = 'pg_catalog'::regnamespace
    AND proname ~ '^pg_(create_logical_replication_slot|drop_replication_slot'
                  '|copy_logical_replication_slot|replication_slot_advance'
                  '|logical_slot_(get|peek)_(binary_)?changes)$'
  LOOP
    SELECT string_agg(CASE WHEN built_in.proargmodes[number] = 'v' THEN 'VARIADIC ' ELSE '' END
                      || '$' || number, ', ' ORDER BY number)
      INTO arguments FROM generate_series(1, built_in.pronargs) number;
    EXECUTE format('ALTER FUNCTION %s RENAME TO %I', built_in.oid::regprocedure,
                   format('rds_%s_%s', built_in.proname, built_in.oid));
    EXECUTE format(
      'CREATE FUNCTION pg_catalog.%I(%s) RETURNS %s LANGUAGE sql SECURITY DEFINER'
      ' SET search_path = pg_catalog AS $inner$SELECT * FROM pg_catalog.%I(%s)$inner$',
      built_in.proname, pg_get_function_arguments(built_in.oid),
      pg_get_function_result(built_in.oid),
      format('rds_%s_%s', built_in.proname, built_in.oid), arguments);
  END LOOP;
  FOR built_in IN
    SELECT oid FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND prosecdef
    AND proname ~ 'slot'
  LOOP
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', built_in.oid::regprocedure);
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO rds_replication', built_in.oid::regprocedure);
  END LOOP;
END
$$
"""
"""On RDS a member of ``rds_replication`` manages slots, though it has not REPLICATION itself.

PostgreSQL runs what is built in with its caller's rights, whatever is declared; hence the wrappers.
"""

LEND_REPLICATION = """
DO $$
DECLARE
  role record;
BEGIN
  SET LOCAL lock_timeout = '1s';
  FOR role IN
    SELECT rolname, pg_has_role(oid, 'rds_replication', 'MEMBER') AS member FROM pg_roles
    WHERE rolcanlogin AND NOT rolsuper
    AND rolreplication <> pg_has_role(oid, 'rds_replication', 'MEMBER')
  LOOP
    EXECUTE format('ALTER ROLE %I %s', role.rolname,
                   CASE WHEN role.member THEN 'REPLICATION' ELSE 'NOREPLICATION' END);
  END LOOP;
END
$$
"""
"""On RDS a member of ``rds_replication`` streams changes, too; PostgreSQL wants the attribute.

It is looked at at each connection, since no trigger sees that a membership is granted. A role
that another transaction is just changing is not waited for.
"""

_LEND_SUBSCRIBING = """
CREATE FUNCTION pg_catalog.rds_lend_subscribing() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  actor text := CASE current_setting('role') WHEN 'none' THEN session_user
                ELSE current_setting('role') END;
BEGIN
  IF (SELECT rolsuper FROM pg_roles WHERE rolname = actor)
     OR NOT pg_has_role(actor, 'rds_superuser', 'MEMBER') THEN
    RETURN;
  END IF;
  PERFORM set_config('rds.subscribing', actor, true);
  EXECUTE format('ALTER ROLE %I SUPERUSER', actor);
END
$$
"""
_END_SUBSCRIBING = """
CREATE FUNCTION pg_catalog.rds_end_subscribing() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  actor text := coalesce(current_setting('rds.subscribing', true), '');
BEGIN
  IF actor <> '' AND actor <> 'rdsadmin' THEN
    PERFORM set_config('rds.subscribing', '', true);
    EXECUTE format('ALTER ROLE %I NOSUPERUSER', actor);
  END IF;
END
$$
"""
_SUBSCRIPTION_TRIGGERS = (
    _LEND_SUBSCRIBING,
    _END_SUBSCRIBING,
    "CREATE EVENT TRIGGER rds_lend_subscribing ON ddl_command_start"
    " WHEN TAG IN ('CREATE SUBSCRIPTION') EXECUTE FUNCTION pg_catalog.rds_lend_subscribing()",
    "CREATE EVENT TRIGGER rds_end_subscribing ON ddl_command_end"
    " WHEN TAG IN ('CREATE SUBSCRIPTION') EXECUTE FUNCTION pg_catalog.rds_end_subscribing()",
)
"""On Aurora a member of ``rds_superuser`` creates subscriptions, which PostgreSQL 15 leaves to
superusers. So it is one for the time of this statement: within its transaction, seen by no other.
Since 16 there is ``pg_create_subscription``.
"""
_LOGIN_TRIGGERS_SINCE = 17
_MEMBERSHIPS_HAVE_OPTIONS_SINCE = 16


def _roles(major: int) -> tuple[str, ...]:
    """Return the statements that make the roles of RDS with their memberships.

    Until PostgreSQL 15 a role with CREATEROLE may grant any role but a superuser's, and a role with
    ADMIN OPTION has what it may grant. Since 16 it must have been given ADMIN OPTION, and need not
    have the rest.
    """
    granted = ["pg_monitor", "pg_signal_backend", "pg_checkpoint"]
    granted += ["rds_password", "rds_replication"]
    roles = [
        f"ALTER ROLE {SUPERUSER} SET log_statement TO 'none'",
        *(
            f"CREATE ROLE {role} NOLOGIN"
            for role in (
                "rds_superuser",
                "rds_replication",
                "rds_iam",
                "rds_password",
                "rds_ad",
                "rds_extension",
            )
        ),
        "CREATE ROLE rdsrepladmin NOLOGIN NOINHERIT REPLICATION",
        "CREATE ROLE rdstopmgr LOGIN IN ROLE pg_monitor",
        "CREATE ROLE rdswriteforwarduser LOGIN",
    ]
    if major >= _MEMBERSHIPS_HAVE_OPTIONS_SINCE:
        granted += ["pg_use_reserved_connections", "pg_create_subscription"]
        roles += [
            "CREATE ROLE rds_reserved NOLOGIN IN ROLE pg_use_reserved_connections",
            "GRANT pg_read_all_data, pg_write_all_data TO rds_superuser"
            " WITH ADMIN TRUE, INHERIT FALSE, SET FALSE",
        ]
    if major >= _LOGIN_TRIGGERS_SINCE:
        granted.append("pg_maintain")
        roles.append(
            "GRANT rds_iam TO rds_superuser WITH ADMIN TRUE, INHERIT FALSE, SET FALSE",
        )
    roles.append(f"GRANT {', '.join(granted)} TO rds_superuser WITH ADMIN OPTION")
    roles.append("GRANT SET ON PARAMETER session_replication_role TO rds_superuser")
    return tuple(roles)


def setup_statements(major: int) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return per database the statements that turn an empty installation into an Aurora one."""
    everywhere: tuple[str, ...] = (_SLOT_FUNCTIONS,)
    if major >= _LOGIN_TRIGGERS_SINCE:
        everywhere += _LOGIN_TRIGGER
    if major < _MEMBERSHIPS_HAVE_OPTIONS_SINCE:
        everywhere += _SUBSCRIPTION_TRIGGERS
    closed = (
        f"CREATE DATABASE {OWN_DATABASE}",
        f"REVOKE ALL ON DATABASE {OWN_DATABASE} FROM PUBLIC",
        f"GRANT CONNECT, TEMPORARY ON DATABASE {OWN_DATABASE} TO rdstopmgr",
    )
    return (
        ("postgres", (*_roles(major), *closed)),
        ("template1", everywhere),
        ("postgres", everywhere),
    )


def master_statements(major: int, user: str, verifier: str) -> tuple[str, ...]:
    """Return the statements that make the master user; both arguments are quoted already."""
    granting_iam = (
        (f"GRANT rds_iam TO {user} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE",)
        if _MEMBERSHIPS_HAVE_OPTIONS_SINCE <= major < _LOGIN_TRIGGERS_SINCE
        else ()
    )
    return (
        f"CREATE ROLE {user} LOGIN CREATEDB CREATEROLE NOSUPERUSER NOREPLICATION"
        f" PASSWORD {verifier} VALID UNTIL 'infinity'",
        f"GRANT rds_superuser TO {user} WITH ADMIN OPTION",
        *granting_iam,
        f"ALTER DATABASE postgres OWNER TO {user}",
        f"ALTER DATABASE template1 OWNER TO {user}",
    )


def access(major: int, master: str | None = None) -> str:
    """Return the server's ``pg_hba.conf``.

    A user with ``rds_iam`` logs in with a token only, which this emulator does not issue. A trigger
    says so where there are triggers on logging in. Before, the server refuses the members of the
    role. In 16 to be allowed to grant it counts as being one, so the master user comes first.
    """
    if major >= _LOGIN_TRIGGERS_SINCE:
        return _LOCAL + _REMOTE + _EVERYBODY
    first = ""
    if major >= _MEMBERSHIPS_HAVE_OPTIONS_SINCE and master is not None:
        quoted = master.replace('"', '""')
        first = f'hostssl all "{quoted}" all scram-sha-256\n'
    return _LOCAL + _REMOTE + first + _REFUSE_IAM + _EVERYBODY


def fingerprint(installation: Installation, owners: Sequence[str]) -> str:
    """Return a name for everything that a template follows from."""
    major = installation.major
    parts = (
        _configuration(major),
        access(major),
        repr(setup_statements(major)),
        installation.directory.name,
        *owners,
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def initialise(
    installation: Installation, user: SystemUser, directory: Path, owners: Sequence[str]
) -> None:
    """Make the files of an empty volume; ``owners`` are the system users that are rdsadmin."""
    command = [
        installation.program("initdb"),
        f"--pgdata={directory}",
        f"--username={SUPERUSER}",
        "--auth=trust",
        "--encoding=UTF8",
        "--locale=C.UTF-8",
        "--wal-segsize=1",
        "--no-sync",
        "--no-instructions",
    ]
    done = subprocess.run(  # noqa: S603
        command,
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        **user.process_options(),
    )
    if done.returncode:
        raise DataPlaneError(f"initdb failed: {done.stderr.strip()}")
    with (directory / "postgresql.conf").open("a") as file:
        file.write(_configuration(installation.major))
    (directory / "pg_hba.conf").write_text(access(installation.major))
    (directory / "pg_ident.conf").write_text(
        "".join(f"emulator {owner} {SUPERUSER}\n" for owner in owners)
    )


def _configuration(major: int) -> str:
    return _CONFIGURATION + "".join(text for since, text in _SINCE.items() if major >= since)
