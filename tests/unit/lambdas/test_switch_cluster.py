"""switch-cluster renames the old cluster out of the way and the new one to the target."""

from tests.unit.lambdas.switched import (
    BESIDE,
    RETIRED,
    beside_handed_over,
    resource_id,
    switch,
)
from tests.unit.scene import TARGET, Scene


def test_the_target_is_the_new_cluster_and_the_old_one_is_kept(scene: Scene) -> None:
    scene.make_target()
    old = resource_id(scene, TARGET)
    beside_handed_over(scene)
    new = resource_id(scene, BESIDE)

    answer = switch(scene)

    assert answer["statusCode"] == 200
    assert resource_id(scene, TARGET) == new
    assert resource_id(scene, RETIRED) == old
    assert scene.cluster(BESIDE) is None
