"""When something that AWS does is looked at again. Pure: facts in, a decision out.

A look costs a call of a function, and a look that comes late delays the run. The two are weighed
by how likely the end is right now. A duration is taken to be log-logistic: after ``u`` seconds the
end comes at the rate ``b/u / (1 + (m/u)^b)`` per second, where ``m`` is the median, and ``b`` grows
as the spread shrinks. That is next to nothing long before the median, and ``b/u`` long after it.

The median is, in this order: where the progress that AWS reports leads to if it goes on evenly;
what earlier operations of the restore took; what is usual, with a wide spread; or unknown. The
unknown is treated like what is long overdue.

The delay matters as a share of the whole run. So a call is worth the more seconds, the longer the
run has taken by then.

Near the end the function itself stays and looks every few seconds. So a call covers a stretch of
time instead of a moment, and most of the wait between two calls is looked at.
"""

import math
import statistics
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from aurora_restore.shared.documents.restore import Polling

LONGEST_INNER_WAIT_SECONDS: Final = 20
"""No wait inside the function is longer than this."""
MOST_INSIDE_SECONDS: Final = 50
"""For how long one call waits inside the function at most, all in all."""
WORTH_STAYING_SECONDS: Final = 100
"""If the next call is to come later than this, the end is too far away to stay for it."""
REMEMBERED: Final = 8
"""How many durations are remembered of each thing that is waited for: the last ones."""
JITTER: Final = 0.1
"""By which share a wait is shorter than the rule says at most, so that a fleet is not in step."""

_INNER_SHARE: Final = 0.004
"""The time between two looks inside the function, as a share of the expected duration."""
_SHORT_RUN_SECONDS: Final = 20 * 60
"""In a run as long as this, what is unknown and takes all of it is looked at after about
``fraction`` of the time already waited."""
_GROWTH: Final = 2 / 3
"""The power of a run's duration with which the seconds grow that a call is worth: a long run may be
delayed for longer, but less than in proportion."""
_SHAPE: Final = math.pi / math.sqrt(3)
"""The shape of a log-logistic distribution, times the standard deviation of its logarithm."""
_SHAPE_OF_THE_UNKNOWN: Final = 0.7
_SHAPE_WITHOUT_PROGRESS: Final = 0.05
"""As long as AWS says that nothing is done yet. It may be wrong, for example of small copies."""
_ASSUMED_SPREAD: Final = 0.5
"""The spread that is assumed beside what the durations show; it counts like one more of them."""
_SPREAD_OF_THE_USUAL: Final = 0.7
"""So wide that half or twice of what is usual is no surprise."""
_OVERDUE: Final = 2
"""How many times the longest known duration something takes before that says nothing."""
_PROGRESS_STEP: Final = 0.01
"""AWS reports whole per cent."""
_ERROR_OF_PROGRESS: Final = 0.15
"""How wrong what progress leads to may be, for what is left; and for the whole at the very end."""
_LAST_ERROR_OF_PROGRESS: Final = 0.005
_TRUST: Final = 0.8
"""For which share of the time that progress has been seen it is trusted: it need not be even."""
_PRECISION: Final = 0.01


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """What is known of something that is waited for."""

    waited: float
    """The seconds since it began to be waited for."""
    progress: float | None = None
    """How much of it is done, from 0 to 1, as far as AWS says."""
    unchanged: float = 0.0
    """For how many seconds the progress has been the same."""
    durations: Sequence[float] = ()
    """The seconds that it took in earlier operations of the restore."""
    usual: float | None = None
    """The seconds that it usually takes, for a restore that has none of these."""
    before: float = 0.0
    """The seconds that the run had taken when it began to be waited for."""


@dataclass(frozen=True)
class StayInside:
    """The function sleeps so many seconds, and looks again."""

    seconds: float


@dataclass(frozen=True)
class CallAgain:
    """The function returns, and is called again after so many whole seconds."""

    seconds: int


@dataclass(frozen=True)
class ExpectedEnd:
    """When the end is expected: the median and the shape of its distribution."""

    median: float | None
    """In seconds; None if it is unknown."""
    shape: float

    def duration(self, waited: float) -> float:
        """Return the expected duration in seconds: at least the time already waited."""
        return max(waited, self.median or 0.0)

    def seconds_per_end(self, moment: float) -> float:
        """Return in how many seconds one end would come, if it kept coming as often as now."""
        if self.median is None:
            return moment / self.shape
        if moment <= 0:
            return math.inf
        # Their quotient may be too small for a float.
        overdue = self.shape * (math.log(self.median) - math.log(moment))
        return math.inf if overdue > _TOO_LARGE else moment / self.shape * (1 + math.exp(overdue))


