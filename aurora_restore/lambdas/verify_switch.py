"""Prove that the target's name leads to the cluster that was switched to."""

from dataclasses import replace
from typing import Any

from aurora_restore.shared.aws_utils import get_secret_version
from aurora_restore.shared.database_step import DatabaseStepHandler
from aurora_restore.shared.documents.secrets import MasterCredentials
from aurora_restore.shared.errors import TargetNotRecordedError
from aurora_restore.shared.job import Answer, Job
from aurora_restore.shared.names import CA_BUNDLE
from aurora_restore.shared.pipeline import get_step
from aurora_restore.shared.postgres.access import DatabaseAccess
from aurora_restore.shared.postgres.connection import DatabaseLogin
from aurora_restore.shared.recorded_cluster import RecordedCluster


class VerifySwitchHandler(DatabaseStepHandler):
    """The step that logs in under the target's name, over verified TLS, as an application would."""

    step = get_step("verify-switch")

    def run(self, job: Job) -> Answer:
        """Log in at the final endpoint and return 200.

        Raises TargetNotRecordedError if the record names no live cluster, and
        DatabaseConnectionError if the log-in fails.
        """
        record = job.target_record.read()
        if record is None or record.live is None or record.live.writer_endpoint is None:
            raise TargetNotRecordedError(
                f"the target record {job.target_record.key} does not show where the target is "
                "reached since it was switched",
                target_cluster_id=job.target_cluster_id,
            )
        self._log_in(job, record.live)
        now = job.now
        live = replace(record.live, verified_at=now)
        job.target_record.write(replace(record, live=live), record)
        body: dict[str, Any] = {
            "target_cluster_id": job.target_cluster_id,
            "cluster_endpoint": live.writer_endpoint,
            "verified_at": now,
        }
        return Answer("The target is reached under its name", body)

    def _log_in(self, job: Job, live: RecordedCluster) -> None:
        secret = get_secret_version(job.secrets.master, clients=job.clients)
        master = MasterCredentials.parse(secret.value, source=f"secret {job.secrets.master}")
        server = self._connect(
            str(live.writer_endpoint), live.port or 0, self._read_asset(CA_BUNDLE)
        )
        with server.session(DatabaseLogin(master.username, master.password), master.database):
            return

    def run_in_databases(self, job: Job, databases: DatabaseAccess) -> Answer:
        """Not used: the cluster of this step is the live one, which may be another operation's."""
        raise NotImplementedError


handler = VerifySwitchHandler()
