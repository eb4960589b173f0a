"""Environments as documents, and their stacks as templates."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk.assertions import Annotations, Match, Template

from aurora_restore.configuration.checks.environment import faults_of_environment
from aurora_restore.configuration.files import ConfigurationFolder
from aurora_restore.configuration.loading import LoadedEnvironment
from aurora_restore.infra.source_account.stack import SourceAccountStack
from aurora_restore.infra.stack import AuroraRestoreStack
from aurora_restore.reference.repository import REPOSITORY
from aurora_restore.shared.documents.environment import Environment
from aurora_restore.shared.documents.schema import parse_configuration
from aurora_restore.shared.pipeline import STEPS

Document = dict[str, Any]


class Marker(Enum):
    """What stands for a value and is none; its name is the same in every process of a test run."""

    ABSENT = auto()


ABSENT = Marker.ABSENT
CONTEXT: dict[str, Any] = json.loads((REPOSITORY / "cdk.json").read_text())["context"]
WITHOUT_BUNDLING = {**CONTEXT, "aws:cdk:bundling-stacks": []}
LINT_IGNORED = {
    "W3005": "the CDK names a function's role in DependsOn, too, for the sake of its policies"
}
"""Rules of cfn-lint that no stack has to keep, and why."""
ENVIRONMENTS = REPOSITORY / "tests" / "support" / "environments"
"""The tests' own environments: what a user writes into ``config`` changes no test."""
FOLDER = ConfigurationFolder(ENVIRONMENTS)


def example(changes: Mapping[str, Any] | None = None, name: str = "example") -> Document:
    """An example environment, with other values at some paths; ABSENT removes a field.

    A path is written as in "restores.staging.source.region".
    """
    document: Document = json.loads((ENVIRONMENTS / f"{name}.json").read_text())
    for path, value in (changes or {}).items():
        *parents, last = path.split(".")
        place = document
        for key in parents:
            place = place.setdefault(key, {})
        if value is ABSENT:
            del place[last]
        else:
            place[last] = value
    return document


def cross_account(changes: Mapping[str, Any] | None = None) -> Document:
    """The example with a role in the source account, with other values at some paths."""
    return example(changes, "cross-account")


def restore(changes: Mapping[str, Any] | None = None) -> Document:
    """The example's restore, with other values at some paths."""
    below = {f"restores.staging.{path}": value for path, value in (changes or {}).items()}
    staging: Document = example(below)["restores"]["staging"]
    return staging


def put_files(folder: Path) -> None:
    """Put the files that the examples name into a folder."""
    for name in ("sql", "columns"):
        shutil.copytree(ENVIRONMENTS / name, folder / name)


def loaded(checked: Environment) -> LoadedEnvironment:
    """An environment as if it had been loaded from the tests' own folder, unless it has been."""
    if isinstance(checked, LoadedEnvironment):
        return checked
    return LoadedEnvironment(**vars(checked), name="test", folder=FOLDER)


def environment(document: Document) -> LoadedEnvironment:
    """The checked environment of a document."""
    checked = parse_configuration(Environment, document, source="test")
    assert not list(faults_of_environment(checked, folder=FOLDER))
    return loaded(checked)


@dataclass(frozen=True)
class Synthesis:
    """A stack, and its template by types and names."""

    stack: cdk.Stack
    template: Template

    @cached_property
    def resources(self) -> Document:
        resources: Document = self.template.to_json()["Resources"]
        return resources

    def of_type(self, resource_type: str) -> Document:
        """The properties of each resource of a type, by logical id."""
        return {
            logical_id: resource["Properties"]
            for logical_id, resource in self.resources.items()
            if resource["Type"] == resource_type
        }

    def functions(self) -> dict[str, tuple[str, Document]]:
        """Each step's function: its logical id and its properties."""
        by_handler = {
            properties["Handler"]: (logical_id, properties)
            for logical_id, properties in self.of_type("AWS::Lambda::Function").items()
        }
        return {step.name: by_handler[step.handler] for step in STEPS}

    def statements(self, step: str) -> list[Document]:
        """The policy statements of the role of a step's function."""
        _, function = self.functions()[step]
        return self.statements_of_role(function["Role"]["Fn::GetAtt"][0])

    def statements_of_role(self, logical_id: str) -> list[Document]:
        """The statements of a role's policies, inline and managed."""
        return [
            statement
            for kind in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
            for policy in self.of_type(kind).values()
            if {"Ref": logical_id} in policy["Roles"]
            for statement in policy["PolicyDocument"]["Statement"]
        ]

    def warnings(self) -> list[str]:
        """What the synthesis warns of."""
        found = Annotations.from_stack(self.stack).find_warning("*", Match.any_value())
        return [str(message.entry.data) for message in found]


def synthesise(document: Document) -> Synthesis:
    """The stack of an environment, without its assets."""
    return stack_of(environment(document))


def stack_of(checked: Environment) -> Synthesis:
    """The stack of a checked environment, without its assets."""
    stack = AuroraRestoreStack(_app(), "Test", environment=loaded(checked))
    return Synthesis(stack, Template.from_stack(stack))


def source_stack_of(checked: Environment, account: str) -> Synthesis:
    """The stack of a source account of a checked environment."""
    stack = SourceAccountStack(_app(), "Source", environment=checked, account=account)
    return Synthesis(stack, Template.from_stack(stack))


def _app() -> cdk.App:
    """An app whose templates CloudFormation does not validate: that has a test of its own."""
    return cdk.App(context=WITHOUT_BUNDLING, builtin_cloud_formation_validation=False)
