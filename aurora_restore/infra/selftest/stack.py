"""The stack of a self-test's network and source cluster."""

import json
from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_rds as rds
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from aurora_restore.infra.feature_flags import set_feature_flags
from aurora_restore.infra.selftest.probe import Probe
from aurora_restore.proof.naming import TAG_SELF_TEST, prefix_of, source_cluster
from aurora_restore.proof.settings import DATABASE, MASTER_USER, OUTPUTS, PORT, SelfTestSettings

_NETWORK: Final = "10.0.0.0/24"
_SUBNETS: Final = ("10.0.0.0/25", "10.0.0.128/25")
_HTTPS: Final = 443
_NOT_IN_PASSWORDS: Final = "/\"@'\\` "


class SelfTestStack(cdk.Stack):
    """A VPC without any way out, the smallest cluster in it, and the function that logs in to it.

    The functions that log in need Secrets Manager, SSM and DynamoDB: two interface endpoints, in
    one zone, and a gateway endpoint. Everything is deleted with the stack.
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: SelfTestSettings) -> None:
        super().__init__(
            scope,
            construct_id,
            env=cdk.Environment(account=settings.account, region=settings.region),
            description="The network and the source cluster of a self-test of Aurora Restore",
            tags={TAG_SELF_TEST: settings.run},
            suppress_template_indentation=True,
        )
        set_feature_flags(self)
        cdk.Tags.of(self).add(TAG_SELF_TEST, settings.run)
        prefix = prefix_of(settings.run)
        vpc = ec2.CfnVPC(
            self,
            "Vpc",
            cidr_block=_NETWORK,
            enable_dns_support=True,
            enable_dns_hostnames=True,
            tags=[cdk.CfnTag(key="Name", value=prefix)],
        )
        subnets = [
            ec2.CfnSubnet(
                self, f"Private{letter}", vpc_id=vpc.ref, cidr_block=block, availability_zone=zone
            )
            for letter, block, zone in zip("AB", _SUBNETS, settings.zones, strict=True)
        ]
        functions = ec2.CfnSecurityGroup(
            self, "Functions", vpc_id=vpc.ref, group_description="The functions of the self-test"
        )
        databases = self._group(vpc, "Databases", "The clusters of the self-test", PORT)
        routes = self._endpoints(vpc, subnets)

        secret = secretsmanager.CfnSecret(
            self,
            "Credentials",
            name=f"{prefix}-source-credentials",
            description="The master user of the source cluster, and its logins",
            generate_secret_string=secretsmanager.CfnSecret.GenerateSecretStringProperty(
                secret_string_template=json.dumps({"username": MASTER_USER}),
                generate_string_key="password",
                password_length=32,
                exclude_characters=_NOT_IN_PASSWORDS,
            ),
        )
        subnet_group = rds.CfnDBSubnetGroup(
            self,
            "Subnets",
            db_subnet_group_name=prefix,
            db_subnet_group_description="The clusters of the self-test",
            subnet_ids=[each.ref for each in subnets],
        )
        parameter_group = rds.CfnDBClusterParameterGroup(
            self,
            "Parameters",
            db_cluster_parameter_group_name=prefix,
            description="Logical replication and pg_cron",
            family=settings.family,
            parameters={
                "rds.logical_replication": "1",
                "shared_preload_libraries": "pg_stat_statements,pg_cron",
            },
        )
        cluster = rds.CfnDBCluster(
            self,
            "Source",
            db_cluster_identifier=source_cluster(settings.run),
            engine="aurora-postgresql",
            engine_version=settings.engine_version,
            database_name=DATABASE,
            master_username=MASTER_USER,
            master_user_password=f"{{{{resolve:secretsmanager:{secret.ref}:SecretString:password}}}}",
            db_subnet_group_name=subnet_group.ref,
            db_cluster_parameter_group_name=parameter_group.ref,
            vpc_security_group_ids=[databases.attr_group_id],
            serverless_v2_scaling_configuration=(
                rds.CfnDBCluster.ServerlessV2ScalingConfigurationProperty(
                    min_capacity=0.5, max_capacity=2
                )
            ),
            backup_retention_period=1,
            storage_encrypted=True,
            deletion_protection=False,
        )
        instance = rds.CfnDBInstance(
            self,
            "SourceInstance",
            db_instance_identifier=f"{source_cluster(settings.run)}-1",
            db_cluster_identifier=cluster.ref,
            db_instance_class="db.serverless",
            engine="aurora-postgresql",
            publicly_accessible=False,
        )
        for each in (cluster, instance):
            each.apply_removal_policy(cdk.RemovalPolicy.DESTROY)

        probe = Probe(
            self,
            "Probe",
            settings=settings,
            vpc=ec2.Vpc.from_vpc_attributes(
                self,
                "Imported",
                vpc_id=vpc.ref,
                availability_zones=list(settings.zones),
                private_subnet_ids=[each.ref for each in subnets],
                private_subnet_route_table_ids=[routes.ref for _ in subnets],
            ),
            group_id=functions.attr_group_id,
            secret_arn=secret.ref,
            secrets_of_environment=self.format_arn(
                service="secretsmanager",
                resource="secret",
                resource_name=f"{prefix}-*",
                arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
            ),
        )
        values = (
            *(vpc.ref, subnets[0].ref, subnets[1].ref, functions.attr_group_id),
            *(databases.attr_group_id, subnet_group.ref, parameter_group.ref, secret.ref),
            *(probe.function.function_name, cluster.ref),
        )
        for name, value in zip(OUTPUTS, values, strict=True):
            cdk.CfnOutput(self, name, value=value)

    def _group(
        self, vpc: ec2.CfnVPC, construct_id: str, description: str, port: int
    ) -> ec2.CfnSecurityGroup:
        """Make a security group that lets the network in, at one port."""
        return ec2.CfnSecurityGroup(
            self,
            construct_id,
            vpc_id=vpc.ref,
            group_description=description,
            security_group_ingress=[
                ec2.CfnSecurityGroup.IngressProperty(
                    ip_protocol="tcp", from_port=port, to_port=port, cidr_ip=_NETWORK
                )
            ],
        )

    def _endpoints(self, vpc: ec2.CfnVPC, subnets: list[ec2.CfnSubnet]) -> ec2.CfnRouteTable:
        """Make the endpoints, and return the route table that leads to them."""
        table = ec2.CfnRouteTable(self, "Routes", vpc_id=vpc.ref)
        for letter, subnet in zip("AB", subnets, strict=True):
            ec2.CfnSubnetRouteTableAssociation(
                self, f"Routes{letter}", route_table_id=table.ref, subnet_id=subnet.ref
            )
        ec2.CfnVPCEndpoint(
            self,
            "DynamoDb",
            vpc_id=vpc.ref,
            service_name=f"com.amazonaws.{self.region}.dynamodb",
            vpc_endpoint_type="Gateway",
            route_table_ids=[table.ref],
        )
        group = self._group(vpc, "Endpoints", "The endpoints of the self-test", _HTTPS)
        for construct_id, service in (("SecretsManager", "secretsmanager"), ("Ssm", "ssm")):
            ec2.CfnVPCEndpoint(
                self,
                construct_id,
                vpc_id=vpc.ref,
                service_name=f"com.amazonaws.{self.region}.{service}",
                vpc_endpoint_type="Interface",
                private_dns_enabled=True,
                subnet_ids=[subnets[0].ref],
                security_group_ids=[group.attr_group_id],
            )
        return table
