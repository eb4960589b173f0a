"""The stacks in a CDK app of another team, with a Stage, rules and wishes of its own."""

import json
from typing import Any

import aws_cdk as cdk
import jsii
import pytest
from aws_cdk.assertions import Template
from constructs import IConstruct

from aurora_restore.cdk import AuroraRestoreStack, SourceAccountStack, source_accounts
from tests.unit.infra.examples import across_accounts
from tests.unit.infra.synthesis import WITHOUT_BUNDLING, environment, example

BOUNDARY = "arn:aws:iam::222222222222:policy/team-boundary"


@jsii.implements(cdk.IAspect)
class ShortLogs:
    """An aspect of theirs, which changes what it finds."""

    def visit(self, node: IConstruct) -> None:
        if isinstance(node, cdk.CfnResource) and node.cfn_resource_type == "AWS::Logs::LogGroup":
            node.add_property_override("RetentionInDays", 7)


def roles(template: Template) -> list[dict[str, Any]]:
    found = template.find_resources("AWS::IAM::Role")
    return [role["Properties"] for role in found.values()]


def test_a_stage_names_and_bounds_the_stacks() -> None:
    app = cdk.App(context=WITHOUT_BUNDLING)
    stage = cdk.Stage(
        app,
        "Staging",
        env=cdk.Environment(account="999999999999", region="eu-north-1"),
        permissions_boundary=cdk.PermissionsBoundary.from_name("team-boundary"),
    )
    checked = environment(across_accounts())
    stack = AuroraRestoreStack(stage, "Refresh", environment=checked)
    sources = [
        SourceAccountStack(stage, f"Source{account}", environment=checked, account=account)
        for account in source_accounts(checked)
    ]

    assert stack.stack_name == "Staging-Refresh"
    assert (stack.account, stack.region) == (checked.account, checked.region)
    for each in (stack, *sources):
        made = roles(Template.from_stack(each))
        assert made
        assert all(
            "policy/team-boundary" in json.dumps(role["PermissionsBoundary"]) for role in made
        )


def test_a_stack_takes_what_an_app_wants_of_it() -> None:
    app = cdk.App(context=WITHOUT_BUNDLING)
    cdk.Tags.of(app).add("team", "shop")
    cdk.Aspects.of(app).add(ShortLogs())
    stack = AuroraRestoreStack(
        app,
        "Refresh",
        environment=environment(example()),
        stack_name="shop-refresh",
        synthesizer=cdk.DefaultStackSynthesizer(qualifier="shop"),
        permissions_boundary=cdk.PermissionsBoundary.from_arn(BOUNDARY),
        termination_protection=True,
    )
    assembly = app.synth()
    artifact = assembly.get_stack_by_name("shop-refresh")
    resources = artifact.template["Resources"].values()

    assert stack.termination_protection
    assert artifact.tags == environment(example()).tags
    assert "cdk-shop-deploy-role" in str(artifact.assume_role_arn)
    assert {
        each["Properties"]["RetentionInDays"]
        for each in resources
        if each["Type"] == "AWS::Logs::LogGroup"
    } == {7}
    for each in resources:
        if each["Type"] == "AWS::IAM::Role":
            assert each["Properties"]["PermissionsBoundary"] == BOUNDARY
        if each["Type"] == "AWS::Lambda::Function":
            assert each["Properties"]["Tags"] == [{"Key": "team", "Value": "shop"}]


def test_two_environments_fit_into_one_app() -> None:
    app = cdk.App(context=WITHOUT_BUNDLING)
    for name in ("staging", "acceptance"):
        document = example({"name_prefix": f"shop-{name}"})
        AuroraRestoreStack(app, name, environment=environment(document))

    assert {stack.stack_name for stack in app.synth().stacks} == {"staging", "acceptance"}


def test_an_account_of_the_app_s_own_is_not_taken() -> None:
    """Where an environment is deployed, its file says: everything in it was checked for there."""
    app = cdk.App(context=WITHOUT_BUNDLING)
    wanted: dict[str, Any] = {"env": cdk.Environment(account="999999999999", region="eu-north-1")}

    with pytest.raises(TypeError, match="env"):
        AuroraRestoreStack(app, "Refresh", environment=environment(example()), **wanted)
