"""What is decided while AWS has no capacity, from facts alone."""

from dataclasses import replace

import pytest
from botocore.loaders import create_loader
from botocore.model import ServiceModel

from aurora_restore.shared.cluster.capacity import (
    SHORTAGES,
    CapacityAction,
    GiveUp,
    Shortage,
    ShortageFacts,
    TryClass,
    WaitForCapacity,
    capacity_action,
)

SHORT = ShortageFacts(shortage=Shortage.INSTANCE, seconds_waited=3599, limit_seconds=3600)
OVERDUE = replace(SHORT, seconds_waited=3600)
OTHERS = ("db.r6g.xlarge", "db.r7g.large")


@pytest.mark.parametrize(
    ("facts", "action"),
    [
        (SHORT, WaitForCapacity()),
        (replace(SHORT, other_classes=OTHERS), WaitForCapacity()),
        (OVERDUE, GiveUp()),
        (replace(OVERDUE, other_classes=OTHERS), TryClass("db.r6g.xlarge")),
        (replace(OVERDUE, other_classes=OTHERS[1:]), TryClass("db.r7g.large")),
        (replace(OVERDUE, limit_seconds=0, seconds_waited=0), GiveUp()),
        *(
            (replace(OVERDUE, shortage=each, other_classes=OTHERS), GiveUp())
            for each in Shortage
            if each is not Shortage.INSTANCE
        ),
    ],
)
def test_it_waits_then_tries_another_class_then_gives_up(
    facts: ShortageFacts, action: CapacityAction
) -> None:
    assert capacity_action(facts) == action


def test_every_shortage_is_an_error_of_the_calls_that_may_lack_capacity() -> None:
    model = ServiceModel(create_loader().load_service_model("rds", "service-2"))
    declared = {
        shape.metadata["error"]["code"]
        for operation in ("RestoreDBClusterFromSnapshot", "CreateDBInstance")
        for shape in model.operation_model(operation).error_shapes
    }

    assert SHORTAGES.keys() <= declared
    assert {code for code in declared if "Capacity" in code} <= SHORTAGES.keys()


def test_every_shortage_has_the_code_of_a_refusal() -> None:
    assert set(SHORTAGES.values()) == set(Shortage)


def test_a_shortage_of_instances_names_their_class() -> None:
    assert "db.r6g.large" in Shortage.INSTANCE.describe("db.r6g.large")
