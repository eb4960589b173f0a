"""Two linters judge the template: cfn-lint its form, cdk-nag's AWS Solutions rules its safety."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aws_cdk as cdk
import pytest
from cdk_nag import AwsSolutionsChecks
from cfnlint.api import lint
from cfnlint.config import ManualArgs

from aurora_restore.infra.source_account.stack import SourceAccountStack
from aurora_restore.infra.stack import AuroraRestoreStack
from aurora_restore.permissions.source_role import source_accounts
from tests.unit.infra.examples import across_accounts, widest
from tests.unit.infra.synthesis import (
    LINT_IGNORED,
    WITHOUT_BUNDLING,
    Document,
    environment,
    example,
    source_stack_of,
    synthesise,
)


@dataclass(frozen=True)
class Acknowledged:
    """A finding of cdk-nag that stays, and why."""

    finding: str
    """The whole of its id, as a regular expression."""
    at: str
    """The construct's path, beginning with its stack, as a regular expression."""
    reason: str


ROLES: Final = r"Test/Steps/[^/]+/Role/DefaultPolicy/Resource"
SOURCE_ROLE: Final = r"Source/Role/DefaultPolicy/Resource"
MACHINE_ROLE: Final = r"Test/Execution/Role/DefaultPolicy/Resource"

ACKNOWLEDGED: Final = (
    Acknowledged(
        r"AwsSolutions-SMG4",
        r"Test/Credentials/(Master|App)/Resource",
        "A rotation by itself would part the secret from the cluster. Each restore sets the "
        "master password and the application roles' passwords from the secrets, so to rotate is "
        "to put a new value and run the pipeline.",
    ),
    Acknowledged(
        r"AwsSolutions-IAM5\[Resource::\*\]",
        ROLES,
        "X-Ray's actions know no resources, and neither do the descriptions of security groups, "
        "of quotas and of instance classes; network interfaces have no ARN before Lambda makes "
        "them, and the function itself is denied what Lambda needs for those.",
    ),
    Acknowledged(
        r"AwsSolutions-IAM5\[Resource::\*\]",
        MACHINE_ROLE,
        "The delivery of logs and X-Ray's actions know no resources.",
    ),
    Acknowledged(
        r"AwsSolutions-IAM5\[Resource::arn:aws:ssm:[^:]+:\d+:parameter/(aurora|orders)-restore/restores/\*\]",
        ROLES,
        "The path is this environment's own; below it are its restores.",
    ),
    Acknowledged(
        r"AwsSolutions-IAM5\[Resource::arn:aws:rds:[^:]+:\d+:(cluster|cluster-snapshot|db):\*\]",
        ROLES,
        "Listing is on every resource of a type. Snapshots and instances are named at run time; "
        "those that exist may be changed or deleted only with this environment's tag.",
    ),
    Acknowledged(
        r"AwsSolutions-IAM5\[Resource::arn:aws:rds:[^:]+:\d+:"
        r"(cluster-endpoint|db-proxy|deployment|integration|target-group):\*\]",
        ROLES,
        "The old cluster's custom endpoints and proxies have names of their own. They are listed; "
        "an endpoint is made again under its name, and of those that exist only a proxy is changed "
        "that carries this environment's tag.",
    ),
    Acknowledged(
        r"AwsSolutions-IAM5\[Resource::arn:aws:secretsmanager:[^:]+:\d+:secret:rds!cluster-\*\]",
        ROLES,
        "RDS gives the secret an id of its own as a name. The statement's condition names the "
        "targets whose secret it may be.",
    ),
    Acknowledged(
        r"AwsSolutions-IAM5\[Resource::arn:aws:application-autoscaling:[^:]+:\d+:"
        r"scalable-target/\*\]",
        ROLES,
        "AWS names a scalable target by an id of its own. The statement's conditions allow only "
        "the readers of clusters of RDS.",
    ),
    Acknowledged(
        r"AwsSolutions-IAM5\[Resource::arn:aws:rds:[^:]+:\d+:(cluster-pg|og|pg|subgrp):\*\]",
        ROLES,
        "A restored cluster has the groups of the one before, or those a start event names; the "
        "groups themselves cannot be changed.",
    ),
    Acknowledged(
        r"AwsSolutions-IAM5\[Resource::arn:aws:rds:[^:]+:\d+:db:orders-(staging|production)-\*\]",
        ROLES,
        "Instances are known by their cluster's name: the target's may be made and marked, the "
        "source's are denied.",
    ),
    Acknowledged(
        r"AwsSolutions-IAM5\[Resource::arn:aws:rds:[^:]+:\d+:cluster-snapshot:"
        r"(orders-staging-final-\?{14}|orders-restore-step-eu-west-1-\*|\*-copy)\]",
        ROLES,
        "A snapshot's name has its time or its source's name in it; the rest is the pipeline's "
        "own.",
    ),
    Acknowledged(
        r"AwsSolutions-IAM5\[Resource::arn:aws:iam::222222222222:role/\*\]",
        ROLES,
        "A restored cluster gets back the roles of the one before, which are known at run time; "
        "they can be handed to RDS only.",
    ),
    Acknowledged(
        r"AwsSolutions-IAM5\[Resource::\*\]",
        SOURCE_ROLE,
        "The description of quotas knows no resources.",
    ),
    Acknowledged(
        r"AwsSolutions-IAM5\[Resource::arn:aws:rds:eu-central-1:111111111111:"
        r"(cluster:|cluster-snapshot:(|orders-restore-shared-|rds:orders-production-\?{4}-\?\?-\?\?-)"
        r"|db:orders-production-)\*\]",
        SOURCE_ROLE,
        "Listing is on every cluster and snapshot; automated snapshots and the pipeline's own end "
        "with their time, and the pipeline's own may be shared or deleted only with this "
        "environment's tag.",
    ),
    Acknowledged(
        r"AwsSolutions-IAM5\[Resource::arn:aws:kms:eu-central-1:111111111111:key/\*\]",
        SOURCE_ROLE,
        "Only the source cluster knows the key of its automated snapshots; any other than the "
        "configured one can be read with only, and through RDS only.",
    ),
    Acknowledged(
        r"AwsSolutions-IAM5\[Action::kms:GenerateDataKey\*\]",
        SOURCE_ROLE,
        "The wildcard stands for the variants of one action, as in RDS's key policies.",
    ),
    Acknowledged(
        r"AwsSolutions-IAM5\[Resource::arn:aws:kms:(us-east-1|eu-central-1):111111111111:key/\*\]",
        ROLES,
        "A snapshot may be under any key of the source's account that is shared with this one; it "
        "can be used through RDS only, and by itself be described.",
    ),
    Acknowledged(
        r"AwsSolutions-IAM5\[Resource::arn:aws:kms:(us-west-2|eu-west-1|eu-central-1):(222222222222|\*):key/\*\]",
        ROLES,
        "An alias, or an adopted secret, does not tell its key's id: the alias or the secret is a "
        "condition. The key of Performance Insights is known when the old instances are looked "
        "at: it can be used through RDS only, and by itself be described.",
    ),
    Acknowledged(
        r"AwsSolutions-IAM5\[Action::kms:(GenerateDataKey|ReEncrypt)\*\]",
        ROLES,
        "The wildcard stands for the variants of one action, as in RDS's and SNS's key policies.",
    ),
    Acknowledged(
        r"AwsSolutions-IAM5\[Resource::arn:aws:states:[^:]+:\d+:execution:(aurora|orders)-restore-pipeline:\*\]",
        ROLES,
        "An execution's name is known when it has started.",
    ),
    Acknowledged(
        r"AwsSolutions-SQS3",
        r"Test/(Schedules/)?DeadLetters/Queue/Resource",
        "It is the dead-letter queue: of EventBridge's rules and of functions, or of schedules.",
    ),
)


