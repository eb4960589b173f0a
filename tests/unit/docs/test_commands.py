"""Commands that are shown can be run: targets, modules, options and inputs exist."""

import importlib.util
import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import botocore.session
import jmespath  # type: ignore[import-untyped]
import pytest
import typer
from botocore import xform_name
from botocore.model import OperationModel

from aurora_restore.cli.main import app
from aurora_restore.reference.repository import REPOSITORY
from aurora_restore.shared.documents.event import Event
from aurora_restore.shared.documents.schema import parse
from demo.local_settings import NAMES
from demo.local_world import FOLDER
from demo.scenarios.declaration import ALL, SCENARIOS
from demo.scenarios.playing import LIST
from tests.unit.docs.pages import all_pages, blocks, page
from tests.unit.infra.synthesis import Document

GLOBAL_OPTIONS = {"region", "query", "output", "max-items", "cli-binary-format"}
# Commands that the AWS CLI has beside the operations of the services, and their options.
HIGH_LEVEL = {("logs", "tail"): {"since", "filter-pattern", "follow", "format"}}
# What the CLI takes as a plain argument.
POSITIONAL = {("lambda", "invoke"): 1, ("logs", "tail"): 1}
CDK_COMMANDS = {"bootstrap", "deploy", "destroy", "diff", "synth"}
CDK_OPTIONS = {"-c", "--cloudformation-execution-policies", "--quiet"}
# What the environment of the deployment guide is, and is deployed as.
STACKS = {"AuroraRestore-staging", "AuroraRestoreSource-staging-111111111111"}
BOOTSTRAPPED = {"aws://222222222222/us-west-2"}

SHOWN = [
    pytest.param(shlex.split(line), id=f"{shown.name}: {line[:60]}")
    for shown, block in blocks("bash")
    for line in block.text.replace("\\\n", " ").splitlines()
]
STEPS_OF_JOBS = [
    pytest.param(shlex.split(line.partition("run: ")[2]), id=f"{shown.name}: {line[:60]}")
    for shown, block in blocks("yaml")
    for line in block.text.splitlines()
    if "run: " in line
]
MENTIONED = [
    pytest.param(shlex.split(code), id=f"{shown.name}: {code[:60]}")
    for shown in all_pages()
    for code in shown.code
    if code.partition(" ")[0] in ("make", "aws", "npx", "python", "aurora-restore") and " " in code
]


@pytest.mark.parametrize("words", [*SHOWN, *STEPS_OF_JOBS])
def test_a_command_that_is_shown_is_right_and_complete(words: Sequence[str]) -> None:
    check(words, complete=True)


@pytest.mark.parametrize("words", MENTIONED)
def test_a_command_that_is_mentioned_is_right(words: Sequence[str]) -> None:
    check(words, complete=False)


def test_the_two_commands_are_shown_first() -> None:
    first = next(block for block in page("README.md").blocks if block.language == "bash")

    assert first.text.split("\n") == ["make demo", "make test", ""]


def test_inputs_that_the_readme_lists_are_events() -> None:
    inputs = [code for code in page("README.md").code if code.startswith("{")]

    assert len(inputs) > 3
    for text in inputs:
        parse(Event, json.loads(text))


def test_the_cdk_commands_name_the_environment_that_is_shown(
    readme_environment: Document,
) -> None:
    named = {code for code in page("docs/deploy.md").code if code.startswith("config/staging")}

    (restore,) = readme_environment["restores"].values()

    assert named == {"config/staging.json"}
    assert {f"aws://{readme_environment['account']}/{readme_environment['region']}"} == BOOTSTRAPPED
    assert {
        "AuroraRestore-staging",
        f"AuroraRestoreSource-staging-{restore['source']['account_id']}",
    } == STACKS


