"""Writes the environment file that the app is deployed from."""

import json
import shutil
from pathlib import Path
from typing import Any

from demo.clusters import SUBNET_GROUP, DemoNetwork
from demo.scenario import Scenario
from embedded_aws.vpc import DATABASE_PORT


def write_configuration(folder: Path, scenario: Scenario, document: dict[str, Any]) -> None:
    """Write the environment file, and the files that it names beside it."""
    folder.mkdir(exist_ok=True)
    (folder / f"{scenario.environment}.json").write_text(json.dumps(document, indent=2))
    for file in scenario.configured_files:
        beside = folder / configured_path(file)
        beside.parent.mkdir(exist_ok=True)
        shutil.copyfile(file, beside)


def configured_path(file: Path) -> str:
    """Return the path of a file as the environment file names it."""
    return f"sql/{file.name}"


def configuration(
    scenario: Scenario, network: DemoNetwork, source_network: DemoNetwork, ca_bundle: str
) -> dict[str, Any]:
    """Return the environment file of the story, as anybody would write it for AWS."""
    source, target = scenario.source, scenario.target
    crossing = (
        {}
        if scenario.source_role is None
        else {"role_arn": scenario.source_role, "kms_key_id": source_network.key_arn}
    )
    return {
        "account": target.account,
        "region": target.region,
        "network": {
            "vpc_id": network.vpc_id,
            "subnet_ids": list(network.subnet_ids),
            "availability_zones": list(network.availability_zones),
            "security_group_ids": [network.security_group_id],
        },
        "secrets": {
            "master_username": scenario.master_user,
            "master_database": scenario.database,
        },
        "database_ca_bundle": ca_bundle,
        "restores": {
            scenario.restore: {
                "source": {
                    "cluster_id": source.name,
                    "region": source.region,
                    "account_id": source.account,
                    **crossing,
                },
                "target": {
                    "cluster_id": target.name,
                    "db_subnet_group_name": SUBNET_GROUP,
                    "vpc_security_group_ids": [network.security_group_id],
                    "instances": [{"instance_class": target.instance_class}],
                    "kms_key_id": network.key_arn,
                    # The clusters here show ports of this machine.
                    "port": DATABASE_PORT,
                    **({"strategy": "switch"} if scenario.is_switched else {}),
                    **scenario.target_settings,
                },
                "database": {
                    "keep_logins": [login.user for login in scenario.logins if login.kept],
                    "scripts": [
                        {"path": configured_path(script)}
                        for script in (scenario.mask_script, *scenario.corrections)
                    ],
                    "triggers": "skip",
                    "rewrite_tables": True,
                    "masking": "required",
                    "columns": configured_path(scenario.columns),
                    "checks": [
                        {"path": configured_path(scenario.check), "name": scenario.check_name}
                    ],
                    "personal_data_check": {},
                },
                # Here the waits of Step Functions are shortened, and a function's own are not.
                "polling": {"floor_seconds": 21},
                **scenario.restore_settings,
            }
        },
    }
