"""How many restores of an environment fit into what AWS limits, and what to do about the others."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from aurora_restore.capacity.enlarged import enlarged
from aurora_restore.capacity.needs import Capacity, Need
from aurora_restore.configuration.limits import RESOURCES
from aurora_restore.shared.documents.environment import Environment
from aurora_restore.shared.documents.schema import Fault
from aurora_restore.shared.errors import ConfigurationError


def require_capacity(environment: Environment) -> None:
    """Raise ConfigurationError with every limit of AWS that an environment would pass."""
    faults = [str(each) for each in faults_of_capacity(environment)]
    if faults:
        raise ConfigurationError("\n  ".join(["AWS would refuse it:", *faults]), faults=faults)


def faults_of_capacity(environment: Environment) -> Iterator[Fault]:
    """Yield every limit of AWS that an environment would pass, with the remedies."""
    needs = (each for each in Capacity(environment).needs() if not each.is_met)
    for what, need in {each.limit.what: each for each in needs}.items():
        fit = restores_that_fit(environment, what)
        yield Fault("restores", _refusal(environment, need, fit))


def _refusal(environment: Environment, need: Need, fit: int) -> str:
    return (
        f"{need.of} needs {need.amount} {need.limit.what}, and AWS takes {need.limit.most} "
        f"({need.limit.documentation}): {fit} of the {len(environment.restores)} restores fit; "
        f"{need.remedy}divide them among environments, each with a `name_prefix` of its own"
    )


def restores_that_fit(environment: Environment, what: str | None = None) -> int:
    """Return how many of the restores, from the first, fit into one limit, or into all."""

    def fit(count: int) -> bool:
        first = dict(islice(environment.restores.items(), count))
        return all(
            need.is_met
            for need in Capacity(replace(environment, restores=first)).needs()
            if what in (None, need.limit.what)
        )

    return _largest(fit, 0, len(environment.restores) + 1)


@dataclass(frozen=True, kw_only=True)
class RoomForRestores:
    """How many restores fit into an environment whose own fit."""

    restores: int
    """How many there are."""
    most: int
    """How many there may be, if the others are like them."""
    first: Need
    """What one more would pass."""

    @property
    def text(self) -> str:
        """Return it as a sentence."""
        limit = self.first.limit
        there_are, like = (
            ("1 restore", "it") if self.restores == 1 else (f"{self.restores} restores", "them")
        )
        return (
            f"{there_are}; about {self.most} like {like} would fit. With more, {self.first.of} "
            f"would need more than {limit.most} {limit.what}."
        )

    def as_json(self) -> dict[str, object]:
        """Return it for programs."""
        return {
            "restores": self.restores,
            "most": self.most,
            "limit": {
                "of": self.first.of,
                "what": self.first.limit.what,
                "most": self.first.limit.most,
                "documentation": self.first.limit.documentation,
            },
        }


def room_in(environment: Environment) -> RoomForRestores:
    """Return how many restores like its own an environment has room for."""

    def fit(count: int) -> bool:
        return all(need.is_met for need in Capacity(enlarged(environment, count)).needs())

    # Each restore has at least a resource.
    most = _largest(fit, len(environment.restores), RESOURCES.most)
    needs = Capacity(enlarged(environment, most + 1)).needs()
    return RoomForRestores(
        restores=len(environment.restores),
        most=most,
        first=next(need for need in needs if not need.is_met),
    )


def _largest(holds: Callable[[int], bool], most: int, too_many: int) -> int:
    """Return the largest number that something holds for, between two that it does and does not."""
    while too_many - most > 1:
        middle = (most + too_many) // 2
        most, too_many = (middle, too_many) if holds(middle) else (most, middle)
    return most
