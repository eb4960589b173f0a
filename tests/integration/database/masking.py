"""The masking of a restored cluster, as its step goes about it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aurora_restore.configuration.sql_text import deployed_script
from aurora_restore.shared.documents.restore import Database
from aurora_restore.shared.documents.schema import parse
from aurora_restore.shared.names import columns_resource
from aurora_restore.shared.postgres.access import DatabaseAccess
from aurora_restore.shared.postgres.masking.findings import Proof, Result, find_result
from aurora_restore.shared.postgres.masking.originals import EvidenceKey
from aurora_restore.shared.postgres.masking.plan import (
    MaskingPlan,
    described,
    judge,
    read_masking,
)
from aurora_restore.shared.postgres.scripts import SqlScript
from aurora_restore.shared.postgres.tasks import Task, TaskStatus, find_task_status, start_task
from tests.integration.database.conftest import DATABASE, MASTER, OPERATION, Restored

KEY = EvidenceKey("key-canary")
ODD: Mapping[str, Any] = {'odd "table': {"id": "safe", "drop table": "safe"}}
SHOP: Mapping[str, Any] = {
    "public": {"customers": {"id": "safe", "email": "masked"}},
    "Odd Schema": ODD,
}
MASK = "UPDATE customers SET email = 'customer-' || id || '@example.com'"


@dataclass
class Masking:
    """The masking of a restored cluster, as its step goes about it."""

    restored: Restored
    columns: Mapping[str, Any] | None = field(default_factory=lambda: SHOP)
    checks: list[dict[str, str]] = field(default_factory=list)
    personal_data: dict[str, Any] | None = None
    scripts: tuple[SqlScript, ...] = ()
    key: EvidenceKey = KEY

    @property
    def access(self) -> DatabaseAccess:
        return DatabaseAccess(self.restored.server, MASTER, DATABASE, (DATABASE,), OPERATION)

    @property
    def plan(self) -> MaskingPlan:
        settings = {
            "columns": None if self.columns is None else "columns.json",
            "checks": self.checks,
            "personal_data_check": self.personal_data,
        }
        document = json.dumps({"databases": {DATABASE: self.columns}})
        return read_masking(
            parse(Database, settings),
            (DATABASE,),
            {columns_resource("staging"): document}.__getitem__,
            restore="staging",
            scripts=self.scripts,
            evidence_key=self.key,
        )

    def do(self, task: Task) -> None:
        with self.access.session() as session:
            status = find_task_status(session, OPERATION, task)
        if status is TaskStatus.MISSING:
            assert start_task(self.access, task, 60) is TaskStatus.DONE

    def remember(self) -> None:
        for task in self.plan.before:
            self.do(task)

    def mask(self, sql: str, name: str = "mask.sql") -> None:
        script = SqlScript(DATABASE, name, deployed_script(sql.encode()))
        self.do(script)
        self.scripts = (*self.scripts, script)

    def results(self) -> dict[Proof, Result]:
        for task in self.plan.after:
            self.do(task)
        with self.access.session() as session:
            return {proof: find_result(session, OPERATION, proof) for proof in self.plan.after}

    def prove(self) -> dict[str, Any]:
        results = self.results()
        if (error := judge(results)) is not None:
            raise error
        return described(results)


def execute(restored: Restored, *statements: str) -> None:
    with restored.session(MASTER) as connection:
        for statement in statements:
            connection.run(statement)


def check(sql: str, name: str = "the check") -> dict[str, str]:
    return {"name": name, "sql": sql}
