"""What is deleted first, and what is tolerated while it is."""

from datetime import UTC, datetime

import pytest

from aurora_restore.cli.selftest.cleaning import next_deletions
from aurora_restore.cli.selftest.decision import DeletionVerdict, FoundResource
from aurora_restore.cli.selftest.records import ResourceKind
from aurora_restore.proof import naming

RUN = "k3j9x2ab"
SOURCE = (ResourceKind.STACK, naming.source_stack(RUN))
ENVIRONMENT = (ResourceKind.STACK, naming.environment_stack(RUN))
CLUSTER = (ResourceKind.CLUSTER, naming.target_cluster(RUN))
INSTANCE = (ResourceKind.INSTANCE, f"{naming.target_cluster(RUN)}-1")
SNAPSHOT = (ResourceKind.SNAPSHOT, naming.snapshot_name(RUN))
TABLE = (ResourceKind.TABLE, f"{naming.prefix_of(RUN)}-state")
SECRET = (ResourceKind.SECRET, f"{naming.prefix_of(RUN)}-master-credentials")
ALL = (SOURCE, ENVIRONMENT, CLUSTER, INSTANCE, SNAPSHOT, TABLE, SECRET)


def verdict(thing: tuple[ResourceKind, str], *, deleted: bool = True) -> DeletionVerdict:
    kind, name = thing
    found = FoundResource(
        kind=kind, name=name, resource_id="id", created=datetime(2026, 11, 30, tzinfo=UTC)
    )
    return DeletionVerdict(found=found, deleted=deleted)


@pytest.mark.parametrize(
    ("there", "first"),
    [
        (ALL, [INSTANCE, CLUSTER, SNAPSHOT]),
        ((SOURCE, ENVIRONMENT, TABLE, SECRET), [ENVIRONMENT]),
        ((SOURCE, TABLE, SECRET), [TABLE, SECRET]),
        ((SOURCE,), [SOURCE]),
        ((), []),
    ],
)
def test_the_first_stack_is_the_last_to_go(
    there: tuple[tuple[ResourceKind, str], ...], first: list[tuple[ResourceKind, str]]
) -> None:
    chosen = next_deletions(RUN, [verdict(each) for each in there])
    assert [(each.kind, each.name) for each in chosen] == first


def test_what_may_not_be_deleted_holds_nothing_up() -> None:
    chosen = next_deletions(RUN, [verdict(CLUSTER, deleted=False), verdict(SOURCE)])
    assert [(each.kind, each.name) for each in chosen] == [SOURCE]
