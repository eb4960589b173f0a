"""Whether what the restored cluster depends on exists: secrets, network, parameter groups."""

from collections.abc import Callable, Collection, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from aurora_restore.shared.aws_utils import Clients, call, code_of, get_secret
from aurora_restore.shared.cluster.settings import DEFAULT_GROUP
from aurora_restore.shared.documents.restore import DEFAULT_PORT
from aurora_restore.shared.documents.restore_secrets import RestoreSecrets
from aurora_restore.shared.documents.schema import shown
from aurora_restore.shared.documents.secrets import AppCredentials, MasterCredentials
from aurora_restore.shared.errors import Action, AwsError, ConfigurationError, ValidationError
from aurora_restore.shared.postgres.scram import parse_app_credentials
from aurora_restore.shared.preflight.inventory import Inventory
from aurora_restore.shared.preflight.obstacles import RIGHT_OR_NONE, Obstacle, absent
from aurora_restore.shared.preflight.security_groups import wrong_groups

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_rds.type_defs import DBSubnetGroupTypeDef

Credentials = TypeVar("Credentials", MasterCredentials, AppCredentials, covariant=True)


class ParseSecret(Protocol[Credentials]):
    """Reads a secret, and raises ConfigurationError naming its source and the field at fault."""

    def __call__(self, value: Any, *, source: str) -> Credentials: ...


NO_GROUP: Final = frozenset({"DBClusterParameterGroupNotFound", "DBParameterGroupNotFound"})
FEWEST_ZONES: Final = 2
"""A DB subnet group must cover two Availability Zones ("Working with a DB cluster in a VPC")."""


def check_masking(found: Inventory) -> Iterator[Obstacle]:
    """Yield an obstacle if the configured masking contradicts itself."""
    if fault := found.request.restore.database.masking_fault:
        yield Obstacle(
            "masking",
            f"database.masking: {fault}",
            "correct the configuration, and deploy",
        )


def check_secrets(found: Inventory) -> Iterator[Obstacle]:
    """Yield an obstacle for every fault of the two secrets of a restore."""
    yield from secret_obstacles(
        found.clients,
        found.request.secrets,
        owner=found.snapshot.get("MasterUsername"),
        keep_logins=found.request.restore.database.keep_logins,
    )


def secret_obstacles(
    clients: Clients,
    secrets: RestoreSecrets,
    *,
    owner: str | None,
    keep_logins: Collection[str],
) -> Iterator[Obstacle]:
    """Yield an obstacle for every fault of two secrets.

    Both must exist and be well-formed, the master user must have the snapshot's name, ``owner``,
    where it is known, and the application's roles must differ from it and from those whose logins
    are kept.
    """
    master: MasterCredentials | None = None
    app: AppCredentials | None = None
    try:
        master = _parsed(clients, MasterCredentials.parse, secrets.master)
    except ConfigurationError as error:
        yield Obstacle("secrets", error.message, "give the secret that value")
    try:
        app = _parsed(clients, parse_app_credentials, secrets.app)
    except ConfigurationError as error:
        yield Obstacle("secrets", error.message, "give the secret that value")
    if master and owner not in (None, master.username):
        yield Obstacle(
            "secrets",
            f"secret {secrets.master}: username: is not {owner!r}, the snapshot's "
            "master user, whom a restore keeps",
            f"set it to {owner!r}",
        )
    taken = {owner, *keep_logins}
    for field, role in _roles(app):
        if role in taken:
            yield Obstacle(
                "secrets",
                f"secret {secrets.app}: {field}: is the master user, or a role of "
                "database.keep_logins; the pipeline would take its rights",
                "name a role of the application's own",
            )


def _parsed(clients: Clients, parse: ParseSecret[Credentials], name: str) -> Credentials:
    return parse(get_secret(name, clients=clients), source=f"secret {name}")


def _roles(app: AppCredentials | None) -> Iterator[tuple[str, str]]:
    if app is not None:
        yield "app_username", app.app_username
        yield "readonly_username", app.readonly_username


