"""How many requests RDS answers: a token bucket for each account and Region.

AWS publishes how EC2 limits requests, and gives no numbers for RDS, where a test chooses them.
Source: Amazon EC2 Developer Guide, *Request throttling for the Amazon EC2 API*.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from embedded_aws.rds.models import Location


@dataclass
class TokenBucket:
    """Takes a token per request. It starts full, and is refilled evenly."""

    tokens: float
    at: float
    """When the tokens were counted."""

    def take(self, *, burst: float, per_second: float, now: float) -> bool:
        """Take a token; return False if there is none."""
        self.tokens = min(burst, self.tokens + per_second * (now - self.at))
        self.at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


@dataclass
class RequestLimit:
    """The buckets of all accounts and Regions.

    They are refilled by the time of this machine, whatever the speed of the clock of RDS: what
    waits before it repeats a request, the SDK, does so by that time, too.
    """

    now: Callable[[], float] = time.monotonic
    _buckets: dict[Location, TokenBucket] = field(default_factory=dict)

    def admits(self, location: Location, *, burst: float, per_second: float) -> bool:
        """Return whether a request is answered; a rate of 0 lets everything through."""
        if not per_second:
            return True
        bucket = self._buckets.setdefault(location, TokenBucket(burst, self.now()))
        return bucket.take(burst=burst, per_second=per_second, now=self.now())

    def clear(self) -> None:
        """Fill every bucket again."""
        self._buckets.clear()
