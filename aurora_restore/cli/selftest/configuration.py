"""The configuration of the environment that a self-test deploys."""

from collections.abc import Mapping
from typing import Any, Final

from aurora_restore.proof import naming, shop
from aurora_restore.proof.settings import DATABASE, MASTER_USER, PORT, SelfTestSettings

RESTORE: Final = "selftest"
SQL: Final = "sql"
"""The folder of its scripts, as a configuration names them: beside the environment's file."""
SCALING: Final = {"min_capacity": 0.5, "max_capacity": 2}


def environment_document(
    settings: SelfTestSettings, outputs: Mapping[str, str], strategy: str
) -> dict[str, Any]:
    """Return the environment file, as anybody would write it; ``outputs`` are the first stack's."""
    tags = {naming.TAG_SELF_TEST: settings.run}
    authorities = {} if settings.ca_bundle is None else {"database_ca_bundle": settings.ca_bundle}
    return {
        "account": settings.account,
        "region": settings.region,
        "name_prefix": naming.prefix_of(settings.run),
        "tags": tags,
        "log_retention_days": 7,
        "network": {
            "vpc_id": outputs["VpcId"],
            "subnet_ids": [outputs["SubnetA"], outputs["SubnetB"]],
            "availability_zones": list(settings.zones),
            "security_group_ids": [outputs["FunctionGroup"]],
            "lambda_vpc": "database-only",
        },
        "secrets": {"master_username": MASTER_USER, "master_database": DATABASE},
        **authorities,
        "restores": {
            RESTORE: {
                "source": {
                    "cluster_id": naming.source_cluster(settings.run),
                    "region": settings.region,
                },
                "target": {
                    "cluster_id": naming.target_cluster(settings.run),
                    "strategy": strategy,
                    "db_subnet_group_name": outputs["SubnetGroup"],
                    "vpc_security_group_ids": [outputs["DatabaseGroup"]],
                    "db_cluster_parameter_group_name": outputs["ParameterGroup"],
                    "instances": [{"instance_class": "db.serverless"}],
                    "serverless_v2_scaling": SCALING,
                    "port": PORT,
                    "tags": tags,
                    "skip_final_snapshot": True,
                },
                "database": {
                    "databases": [DATABASE, shop.SUPPLIER],
                    "keep_logins": [each.user for each in shop.LOGINS if each.kept],
                    "scripts": [{"path": f"{SQL}/mask.sql", "database": DATABASE}],
                    "triggers": "skip",
                    "rewrite_tables": True,
                    "masking": "required",
                    "columns": f"{SQL}/columns.json",
                    "checks": [
                        {
                            "path": f"{SQL}/check.sql",
                            "name": shop.CHECK_NAME,
                            "database": DATABASE,
                        }
                    ],
                    "personal_data_check": {},
                },
                "polling": {"floor_seconds": 21},
            }
        },
    }