def check_network(found: Inventory) -> Iterator[Obstacle]:
    """Yield an obstacle unless the subnet group covers two zones and all else is in its VPC."""
    event, target = found.request.event, found.request.restore.target
    group = found.subnet_group
    if group is None:
        if event.db_subnet_group_name is None:
            name = target.db_subnet_group_name
            yield absent("network", "target.db_subnet_group_name", "DB subnet group", name)
        else:
            yield _absent_in_event(
                "db_subnet_group_name", "DB subnet group", event.db_subnet_group_name
            )
        return
    if len(found.zones) < FEWEST_ZONES:
        yield Obstacle(
            "network",
            f"DB subnet group {group['DBSubnetGroupName']!r} covers {len(found.zones)} "
            "Availability Zone",
            "give it subnets in two or more",
        )
    yield from _network_type(found, group)
    try:
        network = found.network_in(group)
    except ValidationError as error:
        yield Obstacle(
            "network",
            error.message,
            RIGHT_OR_NONE,
            Action.START_AGAIN,
        )
        return
    yield from wrong_groups(found.clients, event, network)


def _absent_in_event(field: str, what: str, name: str) -> Obstacle:
    """Return the obstacle that what a field of the event names does not exist."""
    return Obstacle(
        "network", f"{field}: there is no {what} {shown(name)}", RIGHT_OR_NONE, Action.START_AGAIN
    )


def _network_type(found: Inventory, group: "DBSubnetGroupTypeDef") -> Iterator[Obstacle]:
    """Yield an obstacle if the subnet group does not support the old cluster's type of network."""
    wanted = (found.old or {}).get("NetworkType")
    supported = group.get("SupportedNetworkTypes")
    if wanted and supported and wanted not in supported:
        yield Obstacle(
            "network",
            f"cluster {found.serving_name} is of network type {wanted}, and DB subnet group "
            f"{group['DBSubnetGroupName']!r} supports {' and '.join(supported)} only",
            "give every subnet of the group an IPv6 range, configure another group, or change the "
            "cluster's network type",
        )


def check_port(found: Inventory) -> Iterator[Obstacle]:
    """Yield an obstacle if nobody has decided between the port there is and the default."""
    target = found.request.restore.target
    if target.port is not None:
        return
    old = (found.old or {}).get("Port")
    # Of Aurora's snapshots RDS often shows 0.
    known = old or found.snapshot.get("Port") or DEFAULT_PORT
    if known != DEFAULT_PORT:
        whose = found.serving_name if old else found.snapshot["DBClusterIdentifier"]
        yield Obstacle(
            "port",
            f"cluster {whose} listens on port {known}, and the restored one would on "
            f"{DEFAULT_PORT}, because target.port is not configured",
            f"configure target.port: {known}, or {DEFAULT_PORT} if it is to change; then deploy",
        )


def check_parameter_groups(found: Inventory) -> Iterator[Obstacle]:
    """Yield an obstacle for every parameter group that is missing or of another engine version."""
    target = found.request.restore.target
    old = found.old or {}
    family = f"{found.snapshot['Engine']}{found.snapshot['EngineVersion'].split('.')[0]}"
    cluster_group = target.db_cluster_parameter_group_name or old.get("DBClusterParameterGroup")
    if cluster_group and not cluster_group.startswith(DEFAULT_GROUP):
        yield from _family(
            "target.db_cluster_parameter_group_name",
            cluster_group,
            family,
            partial(_cluster_group_family, found.rds, cluster_group),
        )
    before = [plan.get("db_parameter_group_name") for plan in old.get("Instances", [])]
    configured = [instance.db_parameter_group_name for instance in target.instances]
    for name in sorted({name for name in configured or before if name}):
        yield from _family(
            "target.instances.db_parameter_group_name",
            name,
            family,
            partial(_instance_group_family, found.rds, name),
        )


def _cluster_group_family(rds: "RDSClient", name: str) -> str | None:
    found = call(rds.describe_db_cluster_parameter_groups, DBClusterParameterGroupName=name)
    groups = found["DBClusterParameterGroups"]
    return groups[0]["DBParameterGroupFamily"] if groups else None


def _instance_group_family(rds: "RDSClient", name: str) -> str | None:
    groups = call(rds.describe_db_parameter_groups, DBParameterGroupName=name)["DBParameterGroups"]
    return groups[0]["DBParameterGroupFamily"] if groups else None


def _family(
    field: str, name: str, family: str, look: Callable[[], str | None]
) -> Iterator[Obstacle]:
    try:
        actual = look()
    except AwsError as error:
        if code_of(error) not in NO_GROUP:
            raise
        actual = None
    if actual is None:
        yield absent("parameter groups", field, "parameter group", name)
    elif actual != family:
        yield Obstacle(
            "parameter groups",
            f"parameter group {name!r} is of family {actual}, the snapshot's engine needs {family}",
            f"configure a group of family {family} as {field}",
        )
