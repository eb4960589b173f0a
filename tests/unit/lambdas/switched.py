"""Operations of the strategy ``switch`` that have come part of the way."""

from typing import Any

from aurora_restore.lambdas.check_restore_status import CheckRestoreStatusHandler
from aurora_restore.lambdas.hand_over import HandOverHandler
from aurora_restore.lambdas.switch_cluster import SwitchClusterHandler
from aurora_restore.shared.names import cluster_beside, retired_cluster
from aurora_restore.shared.target_record import TargetRecord, TargetRecordStore
from tests.unit.bench import ACCOUNT, REGION
from tests.unit.lambdas.midway import MOST_CALLS, databases_set_up, restoring, until_done
from tests.unit.scene import TARGET, Scene

OPERATION = "op-1"
BESIDE = cluster_beside(TARGET, OPERATION)
RETIRED = retired_cluster(TARGET, OPERATION)


def record(scene: Scene) -> TargetRecord:
    """The target record, which must be there."""
    found = TargetRecordStore(scene.bench.store, ACCOUNT, REGION, TARGET).read()
    assert found is not None
    return found


def resource_id(scene: Scene, name: str) -> str | None:
    """The resource id of the cluster that has a name."""
    found = scene.cluster(name)
    return None if found is None else str(found["DbClusterResourceId"])


def configure_switch(scene: Scene, **switch: Any) -> None:
    """Deploy a configuration with the strategy ``switch``."""
    document = scene.document
    document["target"]["strategy"] = "switch"
    document["switch"] = switch
    scene.bench.configure(document)


def beside_handed_over(scene: Scene, **switch: Any) -> None:
    """A cluster beside the target is restored, set up and handed over."""
    configure_switch(scene, **switch)
    restoring(scene)
    scene.bench.advance(3600)
    until_done(scene, CheckRestoreStatusHandler)
    databases_set_up(scene)
    until_done(scene, HandOverHandler)


def switch(scene: Scene, event: Any = None, *, operation_id: str = OPERATION) -> dict[str, Any]:
    """Call switch-cluster as the state machine does, until it has done its work."""
    for _ in range(60 * MOST_CALLS):
        answer = scene.bench.step(SwitchClusterHandler, event, operation_id=operation_id)
        if answer["statusCode"] != 202 or "restart_from" in answer["body"]:
            return answer
        scene.bench.advance(answer["body"]["retry_after"])
    raise AssertionError(answer)
