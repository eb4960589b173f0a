"""Another host tries to connect from the moment at which the restored cluster can answer."""

from typing import Any

from botocore.exceptions import ClientError

from aurora_restore.cli.outsider import Outsider
from tests.unit.demo.histories import HistoryMaker, progress_of

BEFORE = progress_of(HistoryMaker().done("delete-rds").events)
RESTORED = progress_of(HistoryMaker().done("restore-snapshot").events)


class FakeRds:
    """Describes one cluster and its instances."""

    def __init__(self) -> None:
        self.status = "available"
        self.instances = ["available"]

        self.name = "staging"

    def describe_db_clusters(self, *, DBClusterIdentifier: str) -> dict[str, Any]:  # noqa: N803
        if DBClusterIdentifier != self.name:
            raise ClientError({"Error": {"Code": "DBClusterNotFoundFault"}}, "DescribeDBClusters")
        cluster = {
            "DBClusterIdentifier": self.name,
            "Status": self.status,
            "Endpoint": "localhost",
            "Port": 5432,
        }
        return {"DBClusters": [cluster]}

    def describe_db_instances(self, **_: Any) -> dict[str, Any]:
        return {"DBInstances": [{"DBInstanceStatus": status} for status in self.instances]}


def test_it_counts_refusals_until_it_is_let_in() -> None:
    answers = [False, False, True, False]
    outsider = Outsider(FakeRds(), "staging", reaches=lambda *_: answers.pop(0))
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
    outsider = Outsider(rds, "staging", reaches=lambda *_: False)
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


def test_a_cluster_that_is_renamed_is_followed_to_its_other_name() -> None:
    rds = FakeRds()
    outsider = Outsider(rds, "beside", "staging", reaches=lambda *_: False)
    for name, refused in (("beside", 1), ("neither", 1), ("staging", 2)):
        rds.name = name
        outsider.try_to_connect(RESTORED)
        assert outsider.refused == refused
