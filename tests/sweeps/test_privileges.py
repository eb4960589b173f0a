"""Least privilege, proven: what the functions call and what their roles grant are the same.

Whole runs are made on every route, undisturbed and with operations that AWS ends badly. Every call
of RDS, KMS, EC2, STS and Step Functions is put before the role's synthesised policy, with the ARNs
and condition keys that the Service Authorization Reference gives it; and in the end every action
that a step declares must have been called, or be one that AWS makes on behalf of one that was.
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonrds.html
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import pytest

from aurora_restore.shared.documents.environment import Environment
from aurora_restore.shared.documents.schema import parse
from aurora_restore.shared.errors import DatabaseConnectionError
from aurora_restore.shared.names import READER_COUNT, TAG_MANAGED_BY
from aurora_restore.shared.pipeline import STEPS, Step
from aurora_restore.shared.rds.tags import tag_list
from embedded_aws.rds.models import Location
from tests.support.iam import Context, Policy
from tests.support.policies import policies_of, source_policies_of
from tests.sweeps.machine import FAILED, SUCCEEDED
from tests.sweeps.routes import ROUTES, TARGET, SweepRoute, make_managed
from tests.sweeps.stage import HOME, SweepStage
from tests.sweeps.switch_routes import SwitchRoute
from tests.sweeps.tap import AwsCall, Hook, Proceed
from tests.unit.bench import ACCOUNT, PREFIX, REGION

ADD_TAGS = "rds:AddTagsToResource"
CHECKED = frozenset(
    {
        "application-autoscaling",
        "ec2",
        "kms",
        "lambda",
        "ram",
        "rds",
        "route53",
        "secretsmanager",
        "ssm",
        "stepfunctions",
        "sts",
    }
)
ENDPOINTS = "/endpoints/"
"""In the names of the parameters that the rows declare; the others are read by every step."""
MANAGED_SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:rds!cluster-0123-AbCdEf"
IAM_PREFIX = {"stepfunctions": "states"}
OTHER_NAMES = {"Invoke": "InvokeFunction"}
"""What IAM calls an operation, where that is not its name."""

# Actions that are judged for a call that names another one ("dependent actions" and resources of
# several types in the Service Authorization Reference), and those that RDS makes of KMS in the
# caller's name when it copies or restores what is encrypted.
_USES_A_KEY = frozenset(
    {
        "kms:CreateGrant",
        "kms:Decrypt",
        "kms:DescribeKey",
        "kms:Encrypt",
        "kms:GenerateDataKey*",
        "kms:ReEncrypt*",
    }
)
DEPENDENT: Mapping[str, frozenset[str]] = {
    "rds:CopyDBClusterSnapshot": frozenset({"rds:AddTagsToResource"}) | _USES_A_KEY,
    "rds:RestoreDBClusterFromSnapshot": _USES_A_KEY
    | frozenset({"iam:PassRole", "rds:AddTagsToResource", "rds:CreateDBInstance"}),
    "rds:CreateDBInstance": frozenset(
        {
            "iam:PassRole",
            "kms:CreateGrant",
            "kms:Decrypt",
            "kms:DescribeKey",
            "kms:GenerateDataKey*",
            "rds:AddTagsToResource",
        }
    ),
    "rds:CreateDBClusterEndpoint": frozenset({"rds:AddTagsToResource"}),
    "rds:DeleteDBCluster": frozenset({"rds:AddTagsToResource", "rds:CreateDBClusterSnapshot"}),
    "rds:ModifyDBCluster": frozenset(
        {
            "kms:CreateGrant",
            "kms:Decrypt",
            "kms:GenerateDataKey",
            "rds:AddTagsToResource",
            "rds:ModifyDBInstance",
            "secretsmanager:CreateSecret",
            "secretsmanager:TagResource",
        }
    ),
}

Arrange = Callable[[SweepStage], None]


def with_parameter_groups(stage: SweepStage) -> None:
    """The restore names groups, which are looked at before it begins."""
    rds = stage.client("rds")
    family = {"DBParameterGroupFamily": "aurora-postgresql16", "Description": "test"}
    rds.create_db_cluster_parameter_group(DBClusterParameterGroupName="tuned", **family)
    rds.create_db_parameter_group(DBParameterGroupName="tuned", **family)
    bench = stage.bench
    name = bench.environment.parameter_name("staging")
    restore = json.loads(bench.clients.ssm.get_parameter(Name=name)["Parameter"]["Value"])
    restore["target"]["db_cluster_parameter_group_name"] = "tuned"
    for instance in restore["target"]["instances"]:
        instance["db_parameter_group_name"] = "tuned"
    bench.configure(restore)


def with_insights_and_monitoring(stage: SweepStage) -> None:
    """The old instances have Performance Insights under a key, and enhanced monitoring."""
    key = stage.client("kms", HOME).create_key()["KeyMetadata"]["Arn"]
    for instance in stage.site(HOME).instances.values():
        instance.settings = replace(
            instance.settings,
            performance_insights=True,
            performance_insights_key=key,
            monitoring_interval=60,
            monitoring_role_arn=f"arn:aws:iam::{ACCOUNT}:role/rds-monitoring",
        )


def with_everything_around_the_cluster(stage: SweepStage) -> None:
    """The old cluster has a custom endpoint, the Data API, a proxy and a managed password."""
    if TARGET not in stage.site(HOME).clusters:
        return
    rds = stage.client("rds", HOME)
    rds.create_db_cluster_endpoint(
        DBClusterIdentifier=TARGET,
        DBClusterEndpointIdentifier="reports",
        EndpointType="READER",
        Tags=tag_list({TAG_MANAGED_BY: PREFIX}),
    )
    rds.enable_http_endpoint(ResourceArn=HOME.arn("cluster", TARGET))
    make_managed(stage)


MISFORTUNES: Mapping[str, Arrange] = {
    "with parameter groups": with_parameter_groups,
    "with insights and monitoring": with_insights_and_monitoring,
    "with everything around the cluster": with_everything_around_the_cluster,
    "a failed copy": lambda stage: stage.bench.rds.admin.fail_next("copy-snapshot"),
    "a failed restore": lambda stage: stage.bench.rds.admin.fail_next("restore-cluster"),
}


@dataclass
class Judge:
    """Puts each call before the policy of the role that makes it."""

    stage: SweepStage
    functions: Mapping[str, Policy]
    sources: Mapping[str, Policy]
    called: dict[str, set[str]] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)

    def hook(self, call: AwsCall, proceed: Proceed) -> Any:
        if call.service in CHECKED:
            prefix = IAM_PREFIX.get(call.service, call.service)
            action = f"{prefix}:{OTHER_NAMES.get(call.operation, call.operation)}"
            self._judge(call, action)
            if call.account == ACCOUNT and _is_declared(call):
                self.called.setdefault(call.step, set()).add(action)
        return proceed()

    def _judge(self, call: AwsCall, action: str) -> None:
        own = call.account == ACCOUNT
        policy = self.functions[call.step] if own else self.sources[call.account]
        on_the_call = ((action, arn, context) for arn, context in self._resources(call))
        for needed, arn, context in (*on_the_call, *self._dependents(call)):
            if not policy.allows(needed, arn, context):
                self.refused.append(f"{call}: {needed} on {arn} with {dict(context)}")

    def _resources(self, call: AwsCall) -> Iterator[tuple[str, Context]]:
        """What the call is on, with the condition keys of each."""
        given = call.parameters

        def rds(kind: str, name: str) -> str:
            return (
                name
                if name.startswith("arn:")
                else (f"arn:aws:rds:{call.region}:{call.account}:{kind}:{name}")
            )

        asked = {f"aws:RequestTag/{tag['Key']}": tag["Value"] for tag in given.get("Tags", ())}
        match call.operation:
            case "GetParameter" | "PutParameter" | "GetParametersByPath":
                name = given.get("Name") or given["Path"]
                yield f"arn:aws:ssm:{call.region}:{call.account}:parameter{name}", {}
            case "GetSecretValue" | "PutSecretValue":
                place = f"{call.region}:{call.account}"
                yield f"arn:aws:secretsmanager:{place}:secret:{given['SecretId']}-AbCdEf", {}
            case "GetHostedZone" | "ListResourceRecordSets":
                yield _hosted_zone(given), {}
            case "ChangeResourceRecordSets":
                changes = given["ChangeBatch"]["Changes"]
                records = [each["ResourceRecordSet"] for each in changes]
                key = f"route53:{call.operation}"
                yield (
                    _hosted_zone(given),
                    {
                        f"{key}Actions": [each["Action"] for each in changes],
                        f"{key}NormalizedRecordNames": [each["Name"] for each in records],
                        f"{key}RecordTypes": [each["Type"] for each in records],
                    },
                )
            case "GetChange":
                yield f"arn:aws:route53:::change/{given['Id'].removeprefix('/change/')}", {}
            case "RemoveTagsFromResource":
                arn, own = self._tagged(given["ResourceName"])
                yield arn, {**own, "aws:TagKeys": list(given["TagKeys"])}
            case "CopyDBClusterSnapshot":
                # Another Region is asked for its snapshot in a request without the copy's tags.
                source = rds("cluster-snapshot", given["SourceDBClusterSnapshotIdentifier"])
                elsewhere = source.split(":")[3] != call.region
                yield self._tagged(source) if elsewhere else (source, asked)
                yield rds("cluster-snapshot", given["TargetDBClusterSnapshotIdentifier"]), asked
            case "DeleteDBClusterSnapshot" | "ModifyDBClusterSnapshotAttribute":
                yield self._tagged(rds("cluster-snapshot", given["DBClusterSnapshotIdentifier"]))
            case "DescribeDBClusterSnapshots":
                # Without an identifier it is a list of all, and by a filter on a cluster's
                # snapshots it is on all clusters.
                yield rds("cluster-snapshot", given.get("DBClusterSnapshotIdentifier", "*")), {}
                if "Filters" in given or "DBClusterIdentifier" in given:
                    yield rds("cluster", given.get("DBClusterIdentifier", "*")), {}
            case "DescribeDBClusters":
                yield self._tagged(rds("cluster", given.get("DBClusterIdentifier", "*")))
            case "ModifyDBCluster" | "DeleteDBCluster" | "StartDBCluster" | "StopDBCluster":
                arn, own = self._tagged(rds("cluster", given["DBClusterIdentifier"]))
                manages = {"rds:ManageMasterUserPassword": "true"}
                yield arn, {**own, **(manages if given.get("ManageMasterUserPassword") else {})}
                final = given.get("FinalDBSnapshotIdentifier")
                if final:
                    yield rds("cluster-snapshot", final), {}
            case "DescribeDBInstances":
                yield rds("db", given.get("DBInstanceIdentifier", "*")), {}
            case "DeleteDBInstance" | "RebootDBInstance":
                yield self._tagged(rds("db", given["DBInstanceIdentifier"]))
            case "CreateDBInstance":
                yield rds("cluster", given["DBClusterIdentifier"]), asked
                yield rds("db", given["DBInstanceIdentifier"]), asked
                if group := given.get("DBParameterGroupName"):
                    yield rds("pg", group), asked
            case "RestoreDBClusterFromSnapshot":
                yield rds("cluster", given["DBClusterIdentifier"]), asked
                yield rds("cluster-snapshot", given["SnapshotIdentifier"]), asked
                yield rds("subgrp", given["DBSubnetGroupName"]), asked
                group = given.get("DBClusterParameterGroupName", "default.aurora-postgresql16")
                yield rds("cluster-pg", group), asked
                yield rds("og", "default:aurora-postgresql-16"), asked
            case "AddTagsToResource":
                arn, own = self._tagged(given["ResourceName"])
                yield arn, {**own, **asked}
            case "DescribeBlueGreenDeployments":
                yield rds("deployment", "*"), {}
            case "DescribeIntegrations":
                yield rds("integration", "*"), {}
            case "DescribeDBClusterEndpoints":
                yield rds("cluster", given["DBClusterIdentifier"]), {}
                yield rds("cluster-endpoint", "*"), {}
            case "CreateDBClusterEndpoint":
                arn, own = self._tagged(rds("cluster", given["DBClusterIdentifier"]))
                yield arn, {**own, **asked}
                yield rds("cluster-endpoint", given["DBClusterEndpointIdentifier"]), asked
            case "DeleteDBClusterEndpoint":
                yield self._tagged(rds("cluster-endpoint", given["DBClusterEndpointIdentifier"]))
            case "DisableHttpEndpoint" | "EnableHttpEndpoint":
                yield self._tagged(given["ResourceArn"])
            case "ModifyDBProxy":
                # Its owner has tagged it.
                tagged = {f"aws:ResourceTag/{TAG_MANAGED_BY}": PREFIX}
                yield rds("db-proxy", "prx-0123456789abcdef0"), tagged
            case "RegisterDBProxyTargets":
                yield rds("target-group", "prx-tg-0123456789abcdef0"), {}
            case "DeregisterDBProxyTargets":
                for cluster in given["DBClusterIdentifiers"]:
                    yield self._tagged(rds("cluster", cluster))
                yield rds("db-proxy", "prx-0123456789abcdef0"), {}
                yield rds("target-group", "prx-tg-0123456789abcdef0"), {}
            case "RegisterScalableTarget":
                place = f"{call.region}:{call.account}"
                target = f"arn:aws:application-autoscaling:{place}:scalable-target/0123456789ab"
                yield (
                    target,
                    {
                        "application-autoscaling:service-namespace": given["ServiceNamespace"],
                        "application-autoscaling:scalable-dimension": given["ScalableDimension"],
                    },
                )
            case "DescribeDBProxies":
                yield rds("db-proxy", "*"), {}
            case "DescribeDBProxyTargets":
                yield rds("db-proxy", "prx-0123456789abcdef0"), {}
                yield rds("target-group", "prx-tg-0123456789abcdef0"), {}
            case "DescribeDBSubnetGroups":
                yield rds("subgrp", given["DBSubnetGroupName"]), {}
            case "DescribeDBClusterParameterGroups":
                yield rds("cluster-pg", given["DBClusterParameterGroupName"]), {}
            case "DescribeDBParameterGroups":
                yield rds("pg", given["DBParameterGroupName"]), {}
            case "DescribeKey":
                yield given["KeyId"], {}
            case "AssumeRole":
                yield given["RoleArn"], {}
            case "Invoke":
                yield given["FunctionName"], {}
            case "DescribeExecution" | "GetExecutionHistory":
                yield given["executionArn"], {}
            case (
                "DescribeAccountAttributes"
                | "DescribeOrderableDBInstanceOptions"
                | "DescribeScalableTargets"
                | "DescribeSecurityGroups"
                | "DescribeSubnets"
                | "GetResourceShareAssociations"
            ):
                yield "*", {}
            case other:
                raise AssertionError(f"{other}: say here what it is on")

    def _dependents(self, call: AwsCall) -> Iterator[tuple[str, str, Context]]:
        """What AWS asks for besides: the dependent actions, on what they are on."""
        given = call.parameters
        place = f"{call.region}:{call.account}"
        asked = {f"aws:RequestTag/{tag['Key']}": tag["Value"] for tag in given.get("Tags", ())}
        match call.operation:
            case "CopyDBClusterSnapshot":
                copy = given["TargetDBClusterSnapshotIdentifier"]
                yield ADD_TAGS, f"arn:aws:rds:{place}:cluster-snapshot:{copy}", asked
            case "RestoreDBClusterFromSnapshot":
                cluster = f"arn:aws:rds:{place}:cluster:{given['DBClusterIdentifier']}"
                yield ADD_TAGS, cluster, asked
                yield "rds:CreateDBInstance", cluster, asked
                for role in given.get("AssociatedRoles", ()):
                    yield from _passed(role["RoleArn"], "rds.amazonaws.com")
            case "CreateDBInstance":
                instance = f"arn:aws:rds:{place}:db:{given['DBInstanceIdentifier']}"
                yield ADD_TAGS, instance, asked
                if role := given.get("MonitoringRoleArn"):
                    yield from _passed(role, "rds.amazonaws.com", "monitoring.rds.amazonaws.com")
                if key := given.get("PerformanceInsightsKMSKeyId"):
                    through = {
                        "kms:ViaService": f"rds.{call.region}.amazonaws.com",
                        "kms:GrantIsForAWSResource": "true",
                    }
                    for name in ("CreateGrant", "Decrypt", "DescribeKey", "GenerateDataKey"):
                        yield f"kms:{name}", key, through
            case "ModifyDBCluster" if given.get("ManageMasterUserPassword"):
                whose = f"arn:aws:rds:{place}:cluster:{given['DBClusterIdentifier']}"
                tag = {"aws:RequestTag/aws:rds:primaryDBClusterArn": whose}
                yield "secretsmanager:CreateSecret", MANAGED_SECRET, tag
                yield "secretsmanager:TagResource", MANAGED_SECRET, tag
                if key := given.get("MasterUserSecretKmsKeyId"):
                    for service in ("rds", "secretsmanager"):
                        through = {"kms:ViaService": f"{service}.{call.region}.amazonaws.com"}
                        for_aws = {**through, "kms:GrantIsForAWSResource": "true"}
                        yield "kms:CreateGrant", key, for_aws
                        yield "kms:Decrypt", key, through
                        yield "kms:GenerateDataKey", key, through
            case "DeleteDBCluster" if final := given.get("FinalDBSnapshotIdentifier"):
                snapshot = f"arn:aws:rds:{place}:cluster-snapshot:{final}"
                cluster = f"arn:aws:rds:{place}:cluster:{given['DBClusterIdentifier']}"
                yield ADD_TAGS, snapshot, {}
                yield "rds:CreateDBClusterSnapshot", snapshot, {}
                yield "rds:CreateDBClusterSnapshot", *self._tagged(cluster)
            case _:
                pass

    def _tagged(self, arn: str) -> tuple[str, Context]:
        """The ARN, with the tags that the resource carries."""
        *_, region, account, kind, name = arn.split(":", 6)
        site = self.stage.backend.at(Location(account, region))
        resources: dict[str, Mapping[str, Any]] = {
            "cluster": site.clusters,
            "cluster-endpoint": site.endpoints,
            "cluster-snapshot": site.snapshots,
            "db": site.instances,
        }
        found = resources[kind].get(name)
        tags = {} if found is None else found.tags
        return arn, {f"aws:ResourceTag/{key}": value for key, value in tags.items()}


def _is_declared(call: AwsCall) -> bool:
    """Whether a row of the pipeline declares a call, or else what all steps may do."""
    if call.service == "ssm":
        return ENDPOINTS in str(call.parameters.get("Name"))
    return call.service != "secretsmanager"


def _hosted_zone(given: Mapping[str, Any]) -> str:
    zone = given.get("HostedZoneId") or given["Id"]
    return f"arn:aws:route53:::hostedzone/{zone.removeprefix('/hostedzone/')}"


def _passed(role: str, *services: str) -> Iterator[tuple[str, str, Context]]:
    """The passing of a role, for each service that it may be said to be passed to."""
    for service in services:
        yield "iam:PassRole", role, {"iam:PassedToService": service}


def judge_of(stage: SweepStage) -> Judge:
    """A judge who goes by the stacks of an environment that has the stage's restore."""
    bench = stage.bench
    parameter = bench.clients.ssm.get_parameter(Name=bench.environment.parameter_name("staging"))
    restore = json.loads(parameter["Parameter"]["Value"])
    del restore["database"]
    document = {
        "account": ACCOUNT,
        "region": REGION,
        "name_prefix": PREFIX,
        # As if they were adopted: the ARNs of made ones are known only to CloudFormation.
        "secrets": {
            "master": bench.environment.master_secret,
            "app": bench.environment.app_secret,
        },
        "network": {
            "vpc_id": "vpc-12345678",
            "subnet_ids": ["subnet-12345678", "subnet-87654321"],
            "availability_zones": [f"{REGION}a", f"{REGION}b"],
            "security_group_ids": ["sg-12345678"],
        },
        "restores": {"staging": restore},
    }
    return Judge(stage, *_granted(json.dumps(document)))