def next_look(
    polling: Polling,
    waiting: Waiting,
    *,
    seconds_inside: float | None = None,
    chance: float = 0.0,
) -> StayInside | CallAgain:
    """Return when to look again.

    ``seconds_inside`` is for how long this call may still wait inside the function; None if no
    call of the step ever does. ``chance``, from 0 to 1, shortens the wait by as much of JITTER.
    """
    expected, shortened = expect(waiting), 1 - JITTER * chance
    usual = min(_INNER_SHARE * expected.duration(waiting.waited), LONGEST_INNER_WAIT_SECONDS)
    inner = max(shortened * usual, polling.floor_seconds)
    may_stay = seconds_inside is not None and inner <= LONGEST_INNER_WAIT_SECONDS
    stretch = MOST_INSIDE_SECONDS if may_stay else 0

    def best(moment: float) -> float:
        interval = _best_interval(polling, expected, waiting.before, moment)
        squares = interval**2 + stretch**2 + stretch * inner
        return math.sqrt(squares) - stretch

    outer = _first_that_suffices(best, waiting.waited, polling.cap_seconds)
    if waiting.progress:
        outer = min(outer, _TRUST * waiting.waited)
    is_worth_it = may_stay and outer <= WORTH_STAYING_SECONDS
    if is_worth_it and seconds_inside is not None and inner <= seconds_inside:
        return StayInside(inner)
    wanted = max(1, polling.floor_seconds, math.ceil(shortened * outer))
    return CallAgain(min(wanted, polling.cap_seconds))


def expect(waiting: Waiting) -> ExpectedEnd:
    """Return when the end of something is expected: by its progress, by earlier durations, or by
    what is usual."""
    has_stopped = waiting.unchanged > waiting.waited / 2
    if waiting.progress and waiting.waited >= 1 and not has_stopped:
        done = min(1.0, waiting.progress + _PROGRESS_STEP / 2)
        # Little progress says little, and so does one that may have come to a stop.
        spread = _ERROR_OF_PROGRESS * (1 - done) / math.sqrt(done) + _LAST_ERROR_OF_PROGRESS
        spread += waiting.unchanged / waiting.waited
        return ExpectedEnd(waiting.waited / done, _SHAPE / spread)
    durations = [each for each in waiting.durations if each > 0]
    if waiting.progress == 0 and not durations:
        return ExpectedEnd(None, _SHAPE_WITHOUT_PROGRESS)
    longest = max(durations, default=waiting.usual or 0.0)
    # What takes so much longer is not what was remembered or is usual.
    if longest == 0 or waiting.waited > _OVERDUE * longest:
        return ExpectedEnd(None, _SHAPE_OF_THE_UNKNOWN)
    if not durations:
        return ExpectedEnd(longest, _SHAPE / _SPREAD_OF_THE_USUAL)
    logarithms = [math.log(each) for each in durations]
    number, mean = len(logarithms), statistics.fmean(logarithms)
    squares = sum((each - mean) ** 2 for each in logarithms) + _ASSUMED_SPREAD**2
    variance = squares / number * (1 + 1 / number)
    return ExpectedEnd(math.exp(mean), _SHAPE / math.sqrt(variance))


def usual_after(usual: float, other: float) -> float:
    """Return what something usually takes after another that grows faster with the same data.

    It is halfway between the two, in proportion; ``other`` only makes it longer.
    """
    return math.sqrt(usual * max(usual, other))


def chance_of(operation_id: str, thing: str, waited: float) -> float:
    """Return a number from 0 to 1, always the same for one look of one operation."""
    return zlib.crc32(f"{operation_id} {thing} {waited:.0f}".encode()) / 0xFFFFFFFF


def remember(durations: Sequence[float], seconds: float) -> tuple[float, ...]:
    """Return the durations to remember, the latest last."""
    return (*durations, round(seconds, 1))[-REMEMBERED:]


def _best_interval(polling: Polling, expected: ExpectedEnd, before: float, moment: float) -> float:
    """Return the time between single looks that costs least around a moment.

    If a look is worth ``c`` seconds of delay and the end comes at the rate ``h``, looks every ``d``
    seconds cost ``h·d/2 + c/d``, which is least for ``d = √(2c/h)``. With looks inside the function
    for ``stretch`` seconds a call, the wait ``d`` between two calls costs
    ``(h·(d² + stretch·inner)/2 + c) / (d + stretch)``: least for
    ``√(2c/h + stretch² + stretch·inner) - stretch``, as ``next_look`` has it.
    """
    run = before + expected.duration(moment)
    doubled_worth = _SHORT_RUN_SECONDS * (run / _SHORT_RUN_SECONDS) ** _GROWTH
    return polling.fraction * math.sqrt(doubled_worth * expected.seconds_per_end(moment))


def _first_that_suffices(best: Callable[[float], float], waited: float, longest: float) -> float:
    """Return the shortest wait that is no shorter than what is best at its own end.

    The end of a wait is where something is most likely to be over; so a long wait stops short of
    the time from which it would be too long.
    """
    low, high = 0.0, float(longest)
    while high - low > max(_PRECISION * high, 0.1):
        middle = (low + high) / 2
        if middle < best(waited + middle):
            low = middle
        else:
            high = middle
    return high


_TOO_LARGE: Final = 700.0
"""The exponential of more than this is no number."""
