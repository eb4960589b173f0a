"""Whether the snapshot can be copied to the target: free names, usable keys, enough quota."""

from collections.abc import Iterator
from typing import Final

from aurora_restore.shared.aws_utils import call, code_of
from aurora_restore.shared.cluster.settings import INSIGHTS_KEY, MANAGED_SECRET_KEY
from aurora_restore.shared.errors import AwsError
from aurora_restore.shared.preflight.inventory import Inventory
from aurora_restore.shared.preflight.obstacles import Obstacle
from aurora_restore.shared.preflight.quotas import CLUSTERS, MANUAL_SNAPSHOTS, room
from aurora_restore.shared.rds.reads import SSE_KMS, encryption_of, find_snapshot
from aurora_restore.shared.snapshots.routes import Where

SYMMETRIC: Final = "SYMMETRIC_DEFAULT"
# "Key states of AWS KMS keys" in the KMS Developer Guide: those in which a key can be used.
USABLE: Final = frozenset({"Enabled", "Updating"})


def check_names(found: Inventory) -> Iterator[Obstacle]:
    """Yield an obstacle for every copy whose name another snapshot has."""
    path = found.path
    for hop, existing in found.copies:
        if path is not None and existing is not None and not path.is_copy(existing, hop):
            yield Obstacle(
                "names",
                f"snapshot {hop.name} exists {hop.where}, and is no copy of {hop.source}",
                "delete it, or give another target_snapshot_name"
                if hop.where is Where.TARGET
                else "delete it",
            )


def check_keys(found: Inventory) -> Iterator[Obstacle]:
    """Yield an obstacle for every key that is not configured, missing, disabled or forbidden.

    The keys are those of the copies and the cluster, of Performance Insights, and of the secret in
    which RDS managed the old cluster's master password.
    """
    for field, key in _keys(found):
        if key is None:
            yield Obstacle(
                "keys",
                f"{field}: is missing; the snapshot is encrypted, and its copy needs a customer "
                "key",
                f"configure {field}",
            )
        else:
            yield from _usable(found, field, key, is_proven_by_copy=found.source.route.copies)
    for instance, key in _insights_keys(found):
        field = f"Performance Insights of instance {instance}"
        yield from _usable(found, field, key, is_proven_by_copy=False)
    # It is used when the old cluster is gone, or serves no more.
    if key := (found.old or {}).get(MANAGED_SECRET_KEY):
        field = "the secret of the old cluster's master password, which RDS manages"
        yield from _usable(found, field, key, is_proven_by_copy=False)


def _insights_keys(found: Inventory) -> Iterator[tuple[str, str]]:
    """Yield each key that the planned instances have for Performance Insights, with one of them.

    Such a key is used when an instance is created, and the old ones are gone then.
    """
    if not found.has_planned_instances:
        return
    by_key: dict[str, str] = {}
    for plan in found.planned_instances:
        if key := (plan.kept or {}).get(INSIGHTS_KEY):
            by_key.setdefault(key, plan.identifier)
    for key, instance in by_key.items():
        yield instance, key


def _keys(found: Inventory) -> Iterator[tuple[str, str | None]]:
    """Yield the keys that this account is to use, each with the field that names it."""
    target = found.request.restore.target
    if target.kms_key_id is not None:
        yield "target.kms_key_id", target.kms_key_id
    if encryption_of(found.snapshot) != SSE_KMS:
        return
    for hop in found.hops:
        if hop.kms_key_id is None or hop.kms_key_id != target.kms_key_id:
            yield hop.key_field, hop.kms_key_id
    is_read_by_the_source = found.hops and found.hops[0].where is Where.SOURCE_ACCOUNT
    if not is_read_by_the_source:
        yield "the snapshot's key", found.snapshot["KmsKeyId"]


def _usable(
    found: Inventory, field: str, key: str, *, is_proven_by_copy: bool
) -> Iterator[Obstacle]:
    """Yield an obstacle if this account cannot use a key.

    Another account's key may be open to RDS alone (``kms:ViaService``), so that this account may
    not describe it. If a copy is to be made, the copy proves the key before anything is deleted.
    """
    _, _, _, region, owner, _ = key.split(":", 5)
    try:
        described = call(found.clients.kms(region).describe_key, KeyId=key)["KeyMetadata"]
    except AwsError as error:
        if code_of(error) == "NotFoundException":
            yield Obstacle(
                "keys", f"{field}: there is no KMS key {key!r}", "create it, or have another used"
            )
        elif code_of(error) != "AccessDeniedException":
            raise
        elif owner == found.request.target.account or not is_proven_by_copy:
            yield Obstacle(
                "keys",
                f"{field}: KMS key {key} cannot be described: {error.message}",
                "let the key's policy allow kms:DescribeKey, and what else docs/sources.md shows",
            )
        return
    if described.get("KeySpec", SYMMETRIC) != SYMMETRIC:
        yield Obstacle(
            "keys",
            f"{field}: KMS key {key} is asymmetric, and RDS encrypts with symmetric keys only",
            "have another key used",
        )
    elif described.get("KeyState") not in USABLE:
        yield Obstacle(
            "keys", f"{field}: KMS key {key} is {described.get('KeyState')}", "enable it"
        )


def check_quotas(found: Inventory) -> Iterator[Obstacle]:
    """Yield an obstacle for every quota without room for the snapshots and the cluster."""
    copies = [hop for hop, existing in found.copies if existing is None]
    for hop in copies:
        if hop.where is not Where.TARGET:
            yield from room(found.access.at(hop.place), {MANUAL_SNAPSHOTS: 1}, hop.where)
    finals = [each.final_snapshot for each in found.doomed if each.final_snapshot is not None]
    wanted = {
        MANUAL_SNAPSHOTS: sum(hop.where is Where.TARGET for hop in copies)
        + sum(find_snapshot(found.rds, name) is None for name in finals),
        CLUSTERS: _more_clusters(found),
    }
    yield from room(found.rds, wanted, Where.TARGET)


def _more_clusters(found: Inventory) -> int:
    """Return how many more clusters there are once the cluster is restored."""
    if not found.request.restores_beside:
        return int(found.cluster is None)
    return int(not found.room.has_restored) - len(found.doomed)
