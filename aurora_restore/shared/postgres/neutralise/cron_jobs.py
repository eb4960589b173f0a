"""The jobs of pg_cron, made inactive.

The policy of ``cron.job`` shows a job to its user alone. So the master user looks at the table as
each role in turn. The worker of pg_cron keeps the jobs in memory, and learns of a change by a
trigger, which needs the extension's library: where ``shared_preload_libraries`` does not name it,
no job runs, and the trigger refuses every change but that of a session that acts as a replica.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pg8000.exceptions import DatabaseError as PgDatabaseError

from aurora_restore.shared.postgres.connection import DatabaseSession, identifier, literal
from aurora_restore.shared.postgres.membership import membership_options
from aurora_restore.shared.postgres.neutralise.wiring import Remnant, ScheduledJob
from aurora_restore.shared.postgres.rds_roles import RDS_PREFIX, RDS_ROLES
from aurora_restore.shared.postgres.refusals import SQL_REFUSAL

Row = tuple[int, str, str]
"""Number, name and user of a job."""

_EXTENSION: Final = "SELECT 1 FROM pg_extension WHERE extname = 'pg_cron'"
_JOBS: Final = "SELECT jobid, coalesce(jobname, ''), username FROM cron.job WHERE active"
_DEACTIVATE: Final = "UPDATE cron.job SET active = false WHERE active"
_UNSCHEDULE: Final = "SELECT cron.unschedule(jobid) FROM cron.job WHERE active"
_SEEN: Final = "aurora_restore.seen_cron_jobs"


def find_cron_jobs(
    session: DatabaseSession, database: str
) -> tuple[list[ScheduledJob], list[Remnant]]:
    """Return the active jobs in the session's database, and whose could not be looked at.

    Superusers are left out, who are RDS's own, and roles that the master user cannot act as and
    that cannot log in, because their jobs cannot run.
    """
    if not session.column(_EXTENSION) or not session.scalar("SELECT pg_relation_size('cron.job')"):
        return [], []
    rows: list[Row]
    unseen: list[tuple[str, str]]
    if session.scalar("SELECT row_security_active('cron.job')"):
        rows, unseen = _look_as_each_role(session)
    else:
        rows, unseen = [(number, name, user) for number, name, user in session.run(_JOBS)], []
    return (
        [ScheduledJob(database, number, name, user) for number, name, user in rows],
        [Remnant(f"jobs of {role} in {database}", why) for role, why in unseen],
    )


def _look_as_each_role(session: DatabaseSession) -> tuple[list[Row], list[tuple[str, str]]]:
    """Return the jobs and the roles that could not be acted as; nothing of it is committed."""
    session.run("BEGIN")
    try:
        session.run("SET LOCAL row_security = on")
        session.run(_look_statement(session.version))
        seen = json.loads(session.scalar(f"SELECT current_setting('{_SEEN}')"))
    finally:
        session.run("ROLLBACK")
    return (
        [(number, name, user) for number, name, user in seen["jobs"]],
        [(role, why) for role, why in seen["unseen"]],
    )


def _look_statement(version: int) -> str:
    """Return one statement for all roles, of which there may be thousands."""
    option, with_options = membership_options(version)
    of_rds = ", ".join(map(literal, sorted(RDS_ROLES)))
    return f"""
DO $look$
DECLARE
  candidate record;
  seen jsonb;
  jobs jsonb := '[]';
  unseen jsonb := '[]';
BEGIN
  FOR candidate IN
    SELECT oid, rolname, rolcanlogin FROM pg_roles
    WHERE NOT rolsuper AND rolname !~ '^pg_' AND rolname NOT IN ({of_rds}) ORDER BY rolname
  LOOP
    BEGIN
      IF NOT pg_has_role(session_user, candidate.oid, '{option}') THEN
        EXECUTE format('GRANT %I TO CURRENT_USER{with_options}', candidate.rolname);
      END IF;
      IF NOT has_schema_privilege(candidate.oid, 'cron', 'USAGE') THEN
        EXECUTE format('GRANT USAGE ON SCHEMA cron TO %I', candidate.rolname);
      END IF;
      EXECUTE format('SET LOCAL ROLE %I', candidate.rolname);
      SELECT jsonb_agg(jsonb_build_array(jobid, coalesce(jobname, ''), username)) INTO seen
        FROM cron.job WHERE active;
      jobs := jobs || coalesce(seen, '[]');
      SET LOCAL ROLE NONE;
    EXCEPTION WHEN OTHERS THEN
      IF candidate.rolcanlogin AND candidate.rolname !~ '^{RDS_PREFIX}' THEN
        unseen := unseen || jsonb_build_array(
          jsonb_build_array(candidate.rolname, {SQL_REFUSAL}));
      END IF;
    END;
  END LOOP;
  PERFORM set_config(
    '{_SEEN}', jsonb_build_object('jobs', jobs, 'unseen', unseen)::text, true);
END
$look$"""


def deactivate_cron_jobs(session: DatabaseSession, user: str) -> None:
    """Make every job of a user inactive; where that is refused, unschedule them.

    Raises pg8000's DatabaseError with the first refusal if nothing helps.
    """
    refusal: PgDatabaseError | None = None
    for replication_role, change in (
        ("origin", _DEACTIVATE),
        ("replica", _DEACTIVATE),
        ("origin", _UNSCHEDULE),
    ):
        try:
            with session.transaction():
                set_replication_role(session, replication_role)
                with _acting_on_jobs_of(session, user):
                    session.run(change)
        except PgDatabaseError as error:
            refusal = refusal or error
        else:
            return
    if refusal is not None:
        raise refusal


def set_replication_role(session: DatabaseSession, role: str) -> None:
    """Set for the transaction whether triggers fire (``origin``) or not (``replica``)."""
    if session.scalar("SELECT current_setting('session_replication_role')") != role:
        session.run(f"SET LOCAL session_replication_role = {role}")


def end_cron_runs(session: DatabaseSession) -> int:
    """End the sessions in which jobs are running, and return how many there were."""
    ended = session.run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE 'pg_cron' IN (backend_type, application_name) AND pid <> pg_backend_pid()"
    )
    return len(ended)


@contextmanager
def _acting_on_jobs_of(session: DatabaseSession, user: str) -> Iterator[None]:
    """Let the transaction see and change a user's jobs within the block, as that user."""
    session.run("SET LOCAL row_security = on")
    if session.scalar("SELECT session_user = :user", user=user):
        yield
        return
    role = identifier(user)
    option, with_options = membership_options(session.version)
    lacking = [
        (grant, revoke)
        for has, grant, revoke in (
            (
                f"pg_has_role(session_user, oid, '{option}')",
                f"GRANT {role} TO CURRENT_USER{with_options}",
                f"REVOKE {role} FROM CURRENT_USER",
            ),
            (
                "has_schema_privilege(oid, 'cron', 'USAGE')",
                f"GRANT USAGE ON SCHEMA cron TO {role}",
                f"REVOKE USAGE ON SCHEMA cron FROM {role}",
            ),
            (
                "has_table_privilege(oid, 'cron.job', 'UPDATE')",
                f"GRANT UPDATE ON cron.job TO {role}",
                f"REVOKE UPDATE ON cron.job FROM {role}",
            ),
        )
        if not session.scalar(f"SELECT {has} FROM pg_roles WHERE rolname = :user", user=user)
    ]
    for grant, _ in lacking:
        session.run(grant)
    session.run(f"SET LOCAL ROLE {role}")
    yield
    session.run("SET LOCAL ROLE NONE")
    for _, revoke in reversed(lacking):
        session.run(revoke)