@cache
def _granted(document: str) -> tuple[Mapping[str, Policy], Mapping[str, Policy]]:
    """The policy of each function, and of the role in each source account.

    Most runs on a route are in the same environment, and a synthesis takes longer than a run.
    """
    environment = parse(Environment, json.loads(document))
    sources = source_policies_of(environment)
    return policies_of(environment), {account: policy for account, (policy, _) in sources.items()}


def judged(
    route: SweepRoute, arrange: Arrange, around: Callable[[Judge], Hook] = lambda judge: judge.hook
) -> tuple[Judge, str]:
    """Make one whole run on a route; return which step called what, and how it ended.

    ``around`` returns what is to happen to each call, and brings it before the judge.
    """
    with route.staged() as stage:
        judge = judge_of(stage)
        arrange(stage)
        execution = stage.start()
        with stage.tap.hooked(around(judge)):
            stage.run(execution)
            if execution.status == FAILED:
                stage.announce_end(execution)
    return judge, execution.status


CALLED: dict[str, set[str]] = {step.name: set() for step in STEPS}
"""What each step has called in the tests of this module."""


@pytest.mark.parametrize("misfortune", MISFORTUNES)
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: str(route.name))
def test_every_call_is_granted_on_exactly_what_it_is_on(route: SweepRoute, misfortune: str) -> None:
    judge, status = judged(route, MISFORTUNES[misfortune])
    assert status == SUCCEEDED
    assert judge.refused == []
    for step, actions in judge.called.items():
        CALLED[step] |= actions


