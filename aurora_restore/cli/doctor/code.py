"""Whether the functions are there, and run the code of this version."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from aurora_restore.cli.doctor.site import Site
from aurora_restore.cli.findings import Observation, listed, ok, problem, warning
from aurora_restore.deployed_code import code_digest
from aurora_restore.shared.errors import ConfigurationError
from aurora_restore.shared.lambda_environment import LambdaEnvironment

_DEPLOY: Final = "Deploy the stack again."
_UNUSABLE: Final = frozenset({"Failed", "Inactive"})
"""The states of a function in which a call of it fails:
https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html"""


def examine_functions(site: Site) -> Iterator[Observation]:
    """Yield what was found of the functions."""
    functions = {
        site.deployment.function_name(step): found for step, found in site.functions.items()
    }
    yield from decide_functions(functions)
    present = {name: found for name, found in functions.items() if found is not None}
    yield from decide_code({name: _digest(found) for name, found in present.items()}, code_digest())


def _digest(found: Mapping[str, Any]) -> str:
    """Return the digest of a function's code; empty where it does not say."""
    try:
        variables = found.get("Environment", {}).get("Variables", {})
        return LambdaEnvironment.from_env(variables).code_digest
    except ConfigurationError:
        return ""


def decide_functions(functions: Mapping[str, Mapping[str, Any] | None]) -> Iterator[Observation]:
    """Yield whether every function can be called."""
    missing = [name for name, found in functions.items() if found is None]
    if missing:
        yield problem(f"There is no function {listed(missing)}.", _DEPLOY)
    unusable = 0
    for name, found in functions.items():
        state = None if found is None else unusable_state(found)
        if state is not None:
            unusable += 1
            yield problem(
                f"Function {name} is {state}", "Remove the reason, then deploy the stack again."
            )
    if not missing and not unusable:
        yield ok(f"All {len(functions)} functions are there.")


def unusable_state(found: Mapping[str, Any]) -> str | None:
    """Return in which state a function cannot be called, and why; None if it can be called."""
    if found.get("State") not in _UNUSABLE:
        return None
    return f"{str(found['State']).lower()}: {found.get('StateReason') or 'AWS gives no reason'}"


def decide_code(digests: Mapping[str, str], own: str) -> Iterator[Observation]:
    """Yield whether the functions run the code of this version."""
    if not digests:
        return
    found = set(digests.values())
    if found == {own}:
        yield ok(f"The functions run the code of this version ({own}).")
    elif len(found) > 1:
        yield problem(
            "The functions run different versions of the code: a deployment was not finished.",
            _DEPLOY,
        )
    elif found == {""}:
        yield warning(
            "The functions do not say which code they run: an earlier version has deployed them.",
            _DEPLOY,
        )
    else:
        yield warning(
            f"The functions run other code ({found.pop()}) than this version ({own}).",
            "Deploy this version, or use the one that was deployed.",
        )
