"""What is looked at of a switch and of the way back, by a client and at RDS."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import dropwhile
from typing import Any, Final

from aurora_restore.cli.outsider import reaches
from aurora_restore.proof.checks import Check, check_same, check_secrets, check_states
from aurora_restore.proof.client import Client, WhatToLookAt
from aurora_restore.proof.client_checks import (
    ClientAttempt,
    Data,
    KeptCluster,
    check_certificate,
    check_ended,
    check_interruption,
    check_kept,
    check_served,
    check_strangers,
    check_unmasked,
)
from aurora_restore.proof.originals import originals_of
from aurora_restore.shared.names import TAG_KEEP_UNTIL, retired_cluster
from aurora_restore.shared.postgres.connection import DatabaseLogin
from aurora_restore.shared.rds.reads import find_cluster, instances_of
from aurora_restore.shared.sequences import ROLL_BACK
from demo.databases import server_of
from demo.evidence import Records
from demo.inspection import check_announced, passwords_of
from demo.preparation import Prepared
from demo.scenario import Scenario
from demo.staging_logins import read_first_logins, read_staging_logins
from embedded_aws.aws import EmbeddedAws

ROLL_BACK_START: Final = {"roll_back": True}
"""The input of the execution that goes back."""
SWITCH: Final = "What an application saw of the switch"
WAY_BACK: Final = "What it saw of the way back"
WHOLE_RUN: Final = "What it saw in the whole run"
REST: Final = "What else was looked at after that"
_MOVED: Final = "verify-switch"
"""The last step that writes about a switch."""


def make_client(aws: EmbeddedAws, scenario: Scenario, prepared: Prepared) -> Client:
    """Return the application, which knows the target's endpoint and its own login."""
    _, application = read_first_logins(aws, scenario, prepared.outputs)
    return Client(
        server_of(prepared.old_target, aws.rds.ca_bundle, certified_as=scenario.certified_as),
        application,
        strangers_of(scenario),
        WhatToLookAt(
            database=scenario.database,
            old_table=scenario.old_table,
            new_table=scenario.new_table,
            masked=scenario.masked,
            originals=originals_of(prepared.production.tables),
        ),
    )


def strangers_of(scenario: Scenario) -> list[DatabaseLogin]:
    """Return everybody whom production lets in, and nothing that is restored from it."""
    return [
        DatabaseLogin(scenario.master_user, scenario.source.master_password),
        *(DatabaseLogin(each.user, each.password) for each in scenario.logins if not each.kept),
    ]


def inspect_switch(
    aws: EmbeddedAws,
    scenario: Scenario,
    prepared: Prepared,
    records: Records,
    client: Client,
) -> Mapping[str, Sequence[Check]]:
    """Judge what a client and another host have seen since the switch, by what it is about."""
    state = records.details(_MOVED)
    return {
        SWITCH: [
            *_what_was_served(client.attempts, Data.OLD, Data.NEW, state),
            check_certificate(
                (client.server.find_certified_names(of_host=True) is not None), state
            ),
            check_kept(
                "The old cluster",
                prepared.old_target["DbClusterResourceId"],
                _find_kept(aws, scenario, records.operation_id),
                _quarantine(records),
                datetime.now(UTC),
            ),
        ]
    }


def inspect_way_back(
    aws: EmbeddedAws,
    scenario: Scenario,
    prepared: Prepared,
    switched: Records,
    records: Records,
    client: Client,
) -> Mapping[str, Sequence[Check]]:
    """Judge the same of the way back, and all attempts of the client.

    ``switched`` are the records of the switch.
    """
    attempts = client.attempts
    since_switch = list(dropwhile(lambda each: each.data is not Data.NEW, attempts))
    state, target = records.details(_MOVED), scenario.target.name
    served = find_cluster(_rds(aws, scenario), target) or {}
    secrets = read_staging_logins(aws, scenario, prepared.outputs)
    return {
        WAY_BACK: [
            *_what_was_served(since_switch, Data.NEW, Data.OLD, state),
            check_kept(
                "The cluster that was rejected",
                str(switched.details(_MOVED).get("cluster_resource_id")),
                _find_kept(aws, scenario, records.operation_id),
                _quarantine(switched),
                datetime.now(UTC),
            ),
        ],
        WHOLE_RUN: [
            check_unmasked(attempts, len(originals_of(prepared.production.tables))),
            check_strangers(attempts, [each.user for each in strangers_of(scenario)]),
        ],
        REST: [
            check_same(
                f"{target} is the cluster again that it was",
                prepared.old_target["DbClusterResourceId"],
                served.get("DbClusterResourceId"),
            ),
            check_states(records.statuses(), ROLL_BACK),
            check_announced(records),
            check_secrets(passwords_of(scenario, secrets), records.texts()),
        ],
    }


def _what_was_served(
    attempts: Sequence[ClientAttempt], before: Data, after: Data, state: Mapping[str, Any]
) -> list[Check]:
    began = state.get("switch_started_at")
    return [
        check_served(attempts, before, datetime.fromisoformat(began) if began else None),
        check_interruption(attempts, before, after, state),
        check_ended(attempts, after),
    ]


def _quarantine(records: Records) -> Sequence[str]:
    groups: Sequence[str] = records.details("hand-over").get("quarantine_security_group_ids", ())
    return groups


def _find_kept(aws: EmbeddedAws, scenario: Scenario, operation_id: str) -> KeptCluster | None:
    """Return the cluster from which an operation has taken the target's name."""
    rds = _rds(aws, scenario)
    cluster = find_cluster(rds, retired_cluster(scenario.target.name, operation_id))
    if cluster is None:
        return None
    name = cluster["DBClusterIdentifier"]
    instances = instances_of(rds, name)
    tags = {tag["Key"]: tag["Value"] for tag in cluster["TagList"]}
    endpoints = [
        (cluster["Endpoint"], cluster["Port"]),
        (cluster["ReaderEndpoint"], cluster["Port"]),
        *((each["Endpoint"]["Address"], each["Endpoint"]["Port"]) for each in instances),
    ]
    return KeptCluster(
        name=name,
        resource_id=cluster["DbClusterResourceId"],
        statuses=frozenset({cluster["Status"], *(each["DBInstanceStatus"] for each in instances)}),
        groups=frozenset(each["VpcSecurityGroupId"] for each in cluster["VpcSecurityGroups"]),
        keep_until=(
            datetime.fromisoformat(tags[TAG_KEEP_UNTIL]) if TAG_KEEP_UNTIL in tags else None
        ),
        reached=tuple(f"{host}:{port}" for host, port in endpoints if reaches(host, port)),
    )


def _rds(aws: EmbeddedAws, scenario: Scenario) -> Any:
    return aws.client("rds", account=scenario.target.account, region=scenario.target.region)
