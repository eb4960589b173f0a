"""Where the functions run."""

from collections.abc import Collection
from typing import Final, TypedDict

from aws_cdk import Annotations
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from aurora_restore.shared.documents import environment
from aurora_restore.shared.pipeline import PipelineFunction

NOWHERE: Final = ec2.CfnSecurityGroup.EgressProperty(
    ip_protocol="icmp",
    from_port=252,
    to_port=86,
    cidr_ip="255.255.255.255/32",
    description="Nothing: no traffic has this address",
)
"""Without any outbound rule CloudFormation allows everything out:
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-securitygroup.html"""


class Placement(TypedDict, total=False):
    """The VPC attachment of a function; empty where it has none."""

    vpc: ec2.IVpc
    vpc_subnets: ec2.SubnetSelection
    security_groups: list[ec2.ISecurityGroup]


class PipelineNetwork(Construct):
    """The VPC, subnets and security groups of the configuration, and the two of the quarantine.

    A restored cluster has only ``quarantine`` until it is handed over: it lets in only ``access``,
    which only the functions have that log in, and nothing out. Both are without rules otherwise.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: environment.Network,
        ports: Collection[int],
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self._access = ec2.CfnSecurityGroup(
            self,
            "Access",
            vpc_id=settings.vpc_id,
            group_description="The functions that log in to restored clusters",
            security_group_egress=[NOWHERE],
        )
        self._quarantine = ec2.CfnSecurityGroup(
            self,
            "Quarantine",
            vpc_id=settings.vpc_id,
            group_description="Restored clusters that are not handed over yet",
            security_group_ingress=[
                ec2.CfnSecurityGroup.IngressProperty(
                    ip_protocol="tcp",
                    from_port=port,
                    to_port=port,
                    source_security_group_id=self._access.attr_group_id,
                    description="The functions that log in",
                )
                for port in sorted(ports)
            ],
            security_group_egress=[NOWHERE],
        )
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
        self._vpc = vpc
        self._groups = [self._imported(group, group) for group in settings.security_group_ids]
        self._access_group = self._imported("AccessGroup", self.access_group_id)

    @property
    def access_group_id(self) -> str:
        """Return the security group of the functions that log in."""
        return self._access.attr_group_id

    @property
    def quarantine_group_id(self) -> str:
        """Return the security group of restored clusters that are not handed over yet."""
        return self._quarantine.attr_group_id

    def placement(self, function: PipelineFunction) -> Placement:
        """Return the attachment of a function, as ``network.lambda_vpc`` decides."""
        if not self._settings.attaches(reaches_database=function.reaches_database):
            return Placement()
        return Placement(
            vpc=self._vpc,
            vpc_subnets=ec2.SubnetSelection(subnets=self._vpc.private_subnets),
            security_groups=[
                *self._groups,
                *([self._access_group] if function.reaches_database else []),
            ],
        )

    def _imported(self, construct_id: str, group_id: str) -> ec2.ISecurityGroup:
        return ec2.SecurityGroup.from_security_group_id(self, construct_id, group_id, mutable=False)

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
