"""The first stack of a self-test is small, closed, and gone without a trace when it is deleted."""

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from cfnlint.api import lint
from cfnlint.config import ManualArgs

from aurora_restore.infra.permissions.functions import ATTACH_TO_VPC
from aurora_restore.infra.selftest.stack import SelfTestStack
from aurora_restore.proof.naming import TAG_SELF_TEST, prefix_of, source_stack
from aurora_restore.proof.settings import OUTPUTS, SelfTestSettings
from tests.unit.infra.synthesis import LINT_IGNORED, WITHOUT_BUNDLING

SETTINGS = SelfTestSettings(
    run="k3j9x2ab",
    account="111122223333",
    region="us-east-1",
    zones=("us-east-1a", "us-east-1b"),
    engine_version="17.5",
    family="aurora-postgresql17",
)
IGNORED = {**LINT_IGNORED, "W3010": "the zones are those in which RDS offers the version"}
# What bears no tags in CloudFormation.
UNTAGGED = {
    "AWS::EC2::SubnetRouteTableAssociation",
    "AWS::IAM::Policy",
    "AWS::Lambda::LayerVersion",
}


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of what is synthesised, without the assets."""
    folder = tmp_path_factory.mktemp("assembly")
    app = cdk.App(outdir=str(folder), context=WITHOUT_BUNDLING)
    SelfTestStack(app, source_stack(SETTINGS.run), settings=SETTINGS)
    app.synth()
    return folder


@pytest.fixture(scope="module")
def template(assembly: Path) -> dict[str, Any]:
    """The template."""
    return read(assembly / f"{source_stack(SETTINGS.run)}.template.json")


def read(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def of_type(template: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [each for each in template["Resources"].values() if each["Type"] == kind]


def test_cfn_lint_finds_nothing(template: dict[str, Any]) -> None:
    config = ManualArgs(regions=[SETTINGS.region], ignore_checks=list(IGNORED))
    found = lint(json.dumps(template), config=config)
    assert [f"{match.rule.id} {match.message}" for match in found] == []


def test_cloudformation_s_own_validation_finds_nothing(assembly: Path) -> None:
    report = assembly / "validation-report.json"
    plugins = read(report)["pluginReports"] if report.exists() else []
    found = [each["ruleName"] for plugin in plugins for each in plugin["violations"]]
    assert [each for each in found if each not in IGNORED] == []


def test_nothing_outlives_the_stack(template: dict[str, Any]) -> None:
    kept = {
        name: each["DeletionPolicy"]
        for name, each in template["Resources"].items()
        if each.get("DeletionPolicy", "Delete") != "Delete"
    }
    assert kept == {}
    # Without a policy CloudFormation takes a snapshot of a cluster before it deletes it.
    for kind in ("AWS::RDS::DBCluster", "AWS::RDS::DBInstance"):
        assert [each["DeletionPolicy"] for each in of_type(template, kind)] == ["Delete"]


def test_everything_bears_the_tag_of_the_run(template: dict[str, Any]) -> None:
    tag = {"Key": TAG_SELF_TEST, "Value": SETTINGS.run}
    for name, each in template["Resources"].items():
        if each["Type"] not in UNTAGGED:
            assert tag in each["Properties"]["Tags"], name


def test_what_is_named_begins_with_the_prefix_of_the_run(template: dict[str, Any]) -> None:
    named = {
        value
        for each in template["Resources"].values()
        for key, value in each["Properties"].items()
        if isinstance(value, str)
        and key in ("DBClusterIdentifier", "DBInstanceIdentifier", "FunctionName", "Name")
    }
    assert named
    assert all(each.startswith(prefix_of(SETTINGS.run)) for each in named)


def test_the_network_has_no_way_out(template: dict[str, Any]) -> None:
    kinds = {each["Type"] for each in template["Resources"].values()}
    assert not kinds & {
        "AWS::EC2::InternetGateway",
        "AWS::EC2::NatGateway",
        "AWS::EC2::Route",
        "AWS::EC2::EIP",
    }
    (instance,) = of_type(template, "AWS::RDS::DBInstance")
    assert instance["Properties"]["PubliclyAccessible"] is False


def test_it_has_the_endpoints_that_the_functions_need_and_no_more(template: dict[str, Any]) -> None:
    endpoints = {
        each["Properties"]["ServiceName"].rpartition(".")[2]: each["Properties"]
        for each in of_type(template, "AWS::EC2::VPCEndpoint")
    }
    assert set(endpoints) == {"dynamodb", "secretsmanager", "ssm"}
    # Each zone of an interface endpoint is charged for.
    assert [len(endpoints[each]["SubnetIds"]) for each in ("secretsmanager", "ssm")] == [1, 1]


def test_the_cluster_is_the_smallest_and_its_password_is_in_no_template(
    template: dict[str, Any],
) -> None:
    (cluster,) = of_type(template, "AWS::RDS::DBCluster")
    properties = cluster["Properties"]
    assert properties["ServerlessV2ScalingConfiguration"] == {"MinCapacity": 0.5, "MaxCapacity": 2}
    assert "resolve:secretsmanager" in json.dumps(properties["MasterUserPassword"])


def test_the_function_may_read_the_secrets_of_the_run_alone(template: dict[str, Any]) -> None:
    (policy,) = of_type(template, "AWS::IAM::Policy")
    every = policy["Properties"]["PolicyDocument"]["Statement"]
    statements = [each for each in every if "secretsmanager" in str(each["Action"])]
    assert [each["Action"] for each in statements] == [
        ["secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"],
        "secretsmanager:GetSecretValue",
    ]
    others = [each["Action"] for each in every if each not in statements]
    assert others == [["logs:CreateLogStream", "logs:PutLogEvents"], list(ATTACH_TO_VPC)]
    assert statements[0]["Resource"] == {"Ref": "Credentials"}
    assert f":secret:{prefix_of(SETTINGS.run)}-*" in json.dumps(statements[1]["Resource"])


def test_its_outputs_are_what_the_self_test_reads(template: dict[str, Any]) -> None:
    assert tuple(template["Outputs"]) == OUTPUTS