documents = pytest.mark.parametrize(
    "document",
    [example(), widest(), across_accounts()],
    ids=["example", "widest", "across accounts"],
)


def app_of(document: Document, outdir: Path) -> cdk.App:
    """The stacks of an environment, without their assets."""
    app = cdk.App(outdir=str(outdir), context=WITHOUT_BUNDLING)
    checked = environment(document)
    AuroraRestoreStack(app, "Test", environment=checked)
    for account in source_accounts(checked):
        SourceAccountStack(app, "Source", environment=checked, account=account)
    return app


@documents
def test_cfn_lint_finds_nothing(document: Document) -> None:
    checked = environment(document)
    sources = [source_stack_of(checked, account) for account in source_accounts(checked)]
    for each in (synthesise(document), *sources):
        text = json.dumps(each.template.to_json())
        config = ManualArgs(regions=[each.stack.region], ignore_checks=list(LINT_IGNORED))

        assert [f"{match.rule.id} {match.message}" for match in lint(text, config=config)] == []


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str]]:
    """What cdk-nag finds: the id, and the construct's path, beginning with its stack."""
    found = []
    for document in (example(), widest(), across_accounts()):
        outdir = tmp_path_factory.mktemp("nag")
        app = app_of(document, outdir)
        cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
        with pytest.raises(RuntimeError, match="ValidationFailed"):
            app.synth()
        found += _violations(outdir / "validation-report.json")
    return found


def _violations(report: Path) -> list[tuple[str, str]]:
    reports: list[dict[str, Any]] = json.loads(report.read_text())["pluginReports"]
    (nag,) = (each for each in reports if each["pluginName"] == "AwsSolutions")
    return [
        (violation["ruleName"], construct["constructPath"])
        for violation in nag["violations"]
        for construct in violation["violatingConstructs"]
    ]


def _covers(acknowledged: Acknowledged, finding: tuple[str, str]) -> bool:
    rule, path = finding
    return bool(re.fullmatch(acknowledged.finding, rule) and re.fullmatch(acknowledged.at, path))


def test_cdk_nag_finds_nothing_that_has_no_reason(findings: list[tuple[str, str]]) -> None:
    assert findings
    assert [each for each in findings if not any(_covers(ack, each) for ack in ACKNOWLEDGED)] == []


@pytest.mark.parametrize("acknowledged", ACKNOWLEDGED, ids=lambda each: each.finding)
def test_every_acknowledgement_is_needed(
    findings: list[tuple[str, str]], acknowledged: Acknowledged
) -> None:
    assert any(_covers(acknowledged, finding) for finding in findings)
    assert acknowledged.reason.endswith(".")


@documents
def test_cloudformation_s_own_validation_finds_nothing(document: Document, tmp_path: Path) -> None:
    app_of(document, tmp_path).synth()
    report = tmp_path / "validation-report.json"
    plugins = json.loads(report.read_text())["pluginReports"] if report.exists() else []

    assert [each for each in plugins if each["conclusion"] != "success"] == []
