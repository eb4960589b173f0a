"""Examples in JSON are what they are said to be."""

import json
from collections.abc import Callable
from typing import Any

import aws_cdk as cdk
import jsonschema
import pytest
from aws_cdk.assertions import Template

from aurora_restore.configuration.schema_files import classification_schema_text, schema_text
from aurora_restore.infra.source_account.stack import SourceAccountStack
from aurora_restore.shared.base_handler import error_envelope
from aurora_restore.shared.documents.classification import Classification
from aurora_restore.shared.documents.environment import Environment, Monitoring
from aurora_restore.shared.documents.hooks import Hooks
from aurora_restore.shared.documents.restore import Database
from aurora_restore.shared.documents.restore_secrets import OwnSecrets
from aurora_restore.shared.documents.schedule import Schedule
from aurora_restore.shared.documents.schedule_expression import (
    find_time_zone,
    problems_of_expression,
)
from aurora_restore.shared.documents.schema import fields, parse_configuration
from aurora_restore.shared.documents.secrets import AppCredentials, MasterCredentials
from aurora_restore.shared.documents.switch import Switch
from aurora_restore.shared.errors import SnapshotNotFoundError
from aurora_restore.shared.events.detail import DETAIL_TYPES, SOURCE, RunEvent
from aurora_restore.shared.failed_execution import Failure
from aurora_restore.shared.grants import Resource
from aurora_restore.shared.pipeline import STEPS
from tests.support.service_authorization import reference
from tests.unit.docs.pages import Block, blocks, page
from tests.unit.infra.synthesis import CONTEXT, Document, Synthesis, environment

FAILURE = Failure("arn", "FAILED", "op-1", "orders", "snapshot-check", "Error", "why", is_over=True)


def an_environment(document: Any) -> None:
    parse_configuration(Environment, document, source="example")
    jsonschema.Draft202012Validator(json.loads(schema_text())).validate(document)


def a_master_secret(document: Any) -> None:
    MasterCredentials.parse(document, source="example")
    assert set(document) == {"username", "password", "database"}


def an_app_secret(document: Any) -> None:
    AppCredentials.parse(document, source="example")
    assert len(document) == 4


def a_message(document: Any) -> None:
    assert set(document) == {"operation_id", "status", "message", "details", "timestamp"}
    assert set(document["details"]) == set(FAILURE.details({}))


def a_classification(document: Any) -> None:
    parse_configuration(Classification, document, source="example")
    jsonschema.Draft202012Validator(json.loads(classification_schema_text())).validate(document)


def fields_of_a_database(document: Any) -> None:
    parse_configuration(Database, document, source="example")


def secrets_of_a_restore(document: Any) -> None:
    parse_configuration(OwnSecrets, document, source="example")


def a_switch(document: Any) -> None:
    parse_configuration(Switch, document, source="example")


def a_schedule(document: Any) -> None:
    schedule = parse_configuration(Schedule, document, source="example")
    assert not list(problems_of_expression(schedule.expression))
    assert find_time_zone(schedule.time_zone)


def parts_that_watch(document: Any) -> None:
    """It names every part."""
    parse_configuration(Monitoring, document, source="example")
    assert document.keys() == {each.name for each in fields(Monitoring)}


def hooks_of_a_restore(document: Any) -> None:
    parse_configuration(Hooks, document, source="example")


def a_pattern_of_events(document: Any) -> None:
    """It asks for what there is."""
    assert document["source"] == [SOURCE]
    assert set(document["detail-type"]) <= set(DETAIL_TYPES.values())
    assert set(document["detail"]) <= {each.name for each in fields(RunEvent)}


def a_policy(document: Any) -> None:
    """It allows what the roles here need of the source's key."""
    needed = {
        action
        for step in STEPS
        for grant in step.grants
        if grant.resource is Resource.SOURCE_KEYS
        for action in grant.actions
    }
    assert needed <= {action for statement in document for action in statement["Action"]}
    assert {statement["Principal"]["AWS"] for statement in document} == {
        "arn:aws:iam::222222222222:root"
    }


def a_policy_of_an_operator(document: Any) -> None:
    """Each action exists, and can be allowed on the resources that stand with it."""
    for statement in document["Statement"]:
        actions, resources = statement["Action"], statement["Resource"]
        for action in [actions] if isinstance(actions, str) else actions:
            (known,) = reference().actions(action)
            for resource in [resources] if isinstance(resources, str) else resources:
                is_right = known.types_of(resource) if known.types else resource == "*"
                assert is_right, f"{action} on {resource}"


def a_refusal(document: Any) -> None:
    """It is what a direct call returns for that error."""
    body = document["body"]
    facts = {name: body[name] for name in ("source_region", "snapshot_name", "available_dates")}
    error = SnapshotNotFoundError(body["error"], summary=body["message"], **facts)
    assert error_envelope(body["operation_id"], error) == document


CHECKS: dict[str, Callable[[Any], None]] = {
    "acting-policy": a_policy_of_an_operator,
    "app-secret": an_app_secret,
    "classification": a_classification,
    "database": fields_of_a_database,
    "environment": an_environment,
    "event-pattern": a_pattern_of_events,
    "hooks": hooks_of_a_restore,
    "master-secret": a_master_secret,
    "message": a_message,
    "monitoring": parts_that_watch,
    "policy": a_policy,
    "reading-policy": a_policy_of_an_operator,
    "refusal": a_refusal,
    "restore-secrets": secrets_of_a_restore,
    "schedule": a_schedule,
    "selftest-policy": a_policy_of_an_operator,
    "switch": a_switch,
}


@pytest.mark.parametrize(
    "block",
    [pytest.param(block, id=f"{each.name}: {block.example}") for each, block in blocks("json")],
)
def test_an_example_is_what_it_is_said_to_be(block: Block) -> None:
    assert block.example is not None, "say what it is: <!-- example: … -->"
    CHECKS[block.example](json.loads(block.text))


def test_the_readme_s_environment_synthesises(documented_stack: Synthesis) -> None:
    assert documented_stack.warnings() == []


def test_the_role_that_it_names_is_made_in_the_source_account(
    readme_environment: Document,
) -> None:
    (restore,) = readme_environment["restores"].values()
    stack = SourceAccountStack(
        cdk.App(context=CONTEXT),
        "Test",
        environment=environment(readme_environment),
        account=restore["source"]["account_id"],
    )
    template = Template.from_stack(stack)

    name = restore["source"]["role_arn"].rpartition("/")[2]
    template.has_resource_properties("AWS::IAM::Role", {"RoleName": name})
    template.has_output("KeyPolicyStatements", {})


def test_each_part_of_it_is_explained(readme_environment: Document) -> None:
    explained = set(page("docs/deploy.md").code)
    (restore,) = readme_environment["restores"].values()

    for name in {*readme_environment, *restore, *restore["target"], *restore["database"]}:
        mentioned = {name, f"source.{name}", f"database.{name}", f"target.{name}"}
        if name not in ("$schema", "source", "database", "cluster_id", "db_subnet_group_name"):
            assert mentioned & explained or name == "vpc_security_group_ids", name
