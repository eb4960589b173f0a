"""What AWS limits of an environment, each with the page that says so.

All of them are known before anything is deployed: an environment that would pass one is refused,
because CloudFormation would find it only in the middle of a deployment.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True)
class Limit:
    """A number that AWS does not let pass."""

    what: str
    """What is counted, as a message names it after the number."""
    most: int
    documentation: str


_IAM: Final = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"
_CLOUDFORMATION: Final = (
    "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"
)

MANAGED_POLICY: Final = Limit(
    what="characters, without whitespace, in one managed policy", most=6144, documentation=_IAM
)
INLINE_POLICIES: Final = Limit(
    what="characters, without whitespace, in its inline policies together",
    most=10_240,
    documentation=_IAM,
)
POLICIES_PER_ROLE: Final = Limit(what="managed policies", most=10, documentation=_IAM)
RAISED_POLICIES_PER_ROLE: Final = Limit(
    what="managed policies, as far as the quota can be raised",
    most=25,
    documentation=_IAM,
)
ROLE_NAME: Final = Limit(what="characters in a role's name", most=64, documentation=_IAM)
TEMPLATE_BYTES: Final = Limit(
    what="bytes of its template", most=1_000_000, documentation=_CLOUDFORMATION
)
RESOURCES: Final = Limit(what="resources", most=500, documentation=_CLOUDFORMATION)
PARAMETER_BYTES: Final = Limit(
    what="bytes of an SSM parameter",
    most=8192,
    documentation="https://docs.aws.amazon.com/systems-manager/latest/userguide/"
    "parameter-store-advanced-parameters.html",
)
FUNCTION_ENVIRONMENT: Final = Limit(
    what="bytes of environment variables",
    most=4096,
    documentation="https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html",
)
SECURITY_GROUP_RULES: Final = Limit(
    what="inbound rules of its security group",
    most=60,
    documentation="https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html",
)
