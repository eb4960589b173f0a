"""Faults in how a restore's source is reached, given where it is."""

from collections.abc import Iterator

from aurora_restore.shared.documents.environment import Environment
from aurora_restore.shared.documents.restore import Restore, Source
from aurora_restore.shared.documents.schema import Fault
from aurora_restore.shared.names import source_role_name


def faults_of_source(environment: Environment, restore: Restore, path: str) -> Iterator[Fault]:
    """Yield every fault of a restore's source; ``path`` is the restore's."""
    source, path = restore.source, f"{path}.source"
    account = source.account_id or environment.account
    yield from _role(environment, source, path)
    yield from _route(environment, source, path)
    yield from _copy_names(environment, source)
    yield from _key(f"{path}.kms_key_id", source.kms_key_id, source.region, account, "the source's")
    yield from _key(
        f"{path}.intermediate_kms_key_id",
        source.intermediate_kms_key_id,
        source.region,
        environment.account,
        "the environment's",
    )
    yield from _shared_key(source, f"{path}.kms_key_id")


def is_own(environment: Environment, source: Source) -> bool:
    """Return whether the source is in the environment's account."""
    return source.account_id in (None, environment.account)


def _role(environment: Environment, source: Source, path: str) -> Iterator[Fault]:
    if source.role_arn is None:
        return
    path = f"{path}.role_arn"
    if is_own(environment, source):
        yield Fault(
            path,
            "is for a source in another account: leave it out, or give the source's `account_id`",
        )
        return
    partition = source.role_arn.split(":")[1]
    name = source_role_name(environment.name_prefix)
    made = f"arn:{partition}:iam::{source.account_id}:role/{name}"
    if source.role_arn != made:
        yield Fault(
            path,
            f"{source.role_arn!r} is not the role that the source stack makes: it must be {made!r}",
        )


def _copy_names(environment: Environment, source: Source) -> Iterator[Fault]:
    """Yield a fault of the prefix that the names of intermediate copies begin with."""
    prefix = environment.name_prefix
    if "--" in prefix and (source.role_arn or source.copy_route == "two-steps"):
        yield Fault(
            "name_prefix",
            f"{prefix!r} has two hyphens in a row: RDS takes no snapshot of such a name",
        )


def _route(environment: Environment, source: Source, path: str) -> Iterator[Fault]:
    elsewhere = source.region != environment.region
    foreign = not is_own(environment, source)
    route = source.copy_route
    if route == "none" and (elsewhere or not foreign):
        yield Fault(
            f"{path}.copy_route",
            '"none" is for a source in another account and in the target\'s Region, '
            f"{environment.region}: leave it out",
        )
    if route == "two-steps" and not (elsewhere and foreign):
        yield Fault(
            f"{path}.copy_route",
            '"two-steps" is for a source in another account and in another Region: leave it out',
        )
    if source.intermediate_kms_key_id and route != "two-steps":
        yield Fault(
            f"{path}.intermediate_kms_key_id",
            'is used by `copy_route` "two-steps" only: leave it out',
        )


def _key(path: str, arn: str | None, region: str, account: str, whose: str) -> Iterator[Fault]:
    """Yield the faults of a key, which must be in its Region, and of the account that copies."""
    if arn is None:
        return
    _, _, _, its_region, its_account, _ = arn.split(":", 5)
    if its_region != region:
        yield Fault(
            path, f"the key is in {its_region}: it must be in the source's Region, {region}"
        )
    if its_account != account:
        yield Fault(
            path, f"the key is of account {its_account}: it must be of {whose} account, {account}"
        )


def _shared_key(source: Source, path: str) -> Iterator[Fault]:
    """Yield the faults of a key that snapshots are shared under.

    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/share-encrypted-snapshot.html
    """
    if source.kms_key_id is None:
        return
    if source.role_arn is None:
        yield Fault(
            path, "is used with a `role_arn` only: leave it out, or give a `role_arn` as well"
        )
    if ":alias/aws/" in source.kms_key_id:
        yield Fault(
            path,
            f"{source.kms_key_id!r} is a key of AWS, which cannot be shared with another account: "
            "give a customer key",
        )
