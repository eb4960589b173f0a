"""Which secrets a restore uses, and whether the application's says where its cluster is reached.

A restore has secrets of its own where it says so, and otherwise those of its environment. The
stack, the checks and the functions all read it here.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Annotated

from aurora_restore.shared.documents.fields import DatabaseName, UnreservedRoleName
from aurora_restore.shared.documents.schema import Rule
from aurora_restore.shared.names import (
    app_secret_name,
    master_secret_name,
    own_app_secret_name,
    own_master_secret_name,
)

SecretReference = Annotated[
    str, Rule(pattern=r"[A-Za-z0-9/_+=.@:-]{1,2048}", means="a secret's name or ARN")
]


@dataclass(frozen=True, kw_only=True)
class Secrets:
    """The two secrets: made by the stack with generated passwords, or adopted."""

    master: Annotated[
        SecretReference | None,
        Rule(help="Name or ARN of an existing master secret (`username`, `password`, `database`)."),
    ] = None
    app: Annotated[
        SecretReference | None,
        Rule(
            help="Name or ARN of an existing secret of the application roles (`app_username`, "
            "`app_password`, `readonly_username`, `readonly_password`)."
        ),
    ] = None
    master_username: Annotated[
        UnreservedRoleName,
        Rule(help="The source's master user, for a master secret made by the stack."),
    ] = "postgres"
    master_database: Annotated[
        DatabaseName, Rule(help="The first database, for a master secret made by the stack.")
    ] = "postgres"
    app_username: Annotated[
        UnreservedRoleName, Rule(help="The read/write role, for a secret made by the stack.")
    ] = "app_user"
    readonly_username: Annotated[
        UnreservedRoleName, Rule(help="The read-only role, for a secret made by the stack.")
    ] = "readonly_user"


@dataclass(frozen=True, kw_only=True)
class OwnSecrets:
    """The secrets of one restore, where they are not the environment's.

    With the name of a user or of the database the stack makes a secret for this restore alone.
    What is left out of it is the environment's.
    """

    master: Annotated[
        SecretReference | None,
        Rule(help="Name or ARN of an existing master secret of this restore."),
    ] = None
    master_username: Annotated[
        UnreservedRoleName | None,
        Rule(help="The source's master user, for a master secret that the stack makes."),
    ] = None
    master_database: Annotated[
        DatabaseName | None,
        Rule(help="The first database, for a master secret that the stack makes."),
    ] = None
    app: Annotated[
        SecretReference | None,
        Rule(help="Name or ARN of an existing secret of this restore's application roles."),
    ] = None
    app_username: Annotated[
        UnreservedRoleName | None,
        Rule(help="The read/write role, for a secret that the stack makes."),
    ] = None
    readonly_username: Annotated[
        UnreservedRoleName | None,
        Rule(help="The read-only role, for a secret that the stack makes."),
    ] = None
    app_secret_endpoint: Annotated[
        bool | None,
        Rule(
            help="Whether the application's secret is to say where the restored cluster is "
            "reached. Left out, it does unless it names another host, or several restores use it. "
            "With `true` it does whatever host it names."
        ),
    ] = None

    @property
    def makes_master(self) -> bool:
        """Return whether the stack makes a master secret for this restore."""
        return self.master is None and (self.master_username or self.master_database) is not None

    @property
    def makes_app(self) -> bool:
        """Return whether the stack makes a secret of the application for this restore."""
        return self.app is None and (self.app_username or self.readonly_username) is not None

    def over(self, defaults: Secrets) -> Secrets:
        """Return the settings that hold for this restore: its own, or else the environment's."""
        own_users = {
            field: getattr(self, field)
            for field in ("master_username", "master_database", "app_username", "readonly_username")
            if getattr(self, field) is not None
        }
        return replace(
            defaults,
            master=None if self.makes_master else self.master or defaults.master,
            app=None if self.makes_app else self.app or defaults.app,
            **own_users,
        )


class EndpointRule(Enum):
    """Whether an application's secret is made to say where the restored cluster is reached."""

    ALWAYS = auto()
    UNLESS_FOREIGN = auto()
    """Unless it names a host that is not the target's: others may rely on it."""
    NOT_IN_COMMON = auto()
    """Several restores use it, so it cannot say where each of their clusters is."""
    NEVER = auto()


@dataclass(frozen=True, kw_only=True)
class RestoreSecrets:
    """The two secrets of a restore, each by its name or ARN."""

    master: str
    app: str
    endpoint: EndpointRule


def secrets_of(
    restore: str,
    own: OwnSecrets,
    *,
    name_prefix: str,
    defaults: Secrets,
    in_common: Collection[str] = (),
) -> RestoreSecrets:
    """Return the secrets that a restore uses.

    ``in_common`` are the application's secrets that several restores use.
    """
    app_made = own_app_secret_name(name_prefix, restore)
    common_app = defaults.app or app_secret_name(name_prefix)
    app = app_made if own.makes_app else own.app or common_app
    return RestoreSecrets(
        master=own_master_secret_name(name_prefix, restore)
        if own.makes_master
        else own.master or defaults.master or master_secret_name(name_prefix),
        app=app,
        endpoint=_endpoint_rule(
            own.app_secret_endpoint,
            is_made=app in (app_made, app_secret_name(name_prefix)),
            is_in_common=app in in_common,
        ),
    )


def _endpoint_rule(wanted: bool | None, *, is_made: bool, is_in_common: bool) -> EndpointRule:
    if wanted is not None:
        return EndpointRule.ALWAYS if wanted else EndpointRule.NEVER
    if is_in_common:
        return EndpointRule.NOT_IN_COMMON
    return EndpointRule.ALWAYS if is_made else EndpointRule.UNLESS_FOREIGN


def secret_identity(reference: str, account: str) -> tuple[str, str]:
    """Return the account and name of a secret, which may be named in three ways.

    Secrets Manager ends an ARN with a hyphen and six characters, which may be left out. A name
    without an ARN is of ``account``.
    """
    arn = re.fullmatch(r"arn:[^:]+:secretsmanager:[^:]+:([^:]*):secret:(.+)", reference)
    if arn is None:
        return account, reference
    return arn[1], re.sub(r"-[A-Za-z0-9]{6}$", "", arn[2])
