"""Plays scenarios: a failure, its notice, what that advises, and what came of it."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from aurora_restore.cli.outsider import Outsider
from aurora_restore.cli.progress import ExecutionProgress, StepStatus, execution_progress
from aurora_restore.proof.checks import Check, check_same
from aurora_restore.shared.errors import SupersededError
from aurora_restore.shared.rds.reads import find_cluster
from demo.evidence import FOLDER
from demo.inspection import inspect
from demo.run import Demo, operation_of
from demo.scenario import Scenario
from demo.scenarios.advice import Advice, advice_of
from demo.scenarios.commands import AWS_CLI, COMMAND_LINE, CommandResult, run_command
from demo.scenarios.declaration import FailureScenario
from demo.scenarios.judgement import (
    check_changed_nothing,
    check_failure,
    check_refused,
    check_replaced_once,
)
from demo.scenarios.stage import Stage
from demo.screen import Screen
from embedded_aws.aws import EmbeddedAws

FAILED: Final = "failed"
"""The folder of the records of the execution that failed, in that of its scenario."""
ABOUT: Final = "What the scenario is about"
_PATIENCE_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.1


class AdviceError(RuntimeError):
    """What a notice advises cannot be followed here."""


class FailureDemo(Demo):
    """One run of scenarios, one after another, in the same embedded AWS."""

    _stage: Stage

    def __init__(
        self,
        failures: Sequence[FailureScenario],
        scenario: Scenario,
        screen: Screen,
        ending: Callable[[], None],
    ) -> None:
        super().__init__(scenario, screen, ending)
        self._failures = failures

    def _in(self, aws: EmbeddedAws) -> list[str]:
        self._stage = Stage(aws, self._scenario, self._screen)
        faults: list[str] = []
        for failure in self._failures:
            self._prepare(failure)
            faults += (f"{failure.name}: {fault}" for fault in self._play(failure))
        self._screen.heading("Where to look closer")
        self._screen.console.print(
            f"{FOLDER} has a folder for each scenario, with {FAILED}/ of the execution that failed."
        )
        return faults

    def _prepare(self, failure: FailureScenario) -> None:
        """Have everything as it is before the execution that fails."""
        if failure.mistake:
            self._stage.write_files(failure.mistake)
        with self._screen.busy():
            self._stage.set_up()
        self._scenario = self._stage.scenario

    def _play(self, failure: FailureScenario) -> list[str]:
        """Let an execution fail, follow its notice's advice, and return what did not hold."""
        self._screen.heading(f"Scenario {failure.name}")
        self._screen.console.print(f"{failure.what} {failure.cause}")
        if failure.before:
            failure.before(self._stage)
        if failure.has_rival:
            return self._lose_a_race(failure)
        arn = self._begin("The execution")
        outsider = self._make_outsider(self._stage.aws, arn)
        progress = self._fail(failure, arn, outsider)
        if progress.failure is None:
            return ["the execution did not fail"]
        advice = self._take_advice(failure)
        if failure.correct:
            failure.correct(self._stage)
            self._scenario = self._stage.scenario
        else:
            self._screen.say(failure.carried_out)
        result = self._run(advice.command_of(failure.program))
        if result.status != 0:
            return [f"what the notice advises ended with status {result.status}"]
        end = self._follow_on(
            self._running(), outsider.try_to_connect, failure.name, operation_of(arn)
        )
        if end.failure is not None:
            return self._show_failure(end, end.failure, failure.name)
        checks = [check_failure(failure, progress)]
        return self._judge(failure, end, outsider, checks, announced=("failed", "success"))

    def _lose_a_race(self, failure: FailureScenario) -> list[str]:
        """Start an execution beside another one; wait as its notice says, and try a rerun."""
        stage = self._stage
        made_before = len(stage.aws.rds.admin.calls())
        winner = self._begin("The execution that is at work")
        self._await_second_step(winner)
        loser = self._begin("Another execution")
        outsider = self._make_outsider(stage.aws, winner)
        progress = self._fail(failure, loser, outsider)
        if progress.failure is None:
            return ["the second execution did not fail"]
        advice = self._take_advice(failure)
        if advice.waits_for != operation_of(winner):
            raise AdviceError(f"the notice does not say to wait for {operation_of(winner)}")
        end = self._follow_on(winner, outsider.try_to_connect, failure.name)
        if end.failure is not None:
            return self._show_failure(end, end.failure, failure.name)
        self._screen.say(failure.carried_out)
        looked = self._run(advice.command_of(failure.program))
        restored = self._target_id()
        checks = [
            check_failure(failure, progress),
            Check(
                promise="The command that the notice shows says that the other one is over",
                held=looked.status == 0,
                found=f"it ended with status {looked.status}",
            ),
            *self._insist(failure, loser),
            check_replaced_once(
                stage.aws.rds.admin.calls()[made_before:], self._scenario.target.region
            ),
            check_changed_nothing(
                self._records[f"{failure.name}/{FAILED}"].state, restored, self._target_id()
            ),
        ]
        return self._judge(failure, end, outsider, checks, announced=("success",))

    def _insist(self, failure: FailureScenario, loser: str) -> Iterator[Check]:
        """Do what the notice says not to do: continue the execution that has lost, in both ways."""
        region = self._scenario.target.region
        self._screen.heading("What happens to those who do not heed that")
        rerun = (COMMAND_LINE, "--region", region, "rerun", operation_of(loser))
        yield check_refused(self._run(rerun), rerun)
        redrive = (AWS_CLI, "stepfunctions", "redrive-execution", "--region", region)
        self._run((*redrive, "--execution-arn", loser))
        progress = self._follow_on(loser, lambda _: None, f"{failure.name}/{FAILED}")
        why = progress.failure
        yield check_same(
            "An execution that has lost and is redriven is refused at its first step",
            (failure.step, SupersededError.__name__),
            why and (why.step, why.error_type),
        )

    def _begin(self, heading: str) -> str:
        return self._start(self._stage.aws, self._stage.prepared, self._scenario.start, heading)

    def _fail(self, failure: FailureScenario, arn: str, outsider: Outsider) -> ExecutionProgress:
        """Follow the execution that is to fail; show why it did, and its notice."""
        happened = False

        def meanwhile(progress: ExecutionProgress) -> None:
            nonlocal happened
            outsider.try_to_connect(progress)
            running = progress.step(failure.step).status is StepStatus.RUNNING
            if failure.during_step and running and not happened:
                happened = True
                failure.during_step(self._stage)

        folder = f"{failure.name}/{FAILED}"
        progress = self._follow_on(arn, meanwhile, folder)
        if progress.failure is not None:
            self._show_failure(progress, progress.failure, folder)
        return progress

    def _follow_on(
        self,
        arn: str,
        meanwhile: Callable[[ExecutionProgress], None],
        folder: str,
        operation: str | None = None,
    ) -> ExecutionProgress:
        aws, prepared, sequence = self._stage.aws, self._stage.prepared, self._scenario.sequence
        return self._follow(aws, prepared, arn, sequence, meanwhile, folder, operation)

    def _take_advice(self, failure: FailureScenario) -> Advice:
        """Read the notice of the failed execution, and show what it says is to be done."""
        notice = self._records[f"{failure.name}/{FAILED}"].announcements()[-1]
        self._screen.heading("What it says is to be done, and how that is done")
        advice = advice_of(notice.email)
        self._screen.console.print(advice.sentences)
        return advice

    def _run(self, command: Sequence[str]) -> CommandResult:
        """Run a command and show what it printed."""
        shown = self._screen.console.print
        shown(f"$ {' '.join(command)}", soft_wrap=True)
        result = run_command(self._stage.aws, self._scenario.target, command)
        shown(result.output, soft_wrap=True)
        return result

    def _judge(
        self,
        failure: FailureScenario,
        progress: ExecutionProgress,
        outsider: Outsider,
        checks: Sequence[Check],
        *,
        announced: Sequence[str],
    ) -> list[str]:
        """Look at what came of it, show it, and return what did not hold."""
        stage = self._stage
        with self._screen.busy(), self._screen.activity("Logging in and reading both databases"):
            inspection = inspect(
                stage.aws,
                self._scenario,
                stage.prepared,
                self._records[failure.name],
                outsider,
                announced=announced,
                ends_rest=False,
            )
        inspection = replace(inspection, checks={ABOUT: checks, **inspection.checks})
        self._show_result(progress, inspection)
        return list(inspection.failures())

    def _await_second_step(self, arn: str) -> None:
        """Wait until an execution has begun its second step: by then the target is its own."""
        second = self._scenario.sequence.steps[1]
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            events = self._stage.aws.history(arn)
            if execution_progress(events, self._scenario.sequence).step(second).started:
                return
            if time.monotonic() >= deadline:
                raise AdviceError(f"{operation_of(arn)} did not come to {second}")
            time.sleep(_LOOK_SECONDS)

    def _running(self) -> str:
        """Return the ARN of the one execution that is in progress."""
        target = self._scenario.target
        client = self._stage.aws.client(
            "stepfunctions", account=target.account, region=target.region
        )
        found = client.list_executions(
            stateMachineArn=self._stage.prepared.outputs["StateMachineArn"],
            statusFilter="RUNNING",
        )["executions"]
        if len(found) != 1:
            raise AdviceError(f"{len(found)} executions are in progress, not the one that goes on")
        return str(found[0]["executionArn"])

    def _target_id(self) -> str | None:
        """Return the resource id of the cluster that has the target's name."""
        cluster: Any = find_cluster(self._stage.rds, self._scenario.target.name)
        return None if cluster is None else str(cluster["DbClusterResourceId"])
