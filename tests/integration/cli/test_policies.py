"""The policies that the documentation gives to operators are enough for what they are given for."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.client import BaseClient

from aurora_restore.reference.repository import REPOSITORY
from tests.integration.cli.conftest import CommandLine
from tests.support.iam import Policy
from tests.unit.docs.pages import page

EXAMPLES = REPOSITORY / "docs" / "examples" / "github"
IAM_NAMES = {"stepfunctions": "states"}
FREE = {"sts:GetCallerIdentity"}
"""What everybody may call:
https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html"""


def documented(example: str) -> set[str]:
    """The actions of a policy on the page of the command line."""
    (block,) = (each for each in page("docs/command-line.md").blocks if each.example == example)
    found = re.findall(r'"([a-z]+:[A-Z]\w+)"', json.dumps(json.loads(block.text)))
    return set(found)


@contextmanager
def recorded() -> Iterator[set[str]]:
    """The actions of every call of AWS that is made inside the context."""
    made: set[str] = set()
    call: Callable[..., Any] = BaseClient._make_api_call  # type: ignore[attr-defined]

    def record(client: Any, operation: str, parameters: Any) -> Any:
        service = client.meta.service_model.service_name
        made.add(f"{IAM_NAMES.get(service, service)}:{operation}")
        return call(client, operation, parameters)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", record)
        yield made


def test_the_first_policy_is_enough_to_look(cli: CommandLine, succeeded: str, failed: str) -> None:
    with recorded() as made:
        cli("list")
        for command in ("show", "explain", "watch", "logs"):
            for operation in (succeeded, failed):
                cli(command, operation)
        cli("watch")

    assert made == documented("reading-policy")


def test_both_are_enough_to_plan_and_to_start(cli: CommandLine, succeeded: str) -> None:
    with recorded() as made:
        cli("plan")
        cli("start", "--date", "2020-02-29", "--wait")

    assert "states:StartExecution" in made
    assert made <= documented("reading-policy") | documented("acting-policy") | FREE


def test_the_policy_of_the_workflow_is_what_it_needs(cli: CommandLine, succeeded: str) -> None:
    """Of a run that succeeds, and of one that soon fails, with the options of the workflow."""
    policy = json.loads((EXAMPLES / "permissions-policy.json").read_text(encoding="utf-8"))
    allowed = Policy(policy["Statement"]).actions
    waiting = ("--watch", "--json", "--timeout", "340")
    with recorded() as made:
        done = cli("start", *waiting, "--", "staging")
        failed = cli("start", *waiting, "--date", "2020-02-29", "--", "staging")

    assert (done.code, failed.code) == (0, 1)
    # It is asked for where no function could record why a run has ended, as when it is stopped.
    assert allowed - made == {"states:DescribeExecution"}
    assert made - FREE <= allowed
