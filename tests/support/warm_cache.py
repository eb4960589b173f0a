"""A second step that logs in to the databases: a row and a class, as an addition would be."""

from aurora_restore.shared.database_step import DatabaseStepHandler
from aurora_restore.shared.job import Answer, Job
from aurora_restore.shared.pipeline import MASTER_SECRET, Step
from aurora_restore.shared.postgres.access import DatabaseAccess

WARM_CACHE = Step(
    name="warm-cache",
    purpose="Reads from each database once.",
    reads_secrets=(MASTER_SECRET,),
    changes_aws=False,
    reaches_database=True,
)


class WarmCacheHandler(DatabaseStepHandler):
    """Reads from each database."""

    step = WARM_CACHE

    def run_in_databases(self, job: Job, databases: DatabaseAccess) -> Answer:
        """Run one statement in each database."""
        for name in databases.databases:
            with databases.session(name) as session:
                session.run("SELECT 1")
        return Answer("The cache is warm", {"databases": list(databases.databases)})
