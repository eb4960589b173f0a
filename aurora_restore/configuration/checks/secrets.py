"""Faults in which secrets an environment and its restores use, and what is warned of."""

import re
from collections.abc import Iterator

from aurora_restore.shared.documents.environment import Environment
from aurora_restore.shared.documents.restore_secrets import (
    EndpointRule,
    OwnSecrets,
    Secrets,
    secret_identity,
)
from aurora_restore.shared.documents.schema import Fault


def faults_of_secrets(environment: Environment) -> Iterator[Fault]:
    """Yield every fault of the secrets, of the environment and of each restore."""
    yield from _references(environment.secrets, "secrets", environment)
    yield from _users(environment.secrets, "secrets")
    for name, restore in environment.restores.items():
        own, path = restore.secrets, f"restores.{name}.secrets"
        yield from _references(own, path, environment)
        yield from _contradictions(own, path)
        if own.makes_master or own.makes_app:
            yield from _users(own.over(environment.secrets), path)
    yield from _masters_as_app(environment)
    yield from _endpoints_in_common(environment)


def warnings_of_secrets(environment: Environment) -> Iterator[Fault]:
    """Yield a warning for every restore whose application's secret cannot say where it is."""
    for name in environment.restores:
        used = environment.secrets_of(name)
        if used.endpoint is EndpointRule.NOT_IN_COMMON:
            first, second, *others = environment.app_secrets_in_common[used.app]
            users = (
                f"{first}, {second} and {len(others)} more" if others else f"{first} and {second}"
            )
            yield Fault(
                f"restores.{name}.secrets",
                f"{users} use the same application's secret, {used.app}, so it does not say where "
                "a restored cluster is reached: give each a secret of its own (`app`, or "
                "`app_username`), or set `app_secret_endpoint` for one of them",
            )


def _references(
    secrets: Secrets | OwnSecrets, path: str, environment: Environment
) -> Iterator[Fault]:
    for field, adopted in (("master", secrets.master), ("app", secrets.app)):
        if adopted and adopted.startswith("arn:"):
            arn = re.fullmatch(
                r"arn:aws[a-z-]*:secretsmanager:([a-z0-9-]+):[0-9]{12}:secret:.+", adopted
            )
            if arn is None:
                yield Fault(f"{path}.{field}", f"{adopted!r} is not the ARN of a secret")
            elif arn[1] != environment.region:
                yield Fault(
                    f"{path}.{field}",
                    f"the secret is in {arn[1]}: it must be in the environment's Region, "
                    f"{environment.region}; replicate it",
                )


def _users(secrets: Secrets, path: str) -> Iterator[Fault]:
    """Yield a fault if a secret that the stack makes would give two roles one name."""
    names = {"app_username": secrets.app_username, "readonly_username": secrets.readonly_username}
    if not secrets.master:
        names = {"master_username": secrets.master_username, **names}
    if secrets.app:
        return
    for user in dict.fromkeys(names.values()):
        alike = [f"`{name}`" for name in names if names[name] == user]
        if len(alike) > 1:
            named = " and ".join(alike)
            yield Fault(path, f"{named} are both {user!r}: give each a name of its own")


def _contradictions(own: OwnSecrets, path: str) -> Iterator[Fault]:
    for adopting, making in (
        ("master", ("master_username", "master_database")),
        ("app", ("app_username", "readonly_username")),
    ):
        for field in making:
            if getattr(own, adopting) is not None and getattr(own, field) is not None:
                yield Fault(
                    f"{path}.{field}",
                    f"is for a secret that the stack makes, and `{adopting}` adopts one: leave "
                    "out one of them",
                )


def _masters_as_app(environment: Environment) -> Iterator[Fault]:
    """Yield a fault for every application's secret that is the master secret of a restore."""
    masters = {
        _identity(environment.secrets_of(name).master, environment) for name in environment.restores
    }
    if environment.secrets.master:
        masters.add(_identity(environment.secrets.master, environment))
    adopted = {"secrets.app": environment.secrets.app} | {
        f"restores.{name}.secrets.app": restore.secrets.app
        for name, restore in environment.restores.items()
    }
    for path, reference in adopted.items():
        if reference and _identity(reference, environment) in masters:
            yield Fault(
                path,
                "is the master secret: a reader of the application's passwords would also have "
                "the master's; give each a secret of its own",
            )


def _endpoints_in_common(environment: Environment) -> Iterator[Fault]:
    """Yield a fault for every further restore that writes where it is into the same secret."""
    first: dict[tuple[str, str], str] = {}
    for name, restore in environment.restores.items():
        if restore.secrets.app_secret_endpoint:
            app = _identity(environment.secrets_of(name).app, environment)
            if (earlier := first.setdefault(app, name)) != name:
                yield Fault(
                    f"restores.{name}.secrets.app_secret_endpoint",
                    f"is true for the restore {earlier!r}, too, which uses the same application's "
                    "secret, and that can name one cluster: leave it out for one of them",
                )


def _identity(reference: str, environment: Environment) -> tuple[str, str]:
    return secret_identity(reference, environment.account)