SWITCHED = SweepRoute(
    name="switched",
    source=HOME,
    copies=0,
    target={"strategy": "switch", "skip_final_snapshot": False, "replace_protected": True},
    switch={"stop_old": True, "keep_old_hours": 1, "tls_refresh": "reboot"},
)


PUBLISHED_AROUND = SwitchRoute(
    name="published",
    source=HOME,
    copies=0,
    target={"skip_final_snapshot": False, "replace_protected": True},
    switch={"by": "endpoint", "stop_old": True, "keep_old_hours": 1},
)


GONE = DatabaseConnectionError.__name__
BETWEEN_RUNS_SECONDS = 1.1 * 3600
"""Longer than an old cluster is kept, and so short that all runs are on one day."""


@dataclass
class DiesAtRename:
    """The function's process is gone once a rename of its own has been carried out."""

    judge: Judge
    renames: int

    def hook(self, call: AwsCall, proceed: Proceed) -> Any:
        done = self.judge.hook(call, proceed)
        if "NewDBClusterIdentifier" in call.parameters:
            self.renames -= 1
            if self.renames == 0:
                raise DatabaseConnectionError("the process is gone")
        return done


READER_SCALING = {
    "ServiceNamespace": "rds",
    "ResourceId": f"cluster:{TARGET}",
    "ScalableDimension": READER_COUNT,
}


