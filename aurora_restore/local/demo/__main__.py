"""``python -m aurora_restore.local.demo``, which is what ``make demo`` runs."""

from collections.abc import Callable

from aurora_restore.local.demo.interruption import InterruptedRunError, Interruptions


def main() -> int:
    """Run the demo and give its exit status: 0, 1 where something did not hold, 130 on Ctrl-C."""
    with Interruptions() as interruptions:
        status = 0
        try:
            status = _run(interruptions.ending)
        except InterruptedRunError:
            interruptions.ending()
        if interruptions.received is not None:
            name = interruptions.received.name
            print(f"Interrupted by {name}; nothing that was started is left running.")
        return interruptions.exit_status or status


def _run(ending: Callable[[], None]) -> int:
    # These take a second to import, in which Ctrl-C must be understood already.
    from aurora_restore.local.demo.run import run
    from aurora_restore.local.demo.screen import make_console
    from aurora_restore.local.demo.story import shop_story

    return run(shop_story(), make_console(), ending)


if __name__ == "__main__":
    raise SystemExit(main())
