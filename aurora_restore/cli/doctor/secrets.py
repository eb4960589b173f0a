"""Whether the secrets exist and have the documented form. No value of them is shown."""

from collections.abc import Iterable, Iterator
from typing import Final

from aurora_restore.cli.doctor.asking import NotAllowedError, ask
from aurora_restore.cli.doctor.site import Site
from aurora_restore.cli.findings import Observation, ok, problem, unknown
from aurora_restore.shared.documents.restore_secrets import Secrets, secrets_of
from aurora_restore.shared.preflight.obstacles import Obstacle
from aurora_restore.shared.preflight.prerequisites import secret_obstacles

_PERMISSION: Final = "secretsmanager:GetSecretValue"


def examine_secrets(site: Site) -> Iterator[Observation]:
    """Yield what was found of the secrets of each restore."""
    environment = site.deployment.environment
    for name, restore in site.restores.items():
        secrets = secrets_of(
            name,
            restore.secrets,
            name_prefix=environment.name_prefix,
            defaults=Secrets(master=environment.master_secret, app=environment.app_secret),
            in_common=environment.app_secrets_of_several,
        )
        try:
            found = ask(
                _PERMISSION,
                lambda secrets=secrets, restore=restore: list(
                    secret_obstacles(
                        site.deployment.clients,
                        secrets,
                        owner=None,
                        keep_logins=restore.database.keep_logins,
                    )
                ),
            )
        except NotAllowedError as refused:
            yield unknown(
                f"The secrets of {name}, {secrets.master} and {secrets.app}, could not be read: "
                f"{refused.permission} is not allowed.",
                f"A dry run reads them by the function's role: aurora-restore plan {name}",
            )
            continue
        yield from decide_secrets(name, (secrets.master, secrets.app), found)


def decide_secrets(
    name: str, secrets: Iterable[str], obstacles: Iterable[Obstacle]
) -> Iterator[Observation]:
    """Yield what the faults of a restore's secrets mean."""
    found = list(obstacles)
    for each in found:
        remedy = each.remedy[:1].upper() + each.remedy[1:]
        yield problem(f"{each.problem} (restore {name}).", f"{remedy}.")
    if not found:
        yield ok(f"The secrets of {name} have the documented form: {' and '.join(secrets)}.")