@dataclass
class LosesScaling:
    """The auto scaling of readers is not shown any more once the first rename is carried out."""

    judge: Judge
    is_lost: bool = False

    def hook(self, call: AwsCall, proceed: Proceed) -> Any:
        done = self.judge.hook(call, proceed)
        self.is_lost |= "NewDBClusterIdentifier" in call.parameters
        if self.is_lost and call.operation == "DescribeScalableTargets":
            return {"ScalableTargets": []}
        return done


def test_a_switch_the_way_back_and_a_retirement_call_only_what_is_granted() -> None:
    """Each is undisturbed first; then a switch dies after its last rename, and a retirement
    finishes it before it deletes what its time has come for."""
    with SWITCHED.staged() as stage:
        judge = judge_of(stage)

        def run(name: str, given: dict[str, Any], hook: Any = judge.hook) -> str:
            stage.bench.advance(BETWEEN_RUNS_SECONDS)
            execution = stage.start(name, given)
            with stage.tap.hooked(hook):
                stage.run(execution)
                if execution.status == FAILED:
                    stage.announce_end(execution)
            return execution.error or execution.status

        with_everything_around_the_cluster(stage)
        scaling = stage.client("application-autoscaling", HOME)
        scaling.register_scalable_target(**READER_SCALING, MinCapacity=1, MaxCapacity=4)
        assert run("op-1", {}) == SUCCEEDED
        assert run("op-2", {"roll_back": True}, LosesScaling(judge).hook) == SUCCEEDED
        assert run("op-3", {"retire": True}) == SUCCEEDED
        assert run("op-4", {}, DiesAtRename(judge, 2).hook) == GONE
        assert run("op-5", {"retire": True}) == SUCCEEDED
        assert run("op-6", {"retire": True}) == SUCCEEDED
        assert TARGET in stage.site(HOME).clusters
    assert judge.refused == []
    for step, actions in judge.called.items():
        CALLED[step] |= actions


