"""What in an environment may be right and is often a mistake: warned of, and not refused."""

from collections.abc import Iterator
from datetime import UTC, datetime

from aurora_restore.configuration.checks.schedule import warnings_of_schedules
from aurora_restore.configuration.checks.secrets import warnings_of_secrets
from aurora_restore.configuration.checks.switch import warnings_of_switches
from aurora_restore.shared.documents.environment import Environment
from aurora_restore.shared.documents.schema import Fault


def warnings_of_environment(environment: Environment) -> Iterator[Fault]:
    """Yield what the person who wrote the environment should look at again."""
    yield from warnings_of_secrets(environment)
    yield from warnings_of_switches(environment)
    yield from warnings_of_schedules(environment, datetime.now(UTC))
    for name, restore in environment.restores.items():
        if warning := restore.database.masking_warning:
            yield Fault(f"restores.{name}.database.scripts", warning)
        key = restore.target.kms_key_id
        if key is not None and (account := key.split(":")[4]) != environment.account:
            yield Fault(
                f"restores.{name}.target.kms_key_id",
                f"the key is of account {account}, and the environment's `account` is "
                f"{environment.account}: if both are right, the key's policy must allow "
                f"{environment.account} what docs/sources.md shows",
            )
        if warning := restore.target.quarantine_warning:
            yield Fault(f"restores.{name}.target.quarantine", warning)
        for kind in restore.database.neutralise.kept:
            yield Fault(
                f"restores.{name}.database.neutralise.{kind}",
                "it is kept, so the copy may act on production, or by itself, as production "
                "does: docs/security.md says how",
            )
