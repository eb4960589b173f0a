"""The numbers that AWS does not let pass, against what others know of them."""

import json
import re
from typing import Any, Final

import botocore.session
import pytest
from cfnlint.api import lint
from cfnlint.config import ManualArgs
from cfnlint.helpers import LIMITS as OF_CFN_LINT
from moto.iam.models import AccountSummary, IAMBackend

from aurora_restore.configuration import limits
from tests.unit.infra.examples import EXAMPLES
from tests.unit.infra.synthesis import Synthesis, synthesise

KB: Final = 1024
REGION: Final = "us-west-2"


def documentation(service: str, operation: str, member: str) -> str:
    """What botocore's model of a service says of a parameter."""
    model = botocore.session.Session().get_service_model(service)
    shape = model.operation_model(operation).input_shape
    assert shape is not None
    said: str = shape.members[member].documentation
    return said


def test_cfn_lint_knows_the_same_limits_of_a_template() -> None:
    assert limits.RESOURCES.most == OF_CFN_LINT["Resources"]["number"]
    assert limits.TEMPLATE_BYTES.most == OF_CFN_LINT["template"]["body"]


def test_moto_knows_the_same_limits_of_iam() -> None:
    known = AccountSummary(IAMBackend(REGION, "123456789012")).summary_map

    assert limits.MANAGED_POLICY.most == known["PolicySizeQuota"]
    assert limits.INLINE_POLICIES.most == known["RolePolicySizeQuota"]
    assert limits.POLICIES_PER_ROLE.most == known["AttachedPoliciesPerRoleQuota"]


@pytest.mark.parametrize(
    ("service", "operation", "member", "said", "most"),
    [
        (
            "ssm",
            "PutParameter",
            "Value",
            r"Advanced parameters have a value limit of (\d+) KB",
            limits.PARAMETER_BYTES.most / KB,
        ),
        # A megabyte is taken for 1,000,000 bytes, as by cfn-lint and the CDK.
        (
            "cloudformation",
            "CreateStack",
            "TemplateURL",
            r"max size: (\d+) MB",
            limits.TEMPLATE_BYTES.most / 1_000_000,
        ),
    ],
)
def test_botocore_documents_the_same(
    service: str, operation: str, member: str, said: str, most: float
) -> None:
    (number,) = re.findall(said, documentation(service, operation, member))

    assert int(number) == most


def of_variables(size: int) -> dict[str, Any]:
    """A template of a function whose variables are so large."""
    return {
        "Resources": {
            "Function": {
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "Code": {"ZipFile": "pass"},
                    "Environment": {"Variables": {"A": "x" * (size - 1)}},
                    "Handler": "index.handler",
                    "Role": "arn:aws:iam::123456789012:role/mine",
                    "Runtime": "python3.13",
                },
            }
        }
    }


@pytest.mark.parametrize(("more", "is_refused"), [(0, False), (1, True)])
def test_cfn_lint_knows_the_same_limit_of_variables(more: int, is_refused: bool) -> None:
    text = json.dumps(of_variables(limits.FUNCTION_ENVIRONMENT.most + more))
    found = {match.rule.id for match in lint(text, config=ManualArgs(regions=[REGION]))}

    assert ("E3697" in found) is is_refused


def test_subscriptions_do_not_grow_with_the_restores(many: Synthesis) -> None:
    assert not any(
        "FilterPolicy" in each for each in many.of_type("AWS::SNS::Subscription").values()
    )


@pytest.fixture(scope="module")
def many() -> Synthesis:
    """An environment of many restores, with addresses to notify."""
    return synthesise({**EXAMPLES["many"](), "notification_emails": ["me@example.org"]})
