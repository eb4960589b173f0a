"""Whether an instance is the retired cluster's, and the name by which a server is known."""

import pytest

from aurora_restore.shared.postgres.certified import choose_name
from aurora_restore.shared.postgres.mark import Mark
from aurora_restore.shared.postgres.retired_sessions import is_retired


@pytest.mark.parametrize(
    ("retired", "live", "certain"),
    [
        # Neither of the two is known to have a mark, so nothing distinguishes them.
        (None, None, False),
        # The way back to a cluster that no operation has restored.
        (Mark.SET_UP, None, True),
        (Mark.BEGUN, None, True),
        (Mark.MISSING, None, False),
        # The first switch: what served before has no mark.
        (None, Mark.MISSING, True),
        (None, Mark.BEGUN, False),
        (None, Mark.SET_UP, False),
        # Both were restored; an old journal of the retired one may be lost or incomplete.
        (Mark.SET_UP, Mark.MISSING, True),
        (Mark.MISSING, Mark.MISSING, True),
        # A copy of the retired cluster has its mark, too.
        (Mark.SET_UP, Mark.SET_UP, False),
        (Mark.SET_UP, Mark.BEGUN, False),
    ],
)
def test_sessions_are_ended_on_the_retired_cluster_alone(
    retired: Mark | None, live: Mark | None, certain: bool
) -> None:
    assert is_retired(retired, live) is certain


@pytest.mark.parametrize(
    ("certified", "chosen"),
    [
        (["shop-ar-1.cluster-x", "shop-ar-1-1.x"], "Shop-AR-1.cluster-x"),
        (["shop-ar-1-1.x"], "shop-ar-1-1.x"),
        (["other.cluster-x", "shop-ar-1.cluster"], None),
        ([], None),
    ],
)
def test_a_certificate_is_the_clusters_by_the_first_name_that_it_shares(
    certified: list[str], chosen: str | None
) -> None:
    assert choose_name(certified, ["Shop-AR-1.cluster-x", "shop-ar-1-1.x"]) == chosen
