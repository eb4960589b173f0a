"""Where the functions run."""

from typing import TypedDict

from aws_cdk import Annotations
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from aurora_restore.shared.documents import environment
from aurora_restore.shared.pipeline import Step


class Placement(TypedDict, total=False):
    """The VPC attachment of a function; empty where it has none."""

    vpc: ec2.IVpc
    vpc_subnets: ec2.SubnetSelection
    security_groups: list[ec2.ISecurityGroup]


class ImportedNetwork(Construct):
    """The VPC, subnets and security groups of the configuration. It makes nothing in AWS."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: environment.Network
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        vpc = ec2.Vpc.from_vpc_attributes(
            self,
            "Vpc",
            vpc_id=settings.vpc_id,
            availability_zones=list(settings.availability_zones),
            private_subnet_ids=list(settings.subnet_ids),
        )
        for subnet in vpc.private_subnets:
            Annotations.of(subnet).acknowledge_warning(
                "@aws-cdk/aws-ec2:noSubnetRouteTableId", "No route is added here."
            )
        self._placement = Placement(
            vpc=vpc,
            vpc_subnets=ec2.SubnetSelection(subnets=vpc.private_subnets),
            security_groups=[
                ec2.SecurityGroup.from_security_group_id(self, group, group, mutable=False)
                for group in settings.security_group_ids
            ],
        )

    def placement(self, step: Step) -> Placement:
        """Return the attachment of a step's function, as ``network.lambda_vpc`` decides."""
        attached = self._settings.lambda_vpc == "all" or step.reaches_database
        return self._placement if attached else Placement()

    def warn_of_regions(self, *, own: str, sources: set[str]) -> None:
        """Warn at synth where attached functions must reach another Region.

        An interface endpoint serves the RDS API of its own Region only:
        https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/vpc-interface-endpoints.html
        """
        others = ", ".join(sorted(sources - {own}))
        if others and self._settings.lambda_vpc == "all":
            Annotations.of(self).add_warning_v2(
                "aurora-restore:egress-to-source-region",
                f'`network.lambda_vpc` is "all" and a source is in {others}: the private subnets '
                "need a way out to that Region's RDS API (a NAT gateway), because an interface "
                f'endpoint reaches {own} only; or set `network.lambda_vpc` to "database-only"',
            )
