"""What is said of a target, with commands that can be typed as they are shown."""

from typing import Any
from unittest.mock import MagicMock

import pytest

from aurora_restore.cli.context import Deployment
from aurora_restore.cli.target import target_sentences
from aurora_restore.shared.names import DEFAULT_NAME_PREFIX
from aurora_restore.shared.recorded_cluster import RecordedCluster, RetiredCluster
from aurora_restore.shared.target_record import TargetRecord
from tests.unit.cli.test_cancelling import operation

RETIRED = RetiredCluster(
    cluster=RecordedCluster(resource_id="cluster-OLD", cluster_id="shop-ar-12345678-old"),
    retired_at="2026-05-15T04:00:00.000000Z",
    retired_by="op-1",
    keep_until="2026-05-16T04:00:00.000000Z",
)


@pytest.fixture
def deployment() -> Any:
    made = MagicMock(spec=Deployment)
    made.profile, made.region = None, "us-west-2"
    made.name_prefix = DEFAULT_NAME_PREFIX
    return made


def test_the_way_back_is_a_command_that_names_the_restore_and_the_environment(
    deployment: Any,
) -> None:
    switched = operation("sns-notification", TargetRecord(restored_by="op-1", retired=RETIRED))

    (*_, kept) = target_sentences(deployment, switched)

    assert kept == (
        "shop-ar-12345678-old, which served before, is kept until 2026-05-16 04:00:00 UTC. Until "
        "then `aurora-restore --region us-west-2 rollback staging` returns to it."
    )
