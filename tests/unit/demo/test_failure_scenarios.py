"""The scenarios are declared once, and what a notice advises is read from its text."""

from typing import Any

import pytest

from aurora_restore.cli.exit_codes import ExitCode
from aurora_restore.cli.progress import ExecutionFailure, ExecutionProgress
from aurora_restore.proof.checks import Check
from aurora_restore.shared.errors import Action
from aurora_restore.shared.sequences import REPLACE
from demo.scenario import shop_scenario
from demo.scenarios.advice import NoAdviceError, advice_of
from demo.scenarios.commands import CommandResult, UnknownCommandError, options_of
from demo.scenarios.declaration import (
    ALL,
    SCENARIOS,
    FailureScenario,
    UnknownScenarioError,
    listing,
    scenarios_named,
)
from demo.scenarios.judgement import (
    check_changed_nothing,
    check_failure,
    check_refused,
    check_replaced_once,
)
from demo.scenarios.playing import LIST, WRONG_USAGE, play
from demo.scenarios.table import PAGE, table, written
from embedded_aws.environment import repository

NAMES = [
    "script-fails",
    "check-fails",
    "no-capacity",
    "copy-fails",
    "cluster-deleted-by-hand",
    "secret-rotated",
    "lost-race",
]
EACH = pytest.mark.parametrize("failure", SCENARIOS, ids=NAMES)
NOTICE = """\
The restore staging of aurora-restore failed at setup-db-users.

WHY
  Script mask.sql failed in database 'shop'. (ScriptFailedError)

WHAT TO DO
  Fix the script and deploy. Then redrive the execution, within 14 days of its
  failure: it continues at the step that failed.

  The command line:
    aurora-restore --region us-west-2 --name-prefix 'my own' rerun op-1

  The AWS CLI:
    aws stepfunctions redrive-execution --region us-west-2 --execution-arn arn:1

  The execution in the console:
    https://us-west-2.console.aws.amazon.com/states/home

THE OPERATION
  - Operation: op-1
    aurora-restore is no command here
"""
LOST = """\
WHAT TO DO
  Wait until operation op-7 is over. If it has refreshed the target, nothing is
  left to do; otherwise start a new execution.

  To see whether it is over:
    aurora-restore --region us-west-2 show op-7
"""


# The declaration


def test_the_scenarios_are_those_that_were_asked_for() -> None:
    assert [failure.name for failure in SCENARIOS] == NAMES


@EACH
def test_a_scenario_says_everything_of_itself_in_sentences(failure: FailureScenario) -> None:
    for sentence in (
        failure.what,
        failure.cause,
        failure.advice,
        failure.carried_out,
        failure.holds,
    ):
        assert sentence.endswith(".")
        assert sentence[0].isupper() or sentence.startswith("check-restore-status")


@EACH
def test_a_scenario_fails_at_a_step_of_the_demo(failure: FailureScenario) -> None:
    assert failure.step in REPLACE.steps
    waits = failure.error.remedy.action is Action.WAIT
    assert waits is failure.has_rival


@EACH
def test_what_a_mistake_replaces_is_in_the_masking_script(failure: FailureScenario) -> None:
    if failure.mistake:
        assert failure.mistake[0] in shop_scenario().mask_script.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_a_scenario_is_found_by_its_name(name: str) -> None:
    (found,) = scenarios_named(name)
    assert found.name == name


def test_all_stands_for_every_scenario() -> None:
    assert scenarios_named(ALL) == SCENARIOS


def test_an_unknown_name_is_answered_by_the_names(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UnknownScenarioError, match="no scenario 'fire'"):
        scenarios_named("fire")
    assert play("fire", lambda: None) == WRONG_USAGE
    shown = capsys.readouterr().out
    assert all(f"  {name} " in shown for name in [*NAMES, ALL])


def test_a_question_mark_lists_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert play(LIST, lambda: None) == 0
    assert capsys.readouterr().out == f"{listing()}\n"
    assert max(map(len, listing().splitlines())) <= 100


def test_the_table_of_the_documentation_is_current() -> None:
    page = (repository() / PAGE).read_text(encoding="utf-8")
    assert written(page) == page
    assert all(f"| `{name}` |" in table() for name in NAMES)


