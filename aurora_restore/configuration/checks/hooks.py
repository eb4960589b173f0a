"""Faults of the functions that a restore's hooks name."""

from collections.abc import Iterator

from aurora_restore.shared.documents.environment import Environment
from aurora_restore.shared.documents.regions import partition_of
from aurora_restore.shared.documents.restore import Restore
from aurora_restore.shared.documents.schema import Fault
from aurora_restore.shared.pipeline import FUNCTIONS


def faults_of_hooks(environment: Environment, restore: Restore, path: str) -> Iterator[Fault]:
    """Yield what is wrong with the functions: where they are, and whose."""
    prefix = environment.name_prefix
    own = {function.function_name(prefix) for function in FUNCTIONS}
    here = (partition_of(environment.region), environment.region, environment.account)
    for field, hook in restore.hooks.functions.items():
        _, partition, _, region, account, _, name, *_ = hook.function.split(":")
        field_path = f"{path}.hooks.{field}.function"
        if (partition, region, account) != here:
            yield Fault(
                field_path,
                f"is in account {account} and {region} ({partition}): the state machine calls "
                f"functions of its own account and Region, {environment.account} and "
                f"{environment.region}",
            )
        if name in own:
            yield Fault(
                field_path,
                f"{name} is a function of the pipeline itself: name one of your own",
            )
