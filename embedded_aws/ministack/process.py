"""MiniStack as a supervised process."""

import functools
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from embedded_aws.environment import (
    FUNCTION_ENVIRONMENT_FILE,
    INVOCATIONS_AT_ONCE,
    POLICIES_PER_ROLE,
    identity,
    repository,
    sealed,
)
from embedded_aws.http import is_available
from embedded_aws.processes import Command, Supervised

_READY_TIMEOUT_SECONDS = 60.0
_ASYNC_RETRY_SECONDS = 60
"""Lambda waits a minute before it retries an asynchronous invocation, and then two."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where MiniStack listens, whose account it holds by default, and how fast its time goes.

    ``policies_per_role`` is a quota of the account.
    """

    port: int
    account: str
    region: str
    wait_scale: float
    policies_per_role: int
    function_environment_file: Path
    directory: Path
    invocations_at_once: int = 0
    """How many functions work at the same time at most; 0 is no limit."""


@contextmanager
def ministack_process(settings: Settings) -> Iterator[Supervised]:
    """Run MiniStack; it ends with the context, its functions' processes included."""
    scratch = settings.directory / "ministack"
    scratch.mkdir(exist_ok=True)
    command = Command(
        name="MiniStack",
        arguments=[
            *(sys.executable, "-m", "embedded_aws.ministack"),
            *("--port", str(settings.port)),
        ],
        environment=sealed(
            {
                **identity(settings.account, settings.region),
                FUNCTION_ENVIRONMENT_FILE: str(settings.function_environment_file),
                INVOCATIONS_AT_ONCE: str(settings.invocations_at_once),
                "LAMBDA_ASYNC_RETRY_BASE_SECONDS": str(_ASYNC_RETRY_SECONDS * settings.wait_scale),
                POLICIES_PER_ROLE: str(settings.policies_per_role),
                "MINISTACK_ACCOUNT_ID": settings.account,
                "MINISTACK_REGION": settings.region,
                "PYTHONPATH": str(repository()),
                "SFN_WAIT_SCALE": str(settings.wait_scale),
                "TMPDIR": str(scratch),
            }
        ),
        log=settings.directory / "logs" / "ministack.log",
        scratch=scratch,
    )
    with Supervised(command) as process:
        ready = functools.partial(
            is_available, f"http://127.0.0.1:{settings.port}/_ministack/ready"
        )
        process.wait_until(ready, timeout=_READY_TIMEOUT_SECONDS)
        yield process