def test_a_page_without_a_place_for_the_table_is_refused() -> None:
    with pytest.raises(ValueError, match="has no"):
        written("# Demo\n")


# The advice


def test_the_advice_of_a_notice_is_its_sentences_and_its_commands() -> None:
    advice = advice_of(NOTICE)
    assert advice.sentences == (
        "Fix the script and deploy. Then redrive the execution, within 14 days of its failure: it "
        "continues at the step that failed."
    )
    assert advice.commands == (
        ("aurora-restore", "--region", "us-west-2", "--name-prefix", "my own", "rerun", "op-1"),
        (
            *("aws", "stepfunctions", "redrive-execution"),
            *("--region", "us-west-2", "--execution-arn", "arn:1"),
        ),
    )
    assert advice.waits_for is None


def test_the_command_of_a_program_is_taken_as_it_is_shown() -> None:
    advice = advice_of(NOTICE)
    assert advice.command_of("aws")[2] == "redrive-execution"
    assert advice.command_of("aurora-restore")[-1] == "op-1"
    with pytest.raises(NoAdviceError, match="no command of make"):
        advice.command_of("make")


def test_an_advice_to_wait_names_the_operation_and_how_to_look_at_it() -> None:
    advice = advice_of(LOST)
    assert advice.waits_for == "op-7"
    assert advice.commands == (("aurora-restore", "--region", "us-west-2", "show", "op-7"),)


def test_a_notice_that_advises_nothing_is_refused() -> None:
    with pytest.raises(NoAdviceError, match="no section WHAT TO DO"):
        advice_of("WHY\n  Nobody knows.\n")


def test_the_options_of_a_command_are_read_in_pairs() -> None:
    words = ["--region", "us-west-2", "--input", '{"a": 1}']
    assert options_of(words) == {"region": "us-west-2", "input": '{"a": 1}'}


@pytest.mark.parametrize("words", [["--region"], ["region", "us-west-2"]])
def test_other_words_are_no_options(words: list[str]) -> None:
    with pytest.raises(UnknownCommandError, match="not options"):
        options_of(words)


# What must hold


def failed(step: str, error: str) -> ExecutionProgress:
    why = ExecutionFailure(step=step, error_type=error, message="")
    return ExecutionProgress(steps=(), status="FAILED", failure=why)


@EACH
def test_another_failure_than_the_declared_one_does_not_hold(failure: FailureScenario) -> None:
    assert check_failure(failure, failed(failure.step, failure.error.__name__)).held
    assert not check_failure(failure, failed(failure.step, "AwsError")).held
    assert not check_failure(failure, failed("hand-over", failure.error.__name__)).held
    assert not check_failure(failure, ExecutionProgress(steps=(), status="SUCCEEDED")).held


@pytest.mark.parametrize(("status", "held"), [(ExitCode.REFUSED, True), (0, False), (1, False)])
def test_a_command_is_refused_only_with_its_own_status(status: int, held: bool) -> None:
    check: Check = check_refused(CommandResult(status, "No:\n  it would"), ["aurora-restore", "x"])
    assert check.held is held
    assert (check.evidence if held else check.found).endswith("No: it would")


def restore(region: str = "us-west-2") -> dict[str, Any]:
    return {"action": "RestoreDBClusterFromSnapshot", "region": region}


def test_only_one_restore_in_the_region_is_one_replacement() -> None:
    other = {"action": "DescribeDBClusters", "region": "us-west-2"}
    assert check_replaced_once([other, restore(), restore("us-east-1")], "us-west-2").held
    assert not check_replaced_once([other], "us-west-2").held
    assert not check_replaced_once([restore(), restore()], "us-west-2").held


def test_an_operation_with_a_second_step_has_changed_something() -> None:
    assert check_changed_nothing([{"step": "snapshot-check"}], "cluster-A", "cluster-A").held
    assert not check_changed_nothing([{"step": "copy-snapshot"}], "cluster-A", "cluster-A").held
    assert not check_changed_nothing([], "cluster-A", "cluster-B").held
