"""The embedded RDS answers no more requests than a test lets it."""

import pytest

from embedded_aws.rds import Rules
from embedded_aws.rds.models import Location
from embedded_aws.rds.throttling import RequestLimit
from tests.unit.embedded_aws.rds.rds_bench import HERE, OTHER, RdsBench, refused

HOME = Location("1", "here")
AWAY = Location("1", "there")


def test_a_burst_is_let_through_and_then_what_is_refilled() -> None:
    moment = 0.0
    limit = RequestLimit(now=lambda: moment)

    def admitted(seconds: float) -> int:
        nonlocal moment
        moment += seconds
        return sum(limit.admits(HOME, burst=5, per_second=2) for _ in range(10))

    assert [admitted(seconds) for seconds in (0, 0.5, 1, 100)] == [5, 1, 2, 5]


def test_each_account_and_region_has_a_bucket_of_its_own() -> None:
    limit = RequestLimit(now=lambda: 0.0)

    admitted = [limit.admits(place, burst=1, per_second=1) for place in (HOME, HOME, AWAY)]

    assert admitted == [True, False, True]


@pytest.mark.parametrize("action", ["describe_db_clusters", "describe_db_instances"])
def test_a_request_beyond_the_rate_is_throttled_and_recorded(
    rds_bench: RdsBench, action: str
) -> None:
    rds_bench.emulator.backend.rules = Rules(requests_per_second=0.001, burst_of_requests=1)
    rds = rds_bench.rds()
    rds.describe_db_clusters()

    with refused("Throttling"):
        getattr(rds, action)()

    rds_bench.rds(account=OTHER, region=HERE).describe_db_clusters()
    errors = [each["error"] for each in rds_bench.admin.calls()]
    assert (errors[0], set(errors[1:-1]), errors[-1]) == (None, {"Throttling"}, None)
