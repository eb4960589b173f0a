"""Every obstacle is found before the first change, and a dry run lists all of them."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from aurora_restore.lambdas.delete_rds import DeleteRdsHandler
from aurora_restore.lambdas.snapshot_check import SnapshotCheckHandler
from aurora_restore.shared.errors import (
    PreflightError,
    SnapshotNotAvailableError,
    UnsuitableInputError,
    ValidationError,
)
from embedded_aws.rds.models import Location
from embedded_aws.vpc import create_network
from tests.support.keys import key_policy
from tests.unit.bench import ACCOUNT, MASTER_PASSWORD, REGION, SOURCE_REGION, Bench
from tests.unit.lambdas.arrange import COPY
from tests.unit.scene import (
    HOME,
    OTHER_ACCOUNT,
    OWN_TAGS,
    SNAPSHOT,
    SOURCE,
    TARGET,
    Scene,
    make_scene,
    obstacles_of,
)

MISSING_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/00000000-0000-0000-0000-000000000000"


def rehearse(scene: Scene) -> dict[str, Any]:
    return scene.bench.call(SnapshotCheckHandler, {"dry_run": True, "operation_id": "op-1"})


def secret(scene: Scene, name: str, value: Any) -> None:
    scene.bench.clients.secrets_manager.put_secret_value(
        SecretId=name, SecretString=json.dumps(value)
    )


def group_in_another_vpc(scene: Scene) -> None:
    ec2 = scene.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    group = ec2.create_security_group(GroupName="x", Description="x", VpcId=vpc)["GroupId"]
    scene.configure(vpc_security_group_ids=[group])


def group_of_another_family(scene: Scene) -> None:
    scene.client("rds").create_db_cluster_parameter_group(
        DBClusterParameterGroupName="old",
        DBParameterGroupFamily="aurora-postgresql15",
        Description="x",
    )
    scene.configure(db_cluster_parameter_group_name="old")


def disabled_key(scene: Scene) -> None:
    kms = scene.client("kms")
    key = kms.create_key()["KeyMetadata"]
    kms.disable_key(KeyId=key["KeyId"])
    scene.configure(kms_key_id=key["Arn"])


def asymmetric_key(scene: Scene) -> None:
    made = scene.client("kms").create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")
    scene.configure(kms_key_id=made["KeyMetadata"]["Arn"])


def with_insights_under(scene: Scene, key: str) -> None:
    """The old cluster's writer has Performance Insights under a key."""
    scene.make_target()
    scene.client("rds").modify_db_instance(
        DBInstanceIdentifier=f"{TARGET}-1",
        EnablePerformanceInsights=True,
        PerformanceInsightsKMSKeyId=key,
    )


def disabled_insights_key(scene: Scene) -> None:
    kms = scene.client("kms")
    key = kms.create_key()["KeyMetadata"]
    with_insights_under(scene, key["Arn"])
    kms.disable_key(KeyId=key["KeyId"])


def deleted_insights_key(scene: Scene) -> None:
    kms = scene.client("kms")
    key = kms.create_key()["KeyMetadata"]
    with_insights_under(scene, key["Arn"])
    kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=7)


def forbidden_insights_key(scene: Scene) -> None:
    """Another account's key, whose policy lets nobody here look at it any more."""
    there = scene.client("kms", Location(OTHER_ACCOUNT, REGION))
    key = there.create_key(Policy=key_policy((OTHER_ACCOUNT, ACCOUNT)))["KeyMetadata"]
    with_insights_under(scene, key["Arn"])
    there.put_key_policy(KeyId=key["KeyId"], PolicyName="default", Policy=key_policy(()))


def instance_of_another_name(scene: Scene) -> None:
    scene.make_target()
    scene.client("rds").create_db_instance(
        DBInstanceIdentifier="the-reader",
        DBInstanceClass="db.r6g.large",
        Engine="aurora-postgresql",
        DBClusterIdentifier=TARGET,
        Tags=OWN_TAGS,
    )
    scene.bench.advance(3600)
    instances = [{"instance_class": "db.r6g.large"}, {"instance_class": "db.r6g.large"}]
    scene.configure(instances=instances)


