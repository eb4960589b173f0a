"""``python -m demo``, which is what ``make demo`` runs.

With ``--cross-account`` the source is in another account, as in ``make demo-cross-account``; with
``--switch`` the target serves until another cluster gets its name, as in ``make demo-switch``; with
``--scenario`` an execution fails, and its notice says the way out, as in ``make demo SCENARIO=…``.
"""

import argparse
from collections.abc import Callable, Mapping

from demo.interruption import InterruptedRunError, Interruptions


def main() -> int:
    """Run the demo and give its exit status: 0, 1 where something did not hold, 130 on Ctrl-C."""
    parser = argparse.ArgumentParser(
        prog="python -m demo",
        description="Restores a database from snapshot to notification, on this machine.",
    )
    parser.add_argument(
        "--cross-account", action="store_true", help="the source is in another account"
    )
    parser.add_argument(
        "--switch",
        action="store_true",
        help="the target serves until the new cluster gets its name, and gets it back at the end",
    )
    parser.add_argument(
        "--scenario",
        metavar="NAME",
        help="a failure and its way out; `list` lists them, and `all` plays all",
    )
    chosen = parser.parse_args()
    with Interruptions() as interruptions:
        status = 0
        try:
            if chosen.scenario is None:
                scenario = {"cross_account": chosen.cross_account, "switch": chosen.switch}
                status = _run(interruptions.ending, scenario)
            else:
                status = _run_failure(interruptions.ending, chosen.scenario)
        except InterruptedRunError:
            interruptions.ending()
        if interruptions.received is not None:
            name = interruptions.received.name
            print(f"Interrupted by {name}; nothing that was started is left running.")
        return interruptions.exit_status or status


def _run(ending: Callable[[], None], scenario: Mapping[str, bool]) -> int:
    # These take a second to import, in which Ctrl-C must be understood already.
    from demo.run import run
    from demo.scenario import shop_scenario
    from demo.screen import make_console

    return run(shop_scenario(**scenario), make_console(), ending)


def _run_failure(ending: Callable[[], None], name: str) -> int:
    from demo.scenarios.playing import play

    return play(name, ending)


if __name__ == "__main__":
    raise SystemExit(main())
