"""A source with yesterday's snapshot, a network and an old cluster, to work on."""

import json
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from aurora_restore.shared.names import TAG_MANAGED_BY
from embedded_aws.rds.models import Location
from embedded_aws.vpc import create_network
from tests.support.quarantine import create_quarantine
from tests.unit.bench import ACCOUNT, PREFIX, REGION, RESTORE, SOURCE_REGION, Bench, own_client

SOURCE = "production"
TARGET = "my-cluster"
VERSION = "16.4"
SNAPSHOT_TIME = "2026-05-15T02:00:00+00:00"
SNAPSHOT = "rds:production-2026-05-15-02-00"
OWN_TAGS = [{"Key": TAG_MANAGED_BY, "Value": PREFIX}]
OTHER_ACCOUNT = "999988887777"
HOME = Location(ACCOUNT, REGION)
SOURCE_PLACE = Location(ACCOUNT, SOURCE_REGION)


@dataclass
class Scene:
    """What the functions find, and how to change it."""

    bench: Bench
    security_group: str
    source_place: Location
    _clients: dict[tuple[str, Location], Any] = field(default_factory=dict)

    def client(self, service: str, place: Location = HOME) -> Any:
        """A client of an administrator, where the target is unless stated otherwise."""
        if place.account == ACCOUNT:
            return own_client(service, place.region)
        made = self._clients.get((service, place))
        if made is None:
            session: Any = self.bench.rds.session(place.account, place.region)
            made = self._clients[service, place] = session.client(service)
        return made

    @property
    def document(self) -> dict[str, Any]:
        """The configuration that fits this scene."""
        made = deepcopy(RESTORE)
        made["target"]["vpc_security_group_ids"] = [self.security_group]
        made["source"] |= {"region": self.source_place.region}
        if self.source_place.account != ACCOUNT:
            made["source"]["account_id"] = self.source_place.account
        return made

    def configure(self, **target: Any) -> None:
        """Deploy the configuration, with changes to its target."""
        document = self.document
        document["target"] |= target
        self.bench.configure(document)

    def configure_source(self, **source: Any) -> None:
        """Deploy the configuration, with changes to its source."""
        document = self.document
        document["source"] |= source
        self.bench.configure(document)

    def make_target(self, *, tags: Any = OWN_TAGS, readers: int = 0, **settings: Any) -> None:
        """The cluster that is to be replaced."""
        rds = self.client("rds")
        rds.create_db_cluster(
            DBClusterIdentifier=TARGET,
            Engine="aurora-postgresql",
            EngineVersion=VERSION,
            MasterUsername="postgres",
            MasterUserPassword="old-password",
            DBSubnetGroupName="my-subnet-group",
            VpcSecurityGroupIds=[self.security_group],
            Tags=tags,
            **settings,
        )
        self.bench.advance(3600)
        for number in range(readers + 1):
            rds.create_db_instance(
                DBInstanceIdentifier=f"{TARGET}-{number + 1}",
                DBInstanceClass="db.r6g.large",
                Engine="aurora-postgresql",
                DBClusterIdentifier=TARGET,
                Tags=tags,
            )
            self.bench.advance(3600)

    def cluster(self, name: str = TARGET) -> dict[str, Any] | None:
        found = self.client("rds").describe_db_clusters()["DBClusters"]
        return next((item for item in found if item["DBClusterIdentifier"] == name), None)

    def changes(self) -> list[str]:
        """What has been changed at RDS, beside what the scene itself has made."""
        return [
            call["action"]
            for call in self.bench.rds.admin.calls()
            if not call["action"].startswith(("Describe", "List", "Create"))
        ]


def make_scene(bench: Bench, source_place: Location = SOURCE_PLACE) -> Scene:
    """A source with one automated snapshot, the target's network, and the configuration."""
    scene = Scene(bench, "", source_place)
    network = create_network(scene.client("ec2"), scene.client("rds"), REGION, "my-subnet-group")
    scene.security_group = network.security_group_id
    groups = create_quarantine(scene.client("ec2"), network.vpc_id)
    bench.know_groups(access=groups.access, quarantine=groups.quarantine)
    rds = scene.client("rds", source_place)
    rds.create_db_cluster(
        DBClusterIdentifier=SOURCE,
        Engine="aurora-postgresql",
        EngineVersion=VERSION,
        MasterUsername="postgres",
        MasterUserPassword="source-password",
        DatabaseName="app",
    )
    bench.advance(3600)
    bench.rds.admin.take_automated_snapshot(
        SOURCE, account=source_place.account, region=source_place.region, at=SNAPSHOT_TIME
    )
    bench.configure(scene.document)
    return scene


def obstacles_of(answer: dict[str, Any]) -> list[tuple[str, str]]:
    """Check and problem of each obstacle in an answer."""
    found = json.loads(json.dumps(answer["body"].get("obstacles", [])))
    return [(item["check"], item["problem"]) for item in found]
