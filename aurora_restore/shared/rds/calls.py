"""The AWS calls that change something, as values: a step makes them, a dry run lists them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from botocore import xform_name

from aurora_restore.shared.aws_utils import call
from aurora_restore.shared.rds.tags import tag_list

HIDDEN: Final = "(from the secret)"


@dataclass(frozen=True)
class RdsCall:
    """One call of RDS, or of a service beside it: what, where, and why."""

    operation: str
    region: str
    parameters: Mapping[str, Any]
    reason: str
    account: str | None = None
    """The account whose credentials it uses, if that is not the environment's."""
    secret: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Parameters that are passed, and shown nowhere."""
    service: str = "rds"

    def make(self, client: Any) -> dict[str, Any]:
        """Make the call and return its response. Raises AuroraRestoreError if AWS refuses it.

        ``client`` is one of the service that the call is of.
        """
        method = getattr(client, xform_name(self.operation))
        response: dict[str, Any] = call(method, **self.parameters, **self.secret)
        return response

    def described(self) -> dict[str, Any]:
        """Return the call as a dry run shows it."""
        shown = {
            "service": self.service,
            "operation": self.operation,
            "region": self.region,
            "parameters": {**self.parameters, **dict.fromkeys(self.secret, HIDDEN)},
            "reason": self.reason,
        }
        return shown if self.account is None else {**shown, "account": self.account}


def tag_resource(arn: str, region: str, tags: Mapping[str, str], reason: str) -> RdsCall:
    """Return the call that puts tags on a resource."""
    return RdsCall(
        "AddTagsToResource", region, {"ResourceName": arn, "Tags": tag_list(tags)}, reason
    )