@dataclass
class DiesAtChange:
    """The function's process is gone once a change of records has been carried out."""

    judge: Judge

    def hook(self, call: AwsCall, proceed: Proceed) -> Any:
        done = self.judge.hook(call, proceed)
        if call.operation == "ChangeResourceRecordSets":
            raise DatabaseConnectionError("the process is gone")
        return done


def test_a_switch_by_endpoint_and_all_that_may_follow_call_only_what_is_granted() -> None:
    """At last one dies while it publishes, and a retirement leads the clients back."""
    with PUBLISHED_AROUND.staged() as stage:
        judge = judge_of(stage)

        def run(name: str, given: dict[str, Any], hook: Any = judge.hook) -> str:
            stage.bench.advance(BETWEEN_RUNS_SECONDS)
            execution = stage.start(name, given)
            with stage.tap.hooked(hook):
                stage.run(execution)
                if execution.status == FAILED:
                    stage.announce_end(execution)
            return execution.error or execution.status

        with_everything_around_the_cluster(stage)
        assert run("op-1", {}) == SUCCEEDED
        assert run("op-2", {"roll_back": True}) == SUCCEEDED
        assert run("op-3", {"retire": True}) == SUCCEEDED
        assert run("op-4", {}) == SUCCEEDED
        assert run("op-5", {}) == SUCCEEDED
        assert run("op-6", {}, DiesAtChange(judge).hook) == GONE
        assert run("op-7", {"retire": True}) == SUCCEEDED
        assert run("op-8", {"retire": True}) == SUCCEEDED
    assert judge.refused == []
    for step, actions in judge.called.items():
        CALLED[step] |= actions