def check(words: Sequence[str], *, complete: bool) -> None:
    match words:
        case ["make", "demo", scenario]:
            names = {each.name for each in SCENARIOS} | {ALL, LIST, "…"}
            assert scenario in {f"SCENARIO={name}" for name in names}
        case ["make", *targets]:
            assert set(targets) <= make_targets()
        case ["npx", "cdk", command, *options]:
            plain = {word for word in options if not word.startswith(("-", "arn:", "config_dir="))}
            assert command in CDK_COMMANDS
            assert {word for word in options if word.startswith("-")} <= CDK_OPTIONS
            assert "environment=staging" in plain
            assert plain - {"environment=staging"} <= STACKS | BOOTSTRAPPED
            assert command in ("synth", "bootstrap") or plain & STACKS
        case ["source", ".local/local.env"]:
            assert f"{FOLDER / NAMES[0]}" == ".local/local.env"
        case ["aurora-restore", *rest]:
            check_command_line(rest, complete=complete)
        case ["terraform", *rest]:
            check_terraform(rest)
        case [".venv/bin/python" | "python", "-m", module]:
            assert importlib.util.find_spec(module) is not None
        case ["aws", service, "wait", waiter, *rest]:
            check_waiter(service, waiter, rest)
        case ["aws", service, command, *rest]:
            check_aws(service, command, rest, complete=complete)
        case _:
            raise AssertionError(f"no test knows this command: {words}")


def check_terraform(words: Sequence[str]) -> None:
    """Terraform is not here to ask: its resources are those that stand for clusters."""
    match words:
        case ["import", address, identifier]:
            kind, _, name = address.partition(".")
            assert kind in ("aws_rds_cluster", "aws_rds_cluster_instance")
            assert name.isidentifier()
            assert re.fullmatch(r"[a-z][a-z0-9-]*", identifier)
        case _:
            assert list(words) == ["plan"]


def make_targets() -> set[str]:
    makefile = (REPOSITORY / "Makefile").read_text()
    return set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))


def check_command_line(words: Sequence[str], *, complete: bool) -> None:
    """The command and its options exist; if it is complete, nothing that it needs is missing."""
    group: Any = typer.main.get_command(app)
    with group.context_class(group) as context:
        _, (name, *rest), _ = group.make_parser(context).parse_args(list(words))
    command = group.commands[name]
    if complete:
        command.make_context(name, rest)
        return
    with command.context_class(command) as context:
        command.make_parser(context).parse_args(rest)


def check_aws(service: str, command: str, words: Sequence[str], *, complete: bool) -> None:
    positional, options = split(words)
    assert len(positional) == (POSITIONAL.get((service, command), 0) if complete else 0)
    check_values(options)
    if (service, command) in HIGH_LEVEL:
        known, required = HIGH_LEVEL[service, command], set[str]()
    else:
        known, required = parameters(operations(service)[command])
    assert set(options) <= known | GLOBAL_OPTIONS
    if complete:
        assert required <= {name.removeprefix("no-") for name in options}


def check_waiter(service: str, waiter: str, words: Sequence[str]) -> None:
    session = botocore.session.get_session()
    model = session.get_waiter_model(service)
    names = {xform_name(name, "-"): name for name in model.waiter_names}
    operation = model.get_waiter(names[waiter]).operation
    check_aws(service, xform_name(operation, "-"), words, complete=True)


def split(words: Sequence[str]) -> tuple[list[str], dict[str, list[str]]]:
    """Plain arguments, and options with their values; here plain arguments come first or last."""
    positional: list[str] = []
    options: dict[str, list[str]] = {}
    name = None
    for word in words:
        if word.startswith("--"):
            name = word.removeprefix("--")
            options[name] = []
        elif name is None or (options[name] and name == "payload"):
            positional.append(word)
        else:
            options[name].append(word)
    return positional, options


def check_values(options: Mapping[str, Sequence[str]]) -> None:
    """What is said in JSON or JMESPath can be read; an input is an event."""
    for name, values in options.items():
        for value in values:
            if name == "query":
                jmespath.compile(value)
            elif name in ("input", "payload"):
                parse(Event, json.loads(value))
            elif value.startswith("{") and name != "filter-pattern":
                json.loads(value)


@cache
def operations(service: str) -> dict[str, OperationModel]:
    model = botocore.session.get_session().get_service_model(service)
    return {xform_name(name, "-"): model.operation_model(name) for name in model.operation_names}


def parameters(operation: OperationModel) -> tuple[set[str], set[str]]:
    """The options of an operation as the AWS CLI names them, and those it demands."""
    shape = operation.input_shape
    members: Mapping[str, Any] = shape.members if shape else {}
    required = shape.required_members if shape else []
    return set(_options(members)), {xform_name(name, "-") for name in required}


def _options(members: Mapping[str, Any]) -> Iterator[str]:
    for name, shape in members.items():
        yield xform_name(name, "-")
        if shape.type_name == "boolean":
            yield f"no-{xform_name(name, '-')}"