def too_many_tags(scene: Scene) -> None:
    given = [{"Key": f"old-{number}", "Value": "x"} for number in range(30)]
    scene.make_target(tags=[*OWN_TAGS, *given])
    scene.client("rds").remove_tags_from_resource(
        ResourceName=HOME.arn("db", f"{TARGET}-1"), TagKeys=[each["Key"] for each in given]
    )
    scene.configure(tags={f"new-{number}": "x" for number in range(20)})


def full_quota(scene: Scene) -> None:
    scene.bench.rds.admin.set_rules(manual_snapshots=0)


def taken_copy_name(scene: Scene) -> None:
    scene.make_target()
    scene.client("rds").create_db_cluster_snapshot(
        DBClusterIdentifier=TARGET,
        DBClusterSnapshotIdentifier=COPY,
    )
    scene.bench.advance(3600)


def untagged_reader(scene: Scene) -> None:
    scene.make_target()
    scene.client("rds").create_db_instance(
        DBInstanceIdentifier="by-hand",
        DBInstanceClass="db.r6g.large",
        Engine="aurora-postgresql",
        DBClusterIdentifier=TARGET,
    )
    scene.bench.advance(3600)


def stopped_target(scene: Scene) -> None:
    scene.make_target()
    scene.client("rds").stop_db_cluster(DBClusterIdentifier=TARGET)
    scene.bench.advance(3600)


def member_of_a_global_cluster(scene: Scene) -> None:
    scene.make_target()
    arn = (scene.cluster() or {})["DBClusterArn"]
    scene.client("rds").create_global_cluster(
        GlobalClusterIdentifier="world", SourceDBClusterIdentifier=arn
    )


def room_for_the_copy_but_no_final_snapshot(scene: Scene) -> None:
    scene.make_target()
    scene.configure(skip_final_snapshot=False)
    scene.bench.rds.admin.set_rules(manual_snapshots=1)


def room_for_the_copy_but_not_for_what_was_adopted(scene: Scene) -> None:
    scene.make_target(tags=[])
    scene.configure(adopt=True)
    scene.bench.rds.admin.set_rules(manual_snapshots=1)


def one_instance_too_many(scene: Scene) -> None:
    scene.make_target()
    scene.configure(instances=[{"instance_class": "db.r6g.large"}] * 2)
    scene.bench.rds.admin.set_rules(instances=1)


def instance_of_another_cluster(scene: Scene) -> None:
    rds = scene.client("rds")
    rds.create_db_cluster(
        DBClusterIdentifier="another",
        Engine="aurora-postgresql",
        MasterUsername="postgres",
        MasterUserPassword="another-password",
        DBSubnetGroupName="my-subnet-group",
    )
    scene.bench.advance(3600)
    rds.create_db_instance(
        DBInstanceIdentifier=f"{TARGET}-1",
        DBInstanceClass="db.r6g.large",
        Engine="aurora-postgresql",
        DBClusterIdentifier="another",
    )
    scene.bench.advance(3600)


