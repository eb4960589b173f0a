"""The story fits together, and its configuration is one that the app accepts."""

import dataclasses
from pathlib import Path

import pytest

from aurora_restore.configuration.checks.environment import faults_of_environment
from aurora_restore.configuration.files import ConfigurationFolder
from aurora_restore.shared.documents.environment import Environment
from aurora_restore.shared.documents.schema import parse_configuration
from aurora_restore.shared.waiting import LONGEST_INNER_WAIT_SECONDS
from demo.clusters import DemoNetwork
from demo.configuration import configuration, write_configuration
from demo.scenario import shop_scenario

NETWORK = DemoNetwork(
    vpc_id="vpc-12345678",
    subnet_ids=("subnet-12345678", "subnet-87654321"),
    availability_zones=("us-west-2a", "us-west-2b"),
    security_group_id="sg-12345678",
    key_arn="arn:aws:kms:us-west-2:111122223333:key/12345678",
)


SOURCE_NETWORK = dataclasses.replace(
    NETWORK, key_arn="arn:aws:kms:us-east-1:444455556666:key/12345678"
)


@pytest.mark.parametrize("switch", [False, True])
@pytest.mark.parametrize("cross_account", [False, True])
def test_the_configuration_is_valid(tmp_path: Path, cross_account: bool, switch: bool) -> None:
    scenario = shop_scenario(cross_account=cross_account, switch=switch)
    document = configuration(scenario, NETWORK, SOURCE_NETWORK, "bundle.pem")
    environment = parse_configuration(Environment, document, source="demo")
    without_bundle = dataclasses.replace(environment, database_ca_bundle=None)
    write_configuration(tmp_path / "config", scenario, document)
    folder = ConfigurationFolder(tmp_path / "config")
    assert list(faults_of_environment(without_bundle, folder=folder)) == []
    (restore,) = environment.restores.values()
    assert restore.database.keep_logins == ("monitoring",)
    assert (restore.source.role_arn is not None) is cross_account
    assert restore.target.strategy == scenario.sequence.name
    assert restore.polling.floor_seconds > LONGEST_INNER_WAIT_SECONDS


def test_every_script_of_the_story_is_there() -> None:
    scenario = shop_scenario()
    for script in (
        scenario.master_script,
        scenario.owner_script,
        scenario.supplier_script,
        scenario.stale_script,
        scenario.mask_script,
        scenario.check,
    ):
        assert script.read_text(encoding="utf-8").startswith("--"), script


def test_the_masking_script_names_what_is_to_be_masked() -> None:
    scenario = shop_scenario()
    script = scenario.mask_script.read_text(encoding="utf-8")
    for table, columns in scenario.masked.items():
        assert f"UPDATE {table}" in script
        for column in columns:
            assert f"{column} = " in script
    assert f"TRUNCATE {', '.join(scenario.cleared)};" in script


def test_passwords_are_new_in_every_story_and_in_no_repr() -> None:
    one, other = shop_scenario(), shop_scenario()
    passwords = {
        login.password for scenario in (one, other) for login in (*scenario.logins, scenario.feed)
    } | {
        cluster.master_password
        for scenario in (one, other)
        for cluster in (scenario.source, scenario.supplier, scenario.target)
    }
    assert len(passwords) == 2 * (len(one.logins) + 4)
    assert not any(password in repr((one, other)) for password in passwords)
