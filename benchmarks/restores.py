"""How many restores one environment holds, and what AWS's limits say to it. Run as
``python -m benchmarks.restores``.

Everything is counted from the configuration, as the stack does before it is synthesised. Each
restore has a schedule, and a source of its own: beside the targets, which takes most permissions,
or in another account and Region. Names are as long as is said, or, of a target that is switched,
as long as they may be.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from typing import Any, Final

from aurora_restore.capacity.fit import restores_that_fit
from aurora_restore.capacity.needs import Capacity
from aurora_restore.configuration.limits import POLICIES_PER_ROLE, RAISED_POLICIES_PER_ROLE
from aurora_restore.shared.documents.environment import Environment
from aurora_restore.shared.documents.schema import parse_configuration
from aurora_restore.shared.names import MOST_LETTERS_BESIDE

COUNTS: Final = (1, 10, 50, 100, 200)
LETTERS: Final = (18, 55)
NEAR: Final = "same account"
FAR: Final = "cross-account"
PLACES: Final = (NEAR, FAR)
MIXED: Final = ("replace", "switch")
STRATEGIES: Final = (MIXED, MIXED[:1], MIXED[1:])
"""By turns; restores of one environment may be refreshed in different ways."""

MORE_THAN_FIT: Final = 250

_TARGETS: Final = "target-"
_REGION: Final = "us-west-2"
_ACCOUNT: Final = "222222222222"
_SOURCE: Final = {
    NEAR: {"region": _REGION},
    FAR: {"region": "us-east-1", "account_id": "111111111111"},
}


def document_of(
    count: int, letters: int, place: str, strategies: Sequence[str] = MIXED
) -> dict[str, Any]:
    """Return the document of an environment with so many restores."""
    return {
        "account": _ACCOUNT,
        "region": _REGION,
        "network": {
            "vpc_id": "vpc-0a1b2c3d4e5f60718",
            "subnet_ids": ["subnet-0a1b2c3d4e5f60711", "subnet-0a1b2c3d4e5f60712"],
            "availability_zones": [f"{_REGION}a", f"{_REGION}b"],
            "security_group_ids": ["sg-0a1b2c3d4e5f60721"],
            "lambda_vpc": "database-only",
        },
        "restores": {
            f"restore-{number:03}": _restore(
                number, letters, place, strategies[number % len(strategies)]
            )
            for number in range(count)
        },
    }


def _restore(number: int, letters: int, place: str, strategy: str) -> dict[str, Any]:
    longest = min(letters, MOST_LETTERS_BESIDE) if strategy == "switch" else letters
    return {
        "source": {"cluster_id": _named("source-", number, letters), **_SOURCE[place]},
        "target": {
            "cluster_id": _named(_TARGETS, number, longest),
            "strategy": strategy,
            "db_subnet_group_name": "staging-databases",
            "vpc_security_group_ids": ["sg-0a1b2c3d4e5f60731"],
            "instances": [{"instance_class": "db.r6g.large", "promotion_tier": 0}],
            "kms_key_id": f"arn:aws:kms:{_REGION}:{_ACCOUNT}"
            ":key/1234abcd-12ab-34cd-56ef-1234567890ab",
        },
        "database": {"databases": ["orders"], "masking": "none"},
        "archive": {"keep_copies": 7},
        "schedule": {"expression": "cron(0 4 ? * MON-FRI *)"},
    }


def _named(start: str, number: int, letters: int) -> str:
    return f"{start}{number:03}-".ljust(letters, "x")


def environment_of(
    count: int, letters: int, place: str, strategies: Sequence[str] = MIXED
) -> Environment:
    """Return the environment of such a document."""
    document = document_of(count, letters, place, strategies)
    return parse_configuration(Environment, document, source="benchmark")


def needs_of(letters: int, place: str) -> Iterator[str]:
    """Yield a row for everything that AWS limits: what environments of each size need of it."""
    needed: dict[str, list[int]] = {}
    most: dict[str, int] = {}
    for count in COUNTS:
        largest: dict[str, int] = {}
        for need in Capacity(environment_of(count, letters, place)).needs():
            what = need.limit.what
            largest[what] = max(need.amount, largest.get(what, 0))
            most[what] = need.limit.most
        for what, amount in largest.items():
            needed.setdefault(what, []).append(amount)
    for what, amounts in needed.items():
        row = "".join(f"{amount:>9}" for amount in amounts)
        yield f"{what[:1].upper()}{what[1:]:<55}{row}{most[what]:>9}"


def fit_of(letters: int, place: str, strategies: Sequence[str]) -> str:
    """Return a row of how many restores fit into an environment."""
    environment = environment_of(MORE_THAN_FIT, letters, place, strategies)
    most = replace(environment.quotas, policies_per_role=RAISED_POLICIES_PER_ROLE.most)
    settings = (
        environment,
        replace(environment, quotas=most),
        replace(environment, target_prefix=_TARGETS),
    )
    default, raised, prefixed = map(restores_that_fit, settings)
    return (
        f"{place:<14} {letters:>7} {' and '.join(strategies):<20} {default:>11} {raised:>11} "
        f"{prefixed:>15}"
    )


def main() -> None:
    """Print what environments need, and how many restores fit."""
    print("What environments need whose restores are replaced and switched by turns:")
    for place, letters in product(PLACES, LETTERS):
        sizes = "".join(f"{count:>9}" for count in COUNTS)
        print(f"\n{f'{place}, names of {letters} letters':<56}{sizes}{'AWS':>9}")
        for row in needs_of(letters, place):
            print(row)
    print("\nHow many restores fit, with as many managed policies of a role:\n")
    print(
        f"{'source':<14} {'letters':>7} {'strategy':<20} {POLICIES_PER_ROLE.most:>11} "
        f"{RAISED_POLICIES_PER_ROLE.most:>11} {'`target_prefix`':>15}"
    )
    for place, letters, strategies in product(PLACES, LETTERS, STRATEGIES):
        print(fit_of(letters, place, strategies))


if __name__ == "__main__":
    main()