OBSTACLES: list[tuple[Callable[[Scene], None], str, str]] = [
    (lambda scene: scene.make_target(tags=[]), "target", "was not made by this pipeline"),
    (lambda scene: scene.make_target(DeletionProtection=True), "target", "deletion protection"),
    (untagged_reader, "target", "instance by-hand of cluster my-cluster lacks"),
    (stopped_target, "target", "RDS deletes no stopped cluster"),
    (member_of_a_global_cluster, "target", "belongs to global cluster world"),
    (
        lambda scene: scene.configure(db_subnet_group_name="missing"),
        "network",
        "there is no DB subnet group 'missing'",
    ),
    (
        lambda scene: scene.configure(vpc_security_group_ids=["sg-00000000"]),
        "network",
        "there is no security group 'sg-00000000'",
    ),
    (group_in_another_vpc, "network", "is in vpc-"),
    (
        lambda scene: scene.configure(db_cluster_parameter_group_name="missing"),
        "parameter groups",
        "there is no parameter group 'missing'",
    ),
    (group_of_another_family, "parameter groups", "is of family aurora-postgresql15"),
    (
        lambda scene: scene.configure(
            instances=[{"instance_class": "db.r6g.large", "db_parameter_group_name": "missing"}]
        ),
        "parameter groups",
        "there is no parameter group 'missing'",
    ),
    (lambda scene: scene.configure(instances=[]), "instances", "target.instances: is missing"),
    (
        lambda scene: scene.configure(fallback_instance_classes=["db.x1.tiny"]),
        "instances",
        "class db.x1.tiny is not offered",
    ),
    (
        lambda scene: scene.configure(instances=[{"instance_class": "db.x1.tiny"}]),
        "instances",
        "class db.x1.tiny is not offered",
    ),
    (
        lambda scene: scene.configure(instances=[{"instance_class": "db.serverless"}]),
        "instances",
        "need a capacity range",
    ),
    (
        lambda scene: secret(
            scene, scene.bench.environment.master_secret, {"username": "postgres"}
        ),
        "secrets",
        "password: is missing",
    ),
    (
        lambda scene: secret(
            scene,
            scene.bench.environment.master_secret,
            {"username": "admin", "password": MASTER_PASSWORD, "database": "app"},
        ),
        "secrets",
        "username: is not 'postgres', the snapshot's master user",
    ),
    (
        lambda scene: secret(scene, scene.bench.environment.app_secret, {"app_username": "a"}),
        "secrets",
        "readonly_username: is missing",
    ),
    (lambda scene: scene.configure(kms_key_id=MISSING_KEY), "keys", "there is no KMS key"),
    (disabled_key, "keys", "is Disabled"),
    (asymmetric_key, "keys", "is asymmetric"),
    (disabled_insights_key, "keys", "Performance Insights of instance my-cluster-1: KMS key"),
    (deleted_insights_key, "keys", "is PendingDeletion"),
    (forbidden_insights_key, "keys", "cannot be described"),
    (instance_of_another_name, "names", "instance the-reader is to be made again"),
    (too_many_tags, "target", "would have 54 tags"),
    (full_quota, "quotas", "ManualClusterSnapshots: 0 of 0 are used"),
    (room_for_the_copy_but_no_final_snapshot, "quotas", "and 2 more would be made"),
    (room_for_the_copy_but_not_for_what_was_adopted, "quotas", "and 2 more would be made"),
    (
        lambda scene: scene.bench.rds.admin.set_rules(clusters=0),
        "quotas",
        "DBClusters: 0 of 0 are used in the target's Region",
    ),
    (one_instance_too_many, "quotas", "DBInstances: 1 of 1 are used in the target's Region"),
    (instance_of_another_cluster, "names", "instance my-cluster-1 is to be made, but exists"),
    (taken_copy_name, "names", "and is no copy of arn:aws:rds:us-east-1"),
]


@pytest.mark.parametrize(("arrange", "check", "problem"), OBSTACLES)
def test_an_obstacle_is_found_by_a_dry_run_and_ends_a_real_one_before_any_change(
    scene: Scene, arrange: Callable[[Scene], None], check: str, problem: str
) -> None:
    arrange(scene)
    before = scene.changes()
    answer = rehearse(scene)
    assert answer["statusCode"] == 200
    assert answer["body"]["ready"] is False
    ((found_check, found_problem),) = obstacles_of(answer)
    assert (found_check, problem in found_problem) == (check, True), found_problem
    assert all(item["remedy"] for item in answer["body"]["obstacles"])
    with pytest.raises(PreflightError) as caught:
        scene.bench.step(SnapshotCheckHandler)
    assert problem in caught.value.message
    assert scene.changes() == before
    assert MASTER_PASSWORD not in json.dumps(answer) + caught.value.message


