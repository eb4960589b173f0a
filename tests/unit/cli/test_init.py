"""What `init` writes follows from the facts, and leaves open what they do not say."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from aurora_restore.cli.init.draft import Choices, Draft, draft, function_subnets, name_pattern
from aurora_restore.cli.init.facts import SeenSnapshot, SourceFacts, TargetFacts, VpcSubnet
from aurora_restore.cli.init.text import configuration_text
from aurora_restore.shared.documents.environment import Environment
from aurora_restore.shared.documents.schema import parse
from aurora_restore.shared.errors import ValidationError
from aurora_restore.shared.rds.arns import RdsArn

ACCOUNT = "222222222222"
KEY = f"arn:aws:kms:us-west-2:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
CLUSTER: dict[str, Any] = {
    "DBClusterArn": f"arn:aws:rds:us-west-2:{ACCOUNT}:cluster:orders-staging",
    "DBClusterIdentifier": "orders-staging",
    "DBSubnetGroup": "staging-databases",
    "VpcSecurityGroups": [{"VpcSecurityGroupId": "sg-0a1b2c3d4e5f60731", "Status": "active"}],
    "DBClusterParameterGroup": "orders-postgresql16",
    "EngineVersion": "16.6",
    "Port": 5432,
    "KmsKeyId": KEY,
    "MasterUsername": "staging_admin",
    "DatabaseName": "orders",
    "EnabledCloudwatchLogsExports": ["postgresql"],
    "AssociatedRoles": [{"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/imports", "FeatureName": "s3"}],
    "DBClusterMembers": [{"DBInstanceIdentifier": "orders-staging-2", "IsClusterWriter": True}],
    "TagList": [
        {"Key": "team", "Value": "orders"},
        {"Key": "aws:cloudformation:stack-name", "Value": "databases"},
    ],
}
SUBNETS = [
    VpcSubnet(subnet_id="subnet-0a1b2c3d4e5f60711", zone="us-west-2a"),
    VpcSubnet(subnet_id="subnet-0a1b2c3d4e5f60712", zone="us-west-2b"),
]
EGRESS = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
CHOICES = Choices(restore="staging")


def instance(name: str, **settings: Any) -> dict[str, Any]:
    return {
        "DBInstanceIdentifier": name,
        "DBInstanceClass": "db.r6g.large",
        "PromotionTier": 1,
        "DBParameterGroups": [{"DBParameterGroupName": "default.aurora-postgresql16"}],
        **settings,
    }


def target(egress: list[dict[str, Any]] = EGRESS, **changes: Any) -> TargetFacts:
    return TargetFacts(
        cluster={**CLUSTER, **changes},
        instances=[instance("orders-staging-1"), instance("orders-staging-2", PromotionTier=0)],
        vpc_id="vpc-0a1b2c3d4e5f60718",
        group_subnets=frozenset(each.subnet_id for each in SUBNETS),
        subnets=SUBNETS,
        security_groups=[{"GroupId": "sg-0a1b2c3d4e5f60731", "IpPermissionsEgress": egress}],
        key_manager="CUSTOMER",
    )


def source(
    account: str = ACCOUNT, *, snapshots: tuple[str, ...] = (), version: str = "16.6"
) -> SourceFacts:
    return SourceFacts(
        arn=RdsArn("aws", "us-east-1", account, "cluster", "orders-production"),
        cluster={
            "MasterUsername": "postgres",
            "DatabaseName": "shop",
            "EngineVersion": version,
        }
        if account == ACCOUNT
        else None,
        snapshots=[
            SeenSnapshot(
                name=name,
                kind="shared",
                created=datetime(2026, 11, 29, tzinfo=UTC),
                master_username="root",
            )
            for name in snapshots
        ],
    )


def written(drafted: Draft) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(configuration_text(drafted.document))
    return document


def restore_of(drafted: Draft) -> dict[str, Any]:
    restore: dict[str, Any] = written(drafted)["restores"]["staging"]
    return restore


def test_the_facts_of_both_clusters_are_taken_over() -> None:
    drafted = draft(target(), source(), CHOICES)
    environment = parse(Environment, written(drafted))

    restore = environment.restores["staging"]
    assert environment.account == ACCOUNT
    assert environment.network.availability_zones == ("us-west-2a", "us-west-2b")
    assert environment.secrets.master_username == "postgres"
    assert environment.secrets.master_database == "shop"
    assert restore.source.region == "us-east-1"
    assert restore.target.db_cluster_parameter_group_name == "orders-postgresql16"
    assert restore.target.kms_key_id == KEY
    assert [each.promotion_tier for each in restore.target.instances] == [0, 1]
    assert restore.target.tags == {"team": "orders"}
    assert restore.target.port is None


def test_nothing_is_decided_by_which_the_target_could_be_deleted() -> None:
    drafted = draft(target(DeletionProtection=True), source(), CHOICES)

    found = restore_of(drafted)["target"]
    assert found["deletion_protection"] is True
    assert not {"adopt", "replace_protected", "skip_final_snapshot", "strategy"} & set(found)
    for name in ("adopt", "replace_protected"):
        assert "A run is refused until then." in drafted.open[f"restores.staging.target.{name}"]
        assert f"FILL IN `{name}`: " in " ".join(found["$comment"])


def test_a_cluster_of_the_pipeline_needs_no_decision() -> None:
    tags = [{"Key": "aurora-restore:managed-by", "Value": "aurora-restore"}]

    drafted = draft(target(TagList=tags), source(), CHOICES)

    assert "restores.staging.target.adopt" not in drafted.open


def test_what_stays_as_it_is_is_said() -> None:
    said = " ".join(restore_of(draft(target(), source(), CHOICES))["target"]["$comment"])

    assert "log exports: postgresql; IAM roles: imports" in said


def test_without_a_source_the_file_says_that_it_is_missing() -> None:
    drafted = draft(target(), None, CHOICES)

    assert {"restores.staging.source.cluster_id", "secrets.master_username"} <= set(drafted.open)
    with pytest.raises(ValidationError, match=r"restores\.staging\.source\.cluster_id: is missing"):
        parse(Environment, written(drafted))


def test_another_accounts_shared_snapshots_are_named_by_their_pattern() -> None:
    names = ("daily-2026-11-29", "daily-2026-11-28")

    drafted = draft(target(), source("111111111111", snapshots=names), CHOICES)

    found = restore_of(drafted)["source"]
    assert found["snapshot_name"] == "daily-{date}"
    assert "role_arn" not in found
    assert written(drafted)["secrets"]["master_username"] == "root"


def test_without_shared_snapshots_the_role_of_the_source_stack_is_named() -> None:
    drafted = draft(target(), source("111111111111"), CHOICES)

    found = restore_of(drafted)["source"]
    assert found["role_arn"] == "arn:aws:iam::111111111111:role/aurora-restore-source-access"
    assert "restores.staging.source.kms_key_id" in drafted.open
    assert written(drafted)["secrets"]["master_username"] == "staging_admin"
    assert "A wrong one is refused" in drafted.open["secrets.master_username"]


def test_a_parameter_group_of_another_major_version_is_not_taken_over() -> None:
    drafted = draft(target(), source(version="17.4"), CHOICES)

    assert "db_cluster_parameter_group_name" not in restore_of(drafted)["target"]
    said = drafted.open["restores.staging.target.db_cluster_parameter_group_name"]
    assert said.startswith("a group for version 17")


def test_security_groups_that_let_nothing_out_are_not_taken_for_the_functions() -> None:
    drafted = draft(target(egress=[]), source(), CHOICES)

    assert "security_group_ids" not in written(drafted)["network"]
    assert "HTTPS (443) and port 5432" in drafted.open["network.security_group_ids"]


def test_existing_secrets_are_named() -> None:
    choices = Choices(restore="staging", master_secret="master", app_secret="app")

    secrets = written(draft(target(), source(), choices))["secrets"]

    assert secrets == {"master": "master", "app": "app"}


def test_another_port_and_prefix_are_taken_over() -> None:
    choices = Choices(restore="staging", name_prefix="orders")

    drafted = draft(target(Port=5433), source(), choices)

    assert written(drafted)["name_prefix"] == "orders"
    assert restore_of(drafted)["target"]["port"] == 5433


def with_subnets(*subnets: VpcSubnet) -> TargetFacts:
    facts = target()
    return TargetFacts(**{**vars(facts), "subnets": [*SUBNETS, *subnets]})


@pytest.mark.parametrize(
    ("ways", "chosen"),
    [
        (("nat-1", "nat-2"), ["subnet-c", "subnet-d"]),
        (("igw-1", "igw-1"), ["subnet-0a1b2c3d4e5f60711", "subnet-0a1b2c3d4e5f60712"]),
        (("nat-1", None), ["subnet-0a1b2c3d4e5f60711", "subnet-0a1b2c3d4e5f60712"]),
    ],
)
def test_functions_run_in_private_subnets_that_lead_out_if_two_zones_have_some(
    ways: tuple[str | None, ...], chosen: list[str]
) -> None:
    first, second = ways
    facts = with_subnets(
        VpcSubnet(subnet_id="subnet-c", zone="us-west-2a", leads_out=first),
        VpcSubnet(subnet_id="subnet-d", zone="us-west-2b", leads_out=second),
    )

    subnets, _ = function_subnets(facts)

    assert [each.subnet_id for each in subnets] == chosen


@pytest.mark.parametrize(
    ("names", "pattern"),
    [
        (["a-2026-11-29", "a-2026-11-28"], "a-{date}"),
        (["a-2026-11-29", "b-2026-11-28"], None),
        (["a-2026-11-29"], None),
        (["before-migration", "after-migration"], None),
        (["awsbackup:job-2026-11-29", "awsbackup:job-2026-11-28"], None),
    ],
)
def test_a_pattern_is_seen_only_where_the_newest_names_have_one(
    names: list[str], pattern: str | None
) -> None:
    assert name_pattern(names) == pattern


def test_the_text_is_the_same_each_time_and_fits_a_screen() -> None:
    texts = {configuration_text(draft(target(), source(), CHOICES).document) for _ in "12"}

    (text,) = texts
    lines = text.splitlines()
    assert max(map(len, lines)) <= 120
    assert '"subnet_ids": ["subnet-0a1b2c3d4e5f60711", "subnet-0a1b2c3d4e5f60712"],' in text
