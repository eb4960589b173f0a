"""Whose call it is, and what an account may have."""

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from embedded_aws.rds import Rules
from tests.unit.embedded_aws.rds.rds_bench import (
    ENGINE,
    HERE,
    KEY_POLICY_FOR_OTHER,
    OTHER,
    OWNER,
    THERE,
    VERSION,
    RdsBench,
    refused,
)


def test_the_account_and_region_of_a_call_come_from_its_signature(rds_bench: RdsBench) -> None:
    rds_bench.admin.set_rules(default_account="000000000000")
    role = boto3.client("sts", region_name=HERE).assume_role(
        RoleArn=f"arn:aws:iam::{OWNER}:role/reader", RoleSessionName="test"
    )["Credentials"]
    keys = {
        rds_bench.admin.credentials(OTHER)["access_key_id"]: OTHER,
        role["AccessKeyId"]: OWNER,
        "999988887777": "999988887777",
        "AKIAUNKNOWNUNKNOWN00": "000000000000",
    }

    for key, account in keys.items():
        boto3.client(
            "rds",
            region_name=THERE,
            aws_access_key_id=key,
            aws_secret_access_key="moto checks no signature",
        ).describe_db_clusters()
        call = rds_bench.admin.calls()[-1]
        assert (call["account"], call["region"]) == (account, THERE)


@pytest.mark.parametrize("name", ["x", "x" * 65, "a:b", "now!", "März"])
def test_the_name_of_a_session_has_2_to_64_letters_digits_and_few_signs(
    rds_bench: RdsBench, name: str
) -> None:
    sts = boto3.Session().client("sts", region_name=HERE, config=Config(parameter_validation=False))
    role = f"arn:aws:iam::{OWNER}:role/reader"

    with pytest.raises(ClientError, match="ValidationError"):
        sts.assume_role(RoleArn=role, RoleSessionName=name)

    assert sts.assume_role(RoleArn=role, RoleSessionName="a_=,.@-b")["Credentials"]


def test_the_quotas_of_an_account_are_shown_with_their_usage(rds_bench: RdsBench) -> None:
    rds_bench.emulator.backend.rules = Rules(clusters=7)
    rds_bench.new_cluster()
    rds_bench.new_snapshot("monday")
    rds_bench.new_automated_snapshot()

    quotas = {
        one["AccountQuotaName"]: (one["Used"], one["Max"])
        for one in rds_bench.rds().describe_account_attributes()["AccountQuotas"]
    }

    assert quotas == {
        "DBClusters": (1, 7),
        "DBInstances": (0, 40),
        "ManualClusterSnapshots": (1, 100),
    }


def test_the_orderable_instance_classes_are_shown(rds_bench: RdsBench) -> None:
    rds = rds_bench.rds()
    paginator = rds.get_paginator("describe_orderable_db_instance_options")

    def offered(**wanted: str) -> list[str]:
        pages = paginator.paginate(Engine=ENGINE, EngineVersion=VERSION, Vpc=True, **wanted)  # type: ignore[arg-type]
        return [
            one["DBInstanceClass"] for page in pages for one in page["OrderableDBInstanceOptions"]
        ]

    assert {"db.serverless", "db.r6g.large", "db.t4g.medium"} <= set(offered())
    assert offered(DBInstanceClass="db.r6g.large") == ["db.r6g.large"]
    assert offered(DBInstanceClass="db.abacus") == []


def test_a_key_of_another_account_is_described_if_its_policy_allows_that(
    rds_bench: RdsBench,
) -> None:
    shared = rds_bench.new_key(statements=KEY_POLICY_FOR_OTHER)
    unshared = rds_bench.new_key()
    through_rds = [
        {
            **statement,
            "Condition": {"StringEquals": {"kms:ViaService": f"rds.{HERE}.amazonaws.com"}},
        }
        for statement in KEY_POLICY_FOR_OTHER
    ]
    only_for_rds = rds_bench.new_key(statements=through_rds)
    kms = rds_bench.kms(OTHER, HERE)

    assert kms.describe_key(KeyId=shared)["KeyMetadata"]["Arn"] == shared
    for key in (unshared, only_for_rds, f"{shared[:-4]}0000"):
        with refused("AccessDeniedException"):
            kms.describe_key(KeyId=key)


def test_a_subnet_shows_how_many_of_its_addresses_are_free(rds_bench: RdsBench) -> None:
    ec2 = rds_bench.ec2()
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/28")["Subnet"]["SubnetId"]

    def free() -> int:
        (shown,) = ec2.describe_subnets(SubnetIds=[subnet])["Subnets"]
        return shown["AvailableIpAddressCount"]

    assert free() == 16 - 5
    ec2.create_network_interface(SubnetId=subnet)
    ec2.create_network_interface(SubnetId=subnet)
    assert free() == 16 - 5 - 2
