"""Whether an environment's account, Region and network are as its file says."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import boto3
from botocore.exceptions import ClientError

from aurora_restore.cli.findings import Observation, ok, problem
from aurora_restore.shared.aws_utils import call, error_code
from aurora_restore.shared.documents.environment import Environment

BOOTSTRAP_VERSION: Final = "/cdk-bootstrap/hnb659fds/version"
"""The SSM parameter that bootstrapping writes
(https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-env.html)."""
_OLDEST_BOOTSTRAP: Final = 6
"""What the synthesised stacks ask for."""
_HTTPS: Final = 443
_EVERY_PROTOCOL: Final = "-1"


@dataclass(frozen=True, kw_only=True)
class NetworkFacts:
    """What of the configured network there is."""

    vpcs: frozenset[str]
    subnets: Mapping[str, Mapping[str, Any]]
    groups: Mapping[str, Mapping[str, Any]]


def decide_account(environment: Environment, caller: Mapping[str, Any]) -> Iterator[Observation]:
    """Yield whether the credentials are of the environment's account."""
    account = caller["Account"]
    if account == environment.account:
        yield ok(f"The credentials are of account {account}: {caller['Arn']}.")
    else:
        yield problem(
            f"The credentials are of account {account}, and the environment's is "
            f"{environment.account}.",
            "Name a profile of that account with --profile, or correct account in the file.",
        )


def check_bootstrap(environment: Environment, session: boto3.Session) -> Iterator[Observation]:
    """Yield whether the account and Region are bootstrapped."""
    yield from decide_bootstrap(environment, _bootstrap_version(session))


def _bootstrap_version(session: boto3.Session) -> int | None:
    try:
        found = session.client("ssm").get_parameter(Name=BOOTSTRAP_VERSION)
    except ClientError as error:
        if error_code(error) == "ParameterNotFound":
            return None
        raise
    return int(found["Parameter"]["Value"])


def decide_bootstrap(environment: Environment, version: int | None) -> Iterator[Observation]:
    """Yield whether the CDK can deploy there; ``version`` is that of the bootstrap stack."""
    place = f"aws://{environment.account}/{environment.region}"
    command = f"npx cdk bootstrap -c environment=NAME {place}"
    if version is None:
        yield problem(f"{place} is not bootstrapped for the CDK.", f"Run {command}")
    elif version < _OLDEST_BOOTSTRAP:
        yield problem(
            f"{place} is bootstrapped in version {version}, and the stacks need "
            f"{_OLDEST_BOOTSTRAP}.",
            f"Run {command}",
        )
    else:
        yield ok(f"{place} is bootstrapped for the CDK, in version {version}.")


def check_network(environment: Environment, session: boto3.Session) -> Iterator[Observation]:
    """Yield whether the network of the functions is as the file says."""
    yield from decide_network(environment, _network(environment, session))


def _network(environment: Environment, session: boto3.Session) -> NetworkFacts:
    ec2, network = session.client("ec2"), environment.network
    vpcs = call(ec2.describe_vpcs, Filters=[{"Name": "vpc-id", "Values": [network.vpc_id]}])["Vpcs"]
    subnets = call(
        ec2.describe_subnets, Filters=[{"Name": "subnet-id", "Values": [*network.subnet_ids]}]
    )["Subnets"]
    groups = call(
        ec2.describe_security_groups,
        Filters=[{"Name": "group-id", "Values": [*network.security_group_ids]}],
    )["SecurityGroups"]
    return NetworkFacts(
        vpcs=frozenset(each["VpcId"] for each in vpcs),
        subnets={each["SubnetId"]: each for each in subnets},
        groups={each["GroupId"]: each for each in groups},
    )


def decide_network(environment: Environment, found: NetworkFacts) -> Iterator[Observation]:
    """Yield every difference between the configured network and the one that there is."""
    faults = [
        *_vpc(environment, found),
        *_subnets(environment, found),
        *_groups(environment, found),
    ]
    yield from faults
    if not faults:
        network = environment.network
        yield ok(
            f"VPC {network.vpc_id} has the {len(network.subnet_ids)} subnets, in their zones, and "
            "the functions' security groups, which let out what the functions send."
        )


def _vpc(environment: Environment, found: NetworkFacts) -> Iterator[Observation]:
    vpc = environment.network.vpc_id
    if vpc not in found.vpcs:
        yield problem(f"There is no VPC {vpc} in {environment.region}.", "Correct network.vpc_id.")


def _subnets(environment: Environment, found: NetworkFacts) -> Iterator[Observation]:
    network = environment.network
    for subnet, zone in zip(network.subnet_ids, network.availability_zones, strict=True):
        described = found.subnets.get(subnet)
        if described is None:
            yield problem(
                f"There is no subnet {subnet} in {environment.region}.",
                "Correct network.subnet_ids.",
            )
        elif described["VpcId"] != network.vpc_id:
            yield problem(
                f"Subnet {subnet} is in {described['VpcId']}, and not in {network.vpc_id}.",
                "Name subnets of network.vpc_id in network.subnet_ids.",
            )
        elif described["AvailabilityZone"] != zone:
            yield problem(
                f"Subnet {subnet} is in zone {described['AvailabilityZone']}, and the file says "
                f"{zone}.",
                "Give the zone of each subnet, in the same order, in network.availability_zones.",
            )


def _groups(environment: Environment, found: NetworkFacts) -> Iterator[Observation]:
    network = environment.network
    for group in network.security_group_ids:
        described = found.groups.get(group)
        if described is None:
            yield problem(
                f"There is no security group {group} in {environment.region}.",
                "Correct network.security_group_ids.",
            )
        elif described.get("VpcId") != network.vpc_id:
            yield problem(
                f"Security group {group} is in {described.get('VpcId')}, and not in "
                f"{network.vpc_id}.",
                "Name groups of network.vpc_id in network.security_group_ids.",
            )
    if not found.groups:
        return
    rules = [rule for each in found.groups.values() for rule in each.get("IpPermissionsEgress", [])]
    ports = {restore.target.listens_on for restore in environment.restores.values()}
    for port in sorted({_HTTPS, *ports}):
        if not lets_out(rules, port):
            yield problem(
                f"The security groups of the functions let nothing out to port {port}.",
                f"Add an outbound rule for TCP {port} to one of network.security_group_ids.",
            )


def lets_out(rules: Sequence[Mapping[str, Any]], port: int) -> bool:
    """Return whether one of several outbound rules lets TCP out to a port."""
    return any(
        rule["IpProtocol"] == _EVERY_PROTOCOL
        or (rule["IpProtocol"] == "tcp" and rule["FromPort"] <= port <= rule["ToPort"])
        for rule in rules
    )
