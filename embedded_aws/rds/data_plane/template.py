"""The empty volume that every new cluster starts from, as Aurora PostgreSQL hands one out.

Source for the roles: Aurora User Guide, *Understanding the rds_superuser role* and *Understanding
PostgreSQL roles and permissions*.
"""

import hashlib
import subprocess
from pathlib import Path

from embedded_aws.rds.data_plane import DataPlaneError
from embedded_aws.rds.data_plane.binaries import SystemUser

SUPERUSER = "rdsadmin"

_CONFIGURATION = """
listen_addresses = ''
unix_socket_permissions = 0700
max_connections = 40
shared_buffers = 16MB
dynamic_shared_memory_type = posix
io_method = sync
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = replica
wal_keep_size = 64MB
max_wal_size = 64MB
min_wal_size = 2MB
max_wal_senders = 0
max_worker_processes = 1
max_parallel_workers = 0
max_logical_replication_workers = 0
autovacuum = off
jit = off
timezone = 'UTC'
password_encryption = 'scram-sha-256'
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

_ACCESS = """
local all rdsadmin peer map=emulator
local all all scram-sha-256
"""

_ROLES = (
    "ALTER ROLE rdsadmin SET log_statement TO 'none'",
    "CREATE ROLE rds_superuser NOLOGIN",
    "CREATE ROLE rds_replication NOLOGIN",
    "CREATE ROLE rds_iam NOLOGIN",
    "CREATE ROLE rds_password NOLOGIN",
    "GRANT pg_monitor, pg_signal_backend, pg_checkpoint, pg_use_reserved_connections,"
    " pg_create_subscription TO rds_superuser WITH ADMIN OPTION",
    "GRANT pg_read_all_data, pg_write_all_data TO rds_superuser"
    " WITH ADMIN TRUE, INHERIT FALSE, SET FALSE",
    "GRANT rds_replication, rds_password TO rds_superuser WITH ADMIN OPTION",
    "GRANT rds_iam TO rds_superuser WITH ADMIN TRUE, INHERIT FALSE, SET FALSE",
)

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

_EVERY_DATABASE = (
    _REFUSE_IAM_USERS,
    "CREATE EVENT TRIGGER rds_refuse_iam_users ON login"
    " EXECUTE FUNCTION pg_catalog.rds_refuse_password_of_iam_users()",
    "ALTER EVENT TRIGGER rds_refuse_iam_users ENABLE ALWAYS",
)


def setup_statements() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Per database, the statements that turn an empty installation into an Aurora one."""
    return (("postgres", _ROLES), ("template1", _EVERY_DATABASE), ("postgres", _EVERY_DATABASE))


def fingerprint(installation: Path) -> str:
    """Changes when a template made earlier is of no use any more."""
    program = (installation / "bin" / "postgres").stat()
    parts = (
        _CONFIGURATION,
        _ACCESS,
        repr(setup_statements()),
        f"{installation} {program.st_size} {program.st_mtime_ns}",
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def initialise(installation: Path, user: SystemUser, directory: Path, owners: set[str]) -> None:
    """Makes the files of an empty volume; ``owners`` are the system users that are rdsadmin."""
    command = [
        str(installation / "bin" / "initdb"),
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
        file.write(_CONFIGURATION)
    (directory / "pg_hba.conf").write_text(_ACCESS)
    (directory / "pg_ident.conf").write_text(
        "".join(f"emulator {owner} {SUPERUSER}\n" for owner in sorted(owners))
    )