def test_every_obstacle_is_reported_not_only_the_first(scene: Scene) -> None:
    scene.make_target(tags=[], DeletionProtection=True)
    scene.configure(db_subnet_group_name="missing", instances=[{"instance_class": "db.x1.tiny"}])
    reported = [check for check, _ in obstacles_of(rehearse(scene))]
    assert reported == ["target", "target", "network", "instances"]


def test_a_target_that_is_the_source_is_refused(bench: Bench) -> None:
    scene = make_scene(bench, Location(ACCOUNT, REGION))
    scene.configure(cluster_id=SOURCE, adopt=True)
    assert obstacles_of(rehearse(scene))[0] == (
        "source",
        "the target production is the source itself",
    )


def test_a_dry_run_without_obstacles_lists_the_calls_with_their_reasons(scene: Scene) -> None:
    scene.make_target(readers=1, PreferredMaintenanceWindow="sun:01:00-sun:01:30")
    before = scene.changes()
    body = rehearse(scene)["body"]
    assert body["ready"] is True
    assert body["dry_run"] is True
    assert body["route"] == "copied to the target's Region"
    reported = [(call["operation"], call["region"]) for call in body["calls"]]
    assert reported == [
        ("CopyDBClusterSnapshot", REGION),
        ("DeleteDBInstance", REGION),
        ("DeleteDBInstance", REGION),
        ("DeleteDBCluster", REGION),
        ("RestoreDBClusterFromSnapshot", REGION),
        ("CreateDBInstance", REGION),
        ("ModifyDBCluster", REGION),
        ("ModifyDBCluster", REGION),
        ("ModifyDBCluster", REGION),
        ("AddTagsToResource", REGION),
    ]
    assert body["calls"][8]["parameters"]["VpcSecurityGroupIds"] == [scene.security_group]
    deleted = [call["parameters"].get("DBInstanceIdentifier") for call in body["calls"][1:3]]
    assert deleted == [f"{TARGET}-2", f"{TARGET}-1"]
    password = body["calls"][6]["parameters"]["MasterUserPassword"]
    assert password == "(from the secret)"
    assert all(call["reason"] for call in body["calls"])
    assert scene.changes() == before
    assert scene.bench.rds.admin.calls()


def test_a_dry_run_is_only_what_the_first_step_does(scene: Scene) -> None:
    scene.make_target()
    answer = scene.bench.call(DeleteRdsHandler, {"dry_run": True})
    assert answer["statusCode"] == 400
    assert "leave start_at out" in answer["body"]["error"]
    with pytest.raises(ValidationError, match="dry_run"):
        scene.bench.step(DeleteRdsHandler, {"dry_run": True, "start_at": "delete-rds"})
    assert (scene.cluster() or {})["Status"] == "available"


def test_nothing_is_deleted_without_a_snapshot_to_restore(scene: Scene) -> None:
    scene.make_target()
    with pytest.raises(ValidationError, match="target_snapshot_name: is missing"):
        scene.bench.step(DeleteRdsHandler)
    with pytest.raises(SnapshotNotAvailableError, match="no-such-copy, is missing"):
        scene.bench.step(DeleteRdsHandler, {"target_snapshot_name": "no-such-copy"})
    assert (scene.cluster() or {})["Status"] == "available"


def test_an_adopted_cluster_may_be_replaced(scene: Scene) -> None:
    scene.make_target(tags=[])
    scene.configure(adopt=True)
    answer = rehearse(scene)
    assert obstacles_of(answer) == []
    deletion = next(
        call for call in answer["body"]["calls"] if call["operation"] == "DeleteDBCluster"
    )
    assert deletion["parameters"]["SkipFinalSnapshot"] is False


