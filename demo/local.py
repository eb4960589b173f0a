"""``python -m demo.local``, which is what ``make local`` runs: the demo's world until Ctrl-C.

The embedded AWS stays up with the source, its daily snapshots, the target, and the deployed app.
"""

import argparse
import sys
from collections.abc import Callable, Mapping

from demo.interruption import InterruptedRunError, Interruptions

SERVED = 0
NOT_SERVED = 1


def main() -> int:
    """Serve until a signal asks for the end, and give the exit status.

    It is 0 where it has served, 1 where it could not, and that of the signal if it comes before.
    """
    parser = argparse.ArgumentParser(
        prog="python -m demo.local",
        description="Keeps the demo's world running on this machine until Ctrl-C.",
    )
    parser.add_argument(
        "--cross-account", action="store_true", help="the source is in another account"
    )
    parser.add_argument(
        "--switch",
        action="store_true",
        help="the target serves until the new cluster gets its name",
    )
    chosen = parser.parse_args()
    with Interruptions() as interruptions:
        try:
            scenario = {"cross_account": chosen.cross_account, "switch": chosen.switch}
            status = _serve(interruptions.ending, scenario)
        except InterruptedRunError:
            interruptions.ending()
            status = interruptions.exit_status
        if interruptions.received is not None:
            print("Everything that was started has ended, and what it had written is removed.")
        return status


def _serve(ending: Callable[[], None], scenario: Mapping[str, bool]) -> int:
    print("Starting an AWS on this machine. This takes about half a minute.")
    sys.stdout.flush()
    # These take a second to import, in which Ctrl-C must be understood already.
    from demo.local_world import LocalWorldError, serve
    from demo.scenario import shop_scenario
    from demo.screen import make_console

    try:
        serve(shop_scenario(**scenario), make_console(), ending)
    except LocalWorldError as error:
        print(error)
        return NOT_SERVED
    return SERVED


if __name__ == "__main__":
    raise SystemExit(main())
