"""The way of a snapshot to the target: a decision, and the copies that follow from it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora_restore.shared.documents import fields
from aurora_restore.shared.documents.restore import Source, Target
from aurora_restore.shared.documents.schema import check
from aurora_restore.shared.errors import ConfigurationError
from aurora_restore.shared.rds.arns import Place, RdsArn
from aurora_restore.shared.snapshots.names import common_copy_name, former_copy_names
from aurora_restore.shared.snapshots.routes import Hop, Route, Where, choose_route, hops

HERE = Place("222222222222", "us-west-2")
AUTOMATED = "arn:aws:rds:us-east-1:111111111111:cluster-snapshot:rds:prod-2026-05-15-02-00"


@pytest.mark.parametrize(
    ("account", "region", "copy_route", "expected"),
    [
        ("222222222222", "us-west-2", "auto", Route.IN_PLACE),
        ("222222222222", "us-east-1", "auto", Route.OTHER_REGION),
        ("111111111111", "us-west-2", "auto", Route.OTHER_ACCOUNT),
        ("111111111111", "us-west-2", "none", Route.SHARED),
        ("111111111111", "us-east-1", "auto", Route.OTHER_ACCOUNT_AND_REGION),
        ("111111111111", "us-east-1", "two-steps", Route.TWO_STEPS),
        ("222222222222", "us-west-2", "none", Route.IN_PLACE),
    ],
)
def test_the_route_follows_from_account_region_and_configuration(
    account: str, region: str, copy_route: str, expected: Route
) -> None:
    assert choose_route(Place(account, region), HERE, copy_route) is expected


def test_a_snapshot_of_another_region_cannot_be_restored_where_it_is() -> None:
    with pytest.raises(ConfigurationError, match=r"source\.copy_route: 'none'"):
        choose_route(Place("111111111111", "us-east-1"), HERE, "none")


def taken(route: Route, **options: Any) -> list[Hop]:
    source = Source(
        cluster_id="prod",
        region="us-east-1",
        kms_key_id="source-key",
        intermediate_kms_key_id="intermediate-key",
    )
    target = Target(
        cluster_id="staging",
        db_subnet_group_name="g",
        vpc_security_group_ids=("sg-12345678",),
        kms_key_id="target-key",
    )
    made = {
        "snapshot": RdsArn.parse(AUTOMATED),
        "manual_copy_first": False,
        "own_name": "the-copy",
        **options,
    }
    return list(
        hops(
            route=route,
            source=source,
            target=target,
            **{"target_place": HERE, "prefix": "aurora-restore", **made},
        )
    )


def test_an_automated_snapshot_of_another_account_takes_three_copies_in_two_steps() -> None:
    shared, own, final = taken(Route.TWO_STEPS, manual_copy_first=True)
    assert (shared.where, shared.place) == (
        Where.SOURCE_ACCOUNT,
        Place("111111111111", "us-east-1"),
    )
    assert (shared.kms_key_id, shared.share_with) == ("source-key", HERE.account)
    assert (own.where, own.place.account, own.kms_key_id) == (
        Where.SOURCE_REGION,
        HERE.account,
        "intermediate-key",
    )
    assert own.source == shared.arn
    assert (final.where, final.place, final.kms_key_id) == (Where.TARGET, HERE, "target-key")
    assert final.source == own.arn


def test_one_step_copies_straight_to_the_target() -> None:
    (final,) = taken(Route.OTHER_ACCOUNT_AND_REGION)
    assert (str(final.source), final.name) == (AUTOMATED, "the-copy")


@pytest.mark.parametrize("route", [Route.IN_PLACE, Route.SHARED])
def test_what_is_restored_where_it_is_takes_no_copy(route: Route) -> None:
    assert taken(route) == []


@given(
    st.from_regex(r"[A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9]+){0,8}", fullmatch=True).filter(
        lambda name: len(name) <= 255
    )
)
def test_every_copy_has_a_name_that_rds_accepts(name: str) -> None:
    arn = f"arn:aws:rds:us-east-1:111111111111:cluster-snapshot:rds:{name}"
    for hop in taken(Route.TWO_STEPS, manual_copy_first=True, snapshot=RdsArn.parse(arn)):
        check("name", hop.name, fields.ClusterId)


@given(
    st.from_regex(r"[a-z][a-z0-9]*(-[a-z0-9]+){0,8}", fullmatch=True).filter(
        lambda name: len(name) <= 63
    ),
)
def test_the_copies_of_two_days_never_have_one_name(cluster: str) -> None:
    days = [
        f"{AUTOMATED.rpartition('rds:')[0]}rds:{cluster}-2026-05-{day:02}-02-00"
        for day in range(1, 29)
    ]

    made = [
        hop.name
        for day in days
        for hop in taken(
            Route.TWO_STEPS, manual_copy_first=True, snapshot=RdsArn.parse(day), own_name=None
        )
    ]

    assert len(set(made)) == 3 * len(days)


def names_of(**options: Any) -> list[str]:
    made = taken(Route.TWO_STEPS, **{"manual_copy_first": True, "own_name": None, **options})
    return [hop.name for hop in made]


def test_restores_that_need_the_same_copies_come_to_the_same_names() -> None:
    assert names_of() == names_of()
    assert all(hop.is_common for hop in taken(Route.TWO_STEPS, own_name=None))


@pytest.mark.parametrize(
    "options",
    [
        {"snapshot": RdsArn.parse(AUTOMATED.replace("111111111111", "333333333333"))},
        {"snapshot": RdsArn.parse(AUTOMATED.replace("us-east-1", "eu-west-1"))},
        {"target_place": Place(HERE.account, "us-west-1")},
        {"target_place": Place("333333333333", HERE.region)},
        {"prefix": "another-environment"},
    ],
    ids=["account", "Region", "target's Region", "target's account", "name prefix"],
)
def test_what_differs_in_source_or_environment_has_copies_of_other_names(
    options: dict[str, Any],
) -> None:
    assert not set(names_of()) & set(names_of(**options))


def test_a_copy_under_another_key_has_another_name() -> None:
    names = {
        common_copy_name(AUTOMATED, key, "an environment", end="-copy")
        for key in (None, "one-key", "another-key")
    }

    assert len(names) == 3


def test_a_copy_with_a_name_of_its_own_is_not_shared() -> None:
    shared, own = names_of()[-1], taken(Route.TWO_STEPS)[-1]

    assert not own.is_common
    assert taken(Route.TWO_STEPS, own_name=shared)[-1].is_common


def test_the_names_of_earlier_versions_are_known() -> None:
    assert former_copy_names("rds:prod-2026-05-15-02-00", "staging") == (
        "prod-2026-05-15-02-00-copy",
        "prod-2026-05-15-02-00-staging-copy",
    )
    assert former_copy_names("p" * 60, "staging-")[1] == f"{'p' * 41}-598b320c-staging-copy"