def test_a_protected_cluster_may_be_replaced_where_that_is_configured(scene: Scene) -> None:
    scene.make_target(tags=OWN_TAGS, DeletionProtection=True)
    scene.configure(replace_protected=True)
    answer = rehearse(scene)
    assert obstacles_of(answer) == []
    lifted = next(
        call for call in answer["body"]["calls"] if call["operation"] == "ModifyDBCluster"
    )
    assert lifted["parameters"]["DeletionProtection"] is False


@pytest.mark.parametrize(
    ("snapshot_name", "problems"),
    [
        (
            None,
            [
                (
                    "source",
                    f"the role in account {OTHER_ACCOUNT} may not use snapshot by-hand-2026-05-15, "
                    "only rds:production-????-??-??-*",
                )
            ],
        ),
        ("by-hand-{date}", []),
    ],
)
def test_a_snapshot_that_the_role_in_its_account_may_not_share_is_reported(
    bench: Bench, snapshot_name: str | None, problems: list[tuple[str, str]]
) -> None:
    source = Location(OTHER_ACCOUNT, SOURCE_REGION)
    scene = make_scene(bench, source)
    scene.client("rds", source).create_db_cluster_snapshot(
        DBClusterIdentifier=SOURCE, DBClusterSnapshotIdentifier="by-hand-2026-05-15"
    )
    bench.advance(3600)
    role = f"arn:aws:iam::{OTHER_ACCOUNT}:role/aurora-restore-source-access"
    scene.configure_source(role_arn=role, snapshot_name=snapshot_name)

    asked = {"dry_run": True, "snapshot_id": "by-hand-2026-05-15"}
    answer = scene.bench.call(SnapshotCheckHandler, asked)

    assert obstacles_of(answer) == problems


def test_the_snapshot_of_the_day_is_found(scene: Scene) -> None:
    body = scene.bench.call(SnapshotCheckHandler, {"date": "2026-05-15"})["body"]
    assert body["snapshot_name"] == SNAPSHOT
    missing = scene.bench.call(SnapshotCheckHandler, {"date": "2026-05-14"})
    assert missing["statusCode"] == 404
    assert missing["body"]["message"] == f"Snapshot not found in region {SOURCE_REGION}"
    assert missing["body"]["available_dates"] == ["2026-05-15"]
    assert scene.bench.call(SnapshotCheckHandler, {"date": "2026-02-31"})["statusCode"] == 400


def test_the_targets_own_automated_snapshot_would_go_with_it(bench: Bench) -> None:
    scene = make_scene(bench, HOME)
    scene.configure_source(allow_foreign_snapshot=True)
    scene.make_target()
    taken = bench.rds.admin.take_automated_snapshot(
        TARGET, account=ACCOUNT, region=REGION, at="2026-05-16T02:00:00+00:00"
    )
    name = taken["arn"].split("cluster-snapshot:")[1]

    answer = scene.bench.call(SnapshotCheckHandler, {"dry_run": True, "snapshot_id": name})

    assert obstacles_of(answer) == [
        (
            "source",
            f"snapshot {name} is an automated one of the target itself, and would be deleted with "
            "it",
        )
    ]


@pytest.mark.parametrize(
    "asked", [{"vpc_id": "vpc-00000000"}, {"subnet_ids": ["subnet-00000000"]}], ids=str
)
def test_a_network_that_is_not_the_targets_ends_a_run_before_any_change(
    scene: Scene, asked: dict[str, Any]
) -> None:
    scene.make_target()
    before = scene.changes()

    with pytest.raises(UnsuitableInputError, match="start with the right one, or leave it out"):
        scene.bench.step(SnapshotCheckHandler, asked)

    assert scene.changes() == before


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        (
            {"db_subnet_group_name": "missing"},
            "db_subnet_group_name: there is no DB subnet group 'missing'",
        ),
        (
            {"vpc_security_group_ids": ["sg-00000000"]},
            "vpc_security_group_ids: there is no security group 'sg-00000000'",
        ),
        (
            {"security_group_ids": ["sg-00000000"]},
            "security_group_ids: there is no security group 'sg-00000000'",
        ),
    ],
)
def test_what_the_input_names_is_not_blamed_on_the_configuration(
    scene: Scene, asked: dict[str, Any], problem: str
) -> None:
    with pytest.raises(UnsuitableInputError) as refused:
        scene.bench.step(SnapshotCheckHandler, asked)

    (obstacle,) = refused.value.details["obstacles"]
    assert obstacle == {
        "check": "network",
        "problem": problem,
        "remedy": "start with the right one, or leave it out",
    }


