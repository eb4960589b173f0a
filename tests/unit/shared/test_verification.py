"""Whether the cluster at an endpoint is the one that is to serve, by the marks in its journal."""

import pytest

from aurora_restore.shared.postgres.mark import Mark
from aurora_restore.shared.postgres.verification import is_expected


@pytest.mark.parametrize(
    ("serving", "retired", "expected"),
    [
        (Mark.SET_UP, None, True),
        (Mark.SET_UP, Mark.MISSING, True),
        # It was restored from a snapshot of the cluster that is retired now.
        (Mark.SET_UP, Mark.SET_UP, True),
        (Mark.BEGUN, Mark.MISSING, True),
        (Mark.MISSING, None, False),
        (Mark.MISSING, Mark.SET_UP, False),
        (Mark.MISSING, Mark.MISSING, False),
        # Back to a cluster that no operation has set up.
        (None, Mark.MISSING, True),
        (None, Mark.BEGUN, False),
        (None, Mark.SET_UP, False),
        (None, None, True),
    ],
)
def test_the_serving_cluster_is_known_by_its_mark_or_by_the_others_that_is_missing(
    serving: Mark | None, retired: Mark | None, expected: bool
) -> None:
    assert is_expected(serving, retired) is expected
