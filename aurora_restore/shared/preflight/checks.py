"""All checks, one after the other."""

from typing import Final

from aurora_restore.shared.errors import AuroraRestoreError, RetryableError
from aurora_restore.shared.preflight.copies import check_keys, check_names, check_quotas
from aurora_restore.shared.preflight.inventory import Inventory
from aurora_restore.shared.preflight.obstacles import Check, Obstacle
from aurora_restore.shared.preflight.prerequisites import (
    check_masking,
    check_network,
    check_parameter_groups,
    check_port,
    check_secrets,
)
from aurora_restore.shared.preflight.security_groups import check_quarantine
from aurora_restore.shared.preflight.source import check_source
from aurora_restore.shared.preflight.target import (
    check_addresses,
    check_instances,
    check_room,
    check_switch,
    check_tags,
    check_target,
)

CHECKS: Final[tuple[Check, ...]] = (
    check_source,
    check_target,
    check_switch,
    check_room,
    check_tags,
    check_masking,
    check_secrets,
    check_network,
    check_quarantine,
    check_port,
    check_parameter_groups,
    check_instances,
    check_addresses,
    check_names,
    check_keys,
    check_quotas,
)


def find_obstacles(found: Inventory) -> list[Obstacle]:
    """Return every obstacle that any check finds.

    If AWS refuses a call of a check, that is an obstacle, too. Raises RetryableError if AWS is not
    available now.
    """
    found_so_far: list[Obstacle] = []
    for check in CHECKS:
        try:
            found_so_far.extend(check(found))
        except RetryableError:
            raise
        except AuroraRestoreError as error:
            found_so_far.append(Obstacle(_name(check), error.message, "fix that first"))
    return found_so_far


def _name(check: Check) -> str:
    return check.__name__.removeprefix("check_").replace("_", " ")
