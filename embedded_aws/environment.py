"""Environments in which nothing can reach a real AWS account."""

import os
from collections.abc import Mapping
from pathlib import Path

ACCOUNT = "111122223333"
REGION = "us-east-1"

FUNCTION_ENVIRONMENT_FILE = "EMBEDDED_AWS_FUNCTION_ENVIRONMENT_FILE"
"""Tells MiniStack of a file with a JSON object: variables that every function is to see."""

POLICIES_PER_ROLE = "EMBEDDED_AWS_POLICIES_PER_ROLE"
"""Tells MiniStack how many managed policies a role may have, if the quota is not the default."""

INVOCATIONS_AT_ONCE = "EMBEDDED_AWS_INVOCATIONS_AT_ONCE"
"""Tells MiniStack how many functions may work at the same time; 0 is no limit."""

_KEPT = ("HOME", "LANG", "LC_ALL", "PATH", "TERM", "USER")
_SEALED = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_SDK_LOAD_CONFIG": "0",
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "NO_PROXY": "*",
    "no_proxy": "*",
}


def sealed(additions: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without AWS settings or proxies: a few variables and the additions.

    Credentials and profiles are left out, the files that could hold some are replaced by an empty
    one, and the instance metadata service is not asked.
    """
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {**kept, **_SEALED, **additions}


def credentials(account: str) -> dict[str, str]:
    """Return credentials by which the emulators know the account: its number is the access key."""
    return {"AWS_ACCESS_KEY_ID": account, "AWS_SECRET_ACCESS_KEY": "local"}


def identity(account: str, region: str) -> dict[str, str]:
    """Return the variables by which an SDK acts in an account and region of the embedded AWS."""
    return {**credentials(account), "AWS_DEFAULT_REGION": region, "AWS_REGION": region}


def repository() -> Path:
    """Return the repository's directory, which holds ``config`` and ``node_modules``."""
    return Path(__file__).resolve().parents[1]
