"""``python -m demo``, which is what ``make demo`` runs.

With ``--cross-account`` the source is in another account, as in ``make demo-cross-account``.
"""

import argparse
from collections.abc import Callable

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
    cross_account = parser.parse_args().cross_account
    with Interruptions() as interruptions:
        status = 0
        try:
            status = _run(interruptions.ending, cross_account=cross_account)
        except InterruptedRunError:
            interruptions.ending()
        if interruptions.received is not None:
            name = interruptions.received.name
            print(f"Interrupted by {name}; nothing that was started is left running.")
        return interruptions.exit_status or status


def _run(ending: Callable[[], None], *, cross_account: bool) -> int:
    # These take a second to import, in which Ctrl-C must be understood already.
    from demo.run import run
    from demo.scenario import shop_scenario
    from demo.screen import make_console

    return run(shop_scenario(cross_account=cross_account), make_console(), ending)


if __name__ == "__main__":
    raise SystemExit(main())
