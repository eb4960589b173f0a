"""Another host tries to connect from the moment at which the restored cluster can answer."""

from typing import Any

from demo.outsider import Outsider
from demo.progress import execution_progress
from tests.unit.demo.histories import HistoryMaker

BEFORE = execution_progress(HistoryMaker().done("delete-rds").events)
RESTORED = execution_progress(HistoryMaker().done("restore-snapshot").events)


class FakeRds:
    """Describes one cluster and its instances."""

    def __init__(self) -> None:
        self.status = "available"
        self.instances = ["available"]

    def describe_db_clusters(self, **_: Any) -> dict[str, Any]:
        cluster = {"Status": self.status, "Endpoint": "localhost", "Port": 5432}
        return {"DBClusters": [cluster]}

    def describe_db_instances(self, **_: Any) -> dict[str, Any]:
        return {"DBInstances": [{"DBInstanceStatus": status} for status in self.instances]}


def test_it_counts_refusals_until_it_is_let_in() -> None:
    answers = [False, False, True, False]
    outsider = Outsider(FakeRds(), "staging", lambda *_: answers.pop(0))
    for _ in range(2):
        outsider.try_to_connect(RESTORED)
    assert (outsider.refused, outsider.reached) == (2, None)
    outsider.try_to_connect(RESTORED)
    reached = outsider.reached
    assert reached is not None
    outsider.try_to_connect(RESTORED)
    assert (outsider.refused, outsider.reached) == (2, reached)


def test_a_cluster_that_cannot_answer_has_refused_nobody() -> None:
    rds = FakeRds()
    outsider = Outsider(rds, "staging", lambda *_: False)
    outsider.try_to_connect(BEFORE)
    rds.status = "creating"
    outsider.try_to_connect(RESTORED)
    rds.status, rds.instances = "available", []
    outsider.try_to_connect(RESTORED)
    rds.instances = ["creating"]
    outsider.try_to_connect(RESTORED)
    assert outsider.refused == 0
    rds.instances = ["available"]
    outsider.try_to_connect(RESTORED)
    assert outsider.refused == 1
