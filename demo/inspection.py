"""Looks at what came of the execution: in both databases, at RDS, and in what was written down."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any, Final

from aurora_restore.cli.outsider import Outsider
from aurora_restore.proof.checks import (
    Check,
    Expected,
    LoginVerdict,
    TableVerdict,
    check_same,
    check_secrets,
    check_states,
    compare_tables,
    failures_of,
    judge_login,
)
from aurora_restore.proof.originals import find_originals, originals_of
from aurora_restore.proof.reading import attempt, read_tables
from aurora_restore.proof.safety_checks import (
    check_checks,
    check_delivery,
    check_originals,
    check_outsider,
    check_proof,
    check_quarantine,
    check_slot,
    check_unchanged,
    check_wiring,
)
from aurora_restore.proof.wiring import read_wiring
from aurora_restore.shared.names import TAG_ARCHIVED_AT, TAG_SOURCE_SNAPSHOT
from aurora_restore.shared.postgres.connection import DatabaseLogin, DatabaseServer
from demo.clusters import instance_statuses
from demo.databases import server_of
from demo.evidence import Records
from demo.preparation import Prepared
from demo.scenario import Scenario
from demo.staging_logins import StagingLogins, read_staging_logins
from demo.wiring import SUBSCRIBED
from embedded_aws.aws import EmbeddedAws, PublishedMessage

PRODUCTION: Final = "What the copy has done to production"
CUSTOMERS: Final = "What the copy knows of production's customers"
QUARANTINE: Final = "When the copy could be reached"
REST: Final = "What else was looked at"


@dataclass(frozen=True, kw_only=True)
class InspectionResult:
    """Everything that was looked at, with its verdict."""

    tables: tuple[TableVerdict, ...]
    logins: tuple[LoginVerdict, ...]
    checks: Mapping[str, Sequence[Check]]
    """The other checks, by what they are about."""
    announced: PublishedMessage | None

    def failures(self) -> Iterator[str]:
        """Yield a line for everything that did not hold."""
        return failures_of(self.tables, self.logins, chain(*self.checks.values()))


def inspect(
    aws: EmbeddedAws,
    scenario: Scenario,
    prepared: Prepared,
    records: Records,
    outsider: Outsider,
    *,
    announced: Sequence[str] = ("success",),
    ends_rest: bool = True,
) -> InspectionResult:
    """Log in everywhere, read everything, and judge what was found.

    ``announced`` are the outcomes of which the operation must have sent a notification. Unless
    ``ends_rest`` is false, production wakes up, and must get what its supplier has published.
    """
    production = prepared.production
    secrets = read_staging_logins(aws, scenario, prepared.outputs)
    rds = aws.client("rds", account=scenario.target.account, region=scenario.target.region)
    (cluster,) = rds.describe_db_clusters(DBClusterIdentifier=scenario.target.name)["DBClusters"]
    restored = server_of(cluster, aws.rds.ca_bundle, certified_as=scenario.certified_as)
    reader = DatabaseLogin(scenario.reader.user, scenario.reader.password)
    in_source = read_tables(production.server, reader, scenario.database, scenario.masked)
    in_restored = read_tables(restored, secrets.readonly, scenario.database, scenario.masked)
    tables = compare_tables(in_source, in_restored, scenario.cleared)
    originals = originals_of(production.tables)
    setup = records.details("setup-db-users")
    handed_over = records.details("hand-over")
    set_up_at = records.time_of("setup-db-users")
    slots = production.supplier.slots()
    delivery = []
    if ends_rest:
        production.database.wake()
        delivery.append(
            check_delivery(
                scenario.news,
                production.database.await_prices(scenario.news),
                production.tables.get(SUBSCRIBED),
                in_restored.get(SUBSCRIBED),
            )
        )
    checks = {
        PRODUCTION: (
            check_wiring(
                production.wiring,
                {kind: each["names"] for kind, each in setup.get("wiring_removed", {}).items()},
                read_wiring(restored, secrets.master, scenario.database),
            ),
            check_slot(production.slots, slots),
            *delivery,
            check_unchanged(production.tables, in_source),
        ),
        CUSTOMERS: (
            check_originals(
                len(originals),
                production.originals,
                find_originals(
                    restored, secrets.master, secrets.readonly, scenario.database, originals
                ),
            ),
            check_proof(setup.get("masking", {})),
            check_checks(scenario.check_name, setup.get("masking", {})),
        ),
        QUARANTINE: (
            check_quarantine(
                handed_over.get("quarantine_security_group_ids", ()),
                records.time_of("restore-snapshot"),
                set_up_at,
                _moment(handed_over.get("hand_over_started_at")),
                _moment(handed_over.get("handed_over_at")),
            ),
            check_outsider(outsider.refused, outsider.reached, set_up_at),
        ),
        REST: (
            check_states(records.statuses(), scenario.sequence),
            *_check_cluster(rds, cluster, prepared),
            check_same(
                f"An application finds {scenario.target.name} by its secret alone",
                (restored.host, restored.port, scenario.database),
                (secrets.endpoint.host, secrets.endpoint.port, secrets.database),
            ),
            *_check_copy(rds, scenario, prepared),
            _check_source_cluster(aws, scenario),
            *_check_source_account(aws, scenario),
            check_same(f"The snapshot was {scenario.route}", {scenario.route}, records.routes()),
            check_announced(records, announced),
            check_secrets(passwords_of(scenario, secrets), records.texts()),
        ),
    }
    return InspectionResult(
        tables=tables,
        logins=tuple(_logins(scenario, secrets, production.server, restored)),
        checks=checks,
        announced=next(reversed(records.announcements()), None),
    )


def check_announced(records: Records, outcomes: Sequence[str] = ("success",)) -> Check:
    """Return the check that each end of an operation was announced once, with its outcome."""
    published = (
        "One notification was published, and it says"
        if len(outcomes) == 1
        else f"{len(outcomes)} notifications were published, and they say"
    )
    return check_same(
        f"{published} {', then '.join(outcomes)}",
        list(outcomes),
        [json.loads(each.message).get("status") for each in records.announcements()],
    )


def _moment(written: str | None) -> datetime | None:
    return datetime.fromisoformat(written) if written else None


def passwords_of(scenario: Scenario, secrets: StagingLogins) -> list[str]:
    """Return every password of the story, of production, its supplier and staging."""
    return [
        scenario.source.master_password,
        scenario.supplier.master_password,
        *(login.password for login in (*scenario.logins, scenario.feed)),
        secrets.master.password,
        secrets.application.password,
        secrets.readonly.password,
    ]


def _logins(
    scenario: Scenario, secrets: StagingLogins, source: DatabaseServer, restored: DatabaseServer
) -> "list[LoginVerdict]":
    locked_out = Expected(source=True, restored=False, verdict="locked out")
    kept = Expected(source=True, restored=True, verdict="kept")
    master = DatabaseLogin(scenario.master_user, scenario.source.master_password)
    everybody = [
        (master, "master, production's", locked_out),
        *(
            (DatabaseLogin(each.user, each.password), each.who, kept if each.kept else locked_out)
            for each in scenario.logins
        ),
        (
            secrets.master,
            "master, staging's",
            Expected(source=False, restored=True, verdict="new"),
        ),
        (
            secrets.application,
            "staging's application",
            Expected(source=False, restored=True, reads=True, writes=True, verdict="set up"),
        ),
        (
            secrets.readonly,
            "staging's readers",
            Expected(source=False, restored=True, reads=True, writes=False, verdict="set up"),
        ),
    ]
    return [
        judge_login(
            login.user,
            who,
            expected,
            attempt(source, login, scenario.database),
            attempt(restored, login, scenario.database)
            if expected.reads is None
            # As an application connects, which knows its secret alone.
            else attempt(secrets.endpoint, login, secrets.database, scenario.probed_table),
        )
        for login, who, expected in everybody
    ]


def _check_cluster(rds: Any, cluster: Mapping[str, Any], prepared: Prepared) -> "list[Check]":
    name = cluster["DBClusterIdentifier"]
    statuses = {cluster["Status"], *instance_statuses(rds, name)}
    return [
        Check(
            promise=f"{name} is another cluster than before",
            held=cluster["DbClusterResourceId"] != prepared.old_target["DbClusterResourceId"],
            found="it is the old one",
        ),
        check_same(f"{name} and its instance are available", {"available"}, statuses),
        check_same(
            f"{name} is encrypted with staging's own key",
            prepared.network.key_arn,
            cluster.get("KmsKeyId"),
        ),
    ]


def _check_copy(rds: Any, scenario: Scenario, prepared: Prepared) -> "list[Check]":
    found = rds.describe_db_cluster_snapshots(SnapshotType="manual")["DBClusterSnapshots"]
    tags = [{tag["Key"]: tag["Value"] for tag in copy["TagList"]} for copy in found]
    archived = [
        each[TAG_SOURCE_SNAPSHOT].partition(":cluster-snapshot:")[2]
        for each in tags
        if TAG_ARCHIVED_AT in each
    ]
    snapshots = prepared.production.snapshots
    restored = next((each for each in snapshots if each in archived), snapshots[0])
    return [
        check_same(
            f"One copy of the snapshot is archived in {scenario.target.region}",
            [restored],
            archived,
        )
    ]


def _check_source_account(aws: EmbeddedAws, scenario: Scenario) -> "list[Check]":
    """Return the check that no intermediate copy is left in another source account."""
    source = scenario.source
    if scenario.source_role is None:
        return []
    rds = aws.client("rds", account=source.account, region=source.region)
    left = rds.describe_db_cluster_snapshots(SnapshotType="manual")["DBClusterSnapshots"]
    return [
        check_same(
            f"Account {source.account} holds no copy that was made for the way",
            [],
            [each["DBClusterSnapshotIdentifier"] for each in left],
        )
    ]


def _check_source_cluster(aws: EmbeddedAws, scenario: Scenario) -> Check:
    source = scenario.source
    rds = aws.client("rds", account=source.account, region=source.region)
    (cluster,) = rds.describe_db_clusters(DBClusterIdentifier=source.name)["DBClusters"]
    statuses = {cluster["Status"], *instance_statuses(rds, source.name)}
    return check_same(f"{source.name} and its instance are available", {"available"}, statuses)
