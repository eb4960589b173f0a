"""What ``make demo SCENARIO=…`` does."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

from demo.run import run
from demo.scenario import shop_scenario
from demo.scenarios.declaration import UnknownScenarioError, listing, scenarios_named
from demo.scenarios.failing import FailureDemo
from demo.screen import make_console

LIST: Final = "list"
"""Asks for the list of the scenarios."""
WRONG_USAGE: Final = 2
WAIT_SCALE: Final = 0.003
"""So that a scenario, which is two runs or a half, takes no longer than the demo."""


def play(name: str, ending: Callable[[], None]) -> int:
    """Play a scenario, or list them, and return the exit status.

    It calls ``ending`` before it begins to end what it has started.
    """
    if name == LIST:
        print(listing())
        return 0
    try:
        failures = scenarios_named(name)
    except UnknownScenarioError as error:
        print(error)
        return WRONG_USAGE
    scenario = replace(shop_scenario(), wait_scale=WAIT_SCALE)
    return run(scenario, make_console(), ending, partial(FailureDemo, failures))
