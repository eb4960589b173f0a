"""The names of what a self-test makes; each begins with the run's own prefix."""

import re
import secrets
import string
from typing import Final

TAG_SELF_TEST: Final = "aurora-restore-selftest"
"""On everything that a self-test makes: the run's id."""

_LETTERS: Final = string.ascii_lowercase
_LENGTH: Final = 8
_RUN: Final = re.compile(rf"[a-z][a-z0-9]{{{_LENGTH - 1}}}")
_PREFIX: Final = "ar-selftest-"


def new_run() -> str:
    """Return the id of a new run: random, so that no two runs of an account share a name."""
    rest = (secrets.choice(_LETTERS + string.digits) for _ in range(_LENGTH - 1))
    return secrets.choice(_LETTERS) + "".join(rest)


def is_run(text: str) -> bool:
    """Return whether a text can be the id of a run."""
    return _RUN.fullmatch(text) is not None


def prefix_of(run: str) -> str:
    """Return what every name of a run begins with; the ``name_prefix`` of its environment."""
    return f"{_PREFIX}{run}"


def source_stack(run: str) -> str:
    """Return the name of the stack with the network and the source cluster."""
    return f"{prefix_of(run)}-source"


def environment_name(run: str) -> str:
    """Return the name of the environment that a run deploys."""
    return f"selftest-{run}"


def environment_stack(run: str) -> str:
    """Return the name of the stack of the environment."""
    return f"AuroraRestore-{environment_name(run)}"


def source_cluster(run: str) -> str:
    """Return the name of the source cluster."""
    return f"{prefix_of(run)}-source"


def target_cluster(run: str) -> str:
    """Return the name of the target cluster."""
    return f"{prefix_of(run)}-target"


def snapshot_name(run: str) -> str:
    """Return the name of the source cluster's snapshot."""
    return f"{prefix_of(run)}-source-snapshot"


def target_snapshot_name(run: str) -> str:
    """Return the name of the snapshot that is taken of the target before the switch."""
    return f"{prefix_of(run)}-target-snapshot"


def probe_function(run: str) -> str:
    """Return the name of the function that logs in to the clusters of a run."""
    return f"{prefix_of(run)}-probe"
