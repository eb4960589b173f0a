"""Faults between the fields of an environment, which no field's own rule can find."""

import re
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from aurora_restore.configuration.authorities import (
    RDS_BUNDLES,
    current_authorities,
    fault_of_authorities,
    parse_authorities,
)
from aurora_restore.configuration.checks.database import faults_of_database
from aurora_restore.configuration.checks.hooks import faults_of_hooks
from aurora_restore.configuration.checks.regions import faults_of_regions
from aurora_restore.configuration.checks.schedule import faults_of_schedule
from aurora_restore.configuration.checks.secrets import faults_of_secrets
from aurora_restore.configuration.checks.source import faults_of_source
from aurora_restore.configuration.checks.switch import faults_of_switches
from aurora_restore.configuration.checks.targets import faults_of_targets
from aurora_restore.configuration.checks.topics import faults_of_topics
from aurora_restore.configuration.files import ConfigurationFolder
from aurora_restore.configuration.limits import PARAMETER_BYTES, ROLE_NAME
from aurora_restore.shared.documents.environment import Environment
from aurora_restore.shared.documents.restore import Restore
from aurora_restore.shared.documents.schema import Fault
from aurora_restore.shared.errors import ConfigurationError
from aurora_restore.shared.pipeline import FUNCTIONS

_FEWEST_ZONES: Final = 2


def faults_of_environment(
    environment: Environment, *, folder: ConfigurationFolder
) -> Iterator[Fault]:
    """Yield every contradiction in an environment whose single fields are right.

    ``folder`` has the files that it names.
    """
    yield from faults_of_regions(environment)
    yield from _role_names(environment)
    yield from _network(environment)
    yield from faults_of_secrets(environment)
    yield from _ca_bundle(environment, folder)
    yield from faults_of_topics(environment)
    yield from _event_bus(environment)
    yield from faults_of_targets(environment)
    yield from faults_of_switches(environment)
    for name, restore in environment.restores.items():
        path = f"restores.{name}"
        yield from faults_of_source(environment, restore, path)
        yield from _instances(restore, path)
        yield from _key(environment, restore, path)
        yield from faults_of_database(environment, restore, path, folder)
        yield from _polling(restore, path)
        yield from faults_of_hooks(environment, restore, path)
        yield from faults_of_schedule(restore, path)
        yield from _size(restore, path)


def _role_names(environment: Environment) -> Iterator[Fault]:
    prefix, region = environment.name_prefix, environment.region
    longest = max((step.role_name(prefix, region) for step in FUNCTIONS), key=len)
    if (excess := len(longest) - ROLE_NAME.most) > 0:
        yield Fault(
            "name_prefix",
            f"{prefix!r} makes the role name {longest!r}, {excess} longer than IAM's "
            f"{ROLE_NAME.most} characters: in {region} a prefix has at most "
            f"{len(prefix) - excess}",
        )


def _network(environment: Environment) -> Iterator[Fault]:
    network = environment.network
    zones, subnets = network.availability_zones, network.subnet_ids
    if len(zones) != len(subnets):
        yield Fault(
            "network.availability_zones",
            f"there are {len(zones)} for {len(subnets)} subnets: give the zone of each of "
            "`network.subnet_ids`, in the same order",
        )
    if len(set(zones)) < _FEWEST_ZONES:
        yield Fault(
            "network.availability_zones",
            f"there is only {zones[0]!r}: give subnets in {_FEWEST_ZONES} zones or more, so that "
            "the functions keep working if one zone fails",
        )
    for i, zone in enumerate(zones):
        if not re.fullmatch(rf"{environment.region}[a-z]", zone):
            yield Fault(
                f"network.availability_zones[{i}]",
                f"{zone!r} is not a zone of the environment's Region, {environment.region}",
            )


def _ca_bundle(environment: Environment, folder: ConfigurationFolder) -> Iterator[Fault]:
    file = environment.database_ca_bundle
    if file is None:
        return
    try:
        authorities = parse_authorities(folder.read_anywhere(file).decode("ascii"))
    except ConfigurationError as error:
        yield Fault("database_ca_bundle", error.message)
        return
    except (ssl.SSLError, ValueError):
        yield Fault("database_ca_bundle", f"{file} is not a bundle of certificates in PEM")
        return
    current = current_authorities(authorities, datetime.now(UTC))
    if fault := fault_of_authorities(current, environment.region):
        yield Fault("database_ca_bundle", f"{file} {fault}; take the Region's from {RDS_BUNDLES}")


def _event_bus(environment: Environment) -> Iterator[Fault]:
    bus = environment.event_bus
    if bus.startswith("arn:") and (region := bus.split(":")[3]) != environment.region:
        yield Fault(
            "event_bus",
            f"is in {region}, and events are put in {environment.region}: name a bus there, whose "
            "rules can send them on to another Region",
        )


def _instances(restore: Restore, path: str) -> Iterator[Fault]:
    scaling = restore.target.serverless_v2_scaling
    classes = [each.instance_class for each in restore.target.instances]
    serverless = "db.serverless" in (*classes, *restore.target.fallback_instance_classes)
    if serverless and scaling is None:
        yield Fault(
            f"{path}.target.serverless_v2_scaling",
            "is missing: `db.serverless` instances need it "
            '(for example {"min_capacity": 0.5, "max_capacity": 4})',
        )
    if scaling and scaling.seconds_until_auto_pause and scaling.min_capacity:
        yield Fault(
            f"{path}.target.serverless_v2_scaling.seconds_until_auto_pause",
            f"instances pause with a `min_capacity` of 0 only, and it is {scaling.min_capacity}",
        )
    if scaling and scaling.min_capacity > scaling.max_capacity:
        yield Fault(
            f"{path}.target.serverless_v2_scaling.min_capacity",
            f"{scaling.min_capacity} is more than `max_capacity`, {scaling.max_capacity}",
        )


def _key(environment: Environment, restore: Restore, path: str) -> Iterator[Fault]:
    key = restore.target.kms_key_id
    if key and (region := key.split(":")[3]) != environment.region:
        yield Fault(
            f"{path}.target.kms_key_id",
            f"the key is in {region}: it must be in the target's Region, {environment.region}",
        )


def _polling(restore: Restore, path: str) -> Iterator[Fault]:
    polling = restore.polling
    if polling.floor_seconds > polling.cap_seconds:
        yield Fault(
            f"{path}.polling.floor_seconds",
            f"{polling.floor_seconds} is more than `cap_seconds`, {polling.cap_seconds}",
        )


def _size(restore: Restore, path: str) -> Iterator[Fault]:
    size = len(restore.parameter_text.encode())
    if size > PARAMETER_BYTES.most:
        yield Fault(
            path,
            f"takes {size} bytes: an SSM parameter holds {PARAMETER_BYTES.most}; shorten it",
        )