@pytest.mark.parametrize("kept", [[], ["reporting"]])
def test_the_applications_roles_are_nobody_elses(scene: Scene, kept: list[str]) -> None:
    document = scene.document
    document["database"] = {"keep_logins": kept}
    scene.bench.configure(document)
    secret(
        scene,
        scene.bench.environment.app_secret,
        {"app_username": kept[0] if kept else "postgres", "readonly_username": "readonly_user"},
    )

    ((check, problem),) = obstacles_of(rehearse(scene))

    assert check == "secrets"
    assert "app_username: is the master user, or a role of database.keep_logins" in problem


def test_a_class_must_be_on_offer_in_the_zones_of_the_subnet_group(scene: Scene) -> None:
    scene.bench.rds.admin.set_rules(zones_with_offers="xyz")

    assert obstacles_of(rehearse(scene)) == [
        (
            "instances",
            "class db.r6g.large is not offered in the zones of the subnet group, us-west-2a, "
            "us-west-2b",
        )
    ]


def test_quotas_that_may_not_be_looked_at_keep_no_run_from_beginning(scene: Scene) -> None:
    scene.bench.rds.admin.refuse_next("DescribeAccountAttributes", code="AccessDenied", times=9)

    assert obstacles_of(rehearse(scene)) == []


@pytest.mark.parametrize("final", [True, False])
def test_of_a_dead_cluster_no_final_snapshot_can_be_had(scene: Scene, final: bool) -> None:
    scene.make_target()
    scene.configure(skip_final_snapshot=not final)
    scene.bench.rds.admin.set_status(HOME.arn("cluster", TARGET), "incompatible-network")

    reported = [problem for _, problem in obstacles_of(rehearse(scene))]

    assert reported == (
        ["cluster my-cluster is incompatible-network, and RDS makes no final snapshot of it"]
        if final
        else []
    )


def test_the_subnet_group_must_support_the_old_clusters_network_type(bench: Bench) -> None:
    scene = make_scene(bench)
    network = create_network(scene.client("ec2"), scene.client("rds"), REGION, "dual", ipv6=True)
    scene.client("rds").create_db_cluster(
        DBClusterIdentifier=TARGET,
        Engine="aurora-postgresql",
        MasterUsername="postgres",
        MasterUserPassword="old-password",
        DBSubnetGroupName="dual",
        VpcSecurityGroupIds=[network.security_group_id],
        NetworkType="DUAL",
        Tags=OWN_TAGS,
    )
    bench.advance(3600)

    assert obstacles_of(rehearse(scene)) == [
        (
            "network",
            f"cluster {TARGET} is of network type DUAL, and DB subnet group 'my-subnet-group' "
            "supports IPV4 only",
        )
    ]


def test_an_instance_must_not_get_more_tags_than_rds_takes(scene: Scene) -> None:
    scene.make_target(tags=[*OWN_TAGS, *({"Key": f"k{n}", "Value": ""} for n in range(40))])
    scene.configure(tags={f"more-{number}": "" for number in range(10)})

    problems = [problem for check, problem in obstacles_of(rehearse(scene)) if check == "target"]

    assert any(f"instance {TARGET}-1 would have 54 tags" in problem for problem in problems)
