"""How many looks a running AWS operation takes, and how late its end is seen: geometric polling
against a fixed interval. Run as ``python -m benchmarks.polling``.

Both are computed in the same run, from the function that the steps use. A look is a Task, a Choice
and a Wait: nine events of an execution's history, of which Step Functions keeps 25,000.
"""

from collections.abc import Callable

from aurora_restore.shared.documents.restore import Polling
from aurora_restore.shared.polling import next_poll

FIXED_SECONDS = 60
EVENTS_PER_LOOK = 9
MINUTE = 60
HOUR = 60 * MINUTE
DURATIONS = (MINUTE, 10 * MINUTE, HOUR, 6 * HOUR, 36 * HOUR)


def looks(duration: float, wait: Callable[[float], float]) -> tuple[int, float]:
    """The number of looks until the end is seen, and how long after the end that is."""
    moment, number = 0.0, 1
    while moment < duration:
        moment += wait(moment)
        number += 1
    return number, moment - duration


def main() -> None:
    polling = Polling()
    print(f"{'operation':>10} {'looks':>6} {'fixed':>6} {'ratio':>6} {'late':>8} {'events':>7}")
    for duration in DURATIONS:
        number, late = looks(duration, lambda waited: next_poll(polling, waited))
        fixed, _ = looks(duration, lambda _: FIXED_SECONDS)
        shown = f"{duration // HOUR} h" if duration >= HOUR else f"{duration // MINUTE} min"
        print(
            f"{shown:>10} {number:>6} {fixed:>6} {fixed / number:>6.1f} "
            f"{late / duration:>7.1%} {number * EVENTS_PER_LOOK:>7}"
        )


if __name__ == "__main__":
    main()
