"""Whether the snapshot can come to the target: free names, usable keys, room in the quotas."""

from collections.abc import Iterator

from aurora_restore.shared.aws_utils import call, code_of
from aurora_restore.shared.errors import AwsError
from aurora_restore.shared.journey import rds_of
from aurora_restore.shared.pipeline import TAG_MANAGED_BY
from aurora_restore.shared.preflight.obstacle import Obstacle, absent
from aurora_restore.shared.preflight.quotas import CLUSTERS, MANUAL_SNAPSHOTS, room
from aurora_restore.shared.rds import SSE_KMS, encryption_of, find_snapshot, tags_of
from aurora_restore.shared.routes import Where
from aurora_restore.shared.survey import Findings


def check_names(found: Findings) -> Iterator[Obstacle]:
    """The name of every copy is free, or that of a copy that the pipeline has made."""
    for hop in found.hops:
        existing = find_snapshot(rds_of(found.job, hop), hop.name)
        if existing is not None and TAG_MANAGED_BY not in tags_of(existing.get("TagList")):
            yield Obstacle(
                "names",
                f"snapshot {hop.name} exists {hop.where}, and the pipeline did not make it",
                "rename it, or give another target_snapshot_name"
                if hop.where is Where.TARGET
                else "rename it",
            )


def check_keys(found: Findings) -> Iterator[Obstacle]:
    """Every key on the way is configured, exists, is enabled, and may be used by this account."""
    for field, key in _keys(found):
        if key is None:
            yield Obstacle(
                "keys",
                f"{field}: is missing; the snapshot is encrypted, and its copy needs a customer "
                "key",
                f"configure {field}",
            )
        else:
            yield from _usable(found, field, key)


def _keys(found: Findings) -> Iterator[tuple[str, str | None]]:
    """The keys that this account is to use, each with the field that names it."""
    target = found.job.restore.target
    if target.kms_key_id is not None:
        yield "target.kms_key_id", target.kms_key_id
    if encryption_of(found.snapshot) != SSE_KMS:
        return
    for hop in found.hops:
        if hop.kms_key_id is None or hop.kms_key_id != target.kms_key_id:
            yield hop.key_field, hop.kms_key_id
    read_by_the_source = found.hops and found.hops[0].where is Where.SOURCE_ACCOUNT
    if not read_by_the_source:
        yield "the snapshot's key", found.snapshot["KmsKeyId"]


def _usable(found: Findings, field: str, key: str) -> Iterator[Obstacle]:
    region = key.split(":")[3]
    try:
        described = call(found.job.clients.kms(region).describe_key, KeyId=key)["KeyMetadata"]
    except AwsError as error:
        match code_of(error):
            case "NotFoundException":
                yield absent("keys", field, "KMS key", key)
            case "AccessDeniedException":
                yield Obstacle(
                    "keys",
                    f"{field}: account {found.job.account_id} may not use KMS key {key}",
                    "let the key's policy allow it, as docs/sources.md shows",
                )
            case _:
                raise
        return
    if described.get("KeyState") != "Enabled":
        yield Obstacle(
            "keys", f"{field}: KMS key {key} is {described.get('KeyState')}", "enable it"
        )


def check_quotas(found: Findings) -> Iterator[Obstacle]:
    """There is room for every snapshot that is to be made, and for the cluster."""
    job = found.job
    copies = [hop for hop in found.hops if find_snapshot(rds_of(job, hop), hop.name) is None]
    for hop in copies:
        if hop.where is not Where.TARGET:
            yield from room(rds_of(job, hop), {MANUAL_SNAPSHOTS: 1}, hop.where)
    to_the_target = sum(hop.where is Where.TARGET for hop in copies)
    wanted = {
        MANUAL_SNAPSHOTS: to_the_target + (found.final_snapshot is not None),
        CLUSTERS: int(found.cluster is None),
    }
    yield from room(found.rds, wanted, Where.TARGET)
