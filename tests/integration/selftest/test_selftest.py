"""The self-test runs whole against the embedded AWS, and leaves the account as it was."""

import json
from collections.abc import Iterator

import pytest

from aurora_restore.cli.selftest.measurements import QUESTIONS
from embedded_aws.aws import EmbeddedAws, EmbeddedAwsConfig
from tests.support.account import everything_in
from tests.support.selftest import ACCOUNT, REGION, SelfTestCommand

SUBJECTS = (
    "Replace: what both clusters hold",
    "Replace: who can log in, each tried over TLS",
    "Replace: production, and what the copy knows of it",
    "Replace: the run, and the target",
    "Switch: what an application saw",
    "Switch: the run, and the old cluster",
)
UNKNOWN_HERE = {"worker_parameter"}
"""The embedded RDS lists no parameter that was never set."""


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SelfTestCommand]:
    """The command, in an account that is prepared for the CDK."""
    config = EmbeddedAwsConfig(account=ACCOUNT, region=REGION, wait_scale=0.01)
    with EmbeddedAws(config) as aws:
        aws.bootstrap({f"aws://{ACCOUNT}/{REGION}"})
        yield SelfTestCommand(aws, tmp_path_factory.mktemp("selftest"))


def test_it_proves_what_it_promises_and_deletes_what_it_made(command: SelfTestCommand) -> None:
    before = everything_in(command.aws, REGION)
    file = command.folder / "found.json"
    run = command.begin("--json", str(file))

    code = run.finish()

    found = json.loads(file.read_text(encoding="utf-8"))
    assert [each for each in found["checks"] if not each["held"]] == [], run.text
    assert code == 0, run.text
    assert tuple(dict.fromkeys(each["subject"] for each in found["checks"])) == SUBJECTS
    assert (found["held"], found["failure"], found["left"]) == (True, None, [])
    unanswered = {each["key"] for each in found["measurements"] if each["answer"] is None}
    assert unanswered <= UNKNOWN_HERE
    assert [each["key"] for each in found["measurements"]] == [each.key for each in QUESTIONS]
    assert "It costs about $" in run.text
    assert everything_in(command.aws, REGION) == before
    assert command.runs() == []


def test_it_asks_before_it_makes_anything(command: SelfTestCommand) -> None:
    before = everything_in(command.aws, REGION)
    run = command.start("--ca-bundle", str(command.aws.rds.ca_bundle))
    assert run.finish() == 2
    assert "add --yes" in run.text
    assert everything_in(command.aws, REGION) == before
    assert command.runs() == []


@pytest.mark.parametrize(
    ("run", "why"), [("../production", "is not the id of a run"), ("abcdefgh", "neither a record")]
)
def test_an_unknown_run_is_refused(command: SelfTestCommand, run: str, why: str) -> None:
    cleaning = command.clean(run)
    assert cleaning.finish() == 2
    assert why in " ".join(cleaning.text.split())
