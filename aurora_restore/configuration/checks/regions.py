"""Faults of the Regions that an environment names."""

from collections.abc import Iterator

from aurora_restore.shared.documents.environment import Environment
from aurora_restore.shared.documents.regions import region_fault
from aurora_restore.shared.documents.schema import Fault


def faults_of_regions(environment: Environment) -> Iterator[Fault]:
    """Yield a fault for every Region that is unknown, and not among `extra_regions`."""
    named = {
        "region": environment.region,
        **{
            f"restores.{name}.source.region": restore.source.region
            for name, restore in environment.restores.items()
        },
    }
    for path, region in named.items():
        if problem := region_fault(region, environment.extra_regions):
            yield Fault(path, problem)
