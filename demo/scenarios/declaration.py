"""The failures that can be shown, each with how it is caused and what its notice advises."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from aurora_restore.shared.errors import (
    AuroraRestoreError,
    CheckFailedError,
    CopyFailedError,
    DatabaseConnectionError,
    InsufficientCapacityError,
    InvalidPasswordError,
    OperationInProgressError,
    ScriptFailedError,
)
from demo.scenarios.commands import AWS_CLI, COMMAND_LINE
from demo.scenarios.stage import Stage

RIGHT_NAMES: Final = "UPDATE shop.customers SET name = 'Customer ' || id;\n"


class UnknownScenarioError(ValueError):
    """There is no scenario of that name."""


@dataclass(frozen=True, kw_only=True)
class FailureScenario:
    """One failure and the way out."""

    name: str
    what: str
    """What happens, as a sentence."""
    cause: str
    """How it is caused, as a sentence."""
    step: str
    """The step that fails."""
    error: type[AuroraRestoreError]
    """What it fails with; its remedy is what the notice advises."""
    carried_out: str
    """What a person does of that before the command of the notice, as a sentence."""
    holds: str
    """What must hold at the end, as a sentence."""
    mistake: tuple[str, str] | None = None
    """What is right in the masking script, and what is deployed instead."""
    before: Callable[[Stage], None] | None = None
    """What happens before the execution starts."""
    during_step: Callable[[Stage], None] | None = None
    """What happens when the step has begun."""
    correct: Callable[[Stage], None] | None = None
    """Does what the notice says is to be done first."""
    program: str = COMMAND_LINE
    """The program of whose commands in the notice is run."""
    has_rival: bool = False
    """Whether another execution is at work on the target."""

    @property
    def advice(self) -> str:
        """Return what the notice advises, in short, as the error declares it."""
        remedy = self.error.remedy
        at = f" at {remedy.step}" if remedy.step else ""
        action = f"{remedy.action.value}{at}."
        return f"{remedy.first} Then {action}" if remedy.first else action.capitalize()


def _lack_class(stage: Stage) -> None:
    classes = [stage.scenario.target.instance_class]
    stage.aws.rds.admin.set_rules(classes_without_capacity=classes)


def _have_classes(stage: Stage) -> None:
    stage.aws.rds.admin.set_rules(classes_without_capacity=[])
    stage.screen.say(f"AWS has capacity for {stage.scenario.target.instance_class} again")


def _fail_copy(stage: Stage) -> None:
    stage.aws.rds.admin.fail_next("copy-snapshot")


def _correct_script(stage: Stage) -> None:
    stage.write_files()
    stage.screen.say(f"The script {stage.scenario.mask_script.name} is corrected")
    stage.deploy()


def _add_script(stage: Stage) -> None:
    script = stage.add_script("correct-names.sql", f"-- As the check wants it.\n{RIGHT_NAMES}")
    stage.screen.say(f"The script {script.name} is added: {RIGHT_NAMES.strip()}")
    stage.deploy()


_RESTORED: Final = "The target is restored and masked, and nobody was let in before."

SCENARIOS: Final = (
    FailureScenario(
        name="script-fails",
        what="The masking script fails in the restored database.",
        cause="The script names a column that is called something else in production.",
        step="setup-db-users",
        error=ScriptFailedError,
        mistake=("phone = NULL", "telephone = NULL"),
        correct=_correct_script,
        carried_out="The script is corrected, and the app is deployed.",
        holds=_RESTORED,
    ),
    FailureScenario(
        name="check-fails",
        what="A check of the masked data finds rows.",
        cause="The masking script gives customers other names than the check asks for.",
        step="setup-db-users",
        error=CheckFailedError,
        mistake=("name = 'Customer ' || id", "name = 'Client ' || id"),
        correct=_add_script,
        carried_out="A script that corrects the names is added, and the app is deployed.",
        holds=_RESTORED,
    ),
    FailureScenario(
        name="no-capacity",
        what="AWS has no instance of the target's class.",
        cause="RDS refuses CreateDBInstance with InsufficientDBInstanceCapacity.",
        step="check-restore-status",
        error=InsufficientCapacityError,
        before=_lack_class,
        correct=_have_classes,
        carried_out="AWS has capacity again.",
        holds=_RESTORED,
    ),
    FailureScenario(
        name="copy-fails",
        what="The copy of the snapshot to the target's Region fails.",
        cause="RDS ends the copy with the status failed.",
        step="check-copy-status",
        error=CopyFailedError,
        before=_fail_copy,
        carried_out="Nothing had to be removed: RDS has failed by itself.",
        holds=_RESTORED,
        program=AWS_CLI,
    ),
    FailureScenario(
        name="cluster-deleted-by-hand",
        what="A colleague deletes the restored cluster while its databases are set up.",
        cause="A colleague deletes the instance and the cluster, because nobody can connect to it.",
        step="setup-db-users",
        error=DatabaseConnectionError,
        during_step=Stage.delete_target,
        carried_out="The cluster is gone, and the colleague learns what a quarantine is.",
        holds=_RESTORED,
    ),
    FailureScenario(
        name="secret-rotated",
        what="The master secret changes while the databases are set up.",
        cause="Terraform stores another password in the secret, and the cluster has the old one.",
        step="setup-db-users",
        error=InvalidPasswordError,
        during_step=Stage.rotate_master_secret,
        carried_out="It was Terraform, which has nothing more to change.",
        holds=f"{_RESTORED} The password in the secret lets the master user in.",
    ),
    FailureScenario(
        name="lost-race",
        what="An execution starts while another one refreshes the same target.",
        cause="The daily refresh is at work when another is started by hand.",
        step="snapshot-check",
        error=OperationInProgressError,
        carried_out="The other operation comes to its end, and has refreshed the target.",
        holds="The target was replaced once; the second execution has changed nothing, and "
        "neither a rerun nor a redrive of it replaces the target again.",
        has_rival=True,
    ),
)

ALL: Final = "all"
"""Stands for every scenario, one after another."""


def listing() -> str:
    """Return a line for each scenario."""
    width = max(len(each.name) for each in SCENARIOS)
    shown = (f"  {each.name:<{width}}  {each.what}" for each in SCENARIOS)
    return "\n".join(["Scenarios:", *shown, f"  {ALL:<{width}}  All of them, one after another."])


def scenarios_named(name: str) -> tuple[FailureScenario, ...]:
    """Return the scenario of a name, or all. Raises UnknownScenarioError with the names."""
    if name == ALL:
        return SCENARIOS
    found = tuple(each for each in SCENARIOS if each.name == name)
    if not found:
        raise UnknownScenarioError(f"There is no scenario {name!r}.\n\n{listing()}")
    return found
