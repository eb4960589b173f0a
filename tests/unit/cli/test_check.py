"""What a file, and the facts of an account, its network and its secrets mean for a deployment."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from aurora_restore.capacity.enlarged import enlarged
from aurora_restore.capacity.fit import require_capacity, restores_that_fit, room_in
from aurora_restore.cli.check.files import CheckedFile, check_file
from aurora_restore.cli.check.place import (
    NetworkFacts,
    decide_account,
    decide_bootstrap,
    decide_network,
    lets_out,
)
from aurora_restore.cli.check.rehearsal import decide_secret
from aurora_restore.cli.findings import Level, Observation
from aurora_restore.shared.errors import ConfigurationError
from benchmarks.restores import FAR, NEAR, document_of
from tests.unit.infra.synthesis import environment, example

EXAMPLE = environment(example())
NETWORK = EXAMPLE.network
EVERYTHING = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
PASSWORD = "never-to-be-shown"


def network(rules: list[dict[str, Any]] = EVERYTHING, **changes: Any) -> NetworkFacts:
    """The facts of a network that is as the example says, with other subnets by their id."""
    subnets = {
        subnet: {"VpcId": NETWORK.vpc_id, "AvailabilityZone": zone}
        for subnet, zone in zip(NETWORK.subnet_ids, NETWORK.availability_zones, strict=True)
    }
    return NetworkFacts(
        vpcs=frozenset({NETWORK.vpc_id}),
        subnets={each: {**found, **changes} for each, found in subnets.items()},
        groups={
            each: {"VpcId": NETWORK.vpc_id, "IpPermissionsEgress": rules}
            for each in NETWORK.security_group_ids
        },
    )


def problems(found: list[Observation]) -> list[str]:
    return [each.text for each in found if each.level is Level.PROBLEM]


def test_a_network_that_is_as_configured_is_right() -> None:
    assert problems(list(decide_network(EXAMPLE, network()))) == []


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (network(VpcId="vpc-other"), f"is in vpc-other, and not in {NETWORK.vpc_id}"),
        (network(AvailabilityZone="us-west-2d"), "is in zone us-west-2d, and the file says"),
        (network([]), "let nothing out to port 443"),
        (
            network([{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}]),
            "let nothing out to port 5432",
        ),
        (
            NetworkFacts(vpcs=frozenset(), subnets=network().subnets, groups=network().groups),
            f"There is no VPC {NETWORK.vpc_id}",
        ),
    ],
)
def test_each_difference_is_a_problem(facts: NetworkFacts, said: str) -> None:
    (first, *_) = problems(list(decide_network(EXAMPLE, facts)))

    assert said in first


@pytest.mark.parametrize(
    ("rule", "is_open"),
    [
        ({"IpProtocol": "-1"}, True),
        ({"IpProtocol": "tcp", "FromPort": 0, "ToPort": 65535}, True),
        ({"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80}, False),
        ({"IpProtocol": "udp", "FromPort": 0, "ToPort": 65535}, False),
    ],
)
def test_a_rule_lets_out_what_its_protocol_and_ports_say(
    rule: dict[str, Any], is_open: bool
) -> None:
    assert lets_out([rule], 443) is is_open


@pytest.mark.parametrize(
    ("version", "level"), [(None, Level.PROBLEM), (5, Level.PROBLEM), (6, Level.OK)]
)
def test_an_account_must_be_bootstrapped_as_the_stacks_need(
    version: int | None, level: Level
) -> None:
    (found,) = decide_bootstrap(EXAMPLE, version)

    assert found.level is level


@pytest.mark.parametrize(("account", "level"), [(EXAMPLE.account, Level.OK), ("1", Level.PROBLEM)])
def test_the_credentials_must_be_of_the_environments_account(account: str, level: Level) -> None:
    (found,) = decide_account(EXAMPLE, {"Account": account, "Arn": "arn:aws:iam::me"})

    assert found.level is level


@pytest.mark.parametrize(
    ("value", "owner", "said"),
    [
        ({"username": "root", "database": "a", "password": PASSWORD}, "root", "documented form"),
        ({"username": "root", "database": "a", "password": PASSWORD}, None, "documented form"),
        ({"username": "me", "database": "a", "password": PASSWORD}, "root", "is not 'root'"),
        ({"username": "root", "password": PASSWORD}, "root", "database: is missing"),
        ({"username": "root", "database": "a", "password": f"/{PASSWORD}"}, "root", "password:"),
    ],
)
def test_a_secret_is_judged_without_its_value_being_shown(
    value: dict[str, Any], owner: str | None, said: str
) -> None:
    (found,) = decide_secret("mine", value, owner, is_app=False)

    assert said in found.text
    assert PASSWORD not in found.text + found.remedy


def checked_with(tmp_path: Path, count: int, letters: int, place: str) -> CheckedFile:
    """The check of a file with so many restores."""
    file = tmp_path / "many.json"
    file.write_text(json.dumps(document_of(count, letters, place)), encoding="utf-8")
    return check_file(file, datetime(2026, 5, 15, tzinfo=UTC))


def test_a_file_is_refused_for_what_synth_refuses_and_in_the_same_words(tmp_path: Path) -> None:
    checked = checked_with(tmp_path, 110, 55, NEAR)
    with pytest.raises(ConfigurationError) as refused:
        require_capacity(environment(document_of(110, 55, NEAR)))

    assert (checked.environment, checked.room) == (None, None)
    assert [str(each) for each in checked.faults] == refused.value.details["faults"]
    assert "49 of the 110 restores fit" in checked.faults[0].problem


def test_as_many_restores_fit_as_a_file_of_few_is_said_to_have_room_for(tmp_path: Path) -> None:
    room = checked_with(tmp_path, 10, 55, FAR).room
    most = restores_that_fit(environment(document_of(110, 55, FAR)))
    assert room is not None

    # Names in another order are divided among policies in another way.
    assert abs(room.most - most) <= 1
    assert room.text.startswith(f"10 restores; about {room.most} like them would fit. With more, ")
    assert room.text.endswith(" would need more than 10 managed policies.")
    assert room.as_json()["most"] == room.most
    assert abs(room_in(environment(document_of(most, 55, FAR))).most - most) <= 1


def test_restores_that_share_a_source_leave_more_room() -> None:
    """Those that are imagined share one as well."""
    document = document_of(10, 55, NEAR)
    for each in document["restores"].values():
        each["source"]["cluster_id"] = "source".ljust(55, "x")

    assert (
        room_in(environment(document)).most > room_in(environment(document_of(10, 55, NEAR))).most
    )


def test_imagined_restores_have_secrets_and_records_of_their_own() -> None:
    document = example(
        {
            "restores.staging.secrets": {
                "app": "arn:aws:secretsmanager:us-west-2:222222222222:secret:mine-AbCdEf",
                "master": "master",
            },
            "restores.staging.target.strategy": "switch",
            "restores.staging.switch": {
                "by": "endpoint",
                "cname": {"hosted_zone_id": "Z1", "name": "orders.example.org"},
            },
        }
    )
    first, second, third = enlarged(environment(document), 3).restores.values()
    assert third.switch.cname is not None

    assert second.secrets.app == "arn:aws:secretsmanager:us-west-2:222222222222:secret:.1ne-AbCdEf"
    assert third.secrets.master == ".2ster"
    assert third.switch.cname.names == (".2ders.example.org",)
    assert (third.source.cluster_id[:2], third.target.cluster_id) == (".2", ".2ders-staging")
    assert len({each.source.cluster_id for each in (first, second, third)}) == 3
