"""How long the setup of a large database takes, the first time and again, and in how much memory.

Run as ``python -m benchmarks.database_setup [major]``; about four minutes. The database has 50,000
tables and as many sequences in 500 schemas, which belong to 100 of 2,000 roles. Both setups are
measured in the same run, each in a process of its own that has loaded what the function loads.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from aurora_restore.shared.postgres.access import DatabaseAccess
from aurora_restore.shared.postgres.connection import DatabaseLogin, DatabaseServer
from aurora_restore.shared.postgres.journal import JournalKey
from aurora_restore.shared.postgres.privileges import READ_ONLY, READ_WRITE
from aurora_restore.shared.postgres.setup import PostgresSetup
from embedded_aws.rds.data_plane import Login
from embedded_aws.rds.data_plane.builds import MAJORS
from embedded_aws.rds.data_plane.postgres import PostgresDataPlane

TABLES: Final = 50_000
SCHEMAS: Final = 500
ROLES: Final = 2_000
OWNERS: Final = 100
AIM_SECONDS: Final = (60.0, 15.0)
"""For the first setup, and for another one."""
AIM_MEGABYTES: Final = 256
DATABASE: Final = "large"
MASTER: Final = DatabaseLogin("postgres", "master-password-1")
APP: Final = DatabaseLogin("app_user", "application-password-1")
READER: Final = DatabaseLogin("readonly_user", "read-only-password-1")
CONTENTS: Final = f"""
DO $$
BEGIN
  FOR r IN 1..{ROLES} LOOP
    EXECUTE format('CREATE ROLE %I LOGIN', 'role ' || r);
    IF r <= {OWNERS} THEN
      EXECUTE format('GRANT %I TO postgres', 'role ' || r);
    END IF;
  END LOOP;
  COMMIT;
  FOR s IN 1..{SCHEMAS} LOOP
    EXECUTE format('CREATE SCHEMA %I AUTHORIZATION %I', 's' || s, 'role ' || 1 + s % {OWNERS});
    EXECUTE format('SET LOCAL ROLE %I', 'role ' || 1 + s % {OWNERS});
    FOR t IN 1..{TABLES // SCHEMAS} LOOP
      EXECUTE format('CREATE TABLE %I.%I (id serial, note text)', 's' || s, 'table ' || t);
    END LOOP;
    COMMIT;
  END LOOP;
END $$
"""


def main(major: int) -> None:
    """Make the database, let it be set up twice, and print what that took."""
    with _large_database(major) as server:
        for attempt, aim in zip(("first", "again"), AIM_SECONDS, strict=True):
            measured = _measure(server)
            stages = measured["seconds"]
            total = sum(stages.values())
            listed = ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in stages.items())
            print(
                f"{attempt}: {total:.1f} s, {total / aim:.0%} of {aim:.0f} s ({listed}); "
                f"{measured['megabytes']:.0f} MB, {measured['megabytes'] / AIM_MEGABYTES:.0%} "
                f"of {AIM_MEGABYTES} MB"
            )


@contextmanager
def _large_database(major: int) -> Iterator[DatabaseServer]:
    with tempfile.TemporaryDirectory() as directory:
        data_plane = PostgresDataPlane(Path(directory))
        try:
            owner = Login(MASTER.user, MASTER.password)
            data_plane.create(DATABASE, label=DATABASE, owner=owner, database=DATABASE, major=major)
            data_plane.open(DATABASE)
            (running,) = data_plane.servers()
            authority = data_plane.ca_bundle.read_text()
            server = DatabaseServer(running.endpoint.host, running.endpoint.port, authority)
            with server.session(MASTER, DATABASE) as session:
                session.run(CONTENTS)
            yield server
        finally:
            data_plane.stop()


def _measure(server: DatabaseServer) -> dict[str, Any]:
    """Set the database up in another process, as one invocation of the function does."""
    given = {"host": server.host, "port": server.port, "ca_bundle": server.ca_bundle}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.database_setup", "--set-up"],
        input=json.dumps(given),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


def _set_up(server: DatabaseServer) -> dict[str, Any]:
    """Do what setup-db-users does beside the scripts, and say how long each stage took."""
    key = JournalKey(
        account="222222222222",
        region="us-west-2",
        cluster_resource_id="cluster-RESTORED",
        operation_id="op-1",
    )
    setup = PostgresSetup(DatabaseAccess(server, MASTER, DATABASE, (DATABASE,), key))
    roles = {APP.user: READ_WRITE, READER.user: READ_ONLY}
    stages: dict[str, Callable[[], object]] = {
        "lock-out": lambda: setup.lock_out(()),
        "roles": lambda: setup.set_up_roles(APP, READER),
        "grants": lambda: setup.grant_access(DATABASE, roles, (), 900.0),
        "proof": lambda: setup.prove_access(APP, READER, ()),
    }
    seconds = {}
    for name, work in stages.items():
        begun = time.monotonic()
        work()
        seconds[name] = time.monotonic() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "megabytes": peak}


if __name__ == "__main__":
    if sys.argv[1:] == ["--set-up"]:
        print(json.dumps(_set_up(DatabaseServer(**json.load(sys.stdin)))))
    else:
        main(int(sys.argv[1]) if sys.argv[1:] else MAJORS[-1])
