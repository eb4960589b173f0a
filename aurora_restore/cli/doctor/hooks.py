"""Whether the functions that restores name as hooks can be called."""

from collections.abc import Iterator, Mapping
from typing import Any

from aurora_restore.cli.doctor.asking import ask_or_none
from aurora_restore.cli.doctor.code import unusable_state
from aurora_restore.cli.doctor.site import Site
from aurora_restore.cli.findings import Observation, ok, problem, warning
from aurora_restore.shared.documents.hooks import HookFunction


def examine_hooks(site: Site) -> Iterator[Observation]:
    """Yield what was found of the functions of hooks."""
    for name, restore in site.restores.items():
        for field, hook in restore.hooks.functions.items():
            found = ask_or_none(
                "lambda:GetFunctionConfiguration",
                "ResourceNotFoundException",
                site.deployment.functions.get_function_configuration,
                FunctionName=hook.function,
            )
            yield decide_hook(f"hooks.{field} of {name}", hook, found)


def decide_hook(what: str, hook: HookFunction, found: Mapping[str, Any] | None) -> Observation:
    """Return whether a hook's function can be called, and ends in the time that a run waits."""
    if found is None:
        return problem(
            f"{what} is {hook.function}, and there is no such function.",
            "Create it, or correct the configuration and deploy.",
        )
    state = unusable_state(found)
    if state is not None:
        return problem(f"{what} is {hook.function}, which is {state}", "Remove the reason.")
    longest = int(found["Timeout"])
    if longest > hook.timeout_seconds:
        return warning(
            f"{what} may work for {longest} seconds, and the run takes the call for failed after "
            f"{hook.timeout_seconds}; the function works on.",
            "Raise its timeout_seconds, or lower the function's own time-out.",
        )
    return ok(f"{what} can be called.")
