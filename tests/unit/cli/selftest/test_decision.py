"""Only what is the run's in every respect may be deleted; each single difference saves it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aurora_restore.cli.selftest.decision import (
    SKEW,
    DeletionVerdict,
    FoundResource,
    judge,
)
from aurora_restore.cli.selftest.records import (
    ExpectedResource,
    ResourceKind,
    SelfTestRecord,
    StartedOperation,
)
from aurora_restore.proof import naming
from aurora_restore.shared.names import TAG_OPERATION, cluster_beside, retired_cluster

START = datetime(2026, 11, 30, 12, tzinfo=UTC)
LATER = START + timedelta(minutes=10)
RUN = "k3j9x2ab"
TARGET = naming.target_cluster(RUN)
OPERATION = "op-20261130-1"
TAGS = {naming.TAG_SELF_TEST: RUN}
NAMES = {
    ResourceKind.STACK: naming.source_stack(RUN),
    ResourceKind.CLUSTER: TARGET,
    ResourceKind.SNAPSHOT: naming.snapshot_name(RUN),
    ResourceKind.TABLE: f"{naming.prefix_of(RUN)}-state",
    ResourceKind.SECRET: f"{naming.prefix_of(RUN)}-master-credentials",
}


def record_of(
    *expected: ExpectedResource, operations: Sequence[StartedOperation] = ()
) -> SelfTestRecord:
    return SelfTestRecord(
        run=RUN,
        account="111122223333",
        region="eu-west-1",
        started=START,
        expected=expected,
        operations=tuple(operations),
    )


def line(kind: ResourceKind, **changes: Any) -> ExpectedResource:
    known: dict[str, Any] = {"name": NAMES[kind], "since": START, "resource_id": "id-1"}
    return ExpectedResource(kind=kind, **{**known, **changes})


def thing(kind: ResourceKind, **changes: Any) -> FoundResource:
    known: dict[str, Any] = {
        "name": NAMES.get(kind, f"{TARGET}-1"),
        "resource_id": "id-1",
        "created": LATER,
        "tags": TAGS,
    }
    return FoundResource(kind=kind, **{**known, **changes})


def verdict_on(record: SelfTestRecord, *found: FoundResource) -> DeletionVerdict:
    return judge(record, found)[-1]


@pytest.mark.parametrize("kind", list(NAMES))
def test_what_matches_in_every_respect_is_deleted(kind: ResourceKind) -> None:
    assert verdict_on(record_of(line(kind)), thing(kind)).deleted


@pytest.mark.parametrize("kind", list(NAMES))
def test_without_an_id_in_the_record_the_other_four_are_enough(kind: ResourceKind) -> None:
    assert verdict_on(record_of(line(kind, resource_id=None)), thing(kind)).deleted


@pytest.mark.parametrize("kind", list(NAMES))
@pytest.mark.parametrize("known", ["id-1", None], ids=["with an id", "without an id"])
@pytest.mark.parametrize(
    ("difference", "why"),
    [
        ({"name": "ar-selftest-other123-state"}, "does not begin"),
        ({"name": "production"}, "does not begin"),
        # The prefix of another run may begin like this one's.
        ({"name": f"{naming.prefix_of(RUN)}x-state"}, "does not begin"),
        ({"name": f"{naming.prefix_of(RUN)}-of-a-colleague"}, "does not name it"),
        ({"tags": {}}, "lacks the tag"),
        ({"tags": {naming.TAG_SELF_TEST: "other123"}}, "lacks the tag"),
        ({"created": None}, "does not say when"),
        ({"created": START - SKEW - timedelta(seconds=1)}, "before the run"),
    ],
)
def test_one_difference_is_enough_to_leave_it(
    kind: ResourceKind, known: str | None, difference: dict[str, Any], why: str
) -> None:
    verdict = verdict_on(record_of(line(kind, resource_id=known)), thing(kind, **difference))
    assert not verdict.deleted
    assert why in verdict.reason


@pytest.mark.parametrize("kind", list(NAMES))
def test_a_name_that_was_used_again_by_somebody_is_left(kind: ResourceKind) -> None:
    verdict = verdict_on(record_of(line(kind)), thing(kind, resource_id="id-2"))
    assert not verdict.deleted
    assert "it is id-2, and the run's was id-1" in verdict.reason


@pytest.mark.parametrize("kind", list(NAMES))
def test_an_id_that_is_used_under_another_name_is_left(kind: ResourceKind) -> None:
    name = f"{naming.prefix_of(RUN)}-elsewhere"
    assert not verdict_on(record_of(line(kind)), thing(kind, name=name)).deleted


@pytest.mark.parametrize("kind", list(NAMES))
def test_what_is_older_than_its_line_is_left_though_younger_than_the_run(
    kind: ResourceKind,
) -> None:
    since = LATER + SKEW + timedelta(seconds=1)
    verdict = verdict_on(record_of(line(kind, since=since)), thing(kind))
    assert not verdict.deleted
    assert "before the run wrote it down" in verdict.reason


@pytest.mark.parametrize("kind", list(NAMES))
def test_a_clock_that_is_a_little_ahead_does_no_harm(kind: ResourceKind) -> None:
    assert verdict_on(record_of(line(kind, since=LATER + SKEW)), thing(kind)).deleted


@pytest.mark.parametrize("kind", list(NAMES))
def test_a_line_of_another_kind_is_no_line(kind: ResourceKind) -> None:
    other = next(each for each in NAMES if each is not kind)
    assert not verdict_on(record_of(line(other, name=NAMES[kind])), thing(kind)).deleted


def test_an_empty_record_lets_nothing_be_deleted() -> None:
    for kind in NAMES:
        assert not verdict_on(record_of(), thing(kind)).deleted


def restored(**changes: Any) -> FoundResource:
    tags = {**TAGS, TAG_OPERATION: OPERATION}
    return thing(ResourceKind.CLUSTER, **{"resource_id": "cluster-new", "tags": tags, **changes})


def known_as(resource_id: str | None) -> list[StartedOperation]:
    return [StartedOperation(id=OPERATION, since=START, cluster=resource_id)]


OPERATIONS = known_as(None)


@pytest.mark.parametrize(
    "name", [TARGET, cluster_beside(TARGET, OPERATION), retired_cluster(TARGET, OPERATION)]
)
def test_a_restored_cluster_is_known_by_its_id_under_every_name(name: str) -> None:
    found = restored(name=name, tags=TAGS)
    assert verdict_on(record_of(operations=known_as("cluster-new")), found).deleted
    assert not verdict_on(record_of(operations=known_as("cluster-other")), found).deleted


@pytest.mark.parametrize("name", [TARGET, cluster_beside(TARGET, OPERATION)])
def test_before_the_state_has_its_id_it_needs_the_tag_of_the_operation(name: str) -> None:
    record = record_of(operations=OPERATIONS)
    assert verdict_on(record, restored(name=name)).deleted
    foreign = restored(name=name, tags={**TAGS, TAG_OPERATION: "another"})
    assert not verdict_on(record, foreign).deleted
    assert not verdict_on(record, restored(name=name, tags=TAGS)).deleted


def test_a_retired_name_without_any_id_is_left() -> None:
    record = record_of(operations=OPERATIONS)
    assert not verdict_on(record, restored(name=retired_cluster(TARGET, OPERATION))).deleted


def test_the_first_target_is_known_under_the_name_that_a_switch_gives_it() -> None:
    record = record_of(line(ResourceKind.CLUSTER), operations=OPERATIONS)
    name = retired_cluster(TARGET, OPERATION)
    assert verdict_on(record, thing(ResourceKind.CLUSTER, name=name)).deleted
    assert not verdict_on(
        record, thing(ResourceKind.CLUSTER, name=name, resource_id="id-2")
    ).deleted


def test_an_instance_goes_with_its_cluster() -> None:
    record = record_of(line(ResourceKind.CLUSTER))
    instance = thing(ResourceKind.INSTANCE, cluster=TARGET)
    assert verdict_on(record, thing(ResourceKind.CLUSTER), instance).deleted
    assert not verdict_on(record, thing(ResourceKind.CLUSTER, resource_id="id-2"), instance).deleted
    assert not verdict_on(record, instance).deleted


@pytest.mark.parametrize(
    "difference",
    [
        {"name": "production-1"},
        {"tags": {}},
        {"created": None},
        {"created": START - timedelta(days=1)},
        {"cluster": naming.source_cluster(RUN)},
        {"cluster": None},
    ],
)
def test_a_foreign_instance_is_left_though_the_cluster_goes(difference: dict[str, Any]) -> None:
    instance = replace(thing(ResourceKind.INSTANCE, cluster=TARGET), **difference)
    verdict = verdict_on(
        record_of(line(ResourceKind.CLUSTER)), thing(ResourceKind.CLUSTER), instance
    )
    assert not verdict.deleted


def test_the_source_cluster_is_left_to_its_stack() -> None:
    source = thing(ResourceKind.CLUSTER, name=naming.source_cluster(RUN))
    assert not verdict_on(
        record_of(line(ResourceKind.STACK), line(ResourceKind.CLUSTER)), source
    ).deleted
