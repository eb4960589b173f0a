"""Which secrets a restore uses: its own, or those of its environment."""

from collections.abc import Collection
from typing import Any

import pytest

from aurora_restore.shared.documents.restore_secrets import (
    EndpointRule,
    OwnSecrets,
    RestoreSecrets,
    Secrets,
    secret_identity,
    secrets_of,
)

DEFAULT_MASTER = "our-master-credentials"
DEFAULT_APP = "our-app-credentials"
ARN = "arn:aws:secretsmanager:us-west-2:111111111111:secret:"


def used(own: OwnSecrets, in_common: Collection[str] = (), **defaults: Any) -> RestoreSecrets:
    return secrets_of(
        "test", own, name_prefix="our", defaults=Secrets(**defaults), in_common=in_common
    )


@pytest.mark.parametrize(
    ("own", "defaults", "master", "app"),
    [
        ({}, {}, DEFAULT_MASTER, DEFAULT_APP),
        ({}, {"master": "a", "app": "b"}, "a", "b"),
        ({"master": "c"}, {"master": "a", "app": "b"}, "c", "b"),
        ({"app": "d"}, {"master": "a", "app": "b"}, "a", "d"),
        ({"master_username": "admin"}, {}, "our/test/master-credentials", DEFAULT_APP),
        ({"master_database": "shop"}, {"master": "a"}, "our/test/master-credentials", DEFAULT_APP),
        ({"app_username": "shop"}, {}, DEFAULT_MASTER, "our/test/app-credentials"),
        ({"readonly_username": "r"}, {"app": "b"}, DEFAULT_MASTER, "our/test/app-credentials"),
        ({"app_secret_endpoint": True}, {"app": "b"}, DEFAULT_MASTER, "b"),
    ],
)
def test_a_restore_has_its_own_secrets_where_it_says_so_and_else_the_environment_s(
    own: dict[str, Any], defaults: dict[str, Any], master: str, app: str
) -> None:
    found = used(OwnSecrets(**own), **defaults)

    assert (found.master, found.app) == (master, app)


@pytest.mark.parametrize(
    ("own", "in_common", "defaults", "rule"),
    [
        ({}, (), {}, EndpointRule.ALWAYS),
        ({"app_username": "a"}, (), {"app": "b"}, EndpointRule.ALWAYS),
        ({}, (), {"app": "b"}, EndpointRule.UNLESS_FOREIGN),
        ({"app": "d"}, (), {}, EndpointRule.UNLESS_FOREIGN),
        # A retained secret of a stack that was deleted, adopted by the next one.
        ({}, (), {"app": DEFAULT_APP}, EndpointRule.ALWAYS),
        ({}, (DEFAULT_APP,), {}, EndpointRule.NOT_IN_COMMON),
        ({"app": "d"}, ("d",), {}, EndpointRule.NOT_IN_COMMON),
        ({"app_secret_endpoint": True}, (DEFAULT_APP,), {}, EndpointRule.ALWAYS),
        ({"app": "d", "app_secret_endpoint": True}, (), {}, EndpointRule.ALWAYS),
        ({"app_secret_endpoint": False}, (), {}, EndpointRule.NEVER),
    ],
)
def test_a_secret_says_where_the_cluster_is_unless_somebody_else_may_rely_on_it(
    own: dict[str, Any], in_common: Collection[str], defaults: dict[str, Any], rule: EndpointRule
) -> None:
    assert used(OwnSecrets(**own), in_common, **defaults).endpoint is rule


def test_what_the_stack_makes_an_own_secret_of_is_completed_from_the_environment() -> None:
    defaults = Secrets(master="a", app="b", master_database="shop", app_username="shop_app")
    own = OwnSecrets(master_username="admin", readonly_username="reports")

    assert own.over(defaults) == Secrets(
        master_username="admin",
        master_database="shop",
        app_username="shop_app",
        readonly_username="reports",
    )


def test_a_secret_is_the_same_by_its_name_and_by_its_arn_with_and_without_the_end() -> None:
    names = ["shop/app", f"{ARN}shop/app", f"{ARN}shop/app-a1B2c3"]

    assert {secret_identity(name, "111111111111") for name in names} == {
        ("111111111111", "shop/app")
    }
    assert secret_identity(names[1], "222222222222") != secret_identity(names[0], "222222222222")
