"""From the grants in a row of the pipeline to IAM statements on an environment's ARNs."""

from collections.abc import Iterator
from dataclasses import dataclass

from aws_cdk import aws_iam as iam

from aurora_restore.infra.permissions.statements import allow, deny_changes
from aurora_restore.permissions.arns import Arns
from aurora_restore.permissions.scopes import changes_rds, permissions_of
from aurora_restore.shared.documents.environment import Environment
from aurora_restore.shared.pipeline import Step


@dataclass(frozen=True, kw_only=True)
class GrantStatements:
    """The statements for the grants of each step, in one environment."""

    environment: Environment
    partition: str

    @property
    def arns(self) -> Arns:
        """Return the ARNs that the environment's restores name."""
        return Arns(environment=self.environment, partition=self.partition)

    def of(self, step: Step) -> Iterator[iam.PolicyStatement]:
        """Yield what a step may do; never, whatever its grants say, change a source."""
        for each in permissions_of(step, self.arns):
            yield allow(each.action, each.arns, each.conditions)
        if changes_rds(step):
            yield deny_changes([*self.arns.sources(), *self.arns.source_instances()])
