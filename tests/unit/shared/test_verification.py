"""Whether the cluster at an endpoint is the one that is to serve, by the marks in its journal."""

import pytest

from aurora_restore.shared.postgres.mark import Mark
from aurora_restore.shared.postgres.verification import is_expected


@pytest.mark.parametrize(
    ("serving", "retired", "if_new", "on_the_way_back"),
    [
        (Mark.SET_UP, None, True, True),
        (Mark.SET_UP, Mark.MISSING, True, True),
        # It was restored from a snapshot of the cluster that is retired now.
        (Mark.SET_UP, Mark.SET_UP, True, True),
        (Mark.BEGUN, Mark.MISSING, True, True),
        # It may be the old cluster, which has no mark either.
        (Mark.MISSING, Mark.MISSING, False, True),
        (Mark.MISSING, None, False, True),
        (Mark.MISSING, Mark.SET_UP, False, False),
        # Back to a cluster that no operation has set up.
        (None, Mark.MISSING, False, True),
        (None, Mark.BEGUN, False, False),
        (None, Mark.SET_UP, False, False),
        (None, None, False, True),
    ],
)
def test_the_serving_cluster_is_known_by_its_mark_or_by_the_others_that_is_missing(
    serving: Mark | None, retired: Mark | None, if_new: bool, on_the_way_back: bool
) -> None:
    assert is_expected(serving, retired, is_new=True) is if_new
    assert is_expected(serving, retired, is_new=False) is on_the_way_back
