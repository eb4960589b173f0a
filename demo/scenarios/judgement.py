"""What must hold of a scenario besides what holds of every restore; nothing here reads."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from aurora_restore.cli.exit_codes import ExitCode
from aurora_restore.cli.progress import ExecutionProgress
from aurora_restore.proof.checks import Check, check_same
from aurora_restore.shared.sequences import REPLACE
from demo.scenarios.commands import CommandResult
from demo.scenarios.declaration import FailureScenario

_ONLY_LOOKS: Final = (REPLACE.first, "sns-notification")
_RESTORE: Final = "RestoreDBClusterFromSnapshot"


def check_failure(failure: FailureScenario, progress: ExecutionProgress) -> Check:
    """Return the check that the execution failed at the scenario's step, with its error."""
    why = progress.failure
    return check_same(
        f"It failed at {failure.step} with {failure.error.__name__}",
        (failure.step, failure.error.__name__),
        why and (why.step, why.error_type),
    )


def check_refused(result: CommandResult, command: Sequence[str]) -> Check:
    """Return the check that a command was refused because it would do harm."""
    said = " ".join(result.output.split())
    return Check(
        promise=f"{' '.join(command)} is refused",
        held=result.status == ExitCode.REFUSED,
        evidence=said,
        found=f"it ended with status {result.status}: {said}",
    )


def check_replaced_once(calls: Sequence[Mapping[str, Any]], region: str) -> Check:
    """Return the check that RDS was asked once to restore a cluster in a Region."""
    made = [each for each in calls if (each["action"], each["region"]) == (_RESTORE, region)]
    return check_same("The target was replaced once", 1, len(made))


def check_changed_nothing(
    state: Sequence[Mapping[str, Any]], before: str | None, after: str | None
) -> Check:
    """Return the check that an operation did no more than look, and the target stays what it is.

    The target is given by its resource id, before and after the rerun of the operation.
    """
    beyond = [item["step"] for item in state if item["step"] not in _ONLY_LOOKS]
    return check_same(
        "The execution that lost came to no second step, and the target stays the same cluster",
        ([], before),
        (beyond, after),
    )
