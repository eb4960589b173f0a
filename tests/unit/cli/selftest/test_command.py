"""What is chosen before anything is made, and what is said of its cost."""

from typing import Any

import pytest

from aurora_restore.cli.errors import CommandError
from aurora_restore.cli.selftest.command import choose_engine
from aurora_restore.cli.selftest.plan import cost_of_run


def option(version: str, *zones: str) -> dict[str, Any]:
    return {"EngineVersion": version, "AvailabilityZones": [{"Name": zone} for zone in zones]}


def test_the_newest_known_version_with_two_zones_is_chosen() -> None:
    options = [
        option("16.9", "a", "b"),
        option("17.5", "c", "b", "a"),
        option("17.10", "a"),
        option("17.4", "a", "b"),
        option("18.1", "a", "b"),
        option("16.9-limitless", "a", "b"),
    ]
    assert choose_engine(options, "eu-west-1") == ("17.5", ("a", "b"))


@pytest.mark.parametrize("options", [[], [option("17.5", "a")], [option("12.1", "a", "b")]])
def test_a_region_without_it_is_refused(options: list[dict[str, Any]]) -> None:
    with pytest.raises(CommandError, match="Choose another Region"):
        choose_engine(options, "eu-west-1")


def test_it_costs_about_a_dollar_and_the_ceiling_covers_what_is_expected() -> None:
    cost = cost_of_run()
    assert 0 < cost.usd < 1.5
    assert cost.usd < cost.most_usd < 5
    for expected, most in zip(cost.expected, cost.ceiling, strict=True):
        assert expected.what == most.what
        assert (expected.usd or 0) <= (most.usd or 0)