@pytest.mark.parametrize("has_hooks", [False, True])
def test_a_failure_is_announced_with_what_is_granted(has_hooks: bool) -> None:
    def failing_copies(stage: SweepStage) -> None:
        stage.bench.rds.admin.fail_next("copy-snapshot", times=9)

    judge, status = judged(replace(ROUTES[0], has_hooks=has_hooks), failing_copies)
    assert ("lambda:InvokeFunction" in judge.called["sns-notification"]) == has_hooks
    assert status == FAILED
    assert judge.refused == []
    for step, actions in judge.called.items():
        CALLED[step] |= actions


@dataclass
class CopiesOfOthers:
    """Others have as many copies in progress as RDS allows when a copy is first asked for."""

    judge: Judge
    refused: set[str] = field(default_factory=set)

    def hook(self, call: AwsCall, proceed: Proceed) -> Any:
        name = call.parameters.get("TargetDBClusterSnapshotIdentifier")
        if name is None or name in self.refused:
            return self.judge.hook(call, proceed)
        self.refused.add(name)
        admin = self.judge.stage.bench.rds.admin
        admin.set_rules(copies_in_progress=0)
        try:
            return self.judge.hook(call, proceed)
        finally:
            admin.set_rules(copies_in_progress=5)


@pytest.mark.parametrize(
    "route", [each for each in ROUTES if each.copies], ids=lambda route: str(route.name)
)
def test_a_copy_that_waits_for_its_turn_calls_only_what_is_granted(route: SweepRoute) -> None:
    others: list[CopiesOfOthers] = []

    def around(judge: Judge) -> Hook:
        others.append(CopiesOfOthers(judge))
        return others[0].hook

    judge, status = judged(route, lambda _: None, around)
    assert status == SUCCEEDED
    assert others[0].refused
    assert judge.refused == []
    for step, actions in judge.called.items():
        CALLED[step] |= actions


@pytest.mark.parametrize("step", STEPS, ids=lambda step: str(step.name))
def test_every_grant_is_needed_by_a_call(step: Step) -> None:
    """What a step declares is what it has called above, with what depends on that."""
    declared = {action for grant in step.grants for action in grant.actions}
    called = CALLED[step.name]
    needed = called.union(*(DEPENDENT.get(action, frozenset()) for action in called))
    assert declared - needed == set()
    assert {action for action in called if not action.startswith("states:")} <= declared | {
        "sts:AssumeRole"
    }
