"""What an account may have in a Region: its quotas, and the instance classes on offer."""

from typing import Any

from embedded_aws.rds.backend import RdsBackend
from embedded_aws.rds.models import Location
from embedded_aws.rds.paging import page
from embedded_aws.rds.params import Params
from embedded_aws.rds.snapshots import MANUAL

AURORA_POSTGRESQL = "aurora-postgresql"
# "Supported DB engines for DB instance classes" in the Aurora User Guide, for Aurora PostgreSQL.
_SIZES = {
    "r6g": ("large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge"),
    "r6i": ("large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "32xlarge"),
    "r7g": ("large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge"),
    "r8g": ("large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge"),
    "t3": ("medium", "large"),
    "t4g": ("medium", "large"),
}
INSTANCE_CLASSES = (
    "db.serverless",
    *(f"db.{family}.{size}" for family, sizes in _SIZES.items() for size in sizes),
)


class Account:
    """The operations that describe quotas and offers."""

    def __init__(self, backend: RdsBackend) -> None:
        self._backend = backend

    def attributes(self, location: Location, _: Params) -> dict[str, Any]:
        """Perform ``DescribeAccountAttributes``, as far as the quotas are enforced here."""
        regional, rules = self._backend.at(location), self._backend.rules
        manual = [item for item in regional.snapshots.values() if item.kind == MANUAL]
        quotas = {
            "DBClusters": (len(regional.clusters), rules.clusters),
            "DBInstances": (len(regional.instances), rules.instances),
            "ManualClusterSnapshots": (len(manual), rules.manual_snapshots),
        }
        return {
            "AccountQuotas": [
                {"AccountQuotaName": name, "Used": used, "Max": most}
                for name, (used, most) in quotas.items()
            ]
        }

    def orderable_options(self, location: Location, params: Params) -> dict[str, Any]:
        """Perform ``DescribeOrderableDBInstanceOptions`` of Aurora PostgreSQL."""
        engine = params.required("Engine")
        version = params.text("EngineVersion") or self._backend.rules.default_engine_version
        wanted = params.text("DBInstanceClass")
        zones = self._backend.rules.zones_with_offers
        offered = [
            (
                name,
                {
                    "Engine": engine,
                    "EngineVersion": version,
                    "DBInstanceClass": name,
                    "AvailabilityZones": [{"Name": f"{location.region}{zone}"} for zone in zones],
                },
            )
            for name in INSTANCE_CLASSES
            if engine == AURORA_POSTGRESQL and wanted in (None, name)
        ]
        options, marker = page(offered, params)
        answer: dict[str, Any] = {"OrderableDBInstanceOptions": options}
        return answer if marker is None else {**answer, "Marker": marker}
