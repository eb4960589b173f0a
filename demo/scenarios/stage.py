"""The deployed demo, and what people do to it: make mistakes, and correct them."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from secrets import token_hex
from typing import Any, Final

from aurora_restore.shared.rds.reads import find_cluster, instances_of
from demo.configuration import configuration
from demo.preparation import Prepared, deploy, prepare
from demo.scenario import Scenario
from demo.screen import Screen
from embedded_aws.aws import EmbeddedAws

IMPATIENT: Final[Mapping[str, Any]] = {
    "restore_settings": {"max_attempts": 1},
    "target_settings": {"capacity_wait_minutes": 0},
}
"""What the pipeline would otherwise try again by itself, it leaves to a person in a scenario."""
_FOLDER: Final = "sql"


class Stage:
    """The embedded AWS with the demo's clusters in it, where one scenario after another is played.

    The SQL files that the app is deployed with are copies, which people may change.
    """

    def __init__(self, aws: EmbeddedAws, scenario: Scenario, screen: Screen) -> None:
        self.aws = aws
        self.screen = screen
        self._originals = scenario
        self._folder = aws.directory / _FOLDER
        self.scenario = replace(
            scenario,
            mask_script=self._folder / scenario.mask_script.name,
            check=self._folder / scenario.check.name,
            **IMPATIENT,
        )
        self.write_files()
        self._deployed = ""
        self._prepared: Prepared | None = None

    @property
    def prepared(self) -> Prepared:
        """What the executions begin with. Raises LookupError before anything is prepared."""
        if self._prepared is None:
            raise LookupError("nothing is prepared")
        return self._prepared

    @property
    def rds(self) -> Any:
        """A client of RDS where the target is."""
        target = self.scenario.target
        return self.aws.client("rds", account=target.account, region=target.region)

    def write_files(self, mistake: tuple[str, str] | None = None) -> None:
        """Write the SQL files, as they are right or with a mistake in the masking script.

        A mistake is what is right, and what stands there instead.
        """
        self._folder.mkdir(exist_ok=True)
        for file in (self._originals.mask_script, self._originals.check):
            (self._folder / file.name).write_text(file.read_text(encoding="utf-8"))
        self.scenario = replace(self.scenario, corrections=())
        if mistake:
            right, wrong = mistake
            text = self.scenario.mask_script.read_text(encoding="utf-8")
            if right not in text:
                raise LookupError(f"{self.scenario.mask_script.name} does not say {right!r}")
            self.scenario.mask_script.write_text(text.replace(right, wrong), encoding="utf-8")

    def add_script(self, name: str, text: str) -> Path:
        """Write another script, configure it, and return its path."""
        path = self._folder / name
        path.write_text(text, encoding="utf-8")
        self.scenario = replace(self.scenario, corrections=(*self.scenario.corrections, path))
        return path

    def set_up(self) -> None:
        """Make the clusters and deploy the app, the first time; later, deploy what has changed.

        Then remove what an earlier scenario has left: its copies of the snapshot.
        """
        if self._prepared is None:
            self._prepared = prepare(self.aws, self.scenario, self.screen)
            self._deployed = self._fingerprint()
        else:
            self.deploy()
        for copy in self.rds.describe_db_cluster_snapshots(SnapshotType="manual")[
            "DBClusterSnapshots"
        ]:
            self.rds.delete_db_cluster_snapshot(
                DBClusterSnapshotIdentifier=copy["DBClusterSnapshotIdentifier"]
            )
        target = find_cluster(self.rds, self.scenario.target.name)
        if target is not None:
            self._prepared = replace(self.prepared, old_target=dict(target))

    def deploy(self) -> None:
        """Deploy the app if its configuration or a SQL file has changed since the last time."""
        if self._fingerprint() == self._deployed:
            return
        prepared = self.prepared
        deploy(self.aws, self.scenario, self.screen, prepared.network, prepared.source_network)
        self._deployed = self._fingerprint()

    def rotate_master_secret(self) -> None:
        """Store another master password in the secret, and tell the cluster nothing of it."""
        target, name = self.scenario.target, self.prepared.outputs["MasterSecret"]
        client = self.aws.client("secretsmanager", account=target.account, region=target.region)
        held = json.loads(client.get_secret_value(SecretId=name)["SecretString"])
        changed = {**held, "password": token_hex(16)}
        client.put_secret_value(SecretId=name, SecretString=json.dumps(changed))
        self.screen.say("Terraform stores another password in the master secret")

    def delete_target(self) -> None:
        """Delete the cluster that has the target's name, with its instances."""
        name = self.scenario.target.name
        for instance in instances_of(self.rds, name):
            self.rds.delete_db_instance(
                DBInstanceIdentifier=instance["DBInstanceIdentifier"], SkipFinalSnapshot=True
            )
        self.rds.delete_db_cluster(DBClusterIdentifier=name, SkipFinalSnapshot=True)
        self.screen.say(f"A colleague deletes {name} in the console: nobody can connect to it")

    def _fingerprint(self) -> str:
        """Return everything that the app is deployed with, as text."""
        scenario, prepared = self.scenario, self.prepared
        document = configuration(
            scenario, prepared.network, prepared.source_network, str(self.aws.rds.ca_bundle)
        )
        files = (file.read_text(encoding="utf-8") for file in scenario.configured_files)
        return json.dumps([document, *files])
